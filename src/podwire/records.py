"""The run record: facts, plan, verdicts and exclusions of one run; the truth that every report is a view of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from podwire.facts import ClusterFacts
from podwire.verdicts import Finding, Outcome, Verdict

SCHEMA = "podwire.run/1"


@dataclass(frozen=True, kw_only=True)
class CaseRecord:
    """One judged case.

    `id` is `<area>/<requirement>[<parameters>]`; `parameters` are the words inside the brackets by their axis
    (`protocol`, `family`, `client`, `server`, `placement`, `via`, `payload`). `expected` is the expectation in words, a
    line each. `evidence` lists files relative to the run's folder. `started` is seconds since the epoch; `elapsed` the
    seconds that the probe was in flight.
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

    def to_json(self) -> str:
        """One line of JSON; `from_json` is its inverse. It travels between processes on a test report."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> CaseRecord:
        return _case(json.loads(text))


@dataclass(frozen=True, kw_only=True)
class ExclusionRecord:
    """A case, or a requirement's whole family of cases, that the facts rule out, and why."""

    requirement: str
    cases: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """One run. `complete` is False when it was interrupted or a planned case has no result (`missing` names them)."""

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
        tree = asdict(self)
        tree["facts"] = self.facts.to_dict()
        return {"schema": SCHEMA, "emulated": self.emulated, "complete": self.complete, **tree}

    @classmethod
    def from_dict(cls, tree: Mapping[str, Any]) -> RunRecord:
        """The record of a JSON tree; ValueError says what is wrong with it, in one line."""
        if tree.get("schema") != SCHEMA:
            raise ValueError(f"schema is {tree.get('schema')!r}, this version reads {SCHEMA!r}")
        try:
            return cls(
                run_id=tree["run_id"],
                version=tree["version"],
                started=tree["started"],
                finished=tree["finished"],
                facts=ClusterFacts.from_dict(tree["facts"]),
                cases=tuple(_case(c) for c in tree["cases"]),
                exclusions=tuple(ExclusionRecord(**e) for e in tree["exclusions"]),
                missing=tuple(tree["missing"]),
                interrupted=tree["interrupted"],
                timings=tree["timings"],
                options=tree["options"],
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a run record: {error!r}") from error


def _case(tree: Mapping[str, Any]) -> CaseRecord:
    verdict = tree["verdict"]
    return CaseRecord(
        **{
            **tree,
            "sources": tuple(tree["sources"]),
            "expected": tuple(tree["expected"]),
            "evidence": tuple(tree["evidence"]),
            "verdict": Verdict(
                outcome=Outcome(verdict["outcome"]),
                reason=verdict["reason"],
                findings=tuple(Finding(**f) for f in verdict["findings"]),
                limitation=verdict["limitation"],
            ),
        }
    )
