"""The verdict of one case: what was found, and what that means under the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One sentence about one expectation: what was expected, what was seen, where, and whether it held."""

    expected: str
    actual: str
    where: str
    met: bool


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`reason` is one line for a person. `limitation` is the id of the limitation that applied, if any."""

    outcome: Outcome
    reason: str = ""
    findings: tuple[Finding, ...] = ()
    limitation: str | None = None
