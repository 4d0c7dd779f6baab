"""What a gate compares and what it finds: runs, changes, the decision. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from podwire.causes.causes import Cause, Causes
from podwire.gating.facts import FactChange
from podwire.gating.numbers import Compared, Rules
from podwire.gating.waivers import Waiver
from podwire.records.observations import Exchanges
from podwire.records.run import CaseRecord, RunRecord


class Refused(Exception):
    """These runs cannot be compared; each line of the text is one reason."""


class Decision(StrEnum):
    ACCEPT = "accept"
    REJECT = "reject"
    CANNOT_JUDGE = "cannot judge"

    @property
    def exit_code(self) -> int:
        return list(Decision).index(self)


class Kind(StrEnum):
    """The change of a case, in the order of interest to a reader."""

    REGRESSION = "regression"
    NEW_FAILURE = "new failure"
    KNOWN_ISSUE_APPEARED = "known issue appeared"
    LIMITATION_APPEARED = "limitation appeared"
    LIMITATION_NO_LONGER_LIFTED = "limitation no longer lifted"
    VANISHED = "vanished case"
    MORE_LOSS = "more loss"
    SLOWER = "slower"
    LATER = "changes show later"
    INCONCLUSIVE = "inconclusive"
    STILL_FAILS = "still fails"
    FIXED = "fixed"
    KNOWN_ISSUE_GONE = "known issue gone"
    LIMITATION_LIFTED = "limitation lifted"


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run as the gate needs it. `folder` is its place; `absent` are files of its evidence that are missing."""

    record: RunRecord
    exchanges: tuple[Exchanges, ...] = ()
    causes: Causes = field(default_factory=Causes)
    folder: str = ""
    absent: tuple[str, ...] = ()

    def case(self, case_id: str) -> CaseRecord | None:
        return next((case for case in self.record.cases if case.id == case_id), None)


@dataclass(frozen=True, kw_only=True)
class Deciding:
    """What decides: an unmet finding, its run, and the file with the packets (or the attempts)."""

    run: str
    expected: str
    actual: str
    where: str
    evidence: str = ""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A case that changed, or that is not as it should be. `before` and `after` are outcomes, or numbers, in words."""

    case_id: str
    kind: Kind
    rejects: bool
    before: str
    after: str
    reason: str = ""
    limitation: str | None = None
    deciding: tuple[Deciding, ...] = ()
    waiver: Waiver | None = None


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The decision, and everything that it rests on."""

    decision: Decision
    emulated: bool
    baseline: tuple[str, ...]
    candidate: tuple[str, ...]
    changes: tuple[Change, ...]
    facts: tuple[FactChange, ...]
    nodes: tuple[str, ...]
    """The nodes that could not be used, with the reason: a line for each reason and side; then cases of a pool that
    the other lacks."""
    outcomes_before: Mapping[str, int]
    outcomes_after: Mapping[str, int]
    losses: Compared
    latencies: Compared
    convergences: Compared
    rules: Rules = field(default_factory=Rules)
    causes: tuple[Cause, ...] = ()
    """What failing cases of the candidate share, in each of its runs."""

    def of(self, kind: Kind) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.kind is kind)
