"""Losses and latencies of the two sides of a gate, case by case, by exact tests with a stated risk. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from msgspec import Struct

from podwire.gating.statistics import fisher, holm, least_chance, rank_sum
from podwire.model.observations import Attempt
from podwire.records.run import ConvergenceRecord


class Rules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a difference counts.

    `risk` is the chance of even one false difference among all cases, for losses and for latencies each. A loss rate
    must rise by `loss` or more. A median latency must be `slower` times what it was, and `delay` seconds longer.
    """

    risk: float = 1e-3
    loss: float = 0.05
    slower: float = 2.0
    delay: float = 0.01


def laxer(rules: Rules) -> Iterator[str]:
    """The rules that are laxer than podwire's own, a phrase each."""
    usual_rules = Rules()
    if rules.risk < usual_rules.risk:
        yield f"risk {rules.risk:g}, where {usual_rules.risk:g} finds more"
    for name in ("loss", "slower", "delay"):
        value, usual = getattr(rules, name), getattr(usual_rules, name)
        if value > usual:
            yield f"{name} {value:g}, where {usual:g} finds more"


@dataclass(frozen=True, kw_only=True)
class Worse:
    """A case that loses more, or is slower: the numbers in words, and their probability if nothing changed."""

    case_id: str
    before: str
    after: str
    chance: float


@dataclass(frozen=True, kw_only=True)
class Compared:
    """The result of one comparison. `able` of `cases` have enough values on both sides to show a difference at the
    risk."""

    cases: int
    able: int
    worse: tuple[Worse, ...] = ()


Rounds = Mapping[str, Sequence[Sequence[Attempt]]]
"""The attempts of each case on one side, round by round of all its runs."""
Convergences = Mapping[str, Sequence[ConvergenceRecord]]
"""What the nodes of one OS measured of each change on one side, in all its runs, by change and OS in words."""
V = TypeVar("V")


def losses(before: Rounds, after: Rounds, rules: Rules) -> Compared:
    """Whether more exchanges were lost, by Fisher's exact test."""

    def judged(case_id: str, old: Sequence[Attempt], new: Sequence[Attempt]) -> Worse:
        lost = [sum(1 for attempt in side if attempt.error) for side in (old, new)]
        matters = lost[1] / len(new) - lost[0] / len(old) >= rules.loss
        return Worse(
            case_id=case_id,
            before=f"{lost[0]} of {len(old)} exchanges lost",
            after=f"{lost[1]} of {len(new)} exchanges lost",
            chance=fisher(lost[0], len(old), lost[1], len(new)) if matters else 1.0,
        )

    return _compared(_exchanges(before), _exchanges(after), rules, judged)


def latencies(before: Rounds, after: Rounds, rules: Rules) -> Compared:
    """Whether answers took longer, by Mann and Whitney's test on the medians of the rounds.

    The exchanges of one round share the load of the nodes at that moment: they are one value, not many.
    """

    def judged(case_id: str, old: Sequence[float], new: Sequence[float]) -> Worse:
        middles = median(old), median(new)
        matters = middles[1] >= rules.slower * middles[0] and middles[1] - middles[0] >= rules.delay
        return Worse(
            case_id=case_id,
            before=f"median {middles[0] * 1000:.1f} ms in {len(old)} rounds",
            after=f"median {middles[1] * 1000:.1f} ms in {len(new)} rounds",
            chance=rank_sum(old, new) if matters else 1.0,
        )

    return _compared(_medians(before), _medians(after), rules, judged)


LATER = 1.0
"""Seconds by which the median time of a change must rise, beside the factor `slower`, to count."""


def convergences(before: Convergences, after: Convergences, rules: Rules) -> Compared:
    """Whether changes took longer to show, by Mann and Whitney's test on the times of the nodes of one OS.

    A change on the nodes of one OS is one comparison. It is reported by the case that took longest afterwards.
    """
    slowest = {key: max(records, key=lambda record: record.seconds).slowest for key, records in after.items()}

    def judged(key: str, old: Sequence[float], new: Sequence[float]) -> Worse:
        middles = median(old), median(new)
        matters = middles[1] >= rules.slower * middles[0] and middles[1] - middles[0] >= LATER
        return Worse(
            case_id=slowest[key],
            before=f"{key} showed after {middles[0] * 1000:.0f} ms (median of {len(old)} times)",
            after=f"{key} showed after {middles[1] * 1000:.0f} ms (median of {len(new)} times)",
            chance=rank_sum(old, new) if matters else 1.0,
        )

    return _compared(_times(before), _times(after), rules, judged)


def _times(side: Convergences) -> dict[str, list[float]]:
    return {key: [record.seconds for record in records] for key, records in side.items()}


def _exchanges(side: Rounds) -> dict[str, list[Attempt]]:
    return {case_id: [attempt for round_ in rounds for attempt in round_] for case_id, rounds in side.items()}


def _medians(side: Rounds) -> dict[str, list[float]]:
    """The median latency of every round with an answer."""
    values_by_case: dict[str, list[float]] = {}
    for case_id, rounds in side.items():
        answered = ([attempt.elapsed for attempt in round_ if attempt.error is None] for round_ in rounds)
        values_by_case[case_id] = [median(times) for times in answered if times]
    return values_by_case


def _compared(
    before: Mapping[str, Sequence[V]],
    after: Mapping[str, Sequence[V]],
    rules: Rules,
    judged: Callable[[str, Sequence[V], Sequence[V]], Worse],
) -> Compared:
    """Test every case that both sides have.

    A case with too few values to show anything is not part of the family: that depends on their number, not on their
    size. A difference that is too small to matter has the probability 1, which only makes the test stricter.
    """
    shared = [case_id for case_id in before if before[case_id] and after.get(case_id)]
    able = [case_id for case_id in shared if least_chance(len(before[case_id]), len(after[case_id])) <= rules.risk]
    results = [judged(case_id, before[case_id], after[case_id]) for case_id in able]
    counts = holm([result.chance for result in results], rules.risk)
    worse = tuple(result for result, counted in zip(results, counts, strict=True) if counted)
    return Compared(cases=len(shared), able=len(able), worse=worse)
