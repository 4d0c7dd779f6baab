"""Frames of other link types as Ethernet frames, which is all that the dissector reads. Pure.

A capture of several interfaces has a link type for each: a network card is Ethernet, a tunnel or a loopback may be IP
alone, and Linux' capture of all interfaces puts a header of its own before the packet. What such a header does not
tell of addresses is zero. Numbers and layouts: tcpdump.org, link-layer header types.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

ETHERNET = 1
HEADER = 14
_IPV4, _IPV6 = 0x0800, 0x86DD
_OF_VERSION = {4: _IPV4, 6: _IPV6}
_OF_FAMILY = {2: _IPV4, 10: _IPV6, 23: _IPV6, 24: _IPV6, 28: _IPV6, 30: _IPV6}
"""AF_INET, and the numbers that systems have for AF_INET6."""
_NOBODY = bytes(6)

Parts = tuple[int, int, bytes]
"""How long the header is, the EtherType of what follows it, and the address of the sender."""


def as_ethernet(link: int, data: bytes, wire_length: int) -> tuple[bytes, int] | None:
    """The frame with an Ethernet header, and its length on the wire with that header; None where its link type, or
    what its header says, is not of IP or ARP over something that is known."""
    if link == ETHERNET:
        return data, wire_length
    reader = _READERS.get(link)
    try:
        parts = reader(data) if reader else None
    except (struct.error, IndexError):
        parts = None
    if parts is None:
        return None
    length, kind, sender = parts
    return _NOBODY + sender + struct.pack("!H", kind) + data[length:], wire_length - length + HEADER


def _raw(data: bytes) -> Parts | None:
    kind = _OF_VERSION.get(data[0] >> 4)
    return None if kind is None else (0, kind, _NOBODY)


def _loopback(data: bytes) -> Parts | None:
    """The family of the packet, in the order of bytes of the machine that captured: the smaller number is it."""
    family = min(struct.unpack("<I", data[:4])[0], struct.unpack(">I", data[:4])[0])
    kind = _OF_FAMILY.get(family)
    return None if kind is None else (4, kind, _NOBODY)


def _cooked(data: bytes) -> Parts:
    length, address, kind = struct.unpack_from("!H8sH", data, 4)
    return 16, kind, address[:6] if length == len(_NOBODY) else _NOBODY


def _cooked_2(data: bytes) -> Parts:
    kind, length, address = struct.unpack_from("!H9xB8s", data)
    return 20, kind, address[:6] if length == len(_NOBODY) else _NOBODY


_READERS: Mapping[int, Callable[[bytes], Parts | None]] = {
    **dict.fromkeys((0, 108), _loopback),
    **dict.fromkeys((12, 14, 101, 228, 229), _raw),
    113: _cooked,
    276: _cooked_2,
}
KNOWN = frozenset((ETHERNET, *_READERS))
