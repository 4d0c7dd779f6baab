"""Bytes to packets: a dissector for what a pod network carries, fast enough for every captured frame.

It reads Ethernet (VLAN tags skipped), ARP, IPv4, IPv6 with its extension headers, TCP, UDP, ICMP with the packet that
an error quotes, and one layer of VXLAN (RFC 7348) or Geneve (RFC 8926). It never raises on bytes: what cannot be read
stays empty and the protocol is `other`. Layers that come again and again are made once, by their bytes.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from typing import Any, Literal

from msgspec.structs import replace

from podwire.model.packets import (
    NO_ICMP,
    NO_IP,
    NO_LINK,
    NO_OPTIONS,
    NO_PORTS,
    NO_TCP,
    ChecksumState,
    Ethernet,
    Fragment,
    Icmp,
    Ip,
    Packet,
    Ports,
    Protocol,
    Tcp,
    TcpOptions,
    Tunnel,
)
from podwire.packets.checksums import tunnel_checksums
from podwire.packets.pcap import Frame

# 4789 is IANA's and Windows' port, 8472 the Linux kernel's older default that flannel and Cilium use on Linux.
VXLAN_PORTS: frozenset[int] = frozenset({4789, 8472})
GENEVE_PORT = 6081

_IPV4, _ARP, _IPV6 = 0x0800, 0x0806, 0x86DD
_VLAN_TAGS = frozenset({0x8100, 0x88A8, 0x9100})
_TRANSPARENT_ETHERNET = 0x6558
_ICMP, _TCP, _UDP, _ICMPV6 = 1, 6, 17, 58
_PROTOCOLS: dict[int, Protocol] = {_ICMP: "icmp", _TCP: "tcp", _UDP: "udp", _ICMPV6: "icmpv6"}
_UNREADABLE = -1
_EXTENSIONS = frozenset({0, 43, 60, 135, 139, 140})
_FRAGMENT, _AUTHENTICATION = 44, 51
_ICMP_ECHO, _ICMP_ERRORS = frozenset({0, 8}), frozenset({3, 4, 5, 11, 12})
_NEEDS_FRAGMENTS, _TOO_BIG = (3, 4), (2, 0)  # RFC 1191 section 4, RFC 4443 section 3.2
_ICMPV6_ECHO, _ICMPV6_ERRORS = frozenset({128, 129}), frozenset({1, 2, 3, 4})
_DF, _NO_DF = 0x4000, 0x8000
_END_OF_OPTIONS, _NO_OPERATION, _MSS, _SACK_PERMITTED, _SACK = 0, 1, 2, 4, 5
_TIMESTAMPS_ALONE = b"\x01\x01\x08\x0a"  # with a header of 32 bytes: what most segments have (RFC 7323 appendix A)
_FLAG_BITS = (("S", 0x02), ("A", 0x10), ("F", 0x01), ("R", 0x04), ("P", 0x08), ("U", 0x20))
_FLAGS = tuple("".join(letter for letter, bit in _FLAG_BITS if value & bit) for value in range(64))

_u16 = struct.Struct("!H").unpack_from
_two_u16 = struct.Struct("!HH").unpack_from
_ipv4 = struct.Struct("!BBHHHBB").unpack_from
_ipv6 = struct.Struct("!HxxHBB").unpack_from
_tcp = struct.Struct("!IIBBH").unpack_from
_u32 = struct.Struct("!I").unpack_from
_two_u32 = struct.Struct("!II").unpack_from

Upper = tuple[Ports, Tcp, Icmp, bytes]
"""What IP carries, and the payload."""
Layers = tuple[Ethernet, Tunnel | None, Ip, int | None, Upper]
"""Ethernet, the tunnel, IP with its identification, and what IP carries."""
Kind = Literal["vxlan", "geneve"]
_NOTHING: Upper = (NO_PORTS, NO_TCP, NO_ICMP, b"")


def packet_of(frame: Frame, vxlan_ports: Collection[int] = VXLAN_PORTS) -> Packet:
    """The packet of a captured frame. UDP to one of `vxlan_ports` with a valid VXLAN header is read as VXLAN."""
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
    """The packet in the bytes of an Ethernet frame.

    `at` is seconds since the epoch. `length` is the length on the wire in bytes, if the capture cut the frame.
    """
    size = len(data)
    link, outer, ip, ident, (ports, tcp, icmp, payload) = _ethernet(data, 0, size, at, vxlan_ports)
    return Packet(
        at=at,
        length=size if length is None else length,
        interface=interface,
        link=link,
        outer=outer,
        ip=ip,
        ports=ports,
        tcp=tcp,
        icmp=icmp,
        payload=payload,
        ident=ident,
    )


def _ethernet(data: bytes, start: int, end: int, at: float, tunnels: Collection[int] | None) -> Layers:
    """Read the frame between `start` and `end`. `tunnels` are the ports of VXLAN; None opens no tunnel at all."""
    if end < start + 14:
        return NO_LINK, None, NO_IP, None, _NOTHING
    link = _link(data[start : start + 12])
    (ethertype,) = _u16(data, start + 12)
    position = start + 14
    while ethertype in _VLAN_TAGS and end >= position + 4:
        (ethertype,) = _u16(data, position + 2)
        position += 4
    if ethertype == _IPV4:
        return _read_ipv4(data, position, end, at, link, tunnels)
    if ethertype == _IPV6:
        return _read_ipv6(data, position, end, at, link, tunnels)
    if ethertype == _ARP:
        body = data[position : min(end, position + 28)]
        return link, None, _arp(body), None, _only(body)
    return link, None, NO_IP, None, _only(data[position:end])


def _only(payload: bytes) -> Upper:
    return NO_PORTS, NO_TCP, NO_ICMP, payload


def _arp(body: bytes) -> Ip:
    if len(body) == 28 and body[:6] == b"\x00\x01\x08\x00\x06\x04":
        src, dst = _pair(body[14:18] + body[24:28])
        return Ip(src=src, dst=dst, protocol="arp")
    return NO_IP


def _read_ipv4(
    data: bytes, start: int, limit: int, at: float, link: Ethernet, tunnels: Collection[int] | None
) -> Layers:
    available = limit - start
    if available < 20:
        return link, None, NO_IP, None, _NOTHING
    first, tos, total, ident, offset, ttl, number = _ipv4(data, start)
    header = (first & 0x0F) * 4
    if first >> 4 != 4 or header < 20:
        return link, None, NO_IP, None, _NOTHING
    ends = data[start + 12 : start + 20]
    if header > available:
        return link, None, _ip(ends, ttl, _UNREADABLE, tos | offset & _DF), ident, _NOTHING
    # A length of 0 means segmentation offload: the NIC divides the segment later. Padding follows after `total`.
    end = start + min(total, available) if total >= header else limit
    start += header
    if offset & 0x3FFF:
        part = Fragment(ident, (offset & 0x1FFF) * 8, bool(offset & 0x2000))
        if offset & 0x1FFF:
            ip = _part(_ip(ends, ttl, number, tos | offset & _DF), part)
            return link, None, ip, ident, _only(data[start:end])
        ip = _part(_ip(ends, ttl, number if end - start >= 4 else _UNREADABLE, tos | offset & _DF), part)
    else:
        ip = _ip(ends, ttl, number if end - start >= 4 else _UNREADABLE, tos | offset & _DF)
    return _transport(data, start, end, at, link, ip, ident, tunnels)


def _read_ipv6(
    data: bytes, start: int, limit: int, at: float, link: Ethernet, tunnels: Collection[int] | None
) -> Layers:
    available = limit - start
    if available < 40 or data[start] >> 4 != 6:
        return link, None, NO_IP, None, _NOTHING
    first, length, number, hops = _ipv6(data, start)
    tos = first >> 4 & 0xFF | _NO_DF
    ends = data[start + 8 : start + 40]
    end = start + min(40 + length, available) if length else limit
    position = start + 40
    fragment: Fragment | None = None
    while number in _EXTENSIONS or number in (_FRAGMENT, _AUTHENTICATION):
        if end - position < 8:
            ip = _ip(ends, hops, _UNREADABLE, tos)
            return link, None, _part(ip, fragment), _ident(fragment), _only(data[position:end])
        size = 8
        if number == _AUTHENTICATION:
            size = (data[position + 1] + 2) * 4
        elif number != _FRAGMENT:
            size = (data[position + 1] + 1) * 8
        else:
            (offset,) = _u16(data, position + 2)
            # Offset 0 without "more" is an atomic fragment (RFC 6946): a whole packet.
            if offset & 0xFFF9:
                fragment = Fragment(_u32(data, position + 4)[0], offset & 0xFFF8, bool(offset & 1))
            if offset & 0xFFF8:
                ip = _ip(ends, hops, data[position], tos)
                return link, None, _part(ip, fragment), _ident(fragment), _only(data[position + 8 : end])
        number, position = data[position], position + size
    ip = _ip(ends, hops, number if end - position >= 4 else _UNREADABLE, tos)
    if fragment is not None:
        return _transport(data, position, end, at, link, _part(ip, fragment), fragment.ident, tunnels)
    return _transport(data, position, end, at, link, ip, None, tunnels)


def _ident(fragment: Fragment | None) -> int | None:
    return fragment.ident if fragment else None


def _part(ip: Ip, fragment: Fragment | None) -> Ip:
    """The header of a fragment."""
    return replace(ip, fragment=fragment)


def _transport(
    data: bytes,
    start: int,
    end: int,
    at: float,
    link: Ethernet,
    ip: Ip,
    ident: int | None,
    tunnels: Collection[int] | None,
) -> Layers:
    """What IP carries; of a protocol that is known there are four bytes at least."""
    protocol = ip.protocol
    if protocol == "tcp":
        return link, None, ip, ident, _read_tcp(data, start, end)
    if protocol == "udp":
        ports = _ports(data[start : start + 4])
        if end - start >= 8:
            (length,) = _u16(data, start + 4)
            end = min(end, start + length) if length >= 8 else end
            if tunnels is not None and end - start >= 30:
                tunnel = _inside(data, start, end, ports.dport, tunnels)
                if tunnel:
                    return _enter(data, start, end, at, ip, tunnel)
        return link, None, ip, ident, (ports, NO_TCP, NO_ICMP, data[start + 8 : end])
    if protocol == "other":
        return link, None, ip, ident, _only(data[start:end])
    return link, None, ip, ident, _read_icmp(data, start, end, at, protocol == "icmpv6")


def _read_tcp(data: bytes, start: int, end: int) -> Upper:
    ports = _ports(data[start : start + 4])
    if end - start < 20:
        # An ICMP error may quote no more than 8 bytes: the ports and the sequence number.
        return ports, Tcp(seq=_u32(data, start + 4)[0]) if end - start >= 8 else NO_TCP, NO_ICMP, b""
    seq, ack, offset, flags, window = _tcp(data, start + 4)
    header = (offset >> 4) * 4
    if header <= 20 or (header == 32 and data[start + 20 : start + 24] == _TIMESTAMPS_ALONE):
        options = NO_OPTIONS
    else:
        options = _tcp_options(data[start + 20 : min(start + header, end)])
    tcp = Tcp(_FLAGS[flags & 0x3F], seq, ack, window, options)
    return ports, tcp, NO_ICMP, data[start + header : end] if header >= 20 else b""


def _inside(data: bytes, start: int, end: int, dport: int | None, tunnels: Collection[int]) -> tuple[Kind, int] | None:
    """The kind of the tunnel that a UDP packet is of, and where the frame in it begins; None if it is of none."""
    if dport in tunnels and _is_vxlan(data, start + 8):
        return "vxlan", start + 16
    if dport == GENEVE_PORT:
        inner = start + 16 + (data[start + 8] & 0x3F) * 4
        if inner + 14 <= end and _is_geneve(data, start + 8):
            return "geneve", inner
    return None


def _is_vxlan(data: bytes, start: int) -> bool:
    """Reserved fields are zero, or the VNI flag is set and an Ethernet frame of a known type follows."""
    if data[start + 1 : start + 4] == b"\0\0\0" and data[start + 7] == 0:
        return True
    (ethertype,) = _u16(data, start + 20)
    return bool(data[start] & 0x08) and (ethertype in (_IPV4, _IPV6, _ARP) or ethertype in _VLAN_TAGS)


def _is_geneve(data: bytes, start: int) -> bool:
    return data[start] >> 6 == 0 and _u16(data, start + 2)[0] == _TRANSPARENT_ETHERNET


def _enter(data: bytes, start: int, end: int, at: float, ip: Ip, tunnel: tuple[Kind, int]) -> Layers:
    """Go on with the frame inside a tunnel. It says that it is a fragment if the tunnel's own packet was one."""
    kind, inner = tunnel
    checksums = tunnel_checksums(data, start, end)
    around = ip
    if ip.fragment:
        around, checksums = _part(ip, None), ("", "")
    header = data[start + 8 : inner]
    outer = _tunnel(kind, data[:12], around, data[start : start + 4], header, checksums)
    link, _, inner_ip, ident, upper = _ethernet(data, inner, end, at, None)
    if ip.fragment and not inner_ip.fragment:
        inner_ip = _part(inner_ip, ip.fragment)
    return link, outer, inner_ip, ident, upper


