"""What a packet can be asked for: the one table of the fields that a pattern may name.

A new field is one line here, and what fills it in `packets.dissect`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from podwire.model.packets import Packet, TcpOptions, Tunnel

_KINDS = {str: "text", int: "a number", bool: "yes or no", float: "seconds", bytes: "bytes"}


@dataclass(frozen=True)
class Field:
    """A field. `kind` is the type of its value where a packet has one (None otherwise); `says` is what it is."""

    name: str
    kind: type
    read: Callable[[Packet], Any]
    says: str

    @property
    def kind_in_words(self) -> str:
        return _KINDS[self.kind]


def _layer(name: str, kind: type, path: str, says: str) -> Field:
    return Field(name, kind, attrgetter(path), says)


def _outer(name: str, kind: type, path: str, says: str) -> Field:
    """A field of the tunnel around a packet; None without one."""
    of_tunnel: Callable[[Tunnel], Any] = attrgetter(path)
    return Field(name, kind, lambda packet: of_tunnel(packet.outer) if packet.outer else None, says)


def _fragment(name: str, kind: type, path: str, says: str) -> Field:
    """A field that only a fragment has; None without one."""
    of_fragment = attrgetter(path)
    return Field(name, kind, lambda packet: of_fragment(packet.ip.fragment) if packet.ip.fragment else None, says)


def _options(name: str, kind: type, read: Callable[[TcpOptions], Any], says: str) -> Field:
    """A field of the options of TCP; None without a header of TCP, and in records that do not know them."""
    return Field(name, kind, lambda packet: None if packet.tcp.window is None else read(packet.tcp.options), says)


ICMP_ERRORS: Mapping[tuple[str, int, int], str] = {
    ("icmp", 3, 0): "no-route",
    ("icmp", 3, 1): "host-unreachable",
    ("icmp", 3, 2): "protocol-unreachable",
    ("icmp", 3, 3): "port-unreachable",
    ("icmp", 3, 4): "packet-too-big",
    ("icmp", 3, 13): "prohibited",
    ("icmp", 11, 0): "time-exceeded",
    ("icmp", 11, 1): "reassembly-time-exceeded",
    ("icmpv6", 1, 0): "no-route",
    ("icmpv6", 1, 1): "prohibited",
    ("icmpv6", 1, 3): "host-unreachable",
    ("icmpv6", 1, 4): "port-unreachable",
    ("icmpv6", 2, 0): "packet-too-big",
    ("icmpv6", 3, 0): "time-exceeded",
    ("icmpv6", 3, 1): "reassembly-time-exceeded",
}
"""One name for the errors of both families, by protocol, type and code (RFC 792, RFC 1812 section 5.2.7, RFC 4443)."""


def _icmp_error(packet: Packet) -> str | None:
    """The name of an ICMP error, or its protocol, type and code where it has none here; None for other packets."""
    kind, code = packet.icmp.type, packet.icmp.code
    if packet.icmp.quoted is None or kind is None or code is None:
        return None
    return ICMP_ERRORS.get((packet.ip.protocol, kind, code), f"{packet.ip.protocol} type {kind} code {code}")


def _quoted(name: str, kind: type, path: str, says: str) -> Field:
    """A field of the packet that an ICMP error quotes; None in other packets."""
    of_quoted: Callable[[Packet], Any] = attrgetter(path)
    return Field(name, kind, lambda packet: of_quoted(packet.icmp.quoted) if packet.icmp.quoted else None, says)


def _ident(packet: Packet) -> int | None:
    if packet.ident is None and packet.ip.fragment:
        return packet.ip.fragment.ident  # of an older record
    return packet.ident


def _by_name(fields: Iterable[Field]) -> Mapping[str, Field]:
    return {field.name: field for field in fields}


FIELDS: Mapping[str, Field] = _by_name(
    (
        _layer("src", str, "ip.src", "source address"),
        _layer("dst", str, "ip.dst", "destination address"),
        _layer("protocol", str, "ip.protocol", "`tcp`, `udp`, `icmp`, `icmpv6`, `arp` or `other`"),
        _layer("ttl", int, "ip.ttl", "time to live, or hop limit"),
        Field("fragment", bool, lambda packet: packet.ip.fragment is not None, "whether it is a part of a packet"),
        Field("ident", int, _ident, "identification of an IPv4 packet, or of a fragment"),
        _fragment("offset", int, "offset", "where a fragment's data stand in its packet, in bytes"),
        _fragment("more", bool, "more", "whether more fragments follow (MF)"),
        _layer("df", bool, "ip.df", "Don't Fragment of IPv4"),
        _layer("dscp", int, "ip.dscp", "DSCP, the upper six bits of TOS or traffic class"),
        _layer("ecn", int, "ip.ecn", "ECN: 0 not capable, 1 and 2 capable, 3 congestion experienced"),
        _layer("sport", int, "ports.sport", "source port of TCP or UDP"),
        _layer("dport", int, "ports.dport", "destination port of TCP or UDP"),
        _layer("flags", str, "tcp.flags", "flags of TCP: letters in the order `SAFRPU`"),
        _layer("seq", int, "tcp.seq", "sequence number of TCP"),
        _layer("ack", int, "tcp.ack", "acknowledgement number of TCP"),
        _layer("window", int, "tcp.window", "window of TCP as sent, not scaled"),
        _layer("mss", int, "tcp.options.mss", "largest segment that a SYN announces"),
        _options("sack_permitted", bool, lambda options: options.sack_permitted, "whether it permits SACK (RFC 2018)"),
        _options("sack_blocks", int, lambda options: len(options.sack), "blocks of a selective acknowledgement"),
        _layer("icmp_type", int, "icmp.type", "type of ICMP or ICMPv6"),
        _layer("icmp_code", int, "icmp.code", "code of ICMP or ICMPv6"),
        _layer("icmp_id", int, "icmp.id", "identifier of an echo"),
        _layer("icmp_seq", int, "icmp.seq", "sequence number of an echo"),
        _layer("mtu", int, "icmp.mtu", "path MTU that an ICMP error tells"),
        Field("icmp_error", str, _icmp_error, "the ICMP error by its name, one for both families"),
        _quoted("quoted_src", str, "ip.src", "source address of the packet that an ICMP error quotes"),
        _quoted("quoted_dst", str, "ip.dst", "its destination address"),
        _quoted("quoted_sport", int, "ports.sport", "its source port"),
        _quoted("quoted_dport", int, "ports.dport", "its destination port"),
        _layer("payload", bytes, "payload", "what the innermost header carries"),
        _layer("eth_src", str, "link.src", "source MAC of the innermost Ethernet header"),
        _layer("eth_dst", str, "link.dst", "destination MAC of the innermost Ethernet header"),
        _layer("frame_src", str, "frame.src", "source MAC of the frame on the cable"),
        _layer("frame_dst", str, "frame.dst", "destination MAC of the frame on the cable"),
        _layer("encapsulated", bool, "encapsulated", "whether a tunnel is around it"),
        _outer("tunnel", str, "kind", "`vxlan` or `geneve`"),
        _outer("outer_src", str, "ip.src", "source address of the tunnel's packet"),
        _outer("outer_dst", str, "ip.dst", "destination address of the tunnel's packet"),
        _outer("outer_ttl", int, "ip.ttl", "time to live, or hop limit, of the tunnel's packet"),
        _outer("outer_df", bool, "ip.df", "Don't Fragment of the tunnel's packet"),
        _outer("outer_dscp", int, "ip.dscp", "DSCP of the tunnel's packet"),
        _outer("outer_ecn", int, "ip.ecn", "ECN of the tunnel's packet"),
        _outer("outer_sport", int, "sport", "source port of the tunnel's packet"),
        _outer("outer_dport", int, "dport", "destination port of the tunnel's packet"),
        _outer("vni", int, "vni", "network identifier of the tunnel"),
        _outer("vxlan_flags", int, "flags", "first byte of the VXLAN header"),
        _outer("vxlan_reserved", int, "vxlan_reserved", "the 24 and the 8 reserved bits of the VXLAN header"),
        _outer("geneve_version", int, "geneve_version", "version of the Geneve header"),
        _outer("geneve_control", bool, "geneve_control", "O bit of the Geneve header: a control packet"),
        _outer("geneve_critical", bool, "geneve_critical", "C bit of the Geneve header: an option is critical"),
        _outer("geneve_protocol", int, "geneve_protocol", "protocol type of the Geneve header"),
        _outer("geneve_reserved", int, "geneve_reserved", "the 6 and the 8 reserved bits of the Geneve header"),
        _outer("geneve_options", bytes, "geneve_options", "options of the Geneve header"),
        _outer("outer_checksum", str, "checksum", "of the tunnel's UDP: `none`, `right`, `offloaded`, `wrong`"),
        _outer("wrong_checksum", str, "wrong", "the checksum of the tunnel's packet that is wrong; empty for none"),
        _layer("interface", str, "interface", "interface where it was captured"),
        _layer("length", int, "length", "bytes of the frame on the wire"),
        _layer("at", float, "at", "when it was captured, since the epoch"),
    )
)
