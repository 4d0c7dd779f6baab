"""The stored form of a record (`run.json`), and the conversion both ways. Pure.

The stored form is flat, for readers of the file; the record in memory groups its fields.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

from podwire.files.bounded import FileError
from podwire.files.rows import columns, row_type
from podwire.files.typed import json_as
from podwire.files.words import shown
from podwire.model.requirements import Level
from podwire.model.verdicts import Outcome, Verdict
from podwire.records.facts_form import FactsForm, facts_of, form_of_facts
from podwire.records.paths import is_inside
from podwire.records.run import (
    CaseRecord,
    ConvergenceRecord,
    ExclusionRecord,
    JudgedAgain,
    PathRecord,
    ProbeImage,
    Rule,
    RunRecord,
    Setup,
    StoredObservations,
)

SCHEMA = "podwire.run/2"
FIRST_SCHEMA = "podwire.run/1"
"""The schema of the first releases, without plan, images, nodes of cases and observations. podwire reads it, but cannot
judge it again."""
REMEDY = "the record is damaged or was changed; use the original file of the run"

CaseId = Annotated[str, Meta(extra_json_schema={"pattern": r"^[^/]+/[^\[]+\[.*\]$"})]


class _RuleColumns(Struct, frozen=True, kw_only=True):
    """The case, and the catalogue's rule at the time of the run."""

    id: CaseId
    """`<area>/<requirement>[<words>]`: the same in every run of the same plan."""
    area: str
    requirement: str
    level: Level
    title: str
    statement: str
    """The requirement as a sentence."""
    sources: tuple[str, ...]
    """The documents that state it."""


class _VerdictColumns(Struct, frozen=True, kw_only=True):
    """How it was sent and judged."""

    parameters: Mapping[str, str]
    """The words in the brackets of the id, by axis."""
    expected: tuple[str, ...]
    """The expectation in words, one line for each part."""
    verdict: Verdict
    """In a run with several rounds, the verdict of the worst round."""
    started: float = 0.0
    """Seconds since the epoch."""
    elapsed: float = 0.0
    """Seconds for which the flow was in flight."""
    evidence: tuple[str, ...] = ()
    """Paths of evidence files, relative to the run's folder."""
    nodes: Mapping[str, str] = field(default_factory=dict)
    """The nodes that take part, by role: `client`, `server`, `entry`."""
    rounds: tuple[Outcome, ...] = ()
    """The outcome of each round in a run with several rounds."""


CaseForm: Any = row_type("CaseForm", columns(_RuleColumns, _VerdictColumns), doc="One judged case.")


class _Head(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="schema"):
    emulated: bool
    """True if the cluster was the lab: the record is no evidence about Windows."""
    complete: bool
    """False if the run was interrupted or a planned case has no result."""
    run_id: str
    version: str
    """The version of podwire."""
    started: float
    """Seconds since the epoch."""
    finished: float
    facts: FactsForm
    cases: tuple[CaseForm, ...]


class _PlanColumns(Struct, frozen=True, kw_only=True):
    """What was planned, with what, and what became of it."""

    exclusions: tuple[ExclusionRecord, ...]
    missing: tuple[CaseId, ...]
    """The ids of planned cases without a result."""
    interrupted: str | None
    """Why the run ended early; null for a complete run."""
    timings: Mapping[str, float]
    """Seconds by part of the run."""
    options: Mapping[str, str]
    """The options of the run."""
    suite: str
    """The digest of the suites."""
    images: tuple[ProbeImage, ...]
    planned: tuple[CaseId, ...]
    """The ids of all planned cases, in order: those of `cases` and of `missing`."""
    observations: StoredObservations | None
    """The file with the observations."""
    paths: tuple[PathRecord, ...] = ()
    """First tries by path."""
    convergence: tuple[ConvergenceRecord, ...] = ()
    """How long changes took to show, by change and node."""
    judged_again: JudgedAgain | None = None
    """The run that observed, if this record is of a later judgement (`podwire judge --write`); else null."""


RunForm: Any = row_type(
    "RunForm",
    columns(_Head, _PlanColumns),
    doc="The record of one run; every report is a view of it.",
    tag_field="schema",
    tag=SCHEMA,
)


class FirstRunForm(_Head, frozen=True, kw_only=True, forbid_unknown_fields=True, tag=FIRST_SCHEMA):
    """The record of a run of the first releases."""

    exclusions: tuple[ExclusionRecord, ...] = ()
    missing: tuple[CaseId, ...] = ()
    interrupted: str | None = None
    timings: Mapping[str, float] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)


_FORMS: dict[str, type[RunForm | FirstRunForm]] = {SCHEMA: RunForm, FIRST_SCHEMA: FirstRunForm}
_DECODER: msgspec.json.Decoder[RunForm | FirstRunForm] = msgspec.json.Decoder(RunForm | FirstRunForm)
_CASE = msgspec.json.Decoder(CaseForm)


