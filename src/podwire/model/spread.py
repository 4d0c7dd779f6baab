"""How connections are shared out among the backends of a Service: a statistic, with its risk. Pure.

A balancer that chooses at random misses one of k backends in n connections with a chance of at most k (1 - 1/k)^n. The
number of connections of a case follows from the chance that is accepted; the verdict shows counts, intervals and risk.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from podwire.model.verdicts import Finding


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How the answers of several connections must be shared out.

    `one`: a single backend answers all of them. `all`: each backend answers at least one. `even`: as `all`, and no
    backend's share is so far from its fair one that a fair balancer would get there with a chance below `risk`.
    `some`: at least one connection is answered; the others may lead to backends that no probe stands behind.
    `lone`: one backend answers, and what leads to the others is not answered.
    """

    kind: Literal["one", "all", "even", "some", "lone"]
    risk: float = 1e-6

    @property
    def in_part(self) -> bool:
        """Whether connections without an answer are part of it."""
        return self.kind in ("some", "lone")

    def __str__(self) -> str:
        return {
            "one": "all connections are answered by one backend",
            "all": "every backend answers at least one connection",
            "even": "the connections are shared out evenly among the backends",
            "some": "at least one connection is answered",
            "lone": "one backend answers, and connections to the others are not answered",
        }[self.kind]


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


def finding(spread: Spread, answered: Mapping[str, int], backends: Sequence[str], total: int) -> Finding:
    """What came of it. `answered` counts the answers by identity, `backends` are the identities that there are."""
    told = ", ".join(
        f"{name} {count} ({low:.0%}..{high:.0%})"
        for name, count in sorted(answered.items())
        for low, high in [interval(count, total)]
    )
    met, expected = _met(spread, answered, backends, total), f"{spread}: {total} connections"
    if spread.kind in ("all", "even") and backends:
        missed = len(backends) * (1 - 1 / len(backends)) ** total
        expected += f" to {len(backends)} backends, chance to miss one {missed:.0e}"
    if spread.kind == "one" and len(backends) > 1 and total:
        by_chance = len(backends) ** (1 - total)
        expected += f" to {len(backends)} backends, chance of that without affinity {by_chance:.0e}"
    return Finding(expected=expected, actual=told or "no answer", where="client", met=met)


def _met(spread: Spread, answered: Mapping[str, int], backends: Sequence[str], total: int) -> bool:
    if spread.kind == "some":
        return bool(set(answered) & set(backends))
    if not set(answered) <= set(backends) or not answered:
        return False
    if spread.kind in ("one", "lone"):
        return len(answered) == 1 and (spread.kind == "one" or sum(answered.values()) < total)
    if set(answered) != set(backends):
        return False
    if spread.kind == "all" or len(backends) < 2:
        return True
    shares = [tail(answered[name], total, len(backends)) for name in backends]
    return min(shares) * 2 * len(backends) >= spread.risk


def one_backend() -> Spread:
    """All connections are answered by one and the same backend."""
    return Spread(kind="one")


def every_backend() -> Spread:
    """Every backend answers at least one connection."""
    return Spread(kind="all")


def evenly() -> Spread:
    """Every backend has its fair share, as far as chance lets one tell."""
    return Spread(kind="even")


def lone_backend() -> Spread:
    """One backend answers, and connections that lead to the others are not answered."""
    return Spread(kind="lone")


def some_backend() -> Spread:
    """At least one connection is answered by a backend."""
    return Spread(kind="some")
