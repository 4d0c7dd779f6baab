"""`case` as a test holds it: it takes the expectation, judges what was seen, and ends the test accordingly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from podwire import suite
from podwire.cases import Case, Expectation
from podwire.flows import Flow
from podwire.judge import judge
from podwire.observations import Observation
from podwire.requirements import Limitation
from podwire.verdicts import Outcome, Verdict, worst


class NotMet(AssertionError):
    """The expectation was not met: the case fails."""


class Inconclusive(Exception):
    """Nothing can be said about the case. Not an AssertionError: it is no finding about the cluster."""


class CaseUnderTest:
    """One case with what was seen of it, one observation a round.

    `expect` may be called once; a test that never calls it fails. The verdict is that of the worst round.
    """

    def __init__(self, case: Case, rounds: Sequence[Observation], limitation: Limitation | None) -> None:
        self.case, self.rounds, self.limitation = case, rounds, limitation
        self.outcomes: tuple[Outcome, ...] = ()
        self.expectation: Expectation | None = None
        self.verdict: Verdict | None = None

    @property
    def flow(self) -> Flow:
        return self.case.flow

    def expect(self, **parts: Any) -> None:
        """Judge the observations against this expectation; see `podwire.cases.Expectation` for its parts."""
        if self.expectation is not None:
            raise RuntimeError("case.expect was called twice: one test, one expectation")
        self.expectation = suite.expectation(**parts)
        verdicts = [judge(self.case, self.expectation, one, self.limitation) for one in self.rounds]
        self.outcomes, self.verdict = tuple(one.outcome for one in verdicts), worst(verdicts)
        outcome, reason = self.verdict.outcome, self.verdict.reason
        if outcome is Outcome.FAIL:
            raise NotMet(reason)
        if outcome is Outcome.INCONCLUSIVE:
            raise Inconclusive(reason)
        if outcome in (Outcome.LIMITATION_CONFIRMED, Outcome.KNOWN_ISSUE):
            pytest.xfail(f"{outcome}: {reason}")
