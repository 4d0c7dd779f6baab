"""The arithmetic of a rolling update (kubernetes.io: "Deployments", rolling update deployment). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Size:
    """How many pods a ReplicaSet is to have, and how many of its pods are available."""

    replicas: int
    available: int = 0


def next_sizes(
    desired: int, *, surge: int, unavailable: int, new: Size, old: Sequence[Size]
) -> tuple[int, tuple[int, ...]]:
    """The next step: the replicas of the new set, and those of the old ones, oldest first.

    At most `desired + surge` pods there are, at least `desired - unavailable` of them available. A step grows the new
    set or shrinks old ones, never both: what is shrunk depends on what has become available.
    """
    sizes = tuple(size.replicas for size in old)
    total = new.replicas + sum(sizes)
    grown = min(desired, new.replicas + max(0, desired + surge - total))
    if grown != new.replicas:
        return grown, sizes
    needed = desired - unavailable
    spare = total - needed - (new.replicas - new.available)
    left = []
    for size in old:
        unhealthy = max(0, min(spare, size.replicas - size.available))
        spare -= unhealthy
        left.append(size.replicas - unhealthy)
    extra = new.available + sum(size.available for size in old) - needed
    for index, replicas in enumerate(left):
        taken = max(0, min(replicas, extra, spare))
        extra, spare = extra - taken, spare - taken
        left[index] = replicas - taken
    return grown, tuple(left)