def _read_icmp(data: bytes, start: int, end: int, at: float, version6: bool) -> Upper:
    kind, code = data[start], data[start + 1]
    if end - start < 8:
        return NO_PORTS, NO_TCP, Icmp(kind, code), b""
    payload = data[start + 8 : end]
    if kind in (_ICMPV6_ECHO if version6 else _ICMP_ECHO):
        return NO_PORTS, NO_TCP, Icmp(kind, code, *_two_u16(data, start + 4)), payload
    if end - start < 28 or kind not in (_ICMPV6_ERRORS if version6 else _ICMP_ERRORS):
        return NO_PORTS, NO_TCP, Icmp(kind, code), payload
    mtu = 0
    if (kind, code) == (_TOO_BIG if version6 else _NEEDS_FRAGMENTS):
        # IPv4 has 16 bits for it, 0 from routers before RFC 1191; IPv6 has 32.
        (mtu,) = _u32(data, start + 4) if version6 else _u16(data, start + 6)
    error = Icmp(kind, code, mtu=mtu or None, quoted=_quoted(data, start + 8, end, at, version6))
    return NO_PORTS, NO_TCP, error, payload


def _quoted(data: bytes, start: int, end: int, at: float, version6: bool) -> Packet | None:
    """The packet that an error quotes: what is there of its beginning."""
    read = _read_ipv6 if version6 else _read_ipv4
    _, _, ip, ident, (ports, tcp, icmp, payload) = read(data, start, end, at, NO_LINK, None)
    if not ip.src:
        return None
    return Packet(at=at, length=end - start, ip=ip, ports=ports, tcp=tcp, icmp=icmp, payload=payload, ident=ident)