def parse_record(data: bytes) -> RunRecord:
    """The record in the bytes of a file. `FileError` says in one line what is wrong and what to do."""
    try:
        form = json_as(data, _DECODER, _form_of)
        record = _record(form)
        _check(record, form)
    except _NotKnown:
        raise
    except FileError as problem:
        raise FileError(f"{problem}; {REMEDY}") from None
    return record


def record_text(record: RunRecord) -> str:
    """The text of `run.json`."""
    setup = record.setup
    form = RunForm(
        emulated=record.emulated,
        complete=record.complete,
        run_id=record.run_id,
        version=setup.version,
        started=record.started,
        finished=record.finished,
        facts=form_of_facts(record.facts),
        cases=tuple(case_form(case) for case in record.cases),
        exclusions=record.exclusions,
        missing=record.missing,
        interrupted=record.interrupted,
        timings=record.timings,
        options=setup.options,
        suite=setup.suite,
        images=setup.images,
        planned=record.planned,
        observations=record.observations,
        paths=record.paths,
        convergence=record.convergence,
        judged_again=setup.judged_again,
    )
    return msgspec.json.format(msgspec.json.encode(form).decode(), indent=1) + "\n"


def case_to_json(case: CaseRecord) -> str:
    """The case as one line of JSON, for the test reports of pytest-xdist; `case_from_json` is its inverse."""
    return msgspec.json.encode(case_form(case)).decode()


def case_from_json(text: str) -> CaseRecord:
    """The case in a line that `case_to_json` wrote."""
    return _case(_CASE.decode(text))


class _NotKnown(FileError):
    """The schema belongs to another release. The file is not damaged, so the remedy differs."""


def _form_of(tree: Any) -> type[RunForm | FirstRunForm]:
    if not isinstance(tree, dict):
        raise FileError(f"not a run record: needs an object, found {shown(tree)}")
    schema = tree.get("schema")
    form = _FORMS.get(schema) if isinstance(schema, str) else None
    if form is None:
        readable = f"this podwire reads {FIRST_SCHEMA} and {SCHEMA}"
        raise _NotKnown(f"schema: {shown(schema)} is unknown; {readable}; read it with the podwire that made the run")
    return form


def _record(form: RunForm | FirstRunForm) -> RunRecord:
    now = form if isinstance(form, RunForm) else None
    return RunRecord(
        run_id=form.run_id,
        setup=Setup(
            version=form.version,
            suite=now.suite if now else "",
            options=form.options,
            images=now.images if now else (),
            judged_again=now.judged_again if now else None,
        ),
        started=form.started,
        finished=form.finished,
        timings=form.timings,
        facts=facts_of(form.facts),
        cases=tuple(_case(case) for case in form.cases),
        exclusions=form.exclusions,
        planned=now.planned if now else (),
        missing=form.missing,
        interrupted=form.interrupted,
        observations=now.observations if now else None,
        paths=now.paths if now else (),
        convergence=now.convergence if now else (),
    )


def _case(form: CaseForm) -> CaseRecord:
    return CaseRecord(
        id=form.id,
        area=form.area,
        requirement=form.requirement,
        title=form.title,
        rule=Rule(level=form.level, statement=form.statement, sources=form.sources),
        parameters=form.parameters,
        expected=form.expected,
        verdict=form.verdict,
        rounds=form.rounds,
        started=form.started,
        elapsed=form.elapsed,
        nodes=form.nodes,
        evidence=form.evidence,
    )


def case_form(case: CaseRecord) -> CaseForm:
    """The stored form of a case."""
    return CaseForm(
        id=case.id,
        area=case.area,
        requirement=case.requirement,
        level=case.rule.level,
        title=case.title,
        statement=case.rule.statement,
        sources=case.rule.sources,
        parameters=case.parameters,
        expected=case.expected,
        verdict=case.verdict,
        started=case.started,
        elapsed=case.elapsed,
        evidence=case.evidence,
        nodes=case.nodes,
        rounds=case.rounds,
    )


def _check(record: RunRecord, form: RunForm | FirstRunForm) -> None:
    """Compare the parts of a record with each other, so that a record with removed cases does not pass as complete."""
    for name in ("emulated", "complete"):
        if getattr(form, name) is not getattr(record, name):
            raise FileError(f"{name}: {shown(getattr(form, name))}, but the rest of the record says otherwise")
    ids = Counter(case.id for case in record.cases)
    for at, case in enumerate(record.cases):
        if not case.id.startswith(f"{case.area}/{case.requirement}["):
            raise FileError(f"cases[{at}].id: {case.id[:120]!r} does not match its area and requirement")
        for file in case.evidence:
            if not is_inside(file):
                raise FileError(f"cases[{at}].evidence: {shown(file)} leads out of the folder of the run")
        if ids[case.id] > 1:
            raise FileError(f"cases[{at}].id: {case.id[:120]!r} appears twice")
    if isinstance(form, RunForm) and Counter(record.planned) != ids + Counter(record.missing):
        raise FileError("planned: differs from the ids in cases and missing together")
