"""Checksums of a captured frame (RFC 1071).

A capture at the sender of a packet often shows a checksum that the network card has still to fill in. So a wrong one
means something only where the packet arrives.
"""

from __future__ import annotations

import struct

from podwire.packets.dissect import VXLAN_PORTS

_VLAN_TAGS = (0x8100, 0x88A8, 0x9100)


def checksum_ok(data: bytes) -> bool | None:
    """Whether the checksums of the innermost packet of an Ethernet frame are right: IPv4 header and TCP, UDP or ICMP.

    None when that cannot be said: not an IP packet, a fragment, an IPv6 packet with extension headers, cut off by the
    capture, or another protocol.
    """
    position = 14
    while len(data) >= position + 4 and int.from_bytes(data[position - 2 : position], "big") in _VLAN_TAGS:
        position += 4
    packet = data[position:]
    if len(packet) < 28:
        return None
    if packet[0] >> 4 == 4:
        header, total, number = (packet[0] & 0x0F) * 4, int.from_bytes(packet[2:4], "big"), packet[9]
        if header < 20 or not _sums(packet[:header]):
            return False
        if int.from_bytes(packet[6:8], "big") & 0x3FFF or not header < total <= len(packet):
            return None
        addresses = packet[12:20]
    elif packet[0] >> 4 == 6 and len(packet) >= 40:
        header, total, number = 40, 40 + int.from_bytes(packet[4:6], "big"), packet[6]
        if total > len(packet):
            return None
        addresses = packet[8:40]
    else:
        return None
    return _transport(packet[header:total], number, addresses)


def _transport(segment: bytes, number: int, addresses: bytes) -> bool | None:
    if number not in (1, 6, 17, 58) or len(segment) < 8:
        return None
    if number == 1:
        return _sums(segment)
    if number == 17:
        if int.from_bytes(segment[2:4], "big") in VXLAN_PORTS and len(segment) > 30:
            return checksum_ok(segment[16:])
        if segment[6:8] == b"\0\0":
            # No checksum was made: allowed over IPv4, forbidden over IPv6 (RFC 8200 section 8.1).
            return len(addresses) == 8
    return _sums(addresses + struct.pack("!II", len(segment), number) + segment)


def _sums(data: bytes) -> bool:
    """The ones' complement sum of all words is zero: as a number, the bytes are a multiple of 65535."""
    padded = data + b"\0" if len(data) % 2 else data
    return int.from_bytes(padded, "big") % 0xFFFF == 0
