"""Finds gaps in a capture: frames that were cut, frames that the system counted and nobody got, and bytes that the
other end acknowledged but nobody captured.

A kernel counts the frames that it passes on and those that it drops; pktmon counts those that it writes. At a place
that loses frames an absent packet proves nothing. Without a count, only the captured packets can show the loss. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from podwire.model.packets import Packet
from podwire.packets.pcap import Frame

CUT_IN_GOOD_ORDER = 1 << 15
"""Bytes. A longer frame is a segment that the NIC divides later; the agent's ring holds 64 kB of it and all headers."""
_MODULO, _HALF = 1 << 32, 1 << 31
_Half = tuple[str, int | None, str, int | None]


def cut_frames(frames: Iterable[Frame]) -> list[Frame]:
    """The frames that are shorter in the capture than on the wire. The missing part may hold the token of a case."""
    return [frame for frame in frames if len(frame.data) < min(frame.wire_length, CUT_IN_GOOD_ORDER)]


def uncaptured(packets: Iterable[Packet]) -> list[str]:
    """The TCP connections, in words, with acknowledged bytes that this capture lacks.

    The capture has packets of the same direction, so their path passes this place. An acknowledged byte was not lost by
    the network.
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
            streams.append(_Stream(tcp.seq))  # A new connection reuses the port.
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
        if any(stream.has_hole() for stream in streams)
    ]


class _Stream:
    """One direction of a connection. Offsets are bytes after the initial sequence number."""

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
        """Whether bytes before the last acknowledged one are missing from a stream that passes here."""
        if not self._parts:
            return False
        return _first_missing(self._parts) < self._acknowledged


def _first_missing(parts: Sequence[tuple[int, int]]) -> int:
    contiguous = 0
    for start, end in sorted(parts):
        if start > contiguous:
            break
        contiguous = max(contiguous, end)
    return contiguous


def words_of_cut(frames: Sequence[Frame]) -> str:
    """Why a capture is not reliable; '' if its frames are complete."""
    cut = cut_frames(frames)
    if not cut:
        return ""
    return f"the capture cut {len(cut)} of {len(frames)} frames, the shortest to {min(map(_captured, cut))} bytes"


def _captured(frame: Frame) -> int:
    return len(frame.data)


def words_of_uncounted(accepted: int | None, frames: int) -> str:
    """Why an absent packet proves nothing in a capture of that many frames; '' if its system counted no more."""
    if accepted is None or accepted <= frames:
        return ""
    return f"the system counted {accepted} frames and {frames} arrived, so the capture lost {accepted - frames}"


def words_of_lost(packets: Iterable[Packet]) -> str:
    """Why an absent packet proves nothing in a capture; '' if the capture shows no loss."""
    holes = uncaptured(packets)
    if not holes:
        return ""
    more = f" and of {len(holes) - 1} more" if len(holes) > 1 else ""
    return f"the capture lacks acknowledged bytes of the connection {holes[0]}{more}, so it lost frames uncounted"
