"""The checksums of the headers around a tunnelled packet (RFC 791, RFC 768). Pure.

A tunnel may leave out the checksum of UDP (RFC 7348 section 5, RFC 8926 section 3.3, RFC 6935 for IPv6). A frame that
is captured before the network card of its sender may have one that the card has still to finish: the sum of the pseudo
header alone, or none in the IP header. None of these is wrong.
"""

from __future__ import annotations

_ALL_ONES = 0xFFFF
_UDP, _PLAIN_IPV4 = 17, 0x45


def wrong_checksum(data: bytes, start: int, end: int) -> str:
    """Which checksum of a tunnel's packet is wrong: `IP header checksum`, `UDP checksum`, or '' for none.

    `start` is where its UDP header begins in the frame, `end` where its payload does. A packet that is not all there
    cannot be judged.
    """
    plain = start >= 34 and data[start - 20] == _PLAIN_IPV4
    if plain and data[start - 10 : start - 8] != b"\0\0" and _sum(data[start - 20 : start]):
        return "IP header checksum"
    field = int.from_bytes(data[start + 6 : start + 8], "big")
    length = int.from_bytes(data[start + 4 : start + 6], "big")
    if not field or end - start != length:
        return ""
    ends = data[start - 8 : start] if plain else data[start - 32 : start]
    if not plain and (start < 54 or data[start - 40] >> 4 != 6):
        return ""  # A header with options or extensions: its addresses stand elsewhere.
    pseudo = _sum(ends) + _UDP + length
    if field % _ALL_ONES == pseudo % _ALL_ONES:
        return ""
    return "UDP checksum" if (pseudo + _sum(data[start:end])) % _ALL_ONES else ""


def _sum(data: bytes) -> int:
    """The sum of 16-bit words in ones' complement, where 0 and 65535 are both 0: 2**16 is 1 modulo 65535."""
    return int.from_bytes(data + b"\0" * (len(data) % 2), "big") % _ALL_ONES
