"""Packets at capture points."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from podwire.judging.holes import not_captured
from podwire.judging.parts import Observed, Part
from podwire.model.binding import Bindings, bind
from podwire.model.cases import Case, pod_point, wire_points
from podwire.model.flows import Flow
from podwire.model.observations import Capture, Point
from podwire.model.packets import Packet
from podwire.model.patterns import Pattern, mismatch
from podwire.model.verdicts import Finding

CLIENT_PORT = "client.port"


class _NoPort:
    """The client's port where no socket was ever opened: the name did not resolve, perhaps."""


_NO_PORT = _NoPort()


@dataclass(frozen=True, init=False)
class _Packets(Part):
    """Packets at one place, held against patterns."""

    place: ClassVar[str]
    patterns: tuple[Any, ...]

    def __init__(self, *patterns: Pattern) -> None:
        if not patterns:
            raise ValueError(f"{self.word}() asks for no packet; write {self.word}(request(...)) or the like")
        object.__setattr__(self, "patterns", patterns)

    @abstractmethod
    def points(self, case: Case) -> Iterator[Point]: ...

    def sentences(self) -> Iterator[str]:
        yield from (f"at the {self.place}: {pattern}" for pattern in self.patterns)

    def bound(self, bindings: Bindings) -> Self:
        values: dict[str, Any] = {CLIENT_PORT: _NO_PORT, **bindings}
        twin: Self = bind(self, values)
        return twin

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        for point in self.points(observed.case):
            for pattern, values in zip(self.patterns, bound.patterns, strict=True):
                yield _held(pattern, values, observed.observation.captures[point])

    def decides(self, bound: Self, observed: Observed) -> Iterator[tuple[Point, Packet, Finding]]:
        for point in self.points(observed.case):
            capture = observed.observation.captures[point]
            for pattern, values in zip(self.patterns, bound.patterns, strict=True):
                finding = _held(pattern, values, capture)
                # Of a broken `every` the packets that differ, of all others those that are as wanted.
                differing = not finding.met and pattern.quantity in ("every", "distinct")
                for seen in capture.packets:
                    if pattern.concerns(seen.direction):
                        differs = mismatch(seen.packet, values.conditions) is not None
                        if differs is differing:
                            yield point, seen.packet, finding

    def doubtful(self, bound: Self, observed: Observed) -> Iterator[tuple[Finding, str]]:
        for point in self.points(observed.case):
            capture = observed.observation.captures[point]
            for pattern, values in zip(self.patterns, bound.patterns, strict=True):
                finding = _held(pattern, values, capture)
                why = None if finding.met else not_captured(values, capture, observed)
                if why:
                    yield finding, why

    def tells_nothing(self, bound: Self, observed: Observed) -> str | None:
        for point in self.points(observed.case):
            capture = observed.observation.captures[point]
            if capture.holey and any(pattern.quantity == "none" for pattern in self.patterns):
                return capture.holey
        return None


class AtClient(_Packets):
    """Packets at the client's own port; of a host, at its NIC."""

    word, place = "at_client", "client"

    def points(self, case: Case) -> Iterator[Point]:
        yield pod_point(case.flow.client)


class AtClientNode(_Packets):
    """Packets at the NIC of the client's node."""

    word, place = "at_client_node", "client's node"

    def points(self, case: Case) -> Iterator[Point]:
        yield "client-node"


class AtEntryNode(_Packets):
    """Packets at the NIC of the node that the flow enters the cluster by."""

    word, place = "at_entry_node", "entered node"

    def points(self, case: Case) -> Iterator[Point]:
        yield "entry-node"

    def unfit(self, flow: Flow) -> str | None:
        return None if flow.way.enters else "at_entry_node asks for the node that a flow is sent to: enters is missing"


class OnWire(_Packets):
    """Packets at the NICs of all nodes that the flow passes."""

    word, place = "on_wire", "wire"

    def points(self, case: Case) -> Iterator[Point]:
        yield from wire_points(case)


