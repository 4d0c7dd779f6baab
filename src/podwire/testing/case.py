"""`case` as a test holds it: it takes the expectation, judges what was seen, and ends the test accordingly."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from podwire.judging.expectation import expectation
from podwire.judging.judged import JudgedCase
from podwire.judging.parts import Part
from podwire.model.verdicts import Outcome

STATUSES: Mapping[Outcome, str] = {
    Outcome.PASS: "passed",
    Outcome.LIMITATION_CONFIRMED: "xfailed",
    Outcome.LIMITATION_LIFTED: "xpassed",
    Outcome.KNOWN_ISSUE: "xfailed",
    Outcome.INCONCLUSIVE: "inconclusive",
    Outcome.FAIL: "failed",
}
"""The word in which pytest reports and counts a case."""


class NotMet(AssertionError):
    """The expectation was not met: the case fails."""


class Inconclusive(Exception):
    """Nothing can be said about the case. Not an AssertionError: it is no finding about the cluster."""


class CaseUnderTest(JudgedCase):
    """A case that a test judges by calling `expect` once; a test that never calls it fails."""

    def expect(self, *parts: Part) -> None:
        """Judge the observations against these parts (`podwire.judging.vocabulary`)."""
        verdict = self.judge(expectation(*parts))
        outcome, reason = verdict.outcome, verdict.reason
        if outcome is Outcome.FAIL:
            raise NotMet(reason)
        if outcome is Outcome.INCONCLUSIVE:
            raise Inconclusive(reason)
        if STATUSES[outcome] == "xfailed":
            pytest.xfail(f"{outcome}: {reason}")
