"""How long a packet may be on a path, and where longer ones end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import Self

from podwire.judging.parts import Observed, Part, Wanted
from podwire.model.cases import Case, pod_point, wire_points
from podwire.model.flows import Flow
from podwire.model.observations import POINTS, Capture, Point
from podwire.model.packets import Packet
from podwire.model.verdicts import Finding

LENGTH = re.compile(rb"pw[0-9a-f]{16} ([0-9]{1,9})\n")
"""The beginning of a question: its token and its length in bytes (`podwire.agent.messages`)."""

ETHERNET = 14


@dataclass(frozen=True)
class Carries(Part):
    """A datagram with so many bytes of data and Don't Fragment arrives in one packet.

    If not, the finding says which length does, and between which points longer packets end.
    """

    word = "carries"
    size: Wanted

    def sentences(self) -> Iterator[str]:
        yield f"a datagram of {self.size} bytes arrives in one packet"

    def unfit(self, flow: Flow) -> str | None:
        return None if flow.load.size == "carried" else "carries reads a flow with size='carried'"

    def points(self, case: Case) -> Iterator[Point]:
        passed = {pod_point(case.flow.client), *wire_points(case), pod_point(case.flow.server)}
        yield from (point for point in POINTS if point in passed)

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        captures = [observed.observation.captures[point] for point in self.points(observed.case)]
        sizes = {_place(capture): set(_questions(capture)) for capture in captures}
        first, last = captures[0], captures[-1]
        expected = f"{bound.size} bytes of data arrive in one packet with Don't Fragment"
        longest = max(sizes[_place(last)], default=0)
        met = longest >= bound.size
        actual = f"{longest} bytes arrived" if met else _where_they_end(bound.size, longest, sizes)
        yield Finding(expected=expected, actual=actual, where=_place(last), met=met)
        divisible = [packet for packet in _questions(first).values() if packet.ip.df is False]
        if observed.case.flow.family == "ipv4" and divisible:
            actual = "a packet without it left the client: routers may divide it, so its length proves nothing"
            yield Finding(expected="Don't Fragment in each packet", actual=actual, where=_place(first), met=False)

    def doubtful(self, bound: Self, observed: Observed) -> Iterator[tuple[Finding, str]]:
        captures = [observed.observation.captures[point] for point in self.points(observed.case)]
        why = next((capture.holey for capture in captures if capture.holey), "")
        if why:
            yield from ((finding, why) for finding in self.findings(bound, observed))

    def decides(self, bound: Self, observed: Observed) -> Iterator[tuple[Point, Packet, Finding]]:
        finding, *_ = self.findings(bound, observed)
        for point in self.points(observed.case):
            questions = _questions(observed.observation.captures[point])
            if questions and (finding.met or point == pod_point(observed.case.flow.client)):
                yield point, questions[max(questions)], finding


@dataclass(frozen=True)
class Shrinks(Part):
    """Once the client told it of this MTU, the server sends no longer packet; before, it sent one."""

    word = "shrinks"
    to: int

    def sentences(self) -> Iterator[str]:
        yield f"packets of the server have {self.to} bytes at most once it is told of that MTU"

    def points(self, case: Case) -> Iterator[Point]:
        yield pod_point(case.flow.server)  # Only there it is certain what the server sent before it was told.

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        capture = self._capture(observed)
        before, after = _data_around_the_error(capture)
        expected = f"data in packets of more than {self.to} bytes before the error, and of {self.to} at most after it"
        actual = f"{before} bytes before it; after it {max(after) if after else 'no data came'}"
        met = before > self.to and bool(after) and max(after) <= self.to
        yield Finding(expected=expected, actual=actual, where=_place(capture), met=met)

    def doubtful(self, bound: Self, observed: Observed) -> Iterator[tuple[Finding, str]]:
        capture = self._capture(observed)
        _, after = _data_around_the_error(capture)
        if after and max(after) > self.to:
            why = (
                f"at the {_place(capture)} a packet after the error has {max(after)} bytes; a system that lets its "
                "card divide segments (TSO) shows several packets as one there, so nothing can be concluded"
            )
            yield from ((finding, why) for finding in self.findings(bound, observed))

    def _capture(self, observed: Observed) -> Capture:
        (point,) = self.points(observed.case)
        return observed.observation.captures[point]


def _data_around_the_error(capture: Capture) -> tuple[int, list[int]]:
    """The longest IP packet with data that the server sent before the first ICMP error came, and all after it."""
    told = min((seen.packet.at for seen in capture.packets if seen.direction == "error"), default=inf)
    replies = [seen.packet for seen in capture.packets if seen.direction == "reply" and seen.packet.payload]
    before = max((_ip_length(packet) for packet in replies if packet.at < told), default=0)
    return before, [_ip_length(packet) for packet in replies if packet.at > told]


def _ip_length(packet: Packet) -> int:
    """The bytes of the IP packet of a frame without a tunnel."""
    return packet.length - ETHERNET


def _where_they_end(size: int, longest: int, sizes: Mapping[str, set[int]]) -> str:
    """Between which two points the shortest packet that is longer than any that arrived was lost."""
    arrived = f"the longest that arrived has {longest}" if longest else "none arrived"
    for place, following in pairwise(sizes):
        lost = {length for length in sizes[place] - sizes[following] if length > longest}
        if lost:
            return f"{arrived}: one of {min(lost)} bytes was seen at the {place}, and never at the {following}"
    return f"{arrived}: the client's system sent none of {size} bytes"


def _questions(capture: Capture) -> Mapping[int, Packet]:
    """The whole questions at a point, by their length."""
    return {
        int(head.group(1)): seen.packet
        for seen in capture.packets
        if seen.direction == "request" and seen.packet.ip.fragment is None
        if (head := LENGTH.match(seen.packet.payload))
    }


def _place(capture: Capture) -> str:
    return f"{capture.point} ({capture.where})"
