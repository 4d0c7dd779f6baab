"""The causes of what is red in a run: a view of its record and its observations. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from podwire.causes import words
from podwire.causes.ends import end_of
from podwire.causes.groups import Clues, partition
from podwire.causes.order import basic_first, requirement_ranks
from podwire.causes.traits import Known, traits_of
from podwire.model.cases import Case
from podwire.model.observations import Observation
from podwire.model.verdicts import Outcome
from podwire.records.observations import Stored
from podwire.records.run import CaseRecord, RunRecord

Seen = Mapping[str, tuple[Case, Observation]]
"""Each case with what was observed of it in the round that its verdict comes from, by the case's id."""
_VARIABLE = re.compile(r"\([^()]*\)|'[^']*'|[0-9]+(?:[0-9.:]*[0-9])?")


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What several red cases share."""

    line: str
    """The description, and where the packets end."""
    cases: tuple[str, ...]
    """Their ids, the most basic requirement first."""
    requirements: tuple[str, ...]
    controls: tuple[str, ...] = ()
    """Which cases passed that differ in one thing alone."""

    @property
    def size(self) -> str:
        """How many cases and requirements."""
        many = len(self.requirements)
        return f"{len(self.cases)} cases, {many} requirement{'s' if many != 1 else ''}"

    def __str__(self) -> str:
        return f"{self.line} ({self.size})"


@dataclass(frozen=True, kw_only=True)
class Causes:
    """What is red in a run, by cause.

    Each failing case is in one of `failing` or in `alone`, each inconclusive one in `unsure` or in none: one alone is
    no group.
    """

    failing: tuple[Cause, ...] = ()
    alone: tuple[str, ...] = ()
    unsure: tuple[Cause, ...] = ()
    headlines: Mapping[str, str] = field(default_factory=dict)
    """What the packets of a failing case show, by its id, where that is more than its findings say."""
    ranks: Mapping[str, int] = field(default_factory=dict)
    """The place of each requirement, the most basic one first."""

    def of(self, case_id: str) -> Cause | None:
        """The cause that a case shares with others."""
        return next((cause for cause in (*self.failing, *self.unsure) if case_id in cause.cases), None)

    def place(self, case_id: str) -> int:
        """The place of a case's requirement; of one that the run does not have, the last."""
        return self.ranks.get(case_id.partition("/")[2].partition("[")[0], len(self.ranks))

    def basic_first(self, cases: Iterable[CaseRecord]) -> list[CaseRecord]:
        """These cases with the most basic requirement first, those of one requirement as they were."""
        return sorted(cases, key=lambda case: self.place(case.id))


def causes_of(record: RunRecord, exchanges: Seen) -> Causes:
    """The causes of a run. Cases that `exchanges` does not hold are alone."""
    failing = basic_first((case for case in record.cases if case.verdict.outcome is Outcome.FAIL), record.cases)
    known = Known.of(exchanges.values()) if failing else Known({}, "")
    clues: list[Clues] = []
    headlines: dict[str, str] = {}
    for failed in failing:
        if failed.id in exchanges:
            case, observation = exchanges[failed.id]
            end = end_of(case, observation, failed.verdict)
            clues.append(Clues(failed.id, traits_of(case, observation, known, end), end))
            headlines[failed.id] = words.headline(end, observation, failed.verdict)
    passing = [
        Clues(case.id, traits_of(*exchanges[case.id], known))
        for case in (record.cases if clues else ())
        if case.verdict.outcome is Outcome.PASS and case.id in exchanges and _answered(exchanges[case.id][1])
    ]
    groups, _ = partition(clues, passing)
    by_id = {case.id: case for case in record.cases}
    causes = tuple(
        _cause(
            ": ".join(filter(None, (words.description(group), words.evidence(group)))),
            [by_id[case_id] for case_id in group.cases],
            tuple(words.controls(group)),
        )
        for group in groups
    )
    together = {case_id for cause in causes for case_id in cause.cases}
    return Causes(
        failing=causes,
        alone=tuple(case.id for case in failing if case.id not in together),
        unsure=_unsure(record),
        headlines={case_id: line for case_id, line in headlines.items() if line},
        ranks=requirement_ranks(record.cases),
    )


def decisive(record: RunRecord, exchanges: Iterable[Stored]) -> Seen:
    """Of stored observations those of the rounds that the verdicts come from."""
    rounds = {case.id: case.rounds.index(case.verdict.outcome) if case.rounds else 0 for case in record.cases}
    return {
        exchange.case.id: (exchange.case, exchange.observation)
        for exchange in exchanges
        if rounds.get(exchange.case.id) == exchange.round
    }


def _answered(observation: Observation) -> bool:
    """A case that passes because nobody answers is no control: it passes on a broken network too."""
    return any(attempt.reply or attempt.resolved for attempt in observation.attempts)


def _unsure(record: RunRecord) -> tuple[Cause, ...]:
    """Inconclusive cases by the reason that they have in common, two at least."""
    unsure = [case for case in record.cases if case.verdict.outcome is Outcome.INCONCLUSIVE]
    reasons: dict[str, list[CaseRecord]] = {}
    for uncertain in basic_first(unsure, record.cases):
        reasons.setdefault(_VARIABLE.sub("...", uncertain.verdict.reason), []).append(uncertain)
    largest_first = sorted(reasons.items(), key=lambda item: -len(item[1]))
    return tuple(
        _cause(reason if len({case.verdict.reason for case in cases}) > 1 else cases[0].verdict.reason, cases)
        for reason, cases in largest_first
        if len(cases) > 1
    )


def _cause(line: str, cases: Sequence[CaseRecord], controls: tuple[str, ...] = ()) -> Cause:
    return Cause(
        line=line,
        cases=tuple(case.id for case in cases),
        requirements=tuple(dict.fromkeys(case.requirement for case in cases)),
        controls=controls,
    )
