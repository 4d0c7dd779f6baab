"""The run record: facts, plan, verdicts and exclusions of one run; the truth that every report is a view of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from msgspec import Struct

from podwire.model.facts import ClusterFacts
from podwire.model.requirements import Level
from podwire.model.verdicts import Outcome, Verdict


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What the catalogue said of a requirement when it was judged: its level, its sentence, where that is written."""

    level: Level
    statement: str
    sources: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CaseRecord:
    """One judged case."""

    id: str
    """`<area>/<requirement>[<words>]`: the same in every run of the same plan."""
    area: str
    requirement: str
    title: str
    rule: Rule
    parameters: Mapping[str, str]
    """The words in the brackets by their axis: protocol, family, client, server, placement, via, payload."""
    expected: tuple[str, ...]
    """The expectation in words, a line each."""
    verdict: Verdict
    """In a run that repeats its cases, that of the worst round."""
    rounds: tuple[Outcome, ...] = ()
    """The outcomes of all rounds of such a run."""
    started: float = 0.0
    """Seconds since the epoch."""
    elapsed: float = 0.0
    """The seconds that the probe was in flight."""
    nodes: Mapping[str, str] = field(default_factory=dict)
    """The nodes that take part, by role (`client`, `server`, `entry`)."""
    evidence: tuple[str, ...] = ()
    """Files relative to the run's folder."""


class ExclusionRecord(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A case, or a requirement's whole family of cases, that the facts rule out, and why."""

    requirement: str
    cases: str
    reason: str


class ProbeImage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the probes of a node ran."""

    node: str
    image: str
    """As it was asked for."""
    digest: str = ""
    """As the pods' status has it, empty for none."""


class StoredObservations(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the observations of a run are: a file in its folder, its SHA-256, and how many it holds."""

    file: str
    sha256: str
    count: int


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What a run was made with."""

    version: str
    """Of podwire."""
    suite: str = ""
    """A digest of the suites that judged."""
    options: Mapping[str, str] = field(default_factory=dict)
    images: tuple[ProbeImage, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """One run."""

    run_id: str
    setup: Setup
    started: float
    finished: float
    timings: Mapping[str, float] = field(default_factory=dict)
    """Seconds by phase."""
    facts: ClusterFacts
    cases: tuple[CaseRecord, ...]
    exclusions: tuple[ExclusionRecord, ...] = ()
    planned: tuple[str, ...] = ()
    """The ids of all cases of the run, in their order."""
    missing: tuple[str, ...] = ()
    """Those of them without a result."""
    interrupted: str | None = None
    """Why the run ended before its end."""
    observations: StoredObservations | None = None

    @property
    def emulated(self) -> bool:
        return self.facts.origin.emulated

    @property
    def complete(self) -> bool:
        """False when the run was interrupted or a planned case has no result."""
        return not self.missing and self.interrupted is None

    def count(self, outcome: Outcome) -> int:
        return sum(1 for case in self.cases if case.verdict.outcome is outcome)
