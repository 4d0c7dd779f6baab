"""The numbers of the paths while a watch runs: what streams report, added up; a day takes no more than an hour."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field

from podwire.model.streams.numbers import Stream
from podwire.records.watch import MOST_GAPS, GapOfPath, PathRecord

RESETS = ("reset", "closed")
"""The kinds of errors that end a connection from the server's side, or on the way."""


@dataclass(frozen=True, kw_only=True)
class Ends:
    """The two ends of a stream, in words, and the moment at which it began: milliseconds since the watch did."""

    client: str
    server: str
    began: int


@dataclass
class PathTally:
    """The sums of one path. Streams report what they have counted since they began, and each of their entries once."""

    path: str
    streams: int = 0
    unseen: int = 0
    longest: int = 0
    gap_count: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    _gaps: list[tuple[int, int, GapOfPath]] = field(default_factory=list)
    _seen: dict[str, Counter[str]] = field(default_factory=dict)

    def take(self, name: str, ends: Ends, stream: Stream) -> list[GapOfPath]:
        """Add what a stream reports; its lists must be drained. Returns the gaps that are new."""
        if name not in self._seen:
            self.streams += 1
        before = self._seen.get(name, Counter())
        counts = stream.counts
        now = Counter({key: getattr(counts, key) for key in ("sent", "answered", "lost", "late")})
        self.counts.update(now - before)
        self._seen[name] = now
        self.longest = max(self.longest, stream.longest)
        for error in stream.errors:
            self.errors[error.kind] += error.times
        gaps = [
            GapOfPath(
                at=ends.began + gap.at,
                length=gap.length,
                client=ends.client,
                server=ends.server,
                messages=gap.sent,
                own_delay=gap.delay,
            )
            for gap in stream.gaps
        ]
        for gap in gaps:
            self._keep(gap)
        return gaps

    def has_answers(self, name: str) -> bool:
        """Whether a stream that goes on has had an answer."""
        return self._seen.get(name, Counter())["answered"] > 0

    def end(self, name: str, *, seen: bool) -> None:
        """The stream is over; `seen` when its last numbers were."""
        self.unseen += not seen
        self._seen.pop(name, None)

    def _keep(self, gap: GapOfPath) -> None:
        self.gap_count += 1
        entry = (gap.length, self.gap_count, gap)
        if len(self._gaps) < MOST_GAPS:
            heapq.heappush(self._gaps, entry)
        else:
            heapq.heappushpop(self._gaps, entry)

    def record(self) -> PathRecord:
        """The path for the record."""
        return PathRecord(
            path=self.path,
            longest=self.longest,
            sent=self.counts["sent"],
            answered=self.counts["answered"],
            lost=self.counts["lost"],
            late=self.counts["late"],
            resets=sum(self.errors[kind] for kind in RESETS),
            streams=self.streams,
            errors=dict(sorted(self.errors.items())),
            unseen=self.unseen,
            gap_count=self.gap_count,
            gaps=tuple(sorted((entry[2] for entry in self._gaps), key=lambda gap: (gap.at, gap.client))),
        )
