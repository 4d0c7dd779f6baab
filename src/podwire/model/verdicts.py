"""The verdict of one case: what was found, and what that means under the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace


class Outcome(StrEnum):
    """What a case came to. The order is from best to worst for a summary."""

    PASS = "pass"
    LIMITATION_CONFIRMED = "limitation confirmed"
    LIMITATION_LIFTED = "limitation lifted"
    KNOWN_ISSUE = "known issue"
    INCONCLUSIVE = "inconclusive"
    FAIL = "fail"

    @property
    def red(self) -> bool:
        return self in (Outcome.FAIL, Outcome.INCONCLUSIVE)


class Finding(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One sentence about one expectation: what was expected, what was seen, where, and whether it held."""

    expected: str
    actual: str
    where: str
    met: bool


class Verdict(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a case came to, and why."""

    outcome: Outcome
    reason: str = ""
    """One line for a person."""
    findings: tuple[Finding, ...] = ()
    limitation: str | None = None
    """The id of the limitation that applied, if any."""


def worst(rounds: Sequence[Verdict]) -> Verdict:
    """The verdict on a case that was observed several times: that of the first of its worst rounds, with its rate.

    No round takes a failure back.
    """
    order = list(Outcome)
    verdict = max(rounds, key=lambda round_verdict: order.index(round_verdict.outcome))
    alike = sum(1 for round_verdict in rounds if round_verdict.outcome is verdict.outcome)
    if alike == len(rounds):
        return verdict
    return replace(verdict, reason=f"in {alike} of {len(rounds)} rounds: {verdict.reason}".removesuffix(": "))
