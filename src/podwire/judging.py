"""`case` as a test holds it: it takes the expectation, judges what was seen, and ends the test accordingly."""

from __future__ import annotations

from typing import Any

import pytest

from podwire import suite
from podwire.cases import Case, Expectation
from podwire.flows import Flow
from podwire.judge import judge
from podwire.observations import Observation
from podwire.requirements import Limitation
from podwire.verdicts import Outcome, Verdict


class NotMet(AssertionError):
    """The expectation was not met: the case fails."""


class Inconclusive(Exception):
    """Nothing can be said about the case. Not an AssertionError: it is no finding about the cluster."""


class CaseUnderTest:
    """One case with its observation. `expect` may be called once; a test that never calls it fails."""

    def __init__(self, case: Case, observation: Observation, limitation: Limitation | None) -> None:
        self.case, self.observation, self.limitation = case, observation, limitation
        self.expectation: Expectation | None = None
        self.verdict: Verdict | None = None

    @property
    def flow(self) -> Flow:
        return self.case.flow

    def expect(self, **parts: Any) -> None:
        """Judge the observation against this expectation; see `podwire.cases.Expectation` for its parts."""
        if self.expectation is not None:
            raise RuntimeError("case.expect was called twice: one test, one expectation")
        self.expectation = suite.expectation(**parts)
        self.verdict = judge(self.case, self.expectation, self.observation, self.limitation)
        outcome, reason = self.verdict.outcome, self.verdict.reason
        if outcome is Outcome.FAIL:
            raise NotMet(reason)
        if outcome is Outcome.INCONCLUSIVE:
            raise Inconclusive(reason)
        if outcome in (Outcome.LIMITATION_CONFIRMED, Outcome.KNOWN_ISSUE):
            pytest.xfail(f"{outcome}: {reason}")
