"""How connections are shared out among the backends of a Service: a statistic, with its risk. Pure.

A balancer that chooses at random misses one of k backends in n connections with a chance of at most k (1 - 1/k)^n. The
number of connections of a case follows from the chance that is accepted; the verdict shows counts, intervals and risk.
"""

from __future__ import annotations

import math


def connections_for(backends: int, risk: float, *, of: int | None = None) -> int:
    """How many connections it takes to miss one of that many backends with a chance of at most `risk`.

    With `of`, only `backends` of so many endpoints can answer, and the chance is that none of them is chosen at all.
    """
    if of is not None:
        return math.ceil(math.log(risk) / math.log(1 - backends / of)) if backends < of else 1
    if backends < 2:
        return 1
    return math.ceil(math.log(risk / backends) / math.log(1 - 1 / backends))


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
    counts = range(count + 1) if count * backends <= total else range(count, total + 1)
    hit, miss = math.log(1 / backends), math.log(1 - 1 / backends)
    # By logarithms: the number of ways to choose among a thousand connections is greater than any float.
    ways = (math.lgamma(total + 1) - math.lgamma(k + 1) - math.lgamma(total - k + 1) for k in counts)
    return min(1.0, sum(math.exp(way + k * hit + (total - k) * miss) for way, k in zip(ways, counts, strict=True)))
