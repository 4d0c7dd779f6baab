"""A packet as it is on disk: a flat row of values, whose columns the line names. Pure.

The layers that many packets share are one value after reading too.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

import msgspec
from msgspec import Struct, field, structs

from podwire.model.packets import (
    NO_ICMP,
    NO_OPTIONS,
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
from podwire.model.patterns import Direction


class OuterIpForm(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """What stands in the IP header of a tunnel's packet beside its addresses."""

    ttl: int | None = None
    tos: int | None = None
    df: bool | None = None


class TunnelForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """The tunnel around a packet."""

    kind: Literal["vxlan", "geneve"]
    eth_src: str
    eth_dst: str
    src: str
    dst: str
    sport: int
    dport: int
    vni: int
    flags: int = 0x08
    wrong: str = ""
    around: OuterIpForm | None = None
    """None in older records."""
    header: str = ""
    """The header of the tunnel with its options, a character a byte (Latin-1)."""
    checksum: ChecksumState = ""


# The columns in the order in which files have always had them, each with its usual value; an Ethernet header and a time
# there always is. The payload is text, a character a byte (Latin-1).
_NEEDED: Any = msgspec.NODEFAULT
_COLUMNS: tuple[tuple[str, Any, Any], ...] = (
    ("at", float, _NEEDED),
    ("eth_src", str, _NEEDED),
    ("eth_dst", str, _NEEDED),
    ("src", str, ""),
    ("dst", str, ""),
    ("protocol", Protocol, "other"),
    ("sport", int | None, None),
    ("dport", int | None, None),
    ("ttl", int | None, None),
    ("flags", str, ""),
    ("seq", int | None, None),
    ("ack", int | None, None),
    ("icmp_type", int | None, None),
    ("icmp_code", int | None, None),
    ("icmp_id", int | None, None),
    ("icmp_seq", int | None, None),
    ("fragment", bool, False),
    ("ident", int | None, None),
    ("mtu", int | None, None),
    ("payload", str, ""),
    ("length", int, 0),
    ("outer", TunnelForm | None, None),
    ("quoted", "PacketForm | None", None),
    ("interface", str, ""),
    ("tos", int | None, None),
    ("df", bool | None, None),
    ("identification", int | None, None),
    ("offset", int | None, None),
    ("more", bool | None, None),
    ("window", int | None, None),
    ("mss", int | None, None),
    ("sack_permitted", bool | None, None),
    ("sack", tuple[tuple[int, int], ...], ()),
)
COLUMNS = ("direction", *(name for name, _, _ in _COLUMNS))
USUAL = {"direction": _NEEDED, **{name: default for name, _, default in _COLUMNS}}

PacketForm: Any = msgspec.defstruct(
    "PacketForm",
    [(name, kind, field(default=default)) for name, kind, default in _COLUMNS],
    module=__name__,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    gc=False,
)
"""A packet that an ICMP error quotes. A field that has its usual value is left out."""
Row: Any = msgspec.defstruct(
    "Row",
    [("direction", Direction), *((name, kind) for name, kind, _ in _COLUMNS)],
    module=__name__,
    frozen=True,
    forbid_unknown_fields=True,
    array_like=True,
    gc=False,
)
"""A packet of a capture, as the list of its values in the order of `COLUMNS`."""


def packet_of(form: Any) -> Packet:
    """The packet of a `Row` or a `PacketForm`. UnicodeEncodeError for a payload that is no bytes."""
    outer, flags, seq, ack = form.outer, form.flags, form.seq, form.ack
    return Packet(
        at=form.at,
        length=form.length,
        interface=form.interface,
        link=_link(form.eth_src, form.eth_dst),
        outer=_tunnel(structs.astuple(outer)) if outer else None,
        ip=_part(form) if form.fragment else _ip(form.src, form.dst, form.protocol, form.ttl, form.tos, form.df),
        ports=_ports(form.sport, form.dport),
        tcp=NO_TCP if seq is None and ack is None and not flags else Tcp(flags, seq, ack, form.window, _options(form)),
        icmp=_icmp(form),
        payload=form.payload.encode("latin-1"),
        ident=form.identification,
    )