# The same few headers come again and again: one look-up is cheaper than making their texts.
@lru_cache(maxsize=16384)
def _link(macs: bytes) -> Ethernet:
    return Ethernet(macs[6:].hex(":"), macs[:6].hex(":"))


@lru_cache(maxsize=16384)
def _ip(ends: bytes, ttl: int, number: int, marks: int) -> Ip:
    """The header of a whole packet. `marks` is the byte with DSCP and ECN, and beside it Don't Fragment."""
    src, dst = _pair(ends)
    df = None if marks & _NO_DF else marks & _DF != 0
    return Ip(src, dst, _PROTOCOLS.get(number, "other"), ttl, None, marks & 0xFF, df)


@lru_cache(maxsize=16384)
def _pair(ends: bytes) -> tuple[str, str]:
    """Both addresses, of IPv4 or of IPv6, as text."""
    half = len(ends) // 2
    family = socket.AF_INET if half == 4 else socket.AF_INET6
    return socket.inet_ntop(family, ends[:half]), socket.inet_ntop(family, ends[half:])


@lru_cache(maxsize=16384)
def _ports(raw: bytes) -> Ports:
    return Ports(*_two_u16(raw))


@lru_cache(maxsize=4096)
def _tcp_options(raw: bytes) -> TcpOptions:
    """What is read of the options; what follows a damaged one is not (RFC 9293 section 3.1)."""
    blocks: tuple[Any, ...] = ()
    mss, permitted, at = None, False, 0
    while at < len(raw) and (kind := raw[at]) != _END_OF_OPTIONS:
        if kind == _NO_OPERATION:
            at += 1
            continue
        length = raw[at + 1] if at + 1 < len(raw) else 0
        if length < 2 or at + length > len(raw):
            break
        if (kind, length) == (_MSS, 4):
            (mss,) = _u16(raw, at + 2)
        elif (kind, length) == (_SACK_PERMITTED, 2):
            permitted = True
        elif kind == _SACK and length % 8 == 2:
            blocks = tuple(_two_u32(raw, block) for block in range(at + 2, at + length, 8))
        at += length
    return TcpOptions(mss, permitted, blocks) if mss is not None or permitted or blocks else NO_OPTIONS


@lru_cache(maxsize=4096)
def _tunnel(
    kind: Kind,
    macs: bytes,
    around: Ip,
    ports: bytes,
    header: bytes,
    checksums: tuple[str, ChecksumState],
) -> Tunnel:
    sport, dport = _two_u16(ports)
    return Tunnel(
        kind=kind,
        link=_link(macs),
        ip=around,
        sport=sport,
        dport=dport,
        vni=int.from_bytes(header[4:7], "big"),
        flags=header[0 if kind == "vxlan" else 1],
        wrong=checksums[0],
        header=header,
        checksum=checksums[1],
    )
