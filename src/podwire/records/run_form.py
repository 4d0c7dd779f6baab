"""`run.json` as it is on disk: its fields one by one, and the record that they are. Pure.

The form is flat and names what readers of runs look for; in memory what belongs together stands together.
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
from podwire.records.run import CaseRecord, ExclusionRecord, ProbeImage, Rule, RunRecord, Setup, StoredObservations

SCHEMA = "podwire.run/2"
FIRST_SCHEMA = "podwire.run/1"
"""Has no plan, no images, no nodes of the cases and no observations; it is read, and cannot be judged again."""
REMEDY = "the record is damaged or was changed: take the file that the run wrote"

CaseId = Annotated[str, Meta(extra_json_schema={"pattern": r"^[^/]+/[^\[]+\[.*\]$"})]


class _RuleColumns(Struct, frozen=True, kw_only=True):
    """Which case it is, and what the catalogue said of its requirement."""

    id: CaseId
    """`<area>/<requirement>[<words>]`: the same in every run of the same plan."""
    area: str
    requirement: str
    level: Level
    title: str
    statement: str
    """What is required."""
    sources: tuple[str, ...]
    """Where that is written."""


class _VerdictColumns(Struct, frozen=True, kw_only=True):
    """How it was sent and judged."""

    parameters: Mapping[str, str]
    """The words in the brackets of the id, by their axis."""
    expected: tuple[str, ...]
    """The expectation in words, a line each."""
    verdict: Verdict
    """In a run that repeats its cases, that of the worst round."""
    started: float = 0.0
    """Seconds since the epoch."""
    elapsed: float = 0.0
    """The seconds that the probe was in flight."""
    evidence: tuple[str, ...] = ()
    """Files relative to the run's folder."""
    nodes: Mapping[str, str] = field(default_factory=dict)
    """The nodes that take part, by role: `client`, `server`, `entry`."""
    rounds: tuple[Outcome, ...] = ()
    """The outcomes of all rounds of a run that repeats its cases."""


CaseForm: Any = row_type("CaseForm", columns(_RuleColumns, _VerdictColumns), doc="One judged case.")


class _Head(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="schema"):
    emulated: bool
    """Whether the lab was the cluster: then the record is no evidence about Windows."""
    complete: bool
    """False when the run was interrupted or a planned case has no result."""
    run_id: str
    version: str
    """Of podwire."""
    started: float
    """Seconds since the epoch."""
    finished: float
    facts: FactsForm
    cases: tuple[CaseForm, ...]


class _PlanColumns(Struct, frozen=True, kw_only=True):
    """What was planned, with what, and what became of it."""

    exclusions: tuple[ExclusionRecord, ...]
    missing: tuple[CaseId, ...]
    """Ids of planned cases without a result."""
    interrupted: str | None
    """Why the run ended before its end."""
    timings: Mapping[str, float]
    """Seconds by phase."""
    options: Mapping[str, str]
    """The options that the run was started with."""
    suite: str
    """A digest of the suites that judged."""
    images: tuple[ProbeImage, ...]
    planned: tuple[CaseId, ...]
    """Ids of all cases of the run, in their order: those of `cases` and of `missing`."""
    observations: StoredObservations | None
    """Where everything that was seen is kept."""


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
    """The record in the bytes of a file. `FileError` tells in one line what is wrong with them and what to do."""
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
    )
    return msgspec.json.format(msgspec.json.encode(form).decode(), indent=1) + "\n"


def case_to_json(case: CaseRecord) -> str:
    """One line of JSON; `case_from_json` is its inverse. It travels between processes on a test report."""
    return msgspec.json.encode(case_form(case)).decode()


def case_from_json(text: str) -> CaseRecord:
    """The case of `case_to_json`."""
    return _case(_CASE.decode(text))


class _NotKnown(FileError):
    """The schema is of another release: no damage, so there is another remedy."""


def _form_of(tree: Any) -> type[RunForm | FirstRunForm]:
    if not isinstance(tree, dict):
        raise FileError(f"not a run record: it holds {shown(tree)}, not an object")
    schema = tree.get("schema")
    form = _FORMS.get(schema) if isinstance(schema, str) else None
    if form is None:
        known = f"this podwire reads {FIRST_SCHEMA} and {SCHEMA}"
        raise _NotKnown(f"schema: {shown(schema)} is not known, {known}; read it with the podwire of its run")
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
    """A case as it stands in the file."""
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
    """Hold the parts of a record against each other: what was cut out of it must not pass for a smaller run."""
    for name in ("emulated", "complete"):
        if getattr(form, name) is not getattr(record, name):
            raise FileError(f"{name}: is {getattr(form, name)}, the rest of the record says otherwise")
    ids = Counter(case.id for case in record.cases)
    for at, case in enumerate(record.cases):
        if not case.id.startswith(f"{case.area}/{case.requirement}["):
            raise FileError(f"cases[{at}].id: {case.id[:120]!r} is not of its area and requirement")
        for file in case.evidence:
            if not is_inside(file):
                raise FileError(f"cases[{at}].evidence: {shown(file)} leads out of the folder of the run")
        if ids[case.id] > 1:
            raise FileError(f"cases[{at}].id: {case.id[:120]!r} is there twice")
    if isinstance(form, RunForm) and Counter(record.planned) != ids + Counter(record.missing):
        raise FileError("planned: is not what cases and missing are together")
