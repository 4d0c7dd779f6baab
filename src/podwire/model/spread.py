"""How connections are shared out among the backends of a Service: a statistic, with its risk. Pure.

A balancer that chooses at random misses one of k backends in n connections with a chance of at most k (1 - 1/k)^n. The
number of connections of a case follows from the chance that is accepted; the verdict shows counts, intervals and risk.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

NEGLIGIBLE = 1e-17
"""Of a sum: a term that changes none of its digits."""


def connections_for(backends: int, risk: float, *, of: int | None = None) -> int:
    """How many connections it takes to miss one of that many backends with a chance of at most `risk`.

    With `of`, only `backends` of so many endpoints can answer, and the chance is that none of them is chosen at all.
    """
    if of is not None:
        return math.ceil(math.log(risk) / math.log(1 - backends / of)) if backends < of else 1
    if backends < 2:
        return 1
    return math.ceil(math.log(risk / backends) / math.log(1 - 1 / backends))


@functools.cache
def connections_to_see(backends: int, times: float, risk: float, unseen: float = 0.01) -> int:
    """How many connections it takes to call a balancer uneven that gives one backend so many times its fair share.

    A fair balancer is called uneven with a chance of `risk` at most, such a one is not with about `unseen`.
    """
    share = times / backends if backends else 1.0
    if times <= 1 or share >= 1:
        return connections_for(backends, risk)
    fewest = _fewest(lambda total: _unseen(total, backends, share, risk), unseen)
    return max(fewest, connections_for(backends, risk))


def _unseen(total: int, backends: int, share: float, risk: float) -> float:
    """The chance that a backend with that share of the connections stays below the first count that is uneven."""
    low, high = total // backends, total + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_odd(middle, total, backends, risk) else (middle, high)
    return 1 - at_least_of(high, total, share)


@functools.cache
def connections_to_see_half(backends: int, share: float, risk: float, unseen: float = 0.01) -> int:
    """How many connections it takes to call a balancer uneven that gives half of the backends that share of them.

    Any half, and the smaller one of an odd number. The chances of a false and of a missing alarm are those of
    `connections_to_see`; the number grows with the logarithm of the number of backends only.
    """
    half = backends // 2
    if not half or share <= half / backends or share >= 1:
        return connections_for(backends, risk)

    def missed(total: int) -> float:
        low, high = total * half // backends, total + 1
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if is_odd_half(middle, total, backends, risk) else (middle, high)
        return 1 - at_least_of(high, total, share)

    return max(_fewest(missed, unseen), connections_for(backends, risk))


def _fewest(missed: Callable[[int], float], unseen: float) -> int:
    """The smallest number of connections that misses an effect with a chance of `unseen` at most."""
    low, high = 1, 2
    while missed(high) > unseen:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if missed(middle) <= unseen else (middle, high)
    return high


def is_odd_half(count: int, total: int, backends: int, risk: float) -> bool:
    """Whether a fair balancer gives no half of its backends so many connections or more but with less than `risk`."""
    half = backends // 2
    ways = math.lgamma(backends + 1) - math.lgamma(half + 1) - math.lgamma(backends - half + 1)
    # By logarithms: from 1030 backends on, the number of halves is greater than any float.
    return _log_at_least_of(count, total, half / backends) + ways < math.log(risk)


def is_odd(count: int, total: int, backends: int, risk: float) -> bool:
    """Whether a share is one that a fair balancer gives any of its backends, on either side, with less than `risk`."""
    return tail(count, total, backends) * 2 * backends < risk


def at_least_of(count: int, total: int, share: float) -> float:
    """The chance of so many hits or more in so many trials (binomial)."""
    if count <= 0 or share >= 1:
        return float(count <= total)
    if share <= 0 or count > total:
        return 0.0
    # From the count away from the middle, each chance is a factor of the one before and smaller: few terms matter.
    if count > total * share:
        return min(1.0, _summed(count, total, share, upwards=True))
    return max(0.0, 1 - _summed(count - 1, total, share, upwards=False))


def _log_at_least_of(count: int, total: int, share: float) -> float:
    """The logarithm of `at_least_of`, of a chance smaller than any float too; -inf for none."""
    if total * share < count <= total and 0 < share < 1:
        return _log_chance(count, total, share) + math.log(_summed(count, total, share, upwards=True, term=1.0))
    chance = at_least_of(count, total, share)
    return math.log(chance) if chance else -math.inf


def _summed(count: int, total: int, share: float, *, upwards: bool, term: float | None = None) -> float:
    """The chance of so many hits or more, or of so many or fewer; with `term`, as if that were the chance of exactly so
    many."""
    odds = share / (1 - share)
    term = _chance(count, total, share) if term is None else term
    whole = term
    while term > whole * NEGLIGIBLE and count != (total if upwards else 0):
        if upwards:
            term *= (total - count) / (count + 1) * odds
            count += 1
        else:
            term *= count / (total - count + 1) / odds
            count -= 1
        whole += term
    return whole


def share_to_notice(total: int, limit: float, risk: float, unseen: float = 0.01) -> float:
    """The smallest share of hits that so many trials call more than `limit`, but with a chance of `unseen`. They do so
    where a share of `limit` gives so many hits with a chance below `risk`. 1.0 where no share is noticed."""
    if not total or at_least_of(total, total, limit) >= risk:
        return 1.0
    low, high = 0, total
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if at_least_of(middle, total, limit) < risk else (middle, high)
    return _root(lambda share: 1 - at_least_of(high, total, share) > unseen)


@functools.cache
def exact_interval(count: int, total: int, risk: float = 1e-3) -> tuple[float, float]:
    """The interval of a share that leaves it out with a chance of `risk` at most (Clopper and Pearson, 1934)."""
    if not total:
        return 0.0, 1.0
    low = _root(lambda share: at_least_of(count, total, share) < risk / 2) if count else 0.0
    high = _root(lambda share: 1 - at_least_of(count + 1, total, share) > risk / 2) if count < total else 1.0
    return low, high


def _root(below: Callable[[float], bool]) -> float:
    """Where a condition that holds for small shares ends to hold."""
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return low


def interval(count: int, total: int, z: float = 4.9) -> tuple[float, float]:
    """Wilson's interval of a share; z = 4.9 leaves out one in a million."""
    if not total:
        return 0.0, 1.0
    share, square = count / total, z * z / total
    middle = (share + square / 2) / (1 + square)
    half = z * math.sqrt(share * (1 - share) / total + square / (4 * total)) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)


def tail(count: int, total: int, backends: int) -> float:
    """The chance that one of several backends gets a share as far out as this one, on its side (binomial)."""
    if backends == 1:
        return 1.0
    return min(1.0, _summed(count, total, 1 / backends, upwards=count * backends > total))


def _chance(count: int, total: int, share: float) -> float:
    """The chance of exactly so many hits."""
    return math.exp(_log_chance(count, total, share))


def _log_chance(count: int, total: int, share: float) -> float:
    """Its logarithm. The number of ways to choose among a thousand connections is greater than any float."""
    ways = math.lgamma(total + 1) - math.lgamma(count + 1) - math.lgamma(total - count + 1)
    return ways + count * math.log(share) + (total - count) * math.log1p(-share)
