"""Bytes to packets: a dissector for what a pod network carries, fast enough for every captured frame.

It reads Ethernet (VLAN tags skipped), ARP, IPv4, IPv6 with its extension headers, TCP, UDP, ICMP with the packet that
an error quotes, and one layer of VXLAN (RFC 7348) or Geneve (RFC 8926). It never raises on bytes: what cannot be read
stays empty and the protocol is `other`.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from typing import Any

from podwire.model.packets import Packet, Protocol, Tunnel
from podwire.packets.pcap import Frame

# 4789 is IANA's and Windows' port, 8472 the Linux kernel's older default that flannel and Cilium use on Linux.
VXLAN_PORTS: frozenset[int] = frozenset({4789, 8472})
GENEVE_PORT = 6081

_IPV4, _ARP, _IPV6 = 0x0800, 0x0806, 0x86DD
_VLAN_TAGS = frozenset({0x8100, 0x88A8, 0x9100})
_TRANSPARENT_ETHERNET = 0x6558
_PROTOCOLS: dict[int, Protocol] = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6"}
_EXTENSIONS = frozenset({0, 43, 60, 135, 139, 140})
_FRAGMENT, _AUTHENTICATION = 44, 51
_ICMP_ECHO, _ICMP_ERRORS = frozenset({0, 8}), frozenset({3, 4, 5, 11, 12})
_NEEDS_FRAGMENTS, _TOO_BIG = (3, 4), (2, 0)  # RFC 1191 section 4, RFC 4443 section 3.2
_ICMPV6_ECHO, _ICMPV6_ERRORS = frozenset({128, 129}), frozenset({1, 2, 3, 4})
_FLAG_BITS = (("S", 0x02), ("A", 0x10), ("F", 0x01), ("R", 0x04), ("P", 0x08), ("U", 0x20))
_FLAGS = tuple("".join(letter for letter, bit in _FLAG_BITS if value & bit) for value in range(64))

_u16 = struct.Struct("!H").unpack_from
_ports = struct.Struct("!HH").unpack_from
_ipv4 = struct.Struct("!BxHHHBB").unpack_from
_ipv6 = struct.Struct("!HBB").unpack_from
_tcp = struct.Struct("!HHIIBB").unpack_from
_u32 = struct.Struct("!I").unpack_from

Fields = dict[str, Any]


def packet_of(frame: Frame, vxlan_ports: Collection[int] = VXLAN_PORTS) -> Packet:
    """The packet of a captured frame. UDP to one of `vxlan_ports` is taken for VXLAN when its header looks like one."""
    at_ns, interface, data, wire_length = frame
    return decode(data, at=at_ns / 1e9, interface=interface, length=wire_length, vxlan_ports=vxlan_ports)


def packets(frames: Iterable[Frame], vxlan_ports: Collection[int] = VXLAN_PORTS) -> Iterator[Packet]:
    """The packets of captured frames, in their order."""
    return (packet_of(frame, vxlan_ports) for frame in frames)


def decode(
    data: bytes,
    *,
    at: float = 0.0,
    interface: str = "",
    length: int | None = None,
    vxlan_ports: Collection[int] = VXLAN_PORTS,
) -> Packet:
    """The packet of an Ethernet frame's bytes. `length` is the frame's length on the wire if more than was captured."""
    fields: Fields = {"at": at, "interface": interface, "length": len(data) if length is None else length}
    _ethernet(data, 0, len(data), fields, vxlan_ports)
    return Packet(**fields)


def _ethernet(data: bytes, start: int, end: int, fields: Fields, vxlan_ports: Collection[int]) -> None:
    """Read the frame between `start` and `end`. Inside a tunnel (`outer` is known) no further tunnel is opened."""
    if end < start + 14:
        fields["eth_dst"] = fields["eth_src"] = ""
        return
    fields["eth_dst"], fields["eth_src"] = _macs(data[start : start + 12])
    (ethertype,) = _u16(data, start + 12)
    position = start + 14
    while ethertype in _VLAN_TAGS and end >= position + 4:
        (ethertype,) = _u16(data, position + 2)
        position += 4
    if ethertype == _IPV4:
        _read_ipv4(data, position, end, fields, vxlan_ports)
    elif ethertype == _IPV6:
        _read_ipv6(data, position, end, fields, vxlan_ports)
    elif ethertype == _ARP:
        _read_arp(data[position : min(end, position + 28)], fields)
    else:
        fields["payload"] = data[position:end]


def _read_arp(body: bytes, fields: Fields) -> None:
    if len(body) == 28 and body[:6] == b"\x00\x01\x08\x00\x06\x04":
        src, dst = _pair4(body[14:18] + body[24:28])
        fields.update(protocol="arp", src=src, dst=dst)
    fields["payload"] = body


def _read_ipv4(data: bytes, start: int, limit: int, fields: Fields, vxlan_ports: Collection[int]) -> None:
    available = limit - start
    if available < 20:
        return
    first, total, ident, offset, ttl, number = _ipv4(data, start)
    header = (first & 0x0F) * 4
    if first >> 4 != 4 or header < 20:
        return
    fields["src"], fields["dst"] = _pair4(data[start + 12 : start + 20])
    fields["ttl"] = ttl
    if header > available:
        return
    # A length of 0 is a segment that the NIC has still to cut (segmentation offload). After `total` comes padding.
    end = start + min(total, available) if total >= header else start + available
    if offset & 0x3FFF:
        fields["fragment"], fields["ident"] = True, ident
    if offset & 0x1FFF:
        fields["protocol"], fields["payload"] = _PROTOCOLS.get(number, "other"), data[start + header : end]
        return
    _transport(data, start + header, end, number, fields, vxlan_ports)


def _read_ipv6(data: bytes, start: int, limit: int, fields: Fields, vxlan_ports: Collection[int]) -> None:
    available = limit - start
    if available < 40 or data[start] >> 4 != 6:
        return
    length, number, hops = _ipv6(data, start + 4)
    fields["src"], fields["dst"] = _pair6(data[start + 8 : start + 40])
    fields["ttl"] = hops
    end = start + min(40 + length, available) if length else start + available
    position = start + 40
    while number in _EXTENSIONS or number in (_FRAGMENT, _AUTHENTICATION):
        if end - position < 8:
            fields["payload"] = data[position:end]
            return
        size = 8
        if number == _AUTHENTICATION:
            size = (data[position + 1] + 2) * 4
        elif number != _FRAGMENT:
            size = (data[position + 1] + 1) * 8
        else:
            (offset,) = _u16(data, position + 2)
            # Offset 0 without "more" is an atomic fragment (RFC 6946): a whole packet.
            if offset & 0xFFF9:
                fields["fragment"], (fields["ident"],) = True, _u32(data, position + 4)
            if offset & 0xFFF8:
                fields["protocol"] = _PROTOCOLS.get(data[position], "other")
                fields["payload"] = data[position + 8 : end]
                return
        number, position = data[position], position + size
    _transport(data, position, end, number, fields, vxlan_ports)


def _transport(data: bytes, start: int, end: int, number: int, fields: Fields, vxlan_ports: Collection[int]) -> None:
    size = end - start
    if number == 6 and size >= 4:
        _read_tcp(data, start, end, fields)
    elif number == 17 and size >= 4:
        _read_udp(data, start, end, fields, vxlan_ports)
    elif number in (1, 58) and size >= 4:
        _read_icmp(data, start, end, number, fields)
    elif size > 0:
        fields["payload"] = data[start:end]


def _read_tcp(data: bytes, start: int, end: int, fields: Fields) -> None:
    fields["protocol"] = "tcp"
    if end - start >= 20:
        sport, dport, fields["seq"], fields["ack"], offset, flags = _tcp(data, start)
        fields["flags"] = _FLAGS[flags & 0x3F]
        header = (offset >> 4) * 4
        fields["payload"] = data[start + header : end] if header >= 20 else b""
    else:
        # An ICMP error may quote no more than 8 bytes: the ports and the sequence number.
        sport, dport = _ports(data, start)
        if end - start >= 8:
            (fields["seq"],) = _u32(data, start + 4)
    fields["sport"], fields["dport"] = sport, dport


def _read_udp(data: bytes, start: int, end: int, fields: Fields, vxlan_ports: Collection[int]) -> None:
    sport, dport = _ports(data, start)
    if end - start >= 8:
        (length,) = _u16(data, start + 4)
        end = min(end, start + length) if length >= 8 else end
        if "outer" not in fields and fields["eth_src"] and end - start >= 30:
            if dport in vxlan_ports and _is_vxlan(data, start + 8):
                (vni,) = _u32(data, start + 12)
                _enter(data, start + 16, end, fields, ("vxlan", sport, dport, vni >> 8, data[start + 8]))
                return
            inner = start + 16 + (data[start + 8] & 0x3F) * 4
            if dport == GENEVE_PORT and inner + 14 <= end and _is_geneve(data, start + 8):
                (vni,) = _u32(data, start + 12)
                _enter(data, inner, end, fields, ("geneve", sport, dport, vni >> 8, data[start + 9]))
                return
    fields["protocol"], fields["sport"], fields["dport"] = "udp", sport, dport
    fields["payload"] = data[start + 8 : end]


def _is_vxlan(data: bytes, start: int) -> bool:
    """Reserved fields are zero, or the VNI flag is set and an Ethernet frame of a known type follows."""
    if data[start + 1 : start + 4] == b"\0\0\0" and data[start + 7] == 0:
        return True
    (ethertype,) = _u16(data, start + 20)
    return bool(data[start] & 0x08) and (ethertype in (_IPV4, _IPV6, _ARP) or ethertype in _VLAN_TAGS)


def _is_geneve(data: bytes, start: int) -> bool:
    return data[start] >> 6 == 0 and _u16(data, start + 2)[0] == _TRANSPARENT_ETHERNET


def _enter(data: bytes, start: int, end: int, fields: Fields, header: tuple[Any, int, int, int, int]) -> None:
    """Go on with the frame inside a tunnel. `fragment` and `ident` stay set if the tunnel's own packet was one."""
    pop = fields.pop
    pop("ttl")
    fields["outer"] = _tunnel(header, fields["eth_src"], fields["eth_dst"], pop("src"), pop("dst"))
    _ethernet(data, start, end, fields, ())


