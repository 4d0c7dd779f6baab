"""Losses and latencies of the two sides of a gate, case by case, by exact tests with a stated risk. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from msgspec import Struct

from podwire.gating.statistics import fisher, holm, least_chance, rank_sum
from podwire.model.observations import Attempt


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
    """In what these rules let more pass than podwire's own do, a phrase each."""
    own = Rules()
    if rules.risk < own.risk:
        yield f"risk {rules.risk:g}, where {own.risk:g} finds more"
    for name in ("loss", "slower", "delay"):
        given, usual = getattr(rules, name), getattr(own, name)
        if given > usual:
            yield f"{name} {given:g}, where {usual:g} finds more"


@dataclass(frozen=True, kw_only=True)
class Worse:
    """A case that loses more, or is slower: the numbers in words, and the chance of them if nothing had changed."""

    case_id: str
    before: str
    after: str
    chance: float


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What one comparison came to. `able` of `cases` have enough values on both sides to show anything at the risk."""

    cases: int
    able: int
    worse: tuple[Worse, ...] = ()


Rounds = Mapping[str, Sequence[Sequence[Attempt]]]
"""The attempts of each case on one side, round by round of all its runs."""
V = TypeVar("V")


def losses(before: Rounds, after: Rounds, rules: Rules) -> Compared:
    """Whether more exchanges came to nothing, by Fisher's exact test."""

    def judged(case_id: str, old: Sequence[Attempt], new: Sequence[Attempt]) -> Worse:
        lost = [sum(1 for one in side if one.error) for side in (old, new)]
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

    The exchanges of one round share what else the nodes do at that moment: they are one value, not many.
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


def _exchanges(side: Rounds) -> dict[str, list[Attempt]]:
    return {case_id: [one for several in rounds for one in several] for case_id, rounds in side.items()}


def _medians(side: Rounds) -> dict[str, list[float]]:
    """The median latency of every round in which something was answered."""
    found: dict[str, list[float]] = {}
    for case_id, rounds in side.items():
        answered = ([one.elapsed for one in several if one.error is None] for several in rounds)
        found[case_id] = [median(times) for times in answered if times]
    return found


def _compared(
    before: Mapping[str, Sequence[V]],
    after: Mapping[str, Sequence[V]],
    rules: Rules,
    judged: Callable[[str, Sequence[V], Sequence[V]], Worse],
) -> Compared:
    """Test every case that both sides have.

    A case whose values are too few to show anything is no part of the family: that depends on how many there are, not
    on what they say. A difference that is too small to matter has the chance 1, which only makes the test stricter.
    """
    shared = [one for one in before if before[one] and after.get(one)]
    able = [one for one in shared if least_chance(len(before[one]), len(after[one])) <= rules.risk]
    results = [judged(one, before[one], after[one]) for one in able]
    counts = holm([one.chance for one in results], rules.risk)
    worse = tuple(one for one, counted in zip(results, counts, strict=True) if counted)
    return Compared(cases=len(shared), able=len(able), worse=worse)
