"""The run record: facts, plan, verdicts and exclusions of one run. Every report is a view of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from msgspec import Struct

from podwire.model.facts import ClusterFacts
from podwire.model.requirements import Level
from podwire.model.verdicts import Outcome, Verdict


@dataclass(frozen=True, kw_only=True)
class Rule:
    """The catalogue's rule at the time of the run: its level, its sentence and its sources."""

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
    """The words in the brackets of the id, by axis: protocol, family, client, server, placement, via, payload; where
    there are pools, `client pool`, `server pool`, `entry pool` too."""
    expected: tuple[str, ...]
    """The expectation in words, one line for each part."""
    verdict: Verdict
    """In a run with several rounds, the verdict of the worst round."""
    rounds: tuple[Outcome, ...] = ()
    """The outcome of each round in a run with several rounds."""
    started: float = 0.0
    """Seconds since the epoch."""
    elapsed: float = 0.0
    """Seconds for which the flow was in flight."""
    nodes: Mapping[str, str] = field(default_factory=dict)
    """The nodes that take part, by role (`client`, `server`, `entry`)."""
    evidence: tuple[str, ...] = ()
    """Paths of evidence files, relative to the run's folder."""

    @property
    def decisive_round(self) -> int:
        """The round that gave the verdict, from 0."""
        return self.rounds.index(self.verdict.outcome) if self.rounds else 0

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """The outcome of each round, in a run with one round too."""
        return self.rounds or (self.verdict.outcome,)


class ExclusionRecord(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Cases that the facts rule out, and why: one case, or all cases of a requirement."""

    requirement: str
    cases: str
    reason: str


class ProbeImage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The image that the probes of a node ran."""

    node: str
    image: str
    """The image in the pod's spec."""
    digest: str = ""
    """The digest in the pod's status; empty if it has none."""


class PathRecord(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What became of the first tries of all answered exchanges on one path."""

    client: str
    server: str
    placement: str
    protocol: str
    family: str
    entry: str
    """The way, as `via` has it, with the node that it enters the cluster by."""
    exchanges: int
    lost: int
    """Those that needed another try because a packet was lost."""
    late: int
    """Those that needed one although nothing was lost: an answer came late."""
    unknown: int
    """Those that needed one while the captures tell nothing."""
    low: float
    """The interval of the share that was lost; it leaves the true one out with a chance of 0.001 at most."""
    high: float
    vanished: tuple[str, ...]
    """Between which capture points packets vanished, and how many."""
    noticed: float | None = None
    """The share of losses that this run calls too many in 99 of 100 runs, with so many exchanges; 1 where it notices
    none. Null in records of versions that did not tell."""


class ConvergenceRecord(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a change of the cluster took to show on one node, from the API server's answer on."""

    change: str
    """Its name, as `podwire plan` has it."""
    node: str
    """The node whose proxy the clients use; empty for a load balancer of the cloud."""
    os: str
    cases: int
    """The cases that measured it."""
    seconds: float
    """The longest time of any of them; for those that never saw it, how long podwire waited."""
    never: int
    """The cases that did not see the change before the wait ended."""
    slowest: str
    """The id of the case with the longest time."""


class StoredObservations(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file with the observations of a run: its name in the run's folder, its SHA-256, and their number."""

    file: str
    sha256: str
    count: int


class JudgedAgain(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Says that the verdicts of a record are of a later day than its observations."""

    run_id: str
    """The run that observed."""
    version: str
    """The version of the podwire that judged again."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The podwire, the suites, the options and the images of a run."""

    version: str
    """The version of the podwire that observed."""
    suite: str = ""
    """The digest of the suites that judged (`podwire.content.suites_digest`)."""
    judged_again: JudgedAgain | None = None
    """None where the run that observed judged too."""
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
    """Seconds by part of the run."""
    facts: ClusterFacts
    cases: tuple[CaseRecord, ...]
    exclusions: tuple[ExclusionRecord, ...] = ()
    planned: tuple[str, ...] = ()
    """The ids of all planned cases, in order."""
    missing: tuple[str, ...] = ()
    """The ids of planned cases without a result."""
    interrupted: str | None = None
    """Why the run ended early; None for a complete run."""
    observations: StoredObservations | None = None
    paths: tuple[PathRecord, ...] = ()
    """What became of the first tries, path by path."""
    convergence: tuple[ConvergenceRecord, ...] = ()
    """How long changes took to show, by change and node."""

    @property
    def emulated(self) -> bool:
        return self.facts.origin.emulated

    @property
    def observed_in(self) -> str:
        """The id of the run that observed: its own one, unless it was judged again."""
        again = self.setup.judged_again
        return again.run_id if again else self.run_id

    @property
    def complete(self) -> bool:
        """False if the run was interrupted or a planned case has no result."""
        return not self.missing and self.interrupted is None

    def count(self, outcome: Outcome) -> int:
        return sum(1 for case in self.cases if case.verdict.outcome is outcome)
