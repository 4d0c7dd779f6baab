"""The numbers of one stream while it runs: counts and intervals, never packets, so a day costs no more than a minute.

All moments are whole milliseconds since the stream began, by a monotonic clock; one wall-clock time anchors them.
A gap is a time in which the client waited for an answer and none came: it begins when a message is sent (or would be)
while no other one is unanswered since the last answer, and ends with the next answer.
"""

from __future__ import annotations

import collections
import time

from podwire.agent.loop import now

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from typing import Any, Iterator

    from podwire.agent.parameters import Parameters

MOST_KEPT = 500
"""Entries of each list at most; what is beyond is counted only."""
MOST_REMEMBERED = 4096
"""Numbers of lost messages whose late answer is still known as one."""


class Tally:
    """What became of the messages of a stream so far. `threshold` are the seconds from which a wait is a gap,
    `timeout` those after which a message without an answer is lost."""

    def __init__(self, threshold: float, timeout: float) -> None:
        self.anchor, self._began = time.time(), now()
        self._threshold, self._timeout = round(threshold * 1000), timeout
        self.counts = dict.fromkeys(
            ("sent", "answered", "lost", "late", "duplicates", "reordered", "wrong", "bytes_sent", "bytes_received"), 0
        )
        self.reconnects, self.gap_count, self.error_count, self.left_off, self.longest = 0, 0, 0, 0, 0
        self.transfer: Parameters | None = None
        self._gaps: list[list[int]] = []
        self._lost: list[list[int]] = []
        self._errors: list[Parameters] = []
        self._servers: list[list[Any]] = []
        self._locals: list[list[Any]] = []
        self._waiting: dict[int, float] = {}
        self._given_up: collections.OrderedDict[int, None] = collections.OrderedDict()
        self._highest, self._last = 0, 0
        self._silent_since: float | None = None
        self._sent_in_silence, self._own_delay = 0, 0.0

    @property
    def unanswered(self) -> int:
        """How many messages may still be answered in time."""
        return len(self._waiting)

    @property
    def waited(self) -> float:
        """Seconds for which the client has waited for an answer; 0 when it waits for none."""
        return now() - self._silent_since if self._silent_since is not None else 0.0

    def moment(self, at: float) -> int:
        """The milliseconds of a time of the loop's clock."""
        return round((at - self._began) * 1000)

    def opened(self, local: Any) -> None:
        """Note the socket's own address and port, where it has new ones."""
        if local and (not self._locals or self._locals[-1][1:] != list(local)):
            self._append(self._locals, [self.moment(now()), *local])

    def due(self) -> None:
        """Note that a message should go out: the wait for its answer begins, whether or not it can be sent."""
        if self._silent_since is None:
            self._silent_since, self._sent_in_silence, self._own_delay = now(), 0, 0.0

    def sent(self, number: int, size: int, delay: float, answered: bool = True) -> None:
        """Count a message of `size` bytes that left `delay` seconds later than planned. `answered`: one is due."""
        self.counts["sent"] += 1
        self._last = self.moment(now())
        self.counts["bytes_sent"] += size
        if answered:
            self.due()
            self._waiting[number] = now()
            self._sent_in_silence += 1
            self._own_delay = max(self._own_delay, delay)

    def late(self, delay: float) -> None:
        """Note that the client itself is so late, in seconds: it should have sent another message before now."""
        if self._silent_since is not None:
            self._own_delay = max(self._own_delay, delay)

    def answered(self, number: int, identity: str, size: int) -> None:
        """Count the answer to a message."""
        counts = self.counts
        counts["bytes_received"] += size
        if number in self._waiting:
            del self._waiting[number]
            counts["answered"] += 1
            counts["reordered"] += number < self._highest
            self._highest = max(self._highest, number)
        elif number in self._given_up:
            del self._given_up[number]
            counts["late"] += 1
        else:
            counts["duplicates"] += 1
        self._end_silence()
        self.served_by(identity)

    def served_by(self, identity: str) -> None:
        """Note who answers, where it is another server than before."""
        if not self._servers or self._servers[-1][1] != identity:
            self._append(self._servers, [self.moment(now()), identity])

    def expire(self) -> None:
        """Count messages as lost whose answer is overdue."""
        oldest = now() - self._timeout
        while self._waiting:
            number, at = next(iter(self._waiting.items()))
            if at > oldest:
                break
            self._lose(number)

    def cut(self) -> None:
        """Count all unanswered messages as lost, because their connection has ended."""
        for number in tuple(self._waiting):
            self._lose(number)

    def failed(self, facts: Parameters) -> None:
        """Note an error: its stage, kind, number and text. Equal errors in a row are one entry."""
        self.error_count += 1
        at = self.moment(now())
        if self._errors and all(self._errors[-1][name] == value for name, value in facts.items()):
            self._errors[-1]["until"] = at
            self._errors[-1]["times"] += 1
        else:
            self._append(self._errors, {"at": at, "until": at, "times": 1, **facts})

    def close(self) -> None:
        """The stream has ended: an open wait that is long enough is a gap too."""
        self.cut()
        self._end_silence()

    def facts(self, ended: bool, drain: bool = False) -> Parameters:
        """The numbers so far. `drain` empties the lists; counts stay."""
        waiting = round(self.waited * 1000)
        result = {
            "started": self.anchor, "ran": self.moment(now()), "ended": ended, "counts": dict(self.counts),
            "last": self._last, "longest": max(self.longest, waiting), "waiting": waiting,
            "totals": {
                "gaps": self.gap_count, "errors": self.error_count, "reconnects": self.reconnects,
                "left_off": self.left_off,
            },
            "gaps": list(self._gaps), "lost": list(self._lost), "errors": [dict(error) for error in self._errors],
            "servers": list(self._servers), "sockets": list(self._locals),
            "transfer": dict(self.transfer) if self.transfer else None,
        }  # fmt: skip
        if drain:
            for entries in self._lists():
                entries.clear()
        return result

    def _lists(self) -> Iterator[list[Any]]:
        yield from (self._gaps, self._lost, self._errors)
        yield from (self._servers, self._locals)

    def _append(self, entries: list[Any], entry: Any) -> None:
        if len(entries) < MOST_KEPT:
            entries.append(entry)
        else:
            self.left_off += 1

    def _lose(self, number: int) -> None:
        del self._waiting[number]
        self.counts["lost"] += 1
        self._given_up[number] = None
        if len(self._given_up) > MOST_REMEMBERED:
            self._given_up.popitem(last=False)
        if self._lost and self._lost[-1][1] == number - 1:
            self._lost[-1][1] = number
        else:
            self._append(self._lost, [number, number])

    def _end_silence(self) -> None:
        if self._silent_since is None:
            return
        length = round(self.waited * 1000)
        self.longest = max(self.longest, length)
        if length >= self._threshold:
            self.gap_count += 1
            at, delay = self.moment(self._silent_since), round(self._own_delay * 1000)
            self._append(self._gaps, [at, length, self._sent_in_silence, delay])
        # Older messages may still be unanswered. The next one that is sent begins the next wait.
        self._silent_since = None
