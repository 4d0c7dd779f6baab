"""Capture files: read libpcap and pcapng, write libpcap with nanoseconds.

Sources: draft-ietf-opsawg-pcap (classic format), draft-ietf-opsawg-pcapng (blocks and options).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from podwire.packets.link_types import ETHERNET, KNOWN, as_ethernet

SNAPLEN = 262144

_MICRO, _NANO = 0xA1B2C3D4, 0xA1B23C4D
_SECTION, _SECTION_BYTES = 0x0A0D0D0A, b"\x0a\x0d\x0d\x0a"
_INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _ENHANCED_PACKET = 1, 2, 3, 6
_BYTE_ORDER_MAGIC = 0x1A2B3C4D
_IF_NAME, _IF_TSRESOL, _IF_TSOFFSET = 2, 9, 14


class Frame(NamedTuple):
    """One captured frame: nanoseconds since the epoch, its interface, its bytes, its length on the wire in bytes."""

    at_ns: int
    interface: str
    data: bytes
    wire_length: int


def read_frames(data: bytes, interface: str = "") -> Iterator[Frame]:
    """The frames of a capture file, in file order, as Ethernet frames (`link_types`). Where interfaces of several link
    types are in it, frames of one that is not known are left out.

    `interface` is the interface of all frames in a libpcap file, which has no names. A pcapng file has its own names;
    an interface without a name has its number. At a damaged place the iterator raises ValueError with one line.
    """
    if len(data) < 4:
        raise ValueError(f"not a capture file: {len(data)} bytes")
    if data[:4] == _SECTION_BYTES:
        return _read_pcapng(data)
    for order in "<", ">":
        (magic,) = struct.unpack_from(order + "I", data)
        if magic in (_MICRO, _NANO):
            return _read_pcap(data, order, 1 if magic == _NANO else 1000, interface)
    raise ValueError(f"not a capture file: it starts with {data[:4].hex()}")


def write_frames(frames: Iterable[Frame]) -> bytes:
    """The frames as a little-endian libpcap file with nanosecond times and Ethernet frames."""
    parts = [struct.pack("<IHHiIII", _NANO, 2, 4, 0, 0, SNAPLEN, ETHERNET)]
    pack = struct.Struct("<IIII").pack
    for at_ns, _, data, wire_length in frames:
        seconds, rest = divmod(at_ns, 1_000_000_000)
        parts += (pack(seconds & 0xFFFFFFFF, rest, len(data), max(wire_length, len(data))), data)
    return b"".join(parts)


def _read_pcap(data: bytes, order: str, unit: int, interface: str) -> Iterator[Frame]:
    if len(data) < 24:
        raise ValueError(f"the libpcap header is cut off: {len(data)} of 24 bytes")
    (link,) = struct.unpack_from(order + "I", data, 20)
    link &= 0xFFFF
    if link not in KNOWN:
        raise ValueError(f"link type {link}{_where(interface)} is not known")
    header, position, end = struct.Struct(order + "IIII"), 24, len(data)
    while position < end:
        if end - position < 16:
            raise ValueError(f"the capture ends inside a packet header, at byte {position}")
        seconds, fraction, captured, length = header.unpack_from(data, position)
        start, position = position + 16, position + 16 + captured
        if position > end:
            raise ValueError(f"the capture ends inside a packet of {captured} bytes, at byte {start}")
        frame = _ethernet(link, seconds * 1_000_000_000 + fraction * unit, interface, data[start:position], length)
        if frame is not None:
            yield frame


@dataclass(slots=True)
class _Interface:
    name: str
    link: int
    snaplen: int
    units_per_second: int = 1_000_000
    offset_ns: int = 0

    def at_ns(self, ticks: int) -> int:
        return ticks * 1_000_000_000 // self.units_per_second + self.offset_ns


def _read_pcapng(data: bytes) -> Iterator[Frame]:
    order, position, end = "<", 0, len(data)
    interfaces: list[_Interface] = []
    readable, foreign = False, ""  # a frame of a known link type, and what is said when there is none
    while position < end:
        if end - position < 12:
            raise ValueError(f"the capture ends inside a block header, at byte {position}")
        if data[position : position + 4] == _SECTION_BYTES:
            order, interfaces = _byte_order(data, position), []
        kind, total = struct.unpack_from(order + "II", data, position)
        if total < 12 or total % 4:
            raise ValueError(f"a block at byte {position} has the impossible length {total}")
        if position + total > end:
            raise ValueError(f"the capture ends inside a block of {total} bytes, at byte {position}")
        if struct.unpack_from(order + "I", data, position + total - 4)[0] != total:
            raise ValueError(f"a block at byte {position} has two different lengths")
        body = data[position + 8 : position + total - 4]
        try:
            if kind == _INTERFACE:
                interfaces.append(_interface(body, order, len(interfaces)))
            elif kind in (_ENHANCED_PACKET, _OLD_PACKET, _SIMPLE_PACKET):
                frame, interface = _frame(kind, body, order, interfaces)
                readable = readable or interface.link in KNOWN
                foreign = foreign or f"link type {interface.link}{_where(interface.name)} is not known"
                yield from () if frame is None else (frame,)
        except struct.error:
            raise ValueError(f"a block of type {kind} at byte {position} is too short: {total} bytes") from None
        except ValueError as error:
            raise ValueError(f"{error}, at byte {position}") from None
        position += total
    if foreign and not readable:
        raise ValueError(f"{foreign}, and no frame is of another one")


def _byte_order(data: bytes, position: int) -> str:
    for order in "<", ">":
        if struct.unpack_from(order + "I", data, position + 8)[0] == _BYTE_ORDER_MAGIC:
            return order
    raise ValueError(f"a section at byte {position} has no valid byte-order mark")


def _interface(body: bytes, order: str, number: int) -> _Interface:
    link, _, snaplen = struct.unpack_from(order + "HHI", body)
    interface = _Interface(str(number), link, snaplen)
    for code, value in _options(body[8:], order):
        if code == _IF_NAME:
            interface.name = value.rstrip(b"\0").decode("utf-8", "replace")
        elif code == _IF_TSRESOL and value:
            # The high bit chooses between a power of two and a power of ten.
            interface.units_per_second = 2 ** (value[0] & 0x7F) if value[0] & 0x80 else 10 ** value[0]
        elif code == _IF_TSOFFSET and len(value) == 8:
            interface.offset_ns = struct.unpack(order + "q", value)[0] * 1_000_000_000
    return interface


def _options(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position + 4 <= len(data):
        code, length = struct.unpack_from(order + "HH", data, position)
        if code == 0:
            return
        if position + 4 + length > len(data):
            raise ValueError(f"option {code} is longer than its block")
        yield code, data[position + 4 : position + 4 + length]
        position += 4 + length + -length % 4


def _frame(kind: int, body: bytes, order: str, interfaces: list[_Interface]) -> tuple[Frame | None, _Interface]:
    if kind == _ENHANCED_PACKET:
        number, high, low, captured, length = struct.unpack_from(order + "IIIII", body)
        start = 20
    elif kind == _OLD_PACKET:
        number, _, high, low, captured, length = struct.unpack_from(order + "HHIIII", body)
        start = 20
    else:
        (length,) = struct.unpack_from(order + "I", body)
        number, high, low, start = 0, 0, 0, 4
        snaplen = interfaces[0].snaplen if interfaces else 0
        captured = min(length, snaplen) if snaplen else length
    if number >= len(interfaces):
        raise ValueError(f"a packet names interface {number}, but the file describes {len(interfaces)} interfaces")
    if start + captured > len(body):
        raise ValueError(f"a packet of {captured} bytes is longer than its block")
    interface = interfaces[number]
    at_ns = 0 if kind == _SIMPLE_PACKET else interface.at_ns(high << 32 | low)
    return _ethernet(interface.link, at_ns, interface.name, body[start : start + captured], length), interface


def _ethernet(link: int, at_ns: int, interface: str, data: bytes, length: int) -> Frame | None:
    frame = as_ethernet(link, data, length)
    return None if frame is None else Frame(at_ns, interface, *frame)


def _where(interface: str) -> str:
    return f" of interface {interface}" if interface else ""
