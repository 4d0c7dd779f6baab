"""A path between two ends, and what became of the first tries on it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple


class Path(NamedTuple):
    """What flows of one path share. `entry` is the way (`pod-ip`, `cluster-ip`, ...), with the OS of an entry node."""

    client: str
    server: str
    placement: str
    protocol: str
    family: str
    entry: str

    def __str__(self) -> str:
        where = "" if self.placement in ("anywhere", "outside") else f", {self.placement}"
        if not self.protocol:
            return f"{self.client} to {self.server}{where}, all flows"
        family = self.family or "all families"
        return f"{self.client} to {self.server}{where}, {self.protocol} over {family} by {self.entry}"


@dataclass(kw_only=True)
class Tries:
    """What became of the answered exchanges of a path: how many there were, how many were lost at first, how many only
    late, of how many nothing can be said; and the places where something vanished, with how often."""

    exchanges: int = 0
    lost: int = 0
    late: int = 0
    unknown: int = 0
    vanished: Counter[str] = field(default_factory=Counter)

    def add(self, more: Tries) -> None:
        self.exchanges += more.exchanges
        self.lost += more.lost
        self.late += more.late
        self.unknown += more.unknown
        self.vanished += more.vanished

    @property
    def places(self) -> tuple[str, ...]:
        """Where something vanished, in words, the most frequent first."""
        return tuple(f"{place}: {count}" for place, count in self.vanished.most_common())
