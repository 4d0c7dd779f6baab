"""The `case` of a test: it takes the expectation, judges the observations, and ends the test with the outcome."""

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
"""The word with which pytest reports and counts an outcome."""


class NotMet(AssertionError):
    """The expectation was not met: the case fails."""


class Inconclusive(Exception):
    """The case has no verdict. Not an AssertionError, because it says nothing about the cluster."""


class CaseUnderTest(JudgedCase):
    """A case that a test judges by calling `expect` once; a test that never calls it fails."""

    def expect(self, *parts: Part) -> None:
        """Judge the observations against these parts (`podwire.judging.vocabulary`).

        Raises `NotMet` for *fail*, `Inconclusive` for *inconclusive*, pytest's xfail for a confirmed limitation or a
        known issue.
        """
        verdict = self.judge(expectation(*parts))
        outcome, reason = verdict.outcome, verdict.reason
        if outcome is Outcome.FAIL:
            raise NotMet(reason)
        if outcome is Outcome.INCONCLUSIVE:
            raise Inconclusive(reason)
        if STATUSES[outcome] == "xfailed":
            # Without a traceback: it would be that of a test of one line, and pytest parses a module to show it.
            raise pytest.xfail.Exception(f"{outcome}: {reason}", pytrace=False)