@lru_cache(maxsize=4096)
def _tunnel(header: tuple[Any, int, int, int, int], eth_src: str, eth_dst: str, src: str, dst: str) -> Tunnel:
    kind, sport, dport, vni, flags = header
    return Tunnel(
        kind=kind, eth_src=eth_src, eth_dst=eth_dst, src=src, dst=dst, sport=sport, dport=dport, vni=vni, flags=flags
    )


def _read_icmp(data: bytes, start: int, end: int, number: int, fields: Fields) -> None:
    version6 = number == 58
    kind = data[start]
    fields["protocol"] = "icmpv6" if version6 else "icmp"
    fields["icmp_type"], fields["icmp_code"] = kind, data[start + 1]
    if end - start < 8:
        return
    fields["payload"] = data[start + 8 : end]
    if kind in (_ICMPV6_ECHO if version6 else _ICMP_ECHO):
        fields["icmp_id"], fields["icmp_seq"] = _ports(data, start + 4)
    elif kind in (_ICMPV6_ERRORS if version6 else _ICMP_ERRORS) and end - start >= 28:
        quoted: Fields = {"at": fields["at"], "eth_src": "", "eth_dst": "", "length": end - start - 8}
        read = _read_ipv6 if version6 else _read_ipv4
        read(data, start + 8, end, quoted, ())
        if (kind, data[start + 1]) == (_TOO_BIG if version6 else _NEEDS_FRAGMENTS):
            # IPv4 has 16 bits for it, 0 from routers before RFC 1191; IPv6 has 32.
            (mtu,) = _u32(data, start + 4) if version6 else _u16(data, start + 6)
            fields["mtu"] = mtu or None
        if quoted.get("src"):
            fields["quoted"] = Packet(**quoted)


# The same few pairs come again and again: one look-up is cheaper than making two texts.
@lru_cache(maxsize=16384)
def _macs(raw: bytes) -> tuple[str, str]:
    return raw[:6].hex(":"), raw[6:].hex(":")


@lru_cache(maxsize=16384)
def _pair4(raw: bytes) -> tuple[str, str]:
    return socket.inet_ntoa(raw[:4]), socket.inet_ntoa(raw[4:])


@lru_cache(maxsize=16384)
def _pair6(raw: bytes) -> tuple[str, str]:
    return socket.inet_ntop(socket.AF_INET6, raw[:16]), socket.inet_ntop(socket.AF_INET6, raw[16:])
