"""The checksums of the headers around a tunnelled packet (RFC 791, RFC 768). Pure.

A tunnel may leave out the checksum of UDP (RFC 7348 section 5, RFC 8926 section 3.3, RFC 6935 for IPv6). A frame that
is captured before the network card of its sender may have one that the card has still to finish: the sum of the pseudo
header alone, or none in the IP header. None of these is wrong.
"""

from __future__ import annotations

import struct

from podwire.model.packets import ChecksumState

_ALL_ONES = 0xFFFF
_UDP, _PLAIN_IPV4 = 17, 0x45
_number = int.from_bytes
_two_u16 = struct.Struct("!HH").unpack_from


def tunnel_checksums(data: bytes, start: int, end: int) -> tuple[str, ChecksumState]:
    """Which checksum of a tunnel's packet is wrong, and what became of its UDP checksum.

    The first is `IP header checksum`, `UDP checksum`, or '' for none. `start` is where the UDP header begins in the
    frame, `end` where its payload does. A packet that is not all there cannot be judged.
    """
    plain = start >= 34 and data[start - 20] == _PLAIN_IPV4
    wrong = ""
    if plain and data[start - 10 : start - 8] != b"\0\0" and _number(data[start - 20 : start], "big") % _ALL_ONES:
        wrong = "IP header checksum"
    length, field = _two_u16(data, start + 4)
    if not field:
        return wrong, "none"
    if end - start != length:
        return wrong, ""
    if not plain and (start < 54 or data[start - 40] >> 4 != 6):
        return wrong, ""  # A header with options or extensions: its addresses stand elsewhere.
    state = transport_checksum(data[start:end], field, data[start - 8 if plain else start - 32 : start], _UDP)
    return wrong or ("UDP checksum" if state == "wrong" else ""), state


def transport_checksum(segment: bytes, field: int, ends: bytes, protocol: int) -> ChecksumState:
    """What became of the checksum `field` of a whole TCP or UDP packet. `ends` are both addresses (RFC 9293 3.1)."""
    pseudo = _number(ends, "big") + protocol + len(segment)
    if field % _ALL_ONES == pseudo % _ALL_ONES:
        return "offloaded"  # Or right, for one packet in 65,536.
    return "wrong" if (pseudo + _sum(segment)) % _ALL_ONES else "right"


def _sum(data: bytes) -> int:
    """The sum of 16-bit words in ones' complement, where 0 and 65535 are both 0: 2**16 is 1 modulo 65535."""
    return int.from_bytes(data + b"\0" * (len(data) % 2), "big") % _ALL_ONES
