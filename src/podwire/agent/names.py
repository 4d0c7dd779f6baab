"""The answer to every query for a name: there is no such one."""

from __future__ import annotations

import struct


def no_such_name(query: bytes) -> bytes:
    """NXDOMAIN to a DNS query (RFC 1035, section 4.1), with its question and no more; empty when it is no query."""
    if len(query) < 12:
        return b""
    number, flags, questions = struct.unpack_from("!HHH", query)
    at = 12
    while at < len(query) and 0 < query[at] < 64:  # A label; more would be a pointer, which a question does not need.
        at += query[at] + 1
    end = at + 5  # the root's label, type, class
    if flags & 0xF800 or questions != 1 or end > len(query) or query[at]:
        return b""
    return struct.pack("!HHHHHH", number, 0x8083 | flags & 0x0100, 1, 0, 0, 0) + query[12:end]  # QR, RA, NXDOMAIN; RD
