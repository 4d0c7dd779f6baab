"""What a capture itself shows that it does not hold: frames that were cut, and bytes that were received all the same.

A kernel counts the frames for which it had no room, but not everything that captures does so. An absence proves nothing
at a place that loses frames, so it must be found out by what is there. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from podwire.model.packets import Packet
from podwire.packets.pcap import Frame

CUT_IN_GOOD_ORDER = 1 << 15
"""Bytes. A frame that long is a segment that the NIC has still to divide; the agent's ring holds no more than 64 kB of
one, and all of its headers."""
_MODULO, _HALF = 1 << 32, 1 << 31
_Half = tuple[str, int | None, str, int | None]


def cut_frames(frames: Iterable[Frame]) -> list[Frame]:
    """The frames of which less was captured than was on the wire. What was cut off may be what a case is known by."""
    return [one for one in frames if len(one.data) < min(one.wire_length, CUT_IN_GOOD_ORDER)]


def uncaptured(packets: Iterable[Packet]) -> list[str]:
    """The TCP connections, in words, of which the other end acknowledges bytes that were never captured here.

    Packets of the same direction were captured, so this place is on their way. Nobody acknowledges what the network
    lost.
    """
    halves: dict[_Half, list[_Stream]] = {}
    for packet in packets:
        ip, ports, tcp = packet.ip, packet.ports, packet.tcp
        if ip.protocol != "tcp" or tcp.seq is None or tcp.ack is None or "R" in tcp.flags:
            continue
        there: _Half = (ip.src, ports.sport, ip.dst, ports.dport)
        back: _Half = (ip.dst, ports.dport, ip.src, ports.sport)
        streams = halves.setdefault(there, [])
        if "S" in tcp.flags and (not streams or streams[-1].first != tcp.seq):
            streams.append(_Stream(tcp.seq))  # The port is used again.
        if streams:
            streams[-1].sent(packet)
        if "A" not in tcp.flags:
            continue
        answered = halves.setdefault(back, [])
        first = (tcp.ack - 1) % _MODULO
        if (tcp.flags == "SA" and (not answered or answered[-1].first != first)) or (streams and not answered):
            answered.append(_Stream(first))  # Its SYN was not captured.
        if answered:
            answered[-1].acknowledged(tcp.ack)
    return [
        f"{src} port {sport} to {dst} port {dport}"
        for (src, sport, dst, dport), streams in halves.items()
        if any(one.has_hole() for one in streams)
    ]


class _Stream:
    """One direction of a connection, in bytes after its SYN's number."""

    def __init__(self, first: int) -> None:
        self.first = first
        self._parts: list[tuple[int, int]] = []
        self._acknowledged = 0

    def sent(self, packet: Packet) -> None:
        tcp = packet.tcp
        assert tcp.seq is not None
        start = (tcp.seq - self.first) % _MODULO
        if start < _HALF:
            length = len(packet.payload) + ("S" in tcp.flags) + ("F" in tcp.flags)
            self._parts.append((start, start + length))

    def acknowledged(self, number: int) -> None:
        offset = (number - self.first) % _MODULO
        if offset < _HALF:
            self._acknowledged = max(self._acknowledged, offset)

    def has_hole(self) -> bool:
        """Whether something is missing before the last byte that was acknowledged; of a stream that passes here."""
        if not self._parts:
            return False
        return _first_missing(self._parts) < self._acknowledged


def _first_missing(parts: Sequence[tuple[int, int]]) -> int:
    known = 0
    for start, end in sorted(parts):
        if start > known:
            break
        known = max(known, end)
    return known


def words_of_cut(frames: Sequence[Frame]) -> str:
    """Why a capture cannot be relied on at all; nothing when its frames are whole."""
    cut = cut_frames(frames)
    if not cut:
        return ""
    return f"{len(cut)} of {len(frames)} frames were cut, to {min(len(one.data) for one in cut)} bytes at the least"


def words_of_lost(packets: Iterable[Packet]) -> str:
    """Why an absence proves nothing in a capture; nothing when it shows no loss."""
    holes = uncaptured(packets)
    if not holes:
        return ""
    more = f" and of {len(holes) - 1} more" if len(holes) > 1 else ""
    return f"it lost frames without notice: bytes of the connection {holes[0]}{more} are acknowledged and not captured"
