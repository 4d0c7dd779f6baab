"""The outer headers of tunnel packets, at the nodes that send them."""

from __future__ import annotations

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from podwire.judging.parts import Observed, Part
from podwire.model.cases import Case
from podwire.model.flows import Flow
from podwire.model.observations import Point
from podwire.model.packets import Packet
from podwire.model.patterns import Direction
from podwire.model.verdicts import Finding

SENDERS: tuple[tuple[Direction, Point], ...] = (("request", "client-node"), ("reply", "server-node"))
"""Where packets of a direction are seen as they were sent."""
_CONGESTION = 3


class _AsSent(Part):
    """Tunnel packets at the NIC of the node that sends them: requests at the client's, replies at the server's."""

    rule: ClassVar[str]

    def sentences(self) -> Iterator[str]:
        yield self.rule

    def points(self, case: Case) -> Iterator[Point]:
        yield from (point for _, point in SENDERS)

    def unfit(self, flow: Flow) -> str | None:
        return None if flow.placement == "cross-node" else f"{self.word} is asked of a flow between two nodes"

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        for direction, point in SENDERS:
            capture = observed.observation.captures[point]
            packets = [seen.packet for seen in capture.packets if seen.direction == direction and seen.packet.outer]
            actual, met = self._held(packets) if packets else ("no tunnel packet was seen", False)
            where = f"{point} ({capture.where})"
            yield Finding(expected=f"{direction}: {self.rule}", actual=actual, where=where, met=met)

    def decides(self, bound: Self, observed: Observed) -> Iterator[tuple[Point, Packet, Finding]]:
        for (direction, point), finding in zip(SENDERS, self.findings(bound, observed), strict=True):
            for seen in observed.observation.captures[point].packets:
                if seen.direction == direction and seen.packet.outer:
                    yield point, seen.packet, finding

    def doubtful(self, bound: Self, observed: Observed) -> Iterator[tuple[Finding, str]]:
        for (_, point), finding in zip(SENDERS, self.findings(bound, observed), strict=True):
            capture = observed.observation.captures[point]
            if not finding.met and capture.holey:
                yield finding, capture.holey

    @abstractmethod
    def _held(self, packets: Sequence[Packet]) -> tuple[str, bool]:
        """What there is of these packets, one at least, in words, and whether that is as it should be."""


@dataclass(frozen=True)
class CopiesEcn(_AsSent):
    """The outer header of a tunnel packet has the ECN of the packet inside (RFC 6040 section 4.1).

    A packet with "congestion experienced" is left out: encapsulators before RFC 6040 send it as ECT(0).
    """

    word = "tunnel.copies_ecn"
    rule = "the outer header has the ECN of the packet inside"

    def _held(self, packets: Sequence[Packet]) -> tuple[str, bool]:
        for packet in packets:
            around = packet.outer.ip.ecn if packet.outer else None
            if packet.ip.ecn not in (_CONGESTION, around):
                return f"ECN {packet.ip.ecn} inside and {around} outside", False
        return f"all {len(packets)} packets", True


@dataclass(frozen=True)
class KeepsSourcePort(_AsSent):
    """All packets of a connection, sent one way, have one outer UDP source port (RFC 7348 section 5).

    A connection with a segment that was sent again is left out: Linux gives it another port to try another path.
    """

    word = "tunnel.keeps_source_port"
    rule = "all packets of a connection have one outer source port"

    def _held(self, packets: Sequence[Packet]) -> tuple[str, bool]:
        connections: dict[tuple[str, str, int | None, str, int | None], list[Packet]] = defaultdict(list)
        for packet in packets:
            connections[packet.tuple].append(packet)
        judged = 0
        for tuple_, sent in connections.items():
            if _sent_again(sent):
                continue
            ports = sorted({packet.outer.sport for packet in sent if packet.outer})
            if len(ports) > 1:
                return f"{len(sent)} packets from port {tuple_[2]} have the outer source ports {_few(ports)}", False
            judged += len(sent)
        if not judged:
            return "each connection had segments that were sent again, so none is judged", True
        return f"all {judged} packets", True


def _sent_again(packets: Sequence[Packet]) -> bool:
    """Whether two segments that hold something have one sequence number."""
    numbers = [packet.tcp.seq for packet in packets if packet.payload or set("SF") & set(packet.tcp.flags)]
    return len(set(numbers)) < len(numbers)


def _few(ports: Sequence[int]) -> str:
    return ", ".join(map(str, ports[:3])) + (f" and {len(ports) - 3} more" if len(ports) > 3 else "")
