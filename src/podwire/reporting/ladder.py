"""The packets of a case as a ladder: one rung a packet, with every capture point that saw it. Pure.

A packet is the same at two points when what no NAT on the way changes is the same: the direction, a TCP segment's
sequence number and flags, the payload of anything else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from podwire.model.observations import POINTS, Observation, SeenPacket
from podwire.model.packets import Packet
from podwire.model.patterns import Direction
from podwire.packets.dns import dns_message

RUNGS = 30
"""Rungs that are kept of a case; a spread over backends has thousands, and all of them look like the first."""
_LOOKED_AT = 3
"""Packets of a point that are looked at, for each rung that is kept: those of other points come a little later."""
_PAYLOAD = 32
_FLAGS = {"S": "SYN", "F": "FIN", "R": "RST", "P": "PSH", "A": "ACK", "U": "URG", "E": "ECE", "C": "CWR"}
_ICMP = {
    ("icmp", 8): "echo request",
    ("icmp", 0): "echo reply",
    ("icmp", 3): "unreachable",
    ("icmp", 11): "time exceeded",
    ("icmpv6", 128): "echo request",
    ("icmpv6", 129): "echo reply",
    ("icmpv6", 1): "unreachable",
    ("icmpv6", 2): "packet too big",
}


@dataclass(frozen=True, kw_only=True)
class Sight:
    """A packet at one point. `column` counts the points of its ladder; `ends` and `tunnel` are as they were there."""

    column: int
    at: float
    ends: str
    tunnel: str = ""


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One packet on its way. `direction` says which way; `sights` are in the order of the columns."""

    direction: Direction
    label: str
    sights: tuple[Sight, ...]


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """`points` are (name, where, why it cannot be relied on or ''); `more` is how many packets are not kept."""

    points: tuple[tuple[str, str, str], ...]
    rungs: tuple[Rung, ...]
    more: int = 0

    def to_tree(self) -> dict[str, Any]:
        """For the script that draws it: times are microseconds after the first packet."""
        zero = min((sight.at for rung in self.rungs for sight in rung.sights), default=0.0)
        rungs = [
            [
                rung.direction,
                rung.label,
                [[sight.column, round((sight.at - zero) * 1e6), sight.ends, sight.tunnel] for sight in rung.sights],
            ]
            for rung in self.rungs
        ]
        return {"points": self.points, "rungs": rungs, "more": self.more}


def ladder(observation: Observation, most: int = RUNGS) -> Ladder | None:
    """The ladder of all that the captures saw, by the earliest sight of each packet; None without a packet."""
    captures = [observation.captures[point] for point in POINTS if point in observation.captures]
    sights_by_packet: dict[Hashable, list[tuple[int, SeenPacket]]] = {}
    for column, capture in enumerate(captures):
        before: Counter[Hashable] = Counter()
        for seen in capture.packets[: most * _LOOKED_AT]:
            identity = _identity(seen)
            # The second packet of that kind here is the second one there.
            sights_by_packet.setdefault((before[identity], identity), []).append((column, seen))
            before[identity] += 1
    if not sights_by_packet:
        return None
    unseen = max(len(capture.packets) for capture in captures) - most * _LOOKED_AT
    order = sorted(sights_by_packet.values(), key=lambda sights: min(seen.packet.at for _, seen in sights))
    return Ladder(
        points=tuple(
            (capture.point, capture.where, "" if capture.usable else capture.reason or "not usable")
            for capture in captures
        ),
        rungs=tuple(_rung(sights) for sights in order[:most]),
        more=max(len(order) - most, 0) + max(unseen, 0),
    )


def _identity(seen: SeenPacket) -> Hashable:
    packet = seen.packet
    if packet.ip.protocol == "tcp":
        return (seen.direction, packet.tcp.flags, packet.tcp.seq, packet.tcp.ack)
    return (seen.direction, packet.ip.protocol, packet.icmp.type, packet.icmp.seq, packet.payload[:_PAYLOAD])


def _rung(sights: list[tuple[int, SeenPacket]]) -> Rung:
    first = sights[0][1]
    return Rung(
        direction=first.direction,
        label=_label(first.packet),
        sights=tuple(
            Sight(column=column, at=seen.packet.at, ends=_ends(seen.packet), tunnel=_tunnel(seen.packet))
            for column, seen in sights
        ),
    )


def _label(packet: Packet) -> str:
    if packet.ip.protocol == "tcp":
        flags = " ".join(_FLAGS.get(flag, flag) for flag in packet.tcp.flags)
        return f"{flags}, {len(packet.payload)} B" if packet.payload else flags or "TCP"
    if packet.ip.protocol in ("icmp", "icmpv6"):
        if packet.icmp.mtu is not None:
            return f"path MTU {packet.icmp.mtu}, told by {packet.ip.src}"
        kind = _ICMP.get((packet.ip.protocol, packet.icmp.type or 0), f"type {packet.icmp.type}")
        return f"{'ICMPv6' if packet.ip.protocol == 'icmpv6' else 'ICMP'} {kind}"
    message = dns_message(packet) if 53 in (packet.ports.sport, packet.ports.dport) else None
    if message:
        questions = ", ".join(f"{name} {kind}" for name, kind in message.questions)
        return f"DNS {message.rcode} {questions}" if message.response else f"DNS asks {questions}"
    return f"{packet.ip.protocol.upper()}, {len(packet.payload)} B"


def _ends(packet: Packet) -> str:
    return f"{_end(packet.ip.src, packet.ports.sport)} → {_end(packet.ip.dst, packet.ports.dport)}"


def _end(address: str, port: int | None) -> str:
    if port is None:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _tunnel(packet: Packet) -> str:
    outer = packet.outer
    return f"{outer.kind} vni {outer.vni}: {outer.ip.src} → {outer.ip.dst}" if outer else ""
