"""What became of a stream: its connection, its gaps, its messages in order, its losses, its bytes."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from podwire.judging.parts import Observed
from podwire.judging.streams.base import OfStream, at_second, in_seconds
from podwire.model.cases import Case
from podwire.model.observations import Point
from podwire.model.spread import at_least_of
from podwire.model.streams.numbers import Counts, Stream
from podwire.model.streams.seen import StreamSeen
from podwire.model.verdicts import Finding
from podwire.packets.stream_losses import Losses, losses_of

BUSY = 0.5
"""The share of a gap from which a delay of a machine itself explains it."""


@dataclass(frozen=True)
class Unbroken(OfStream):
    """The stream goes on over one connection: no reset, no end, no error of its socket."""

    word = "stream.unbroken"

    def sentences(self) -> Iterator[str]:
        yield "the stream goes on over one connection from before the first flow until after the last"

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        for stream in observed.observation.streams:
            numbers = stream.numbers
            errors = [
                f"{at_second(error.at)}: {error.kind} at {error.stage} {error.text}".rstrip()
                for error in numbers.errors
            ]
            more = numbers.totals.errors - len(errors)
            actual = "; ".join(errors[:3]) or f"no error in {in_seconds(numbers.ran)}"
            yield Finding(
                expected="no error of the stream's socket, and no new connection",
                actual=actual + (f"; {more} more errors" if more > 0 and errors else ""),
                where="client",
                met=not numbers.errors and not numbers.totals.reconnects,
            )


@dataclass(frozen=True)
class Answered(OfStream):
    """Every message of the stream is answered; over UDP one that the captures show lost counts for its path instead."""

    word = "stream.answered"

    def sentences(self) -> Iterator[str]:
        yield "every message of the stream is answered, the last one too"

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        for stream in observed.observation.streams:
            counts = stream.numbers.counts
            missing = counts.lost - counts.late
            lost = losses_of(stream, observed.observation.captures, observed.case.flow.protocol).lost
            repaired = observed.case.flow.protocol == "udp" and missing <= len(lost) < counts.sent / 2
            last = stream.numbers.lost[-1].last if stream.numbers.lost else 0
            silent = last == counts.sent and counts.sent - stream.numbers.lost[-1].first >= MOST_MISSING_AT_THE_END
            yield Finding(
                expected=f"answers to all {counts.sent} messages, or of a few lost datagrams the place",
                actual=f"{counts.answered + counts.late} answered{_numbers(stream.numbers)}{_places(lost)}",
                where="client",
                met=not missing or (repaired and not silent),
            )

    def doubtful(self, bound: Self, observed: Observed) -> Iterator[tuple[Finding, str]]:
        """Missing datagrams of which the captures cannot tell whether the network lost them."""
        yield from super().doubtful(bound, observed)
        if observed.case.flow.protocol != "udp":
            return
        for stream, finding in zip(observed.observation.streams, self.findings(bound, observed), strict=True):
            counts = stream.numbers.counts
            unknown = losses_of(stream, observed.observation.captures, "udp").unknown
            if unknown and not finding.met and counts.answered > counts.sent / 2:
                yield finding, f"nobody knows where datagrams were lost: {unknown}"


MOST_MISSING_AT_THE_END = 4
"""A stream is dead when so many messages at its end have no answer."""


@dataclass(frozen=True)
class Gap(OfStream):
    """The client never waits longer for an answer than `at_most` seconds."""

    word = "stream.gap"
    at_most: float = 5.0

    def sentences(self) -> Iterator[str]:
        yield f"the client never waits longer than {self.at_most:g} s for an answer"

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        for stream in observed.observation.streams:
            numbers = stream.numbers
            longest = max(numbers.gaps, key=lambda gap: gap.length, default=None)
            where = f" at {at_second(longest.at)}, {longest.sent} messages sent meanwhile" if longest else ""
            yield Finding(
                expected=f"no wait of more than {self.at_most:g} s for an answer",
                actual=f"the longest was {in_seconds(numbers.longest)}{where}",
                where="client",
                met=numbers.longest <= self.at_most * 1000,
            )

    def doubtful(self, bound: Self, observed: Observed) -> Iterator[tuple[Finding, str]]:
        """A gap in which the client itself was late, or the server was."""
        yield from super().doubtful(bound, observed)
        for stream, finding in zip(observed.observation.streams, self.findings(bound, observed), strict=True):
            why = _busy(stream)
            if why and not finding.met:
                yield finding, why


class OfMany(OfStream):
    """A part about messages that a healthy path hardly shows: of such paths one in 1 / `risk` breaks it."""

    kinds = ("steady", "dense")
    share: float
    risk: float
    what: ClassVar[str]

    def points(self, case: Case) -> Iterator[Point]:
        return iter((case.points[0], case.points[-1]) if case.points else ())

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        for stream in observed.observation.streams:
            losses = losses_of(stream, observed.observation.captures, observed.case.flow.protocol)
            count, total = self.counted(losses, stream.numbers.counts), 2 * losses.messages
            chance = at_least_of(count, total, self.share) if count else 1.0
            yield Finding(
                expected=f"at most {self.share:.1%} of {total} messages and answers arrive {self.what}",
                actual=f"{count} did" + (f"; chance of that {chance:.0e}" if count else ""),
                where="client and server",
                met=chance >= self.risk,
            )

    @abstractmethod
    def counted(self, losses: Losses, counts: Counts) -> int:
        """How many such messages the captures saw, or the client."""


@dataclass(frozen=True)
class Once(OfMany):
    """Hardly any message of the stream arrives twice."""

    word = "stream.once"
    what = "more often than it was sent"
    share: float = 0.002
    risk: float = 1e-6

    def sentences(self) -> Iterator[str]:
        yield "no message of the stream, and no answer, arrives twice"

    def counted(self, losses: Losses, counts: Counts) -> int:
        return max(losses.doubled, counts.duplicates)


@dataclass(frozen=True)
class InOrder(OfMany):
    """Hardly any message of the stream overtakes another."""

    word = "stream.in_order"
    what = "after one that was sent later"
    share: float = 0.01
    risk: float = 1e-6

    def sentences(self) -> Iterator[str]:
        yield "the messages of the stream, and their answers, arrive in the order in which they were sent"

    def counted(self, losses: Losses, counts: Counts) -> int:
        return max(losses.reordered, counts.reordered)


@dataclass(frozen=True)
class Silence(OfStream):
    """The connection still works after its silence: the second message is answered, by the same server."""

    word = "stream.speaks_again"
    kinds = ("silent",)

    def sentences(self) -> Iterator[str]:
        yield "after a silence the connection still works: the next message is answered over it"

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        for stream in observed.observation.streams:
            numbers = stream.numbers
            counts, errors = numbers.counts, numbers.errors
            silence = f"after a silence of {in_seconds(numbers.last)}"
            told = f"{errors[0].kind} at {errors[0].stage}" if errors else "no answer"
            actual = "answered" if counts.answered == 2 else told if counts.answered else f"{told} before the silence"
            yield Finding(
                expected=f"an answer {silence}",
                actual=actual,
                where="client",
                met=counts.sent == counts.answered == 2 and not errors,
            )


@dataclass(frozen=True)
class Transferred(OfStream):
    """All bytes arrive both ways as they were sent, with no stall of more than `stall` seconds."""

    word = "stream.transferred"
    kinds = ("transfer",)
    stall: float = 10.0

    def sentences(self) -> Iterator[str]:
        yield f"all bytes arrive both ways, and the transfer never stands still for more than {self.stall:g} s"

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        for stream in observed.observation.streams:
            facts = stream.numbers.transfer
            if facts is None:
                yield Finding(expected="a transfer", actual="none was made", where="client", met=False)
                continue
            errors = "; ".join(f"{error.text} ({error.stage})" for error in stream.numbers.errors)
            stood = f"the longest standstill was {in_seconds(facts.stall)} after {facts.stalled_at} bytes"
            moved = f"{facts.sent} bytes went, {facts.received} came back in {in_seconds(facts.elapsed)}; {stood}"
            yield Finding(
                expected=f"{facts.asked} bytes each way, no standstill of more than {self.stall:g} s",
                actual=moved + (f"; {errors}" if errors else ""),
                where="client",
                met=facts.whole and facts.stall <= self.stall * 1000,
            )


def _busy(stream: StreamSeen) -> str:
    """Why the longest gap may be that of a busy machine; empty when both machines were in time."""
    longest = max(stream.numbers.gaps, key=lambda gap: gap.length, default=None)
    if longest is None:
        return ""
    if longest.delay >= BUSY * longest.length:
        return f"the client itself was {in_seconds(longest.delay)} late in the gap, so its machine was busy"
    if stream.served >= BUSY * longest.length:
        return f"an answer left the server {in_seconds(stream.served)} after its question came, so its machine was busy"
    return ""


def _numbers(numbers: Stream) -> str:
    """The first numbers of messages without an answer in time."""
    named = [str(lost.first) if lost.first == lost.last else f"{lost.first}-{lost.last}" for lost in numbers.lost]
    if not named:
        return ""
    more = f" and {len(named) - 5} more" if len(named) > 5 else ""
    return f"; without an answer in time: {', '.join(named[:5])}{more}"


def _places(lost: Mapping[int, str]) -> str:
    """Where messages were lost, the most frequent place first."""
    return "".join(f"; {place}: {count}" for place, count in Counter(lost.values()).most_common(3))
