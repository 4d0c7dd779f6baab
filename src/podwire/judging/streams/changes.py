"""What becomes of streams when the endpoints of their Service change: which go on, and where their messages go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

from podwire.judging.parts import Observed
from podwire.judging.streams.base import OfStream, at_second
from podwire.model.cases import Case
from podwire.model.observations import Point, Value
from podwire.model.streams.seen import StreamSeen
from podwire.model.symbols import STAYING
from podwire.model.verdicts import Finding
from podwire.packets.stream_passages import numbers_at


@dataclass(frozen=True)
class LivesOn(OfStream):
    """Of several streams, those to an endpoint that stays, or to a pod of this kind, go on over their connections.

    Endpoints stay that the Service had before the change and has after it.
    """

    word = "stream.lives_on"
    kinds = ("steady",)
    behind: str = ""

    def sentences(self) -> Iterator[str]:
        yield f"the streams that {self._whose} answers go on over their connections"

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        streams = self._theirs(observed)
        cut = [stream.numbers for stream in streams if stream.numbers.errors or stream.numbers.totals.reconnects]
        dead = [stream.numbers for stream in streams if stream.numbers.counts.lost > stream.numbers.counts.late]
        errors = [numbers.errors[0] for numbers in cut if numbers.errors]
        others = f" of {len(observed.observation.streams)}"
        yield Finding(
            expected=f"all streams to {self._whose} unbroken, all their messages answered",
            actual=f"{len(streams)}{others} go there; {len(cut)} were cut, {len(dead)} have messages without an answer"
            + "".join(f"; {at_second(error.at)}: {error.kind} at {error.stage}" for error in errors[:3]),
            where="client",
            met=not cut and not dead,
        )

    def tells_nothing(self, bound: Self, observed: Observed) -> str | None:
        return None if self._theirs(observed) else f"none of the streams was answered by {self._whose}"

    @property
    def _whose(self) -> str:
        return f"the pod {self.behind}" if self.behind else "an endpoint that stays"

    def _theirs(self, observed: Observed) -> list[StreamSeen]:
        staying = observed.observation.bindings.get(STAYING, ())
        return [
            stream
            for stream in observed.observation.streams
            if stream.numbers.servers and self._is_theirs(stream.numbers.servers[0].identity, staying)
        ]

    def _is_theirs(self, identity: str, staying: Value) -> bool:
        if self.behind:
            return identity.endswith(f"-{self.behind}")
        return isinstance(staying, tuple) and identity in staying


class _Spans(NamedTuple):
    """The numbers of the messages that were sent before the Service lost its endpoint, while it had none for some time,
    and after it got it back."""

    before: range
    without: range
    after: range


@dataclass(frozen=True)
class WhileServed(OfStream):
    """Datagrams that nobody answers reach their Service's endpoint while there is one, and no pod while there is none.

    Those of the first half of that time do not count: kube-proxy takes tracked flows away after its rules.
    """

    word = "stream.while_served"
    kinds = ("one-way",)
    gone: str = "endpoints-gone"
    back: str = "endpoints-back"

    def sentences(self) -> Iterator[str]:
        yield "messages that nobody answers reach the endpoint before it goes and after it is back, and not in between"

    def points(self, case: Case) -> Iterator[Point]:
        return iter((case.points[0], case.points[-1]) if case.points else ())

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        for stream in observed.observation.streams:
            spans = self._spans(stream)
            if spans is None:
                continue
            arrived = numbers_at(stream, observed.case.points[-1], "request")
            yield _arrive("before its Service lost its endpoint", spans.before, arrived)
            stray = sum(number in arrived for number in spans.without)
            yield Finding(
                expected=f"none of the {len(spans.without)} messages sent while the Service has no endpoint arrives "
                "at the pod that was its endpoint",
                actual=f"{stray} arrive, with the socket that sent before",
                where=observed.case.points[-1],
                met=not stray,
            )
            yield _arrive("after its Service got its endpoint back", spans.after, arrived)

    def tells_nothing(self, bound: Self, observed: Observed) -> str | None:
        for stream in observed.observation.streams:
            spans = self._spans(stream)
            if spans is None:
                return "nobody knows which messages were sent while the Service had no endpoint"
            if not all(spans):
                return "the client sent no message before the Service lost its endpoint, while it had none, or after"
        return None

    def _spans(self, stream: StreamSeen) -> _Spans | None:
        gone = next((mark for mark in stream.marks if mark.change == self.gone), None)
        back = next((mark for mark in stream.marks if mark.change == self.back), None)
        if gone is None or back is None:
            return None
        settled = gone.shown + (back.before - gone.shown + 1) // 2
        return _Spans(
            before=range(1, gone.before + 1),
            without=range(settled + 1, back.before + 1),
            after=range(back.shown + 1, stream.numbers.counts.sent + 1),
        )


def _arrive(when: str, sent: Sequence[int], arrived: set[int]) -> Finding:
    """Most of these messages arrive; a few that are lost count for no case, and the last ones must not all be."""
    count = sum(number in arrived for number in sent)
    alive = any(number in arrived for number in sent[-LAST:])
    return Finding(
        expected=f"most of the {len(sent)} messages sent {when} arrive at the endpoint, the last ones too",
        actual=f"{count} arrive" + ("" if alive else f", none of the last {LAST}"),
        where="server",
        met=2 * count >= len(sent) and alive,
    )


LAST = 4
"""So many messages without one that arrives are the end of a stream."""
