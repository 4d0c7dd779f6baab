"""The run record: facts, plan, verdicts and exclusions of one run; the truth that every report is a view of."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from podwire.model.facts import ClusterFacts
from podwire.model.verdicts import Outcome, Verdict
from podwire.records.paths import is_inside
from podwire.records.trees import Malformed, plain, value_of

SCHEMA = "podwire.run/2"
FIRST_SCHEMA = "podwire.run/1"
"""Has no plan, no images, no nodes of the cases and no observations; it is read, and cannot be judged again."""
REMEDY = "the record is damaged or was changed: take the file that the run wrote"


@dataclass(frozen=True, kw_only=True)
class CaseRecord:
    """One judged case.

    `id` is `<area>/<requirement>[<parameters>]`; `parameters` are the words inside the brackets by their axis
    (`protocol`, `family`, `client`, `server`, `placement`, `via`, `payload`). `expected` is the expectation in words, a
    line each. `evidence` lists files relative to the run's folder. `started` is seconds since the epoch; `elapsed` the
    seconds that the probe was in flight. `nodes` are the nodes that take part, by role (`client`, `server`, `entry`).
    `rounds` are the outcomes of all rounds of a run that repeats its cases; `verdict` is then that of the worst one.
    """

    id: str
    area: str
    requirement: str
    level: str
    title: str
    statement: str
    sources: tuple[str, ...]
    parameters: Mapping[str, str]
    expected: tuple[str, ...]
    verdict: Verdict
    started: float = 0.0
    elapsed: float = 0.0
    evidence: tuple[str, ...] = ()
    nodes: Mapping[str, str] = field(default_factory=dict)
    rounds: tuple[Outcome, ...] = ()

    def to_json(self) -> str:
        """One line of JSON; `from_json` is its inverse. It travels between processes on a test report."""
        return json.dumps(plain(self))

    @classmethod
    def from_json(cls, text: str) -> CaseRecord:
        return value_of(cls, json.loads(text))


@dataclass(frozen=True, kw_only=True)
class ExclusionRecord:
    """A case, or a requirement's whole family of cases, that the facts rule out, and why."""

    requirement: str
    cases: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ProbeImage:
    """What the probes of a node ran: the image as asked for, its digest as the pods' status has it ('' for none)."""

    node: str
    image: str
    digest: str = ""


@dataclass(frozen=True, kw_only=True)
class StoredObservations:
    """Where the observations of a run are: a file in its folder, its SHA-256, and how many it holds."""

    file: str
    sha256: str
    count: int


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """One run. `complete` is False when it was interrupted or a planned case has no result (`missing` names them).

    `suite` is a digest of the suites that judged. `planned` are the ids of all cases of the run, in their order.
    """

    run_id: str
    version: str
    started: float
    finished: float
    facts: ClusterFacts
    cases: tuple[CaseRecord, ...]
    exclusions: tuple[ExclusionRecord, ...] = ()
    missing: tuple[str, ...] = ()
    interrupted: str | None = None
    timings: Mapping[str, float] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    suite: str = ""
    images: tuple[ProbeImage, ...] = ()
    planned: tuple[str, ...] = ()
    observations: StoredObservations | None = None

    @property
    def emulated(self) -> bool:
        return self.facts.emulated

    @property
    def complete(self) -> bool:
        return not self.missing and self.interrupted is None

    def count(self, outcome: Outcome) -> int:
        return sum(1 for case in self.cases if case.verdict.outcome is outcome)

    def to_dict(self) -> dict[str, Any]:
        """The JSON tree of `run.json`."""
        return {"schema": SCHEMA, "emulated": self.emulated, "complete": self.complete, **plain(self)}

    @classmethod
    def from_dict(cls, tree: Mapping[str, Any]) -> RunRecord:
        """The record of a JSON tree; ValueError says what is wrong with it and what to do, in one line."""
        schema = tree.get("schema")
        if schema not in (SCHEMA, FIRST_SCHEMA):
            known = f"this podwire reads {FIRST_SCHEMA} and {SCHEMA}"
            raise ValueError(f"schema: {ascii(schema)[:60]} is not known, {known}; read it with the podwire of its run")
        try:
            if schema == SCHEMA:
                _check_whole(tree)
            record = value_of(cls, {name: part for name, part in tree.items() if name not in _SAID})
            _check(record, tree, planned=schema == SCHEMA)
        except Malformed as problem:
            raise ValueError(f"{problem}; {REMEDY}") from None
        return record


_SAID = ("schema", "emulated", "complete")
"""Fields of `run.json` that say what follows from the others."""


def _check_whole(tree: Mapping[str, Any]) -> None:
    for name in (*_SAID, *(one.name for one in fields(RunRecord))):
        if name not in tree:
            raise Malformed("is missing", name)


def _check(record: RunRecord, tree: Mapping[str, Any], *, planned: bool) -> None:
    """Hold the parts of a record against each other: what was cut out of it must not pass for a smaller run."""
    for name in ("emulated", "complete"):
        if tree.get(name) is not getattr(record, name):
            raise Malformed(f"is {ascii(tree.get(name))[:60]}, the rest of the record says otherwise", name)
    ids = Counter(case.id for case in record.cases)
    for at, case in enumerate(record.cases):
        if not case.id.startswith(f"{case.area}/{case.requirement}["):
            raise Malformed(f"{ascii(case.id)[:120]} is not of its area and requirement", f"cases[{at}].id")
        for file in case.evidence:
            if not is_inside(file):
                raise Malformed(f"{ascii(file)[:60]} leads out of the folder of the run", f"cases[{at}].evidence")
        if ids[case.id] > 1:
            raise Malformed(f"{ascii(case.id)[:120]} is there twice", f"cases[{at}].id")
    if planned and Counter(record.planned) != ids + Counter(record.missing):
        raise Malformed("is not what cases and missing are together", "planned")
