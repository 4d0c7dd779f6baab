"""The numbers of the paths while a watch runs: what streams report, added up; a day takes no more than an hour."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from podwire.model.streams.numbers import Stream
from podwire.records.watch import MOST_BLIND, MOST_GAPS, BlindTime, GapOfPath, PathCounts, PathRecord

RESETS = ("reset", "closed")
"""The kinds of errors that end a connection from the server's side, or on the way."""
_COUNTS = ("sent", "answered", "lost", "late")


@dataclass(frozen=True, kw_only=True)
class Ends:
    """The two ends of a stream, in words."""

    client: str
    server: str


@dataclass
class _Reported:
    """What a stream had reported when it was last asked."""

    counts: Counter[str] = field(default_factory=Counter)
    waiting: int = 0
    seen: int = 0
    """The moment, in milliseconds since the watch began."""


@dataclass
class PathTally:
    """The sums of one path. Streams report what they have counted since they began, and each of their entries once.

    All moments are milliseconds since the watch began. `threshold` is the length from which a wait is a gap.
    """

    path: str
    threshold: int
    streams: int = 0
    unseen: int = 0
    longest: int = 0
    watched: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    _watched_since: int = 0
    _gaps: list[tuple[int, int, GapOfPath]] = field(default_factory=list)
    _kept: int = 0
    _with_delay: GapOfPath | None = None
    _reported: dict[str, _Reported] = field(default_factory=dict)

    def begin(self, name: str, at: int) -> None:
        """A stream has started."""
        if not self._reported:
            self._watched_since = at
        self.streams += 1
        self._reported[name] = _Reported(seen=at)

    def take(self, name: str, ends: Ends, stream: Stream, at: int, *, last: bool = False) -> list[GapOfPath]:
        """Add what a stream reports at a moment; its lists must be drained. Returns the gaps that are new.

        `last`: the watch ends, so a gap that only this end has closed is open.
        """
        before = self._reported[name]
        counts = stream.counts
        now = Counter({key: getattr(counts, key) for key in _COUNTS})
        now.update(gaps=stream.totals.gaps, left_off=stream.totals.left_off)
        cut = last and before.waiting > 0 and now["answered"] == before.counts["answered"]
        self.counts.update(now - before.counts)
        self._reported[name] = _Reported(now, stream.waiting, at)
        self.longest = max(self.longest, stream.longest)
        for error in stream.errors:
            self.errors[error.kind] += error.times
        began = at - stream.ran  # So the client's clock may run faster or slower than ours.
        gaps = [
            GapOfPath(
                at=began + gap.at,
                length=gap.length,
                client=ends.client,
                server=ends.server,
                messages=gap.sent,
                own_delay=gap.delay,
                open=cut and gap is stream.gaps[-1],
            )
            for gap in stream.gaps
        ]
        for gap in gaps:
            self._keep(gap)
        return gaps

    def has_answers(self, name: str) -> bool:
        """Whether a stream that goes on has had an answer."""
        return name in self._reported and self._reported[name].counts["answered"] > 0

    def last_answer(self, name: str) -> int:
        """A moment not later than the last known answer of a stream that goes on."""
        reported = self._reported[name]
        return reported.seen - reported.waiting

    def end(self, name: str, ends: Ends, at: int, *, seen: bool) -> None:
        """The stream is over; `seen` when its last numbers were. A wait that nobody saw the end of is a gap."""
        reported = self._reported.pop(name)
        if not seen:
            self.unseen += 1
            if reported.waiting >= self.threshold:
                began = reported.seen - reported.waiting
                self.counts["gaps"] += 1
                self._keep(GapOfPath(at=began, length=reported.waiting, client=ends.client, server=ends.server))
        if not self._reported:
            self.watched += at - self._watched_since

    def _keep(self, gap: GapOfPath) -> None:
        # The longest without the clients' own delays: busy clients must not push out what was cut.
        self._kept += 1
        entry = (gap.certain, self._kept, gap)
        if len(self._gaps) < MOST_GAPS:
            heapq.heappush(self._gaps, entry)
        else:
            heapq.heappushpop(self._gaps, entry)
        if self._with_delay is None or gap.length > self._with_delay.length:
            self._with_delay = gap

    def record(
        self, at: int, blind: Sequence[BlindTime] = (), silent: Sequence[str] = (), *, gone: bool = False
    ) -> PathRecord:
        """The path for the record, as it is at this moment."""
        gaps = {id(gap): gap for gap in (*(entry[2] for entry in self._gaps), self._with_delay) if gap is not None}
        longest = sorted(blind, key=lambda time: -time.length)[:MOST_BLIND]
        return PathRecord(
            path=self.path,
            longest=self.longest,
            counts=PathCounts(
                **{key: self.counts[key] for key in _COUNTS},
                resets=sum(self.errors[kind] for kind in RESETS),
                errors=dict(sorted(self.errors.items())),
                streams=self.streams,
                unseen=self.unseen,
                left_off=self.counts["left_off"],
            ),
            watched=self.watched + (at - self._watched_since if self._reported else 0),
            gap_count=self.counts["gaps"],
            gaps=tuple(sorted(gaps.values(), key=lambda gap: (gap.at, gap.client))),
            blind_count=len(blind),
            blind=tuple(sorted(longest, key=lambda time: (time.at, time.client))),
            silent=tuple(sorted(silent)),
            gone=gone,
        )
