"""Statistics of few observations, exact where possible: losses, latencies, rates. Pure.

Every function returns a probability: how often so great a difference occurs if there is none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

EXACT = 60
"""The largest number of values for which `rank_sum` counts every permutation."""


def fisher(lost_before: int, total_before: int, lost_after: int, total_after: int) -> float:
    """Fisher's exact test, one-sided: the probability of so many losses after, or more, if losses fall at random."""
    lost, total = lost_before + lost_after, total_before + total_after
    most = min(lost, total_after)
    ways = sum(math.comb(total_after, k) * math.comb(total_before, lost - k) for k in range(lost_after, most + 1))
    return ways / math.comb(total, lost)


def least_chance(total_before: int, total_after: int) -> float:
    """The smallest probability that `fisher` or `rank_sum` can give for this many values."""
    return 1 / math.comb(total_before + total_after, total_after)


def rank_sum(before: Sequence[float], after: Sequence[float]) -> float:
    """Mann and Whitney's test, one-sided: the probability that the values after rank so high, if the order is random.

    Exact, ties included, up to 60 values in total; beyond that the normal approximation with corrections for ties and
    continuity.
    """
    values = sorted([*before, *after])
    # Ranks are doubled, so that the middle of a tie is a whole number.
    doubled: dict[float, int] = {}
    for at, value in enumerate(values):
        doubled.setdefault(value, 2 * at + values.count(value) + 1)
    ranks, rank_sum = [doubled[value] for value in values], sum(doubled[value] for value in after)
    if len(values) <= EXACT:
        return _share_of_sums(ranks, len(after), rank_sum)
    return _approximate(ranks, len(before), len(after), rank_sum)


def _share_of_sums(ranks: Sequence[int], size: int, least: int) -> float:
    """The share of all subsets of this size whose ranks sum to at least this much.

    Subsets are counted by their sum in one large number each: its digit at place s (of `width` bits) is how many
    subsets sum to s.
    """
    width = len(ranks) + 1
    counts = [1] + [0] * size
    for rank in ranks:
        for chosen in range(size, 0, -1):
            counts[chosen] += counts[chosen - 1] << (rank * width)
    high, extreme = counts[size] >> (least * width), 0
    mask = (1 << width) - 1
    while high:
        extreme += high & mask
        high >>= width
    return extreme / math.comb(len(ranks), size)


def _approximate(ranks: Sequence[int], before: int, after: int, rank_sum: int) -> float:
    total = before + after
    middle = sum(ranks) / total
    # The variance of a sum drawn without replacement takes ties into account by itself.
    variance = before * after / (total * (total - 1)) * sum((rank - middle) ** 2 for rank in ranks)
    if not variance:
        return 1.0
    # Doubled ranks have steps of two, so the correction for continuity is half a step.
    distance = (rank_sum - after * middle - 1) / math.sqrt(variance)
    return 0.5 * math.erfc(distance / math.sqrt(2))


def holm(chances: Sequence[float], risk: float) -> list[bool]:
    """Which of several differences count, if the risk of even one false difference is at most `risk` (Holm, 1979)."""
    counts = [False] * len(chances)
    for place, at in enumerate(sorted(range(len(chances)), key=lambda index: chances[index])):
        if chances[at] > risk / (len(chances) - place):
            break
        counts[at] = True
    return counts


def rate_interval(count: int, total: int, risk: float) -> tuple[float, float]:
    """Clopper and Pearson's interval: it holds the true rate with a probability of 1 - `risk` or more."""
    low = 0.0 if count == 0 else _solved(lambda rate: 1 - _at_most(count - 1, total, rate), risk / 2, rising=True)
    high = 1.0 if count == total else _solved(lambda rate: _at_most(count, total, rate), risk / 2, rising=False)
    return low, high


def _at_most(count: int, total: int, rate: float) -> float:
    return math.fsum(math.comb(total, k) * rate**k * (1 - rate) ** (total - k) for k in range(count + 1))


def _solved(chance: Callable[[float], float], wanted: float, *, rising: bool) -> float:
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if (chance(middle) < wanted) is rising:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def runs_to_see(rate: float, risk: float) -> int:
    """How many runs it takes to see an event of this rate once, with a risk of at most `risk` to miss it."""
    if rate >= 1:
        return 1
    return math.ceil(math.log(risk) / math.log1p(-rate))
