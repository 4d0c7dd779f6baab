"""Sizes of a datagram by their relation to the path's MTU (`size`), and the bytes that follow from an MTU. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from podwire.model.facts import Family
from podwire.model.flows import Size

IP_HEADER: Mapping[Family, int] = {"ipv4": 20, "ipv6": 40}
"""Bytes of an IP header without options (RFC 791, section 3.1; RFC 8200, section 3)."""
FRAGMENT_HEADER: Mapping[Family, int] = {"ipv4": 0, "ipv6": 8}
"""What a fragment has beside it (RFC 8200, section 4.5)."""
UDP_HEADER, TCP_HEADER = 8, 20
LEAST_CARRIED: Mapping[Family, int] = {"ipv4": 576 - 20 - 8, "ipv6": 1280 - 40 - 8}
"""The data of a datagram that every path carries in one packet: IPv4 has hosts that take no more than 576 bytes at once
(RFC 791, section 3.2), a path of IPv6 carries 1280 (RFC 8200, section 5)."""
LONGEST: Mapping[Family, int] = {"ipv4": 65507, "ipv6": 65527}
"""The data of the longest UDP datagram: IP counts 65535 bytes, over IPv4 with its own header."""


class TooLong(ValueError):
    """No UDP datagram is as long as this size asks for at this MTU. The text says so."""


@dataclass(frozen=True, kw_only=True)
class Relation:
    """One size: what it is in words, and the bytes of UDP data that it is for an MTU."""

    words: str
    of: Callable[[int, Family], int]


def _one_packet(mtu: int, family: Family) -> int:
    return mtu - IP_HEADER[family] - UDP_HEADER


def _fragments(number: int, mtu: int, family: Family) -> int:
    """The most data that this number of fragments carries. Each carries a multiple of 8 bytes (RFC 791, section 3.2),
    and so does the last one here, on either side of the UDP header."""
    carried = (mtu - IP_HEADER[family] - FRAGMENT_HEADER[family]) // 8 * 8
    return number * carried - UDP_HEADER


SIZES: Mapping[Size, Relation] = {
    "one-packet": Relation(words="the longest that one packet of the path's MTU carries", of=_one_packet),
    "carried": Relation(
        words="the same with Don't Fragment and a short answer; if it is lost, by bisection the longest that arrives",
        of=_one_packet,
    ),
    "one-byte-more": Relation(
        words="one byte longer than one packet of the path's MTU carries",
        of=lambda mtu, family: _one_packet(mtu, family) + 1,
    ),
    "three-fragments": Relation(
        words="the longest that three fragments of the path's MTU carry",
        of=lambda mtu, family: _fragments(3, mtu, family),
    ),
}


def bytes_of(size: Size, mtu: int, family: Family) -> int:
    """The bytes of UDP data of a size on a path with this MTU. Raises `TooLong`."""
    found = SIZES[size].of(mtu, family)
    if found > LONGEST[family]:
        raise TooLong(
            f"no UDP datagram is {SIZES[size].words}, which is {mtu} bytes: the longest one has {LONGEST[family]} bytes"
        )
    return found
