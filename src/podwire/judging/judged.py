"""One case with what was seen of it, and the verdict that follows. No I/O."""

from __future__ import annotations

from collections.abc import Sequence

from podwire.judging.expectation import Expectation
from podwire.judging.judge import judge
from podwire.model.cases import Case
from podwire.model.flows import Flow
from podwire.model.observations import Observation
from podwire.model.requirements import Limitation
from podwire.model.verdicts import Outcome, Verdict, worst


class JudgedCase:
    """One case with what was seen of it, one observation a round.

    `outcomes` has one entry a round; `verdict` is that of the worst round, None until `judge` was called.
    """

    def __init__(self, case: Case, rounds: Sequence[Observation], limitation: Limitation | None) -> None:
        self.case, self.rounds, self.limitation = case, rounds, limitation
        self.outcomes: tuple[Outcome, ...] = ()
        self.expectation: Expectation | None = None
        self.verdict: Verdict | None = None

    @property
    def flow(self) -> Flow:
        return self.case.flow

    def judge(self, expectation: Expectation) -> Verdict:
        """Hold every round against the expectation; the worst verdict.

        Raises RuntimeError on a second call, `ExpectationError` for what would never be judged of this flow.
        """
        if self.expectation is not None:
            raise RuntimeError("case.expect was called twice: one test, one expectation")
        expectation.check(self.flow)
        self.expectation = expectation
        verdicts = [judge(self.case, expectation, observation, self.limitation) for observation in self.rounds]
        self.outcomes, self.verdict = tuple(verdict.outcome for verdict in verdicts), worst(verdicts)
        return self.verdict