class AtServerNode(_Packets):
    """Packets at the NIC of the server's node."""

    word, place = "at_server_node", "server's node"

    def points(self, case: Case) -> Iterator[Point]:
        yield "server-node"


class AtServer(_Packets):
    """Packets at the server's own port; of a host, at its NIC."""

    word, place = "at_server", "server"

    def points(self, case: Case) -> Iterator[Point]:
        yield pod_point(case.flow.server)


class GivenAtServerNode(_Packets):
    """Without these packets at the NIC of the server's node the case tells nothing: inconclusive, no failure."""

    word, place = "given_at_server_node", "server's node"
    judges = False

    def points(self, case: Case) -> Iterator[Point]:
        yield "server-node"

    def sentences(self) -> Iterator[str]:
        yield from (f"given that at the server's node there is: {pattern}" for pattern in self.patterns)

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        return iter(())

    def tells_nothing(self, bound: Self, observed: Observed) -> str | None:
        capture = observed.observation.captures["server-node"]
        for pattern, values in zip(self.patterns, bound.patterns, strict=True):
            if not _held(pattern, values, capture).met:
                absence = f"the server's node did not receive the packets that this case is about ({pattern})"
                return f"{absence}: the network between the nodes does not carry them"
        return None


def _held(pattern: Pattern, values: Pattern, capture: Capture) -> Finding:
    """One pattern, in words and in values, against the packets of one capture."""
    where = f"{capture.point} ({capture.where})"
    if any(value is _NO_PORT for _, value in values.conditions):
        return Finding(expected=str(pattern), actual="the client sent nothing", where=where, met=False)
    expected = str(pattern) + _values(pattern, values)
    actual, met = _counted(values, [seen.packet for seen in capture.packets if pattern.concerns(seen.direction)])
    return Finding(expected=expected, actual=actual, where=where, met=met)


def _counted(wanted: Pattern, packets: Sequence[Packet]) -> tuple[str, bool]:
    """What there is of the packets that are wanted, in words, and whether that is as it should be."""
    misses = [mismatch(packet, wanted.conditions) for packet in packets]
    hits = misses.count(None)
    if wanted.quantity == "none":
        return (f"{hits} such {'packet' if hits == 1 else 'packets'} seen" if hits else "none seen"), hits == 0
    if not packets:
        return "no such packet was seen", False
    wrong = next((miss for miss in misses if miss is not None), None)
    if wanted.quantity == "some":
        return (f"{hits} of {len(packets)} packets" if hits else f"none of {len(packets)} packets: {wrong}"), hits > 0
    if wrong is not None:
        return f"a packet has {wrong}", False
    if wanted.quantity == "distinct":
        clashes, tuples = _shared_tuples(packets)
        return (f"{clashes} shared tuples" if clashes else f"{tuples} tuples"), not clashes
    return f"all {len(packets)} packets", True


def _shared_tuples(requests: Sequence[Packet]) -> tuple[int, int]:
    """How often a connection began on a tuple that another one still used, and how many tuples there were.

    A tuple whose connection has ended may be used again; that is a new connection, not a shared port.
    """
    open_with: dict[tuple[object, ...], int | None] = {}
    clashes = 0
    for packet in requests:
        if packet.tcp.flags == "S":
            known = open_with.get(packet.tuple)
            clashes += known is not None and known != packet.tcp.seq
            open_with[packet.tuple] = packet.tcp.seq
        elif "F" in packet.tcp.flags or "R" in packet.tcp.flags:
            open_with[packet.tuple] = None
    return clashes, len(open_with)


def _values(pattern: Pattern, values: Pattern) -> str:
    """The values behind the symbols of a pattern, for a person."""
    texts = [
        f"{field} {value}"
        for (field, symbol), (_, value) in zip(pattern.conditions, values.conditions, strict=True)
        if str(value) != str(symbol)
    ]
    return f" ({', '.join(texts)})" if texts else ""