def _part(form: Any) -> Ip:
    """The header of a fragment: its identification is its own."""
    part = Fragment(form.ident, form.offset, form.more)
    return Ip(form.src, form.dst, form.protocol, form.ttl, part, form.tos, form.df)


def _options(form: Any) -> TcpOptions:
    if form.mss is None and not form.sack_permitted and not form.sack:
        return NO_OPTIONS
    return TcpOptions(form.mss, bool(form.sack_permitted), form.sack)


def _icmp(form: Any) -> Icmp:
    kind, code, quoted = form.icmp_type, form.icmp_code, form.quoted
    if kind is None and quoted is None:
        return NO_ICMP
    return Icmp(kind, code, form.icmp_id, form.icmp_seq, form.mtu, packet_of(quoted) if quoted else None)


@lru_cache(maxsize=16384)
def _link(src: str, dst: str) -> Ethernet:
    return Ethernet(src, dst)


@lru_cache(maxsize=16384)
def _ip(src: str, dst: str, protocol: Protocol, ttl: int | None, tos: int | None, df: bool | None) -> Ip:
    return Ip(src, dst, protocol, ttl, None, tos, df)


@lru_cache(maxsize=16384)
def _ports(sport: int | None, dport: int | None) -> Ports:
    return Ports(sport, dport)


@lru_cache(maxsize=4096)
def _tunnel(values: tuple[Any, ...]) -> Tunnel:
    kind, eth_src, eth_dst, src, dst, sport, dport, vni, flags, wrong, around, header, checksum = values
    ttl, tos, df = structs.astuple(around) if around else (None, None, None)
    return Tunnel(
        kind=kind,
        link=_link(eth_src, eth_dst),
        ip=_ip(src, dst, "udp", ttl, tos, df),
        sport=sport,
        dport=dport,
        vni=vni,
        flags=flags,
        wrong=wrong,
        header=header.encode("latin-1"),
        checksum=checksum,
    )


def row_of(direction: Direction, packet: Packet) -> Any:
    """The packet as a `Row`."""
    return Row(direction, *_values(packet))


def _values(packet: Packet) -> tuple[Any, ...]:
    """What stands in the columns."""
    part = packet.ip.fragment
    link, ip, ports, tcp, icmp = packet.link, packet.ip, packet.ports, packet.tcp, packet.icmp
    return (
        packet.at,
        link.src,
        link.dst,
        ip.src,
        ip.dst,
        ip.protocol,
        ports.sport,
        ports.dport,
        ip.ttl,
        tcp.flags,
        tcp.seq,
        tcp.ack,
        icmp.type,
        icmp.code,
        icmp.id,
        icmp.seq,
        part is not None,
        part.ident if part else None,
        icmp.mtu,
        packet.payload.decode("latin-1"),
        packet.length,
        _tunnel_form(packet.outer) if packet.outer else None,
        _quoted_form(icmp.quoted) if icmp.quoted else None,
        packet.interface,
        ip.tos,
        ip.df,
        packet.ident,
        part.offset if part else None,
        part.more if part else None,
        tcp.window,
        tcp.options.mss,
        tcp.options.sack_permitted or None,
        tcp.options.sack,
    )


def _tunnel_form(outer: Tunnel) -> TunnelForm:
    return TunnelForm(
        kind=outer.kind,
        eth_src=outer.link.src,
        eth_dst=outer.link.dst,
        src=outer.ip.src,
        dst=outer.ip.dst,
        sport=outer.sport,
        dport=outer.dport,
        vni=outer.vni,
        flags=outer.flags,
        wrong=outer.wrong,
        around=_around(outer.ip),
        header=outer.header.decode("latin-1"),
        checksum=outer.checksum,
    )


def _around(ip: Ip) -> OuterIpForm | None:
    known = (ip.ttl, ip.tos, ip.df)
    return None if known == (None, None, None) else OuterIpForm(*known)


def _quoted_form(packet: Packet) -> Any:
    return PacketForm(**dict(zip(COLUMNS[1:], _values(packet), strict=True)))
