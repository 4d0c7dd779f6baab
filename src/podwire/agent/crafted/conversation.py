"""TCP that the agent speaks itself: packets of the runner, some of which answer a segment that comes."""

from __future__ import annotations

import socket
import struct

from podwire.agent.checksum import checksum
from podwire.agent.crafted.held_port import ACK, FIN, SYN, Segment

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from podwire.agent.parameters import Parameters

ICMP_HEADER = 8


class Step:
    """A packet and when it is sent: at once, or when a segment comes (`when`: `SYN-ACK`, `data`, `shorter data`).

    The last `quote` bytes of the packet are the place for the beginning of the packet that it answers.
    """

    def __init__(self, packet: bytes, entry: Parameters) -> None:
        self.packet, self.when, self.quote = packet, str(entry.get("when") or ""), int(entry.get("quote") or 0)
        if self.when not in WHEN:
            raise ValueError(f"parameter 'packets': when {self.when!r} is not {', '.join(filter(None, WHEN))}")

    def answers(self, segment: Segment, before: Segment | None) -> bool:
        """Whether it is sent for this segment; `before` is the one that the step before it answered."""
        if self.when == "SYN-ACK":
            return bool(segment.flags & SYN and segment.flags & ACK)
        if self.when == "data":
            return bool(segment.data)
        shorter = before is not None and len(segment.data) < len(before.data)
        return self.when == "shorter data" and bool(segment.data) and shorter

    def packet_for(self, segment: Segment, target: str) -> bytes:
        """The packet, with what only the segment tells: its number to be acknowledged, or its beginning."""
        if self.quote:
            return _quoting(self.packet, _whole(segment, self.packet, target)[: self.quote].ljust(self.quote, b"\0"))
        return _acknowledging(self.packet, segment)


WHEN = ("", "SYN-ACK", "data", "shorter data")


def is_v6(packet: bytes) -> bool:
    return packet[0] >> 4 == 6


def destination(packet: bytes) -> str:
    """The destination address of an IP packet."""
    if is_v6(packet):
        return socket.inet_ntop(socket.AF_INET6, packet[24:40])
    return socket.inet_ntop(socket.AF_INET, packet[16:20])


def _acknowledging(packet: bytes, segment: Segment) -> bytes:
    """A TCP packet with the number of the octet after the segment's last, where it acknowledges at all."""
    start = _start(packet)
    if packet[start + 13] & ACK:
        number = segment.seq + len(segment.data) + bool(segment.flags & SYN) + bool(segment.flags & FIN)
        packet = packet[: start + 8] + struct.pack("!I", number & 0xFFFFFFFF) + packet[start + 12 :]
    return _summed(packet, start + 16, socket.IPPROTO_TCP)


def _quoting(packet: bytes, beginning: bytes) -> bytes:
    """An ICMP packet whose end is the beginning of another packet."""
    packet = packet[: -len(beginning)] + beginning
    protocol = socket.IPPROTO_ICMPV6 if is_v6(packet) else socket.IPPROTO_ICMP
    return _summed(packet, _start(packet) + 2, protocol)


def _start(packet: bytes) -> int:
    return 40 if is_v6(packet) else (packet[0] & 15) * 4


def _summed(packet: bytes, at: int, protocol: int) -> bytes:
    """A packet with the right checksum `at` that place. ICMP over IPv4 has no pseudo-header (RFC 792)."""
    start = _start(packet)
    body = packet[start:at] + b"\0\0" + packet[at + 2 :]
    addresses = packet[8:40] if is_v6(packet) else packet[12:20]
    pseudo = b"" if protocol == socket.IPPROTO_ICMP else addresses + struct.pack("!II", len(body), protocol)
    return packet[:at] + struct.pack("!H", checksum(pseudo + body)) + packet[at + 2 :]


def _whole(segment: Segment, answer: bytes, target: str) -> bytes:
    """The packet of a segment from its IP header on. A raw socket of IPv6 leaves that header out; its flow label and
    hop limit are then unknown and no part of what anybody looks a connection up by."""
    if not is_v6(answer):
        return segment.packet
    head = struct.pack("!IHBB", 0x60000000, len(segment.packet), socket.IPPROTO_TCP, 64)
    return head + socket.inet_pton(socket.AF_INET6, target) + answer[8:24] + segment.packet
