"""The answer to every DNS query: NXDOMAIN."""

from __future__ import annotations

import struct


def no_such_name(query: bytes) -> bytes:
    """The NXDOMAIN response to a DNS query (RFC 1035, section 4.1), with its question; empty for other data."""
    if len(query) < 12:
        return b""
    number, flags, questions = struct.unpack_from("!HHH", query)
    at = 12
    while at < len(query) and 0 < query[at] < 64:  # A label. Larger values are pointers, which no query needs.
        at += query[at] + 1
    end = at + 5  # the root's label, type, class
    if flags & 0xF800 or questions != 1 or end > len(query) or query[at]:
        return b""
    return struct.pack("!HHHHHH", number, 0x8083 | flags & 0x0100, 1, 0, 0, 0) + query[12:end]  # QR, RA, NXDOMAIN; RD
