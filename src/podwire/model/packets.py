"""A captured frame as the judge sees it: a layer for each header, and what can be asked of it by name.

A packet is the innermost IP packet of a frame; `outer` is the tunnel around it. `packets.dissect` makes them. Every
packet has all layers: one that a frame does not carry is the empty one of its kind, so that a field is read without
asking first. Layers that many packets share (`Ethernet`, `Ip`, `Ports`, `Tunnel`) are one value for all of them: what
differs from packet to packet belongs in another layer, or in `Fragment`.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Protocol = Literal["tcp", "udp", "icmp", "icmpv6", "arp", "other"]


# `gc=False`: a run holds some hundred thousand packets, which can be part of no circle.
class Ethernet(Struct, frozen=True, gc=False):
    """An Ethernet header: the MACs."""

    src: str = ""
    dst: str = ""


class Fragment(Struct, frozen=True, gc=False):
    """What only a fragment has: the identification of the packet that it is of; older records do not know it."""

    ident: int | None = None


class Ip(Struct, frozen=True, gc=False):
    """A header of IPv4 or IPv6. `ttl` is the hop limit of IPv6. The addresses of ARP stand here too.

    `fragment` is there for a fragment, and for the packet inside a fragment of a tunnel's packet.
    """

    src: str = ""
    dst: str = ""
    protocol: Protocol = "other"
    ttl: int | None = None
    fragment: Fragment | None = None


class Ports(Struct, frozen=True, gc=False):
    """The ports of TCP or UDP."""

    sport: int | None = None
    dport: int | None = None


class Tcp(Struct, frozen=True, gc=False):
    """A TCP header, without its ports. Flags are letters in the order of `SAFRPU`."""

    flags: str = ""
    seq: int | None = None
    ack: int | None = None


class Icmp(Struct, frozen=True, gc=False):
    """ICMP or ICMPv6. `id` and `seq` are of an echo. `quoted` is the packet that an error quotes, `mtu` the path MTU
    that it tells."""

    type: int | None = None
    code: int | None = None
    id: int | None = None
    seq: int | None = None
    mtu: int | None = None
    quoted: Packet | None = None


class Tunnel(Struct, frozen=True, kw_only=True, gc=False):
    """The outer headers of an encapsulated packet (VXLAN, RFC 7348: `flags` 0x08 says the VNI is valid). Of the outer
    IP header these are the addresses. `wrong` names a checksum of the outer headers that is wrong, empty for none."""

    kind: Literal["vxlan", "geneve"]
    link: Ethernet
    ip: Ip
    sport: int
    dport: int
    vni: int
    flags: int = 0x08
    wrong: str = ""


NO_LINK, NO_IP, NO_PORTS, NO_TCP, NO_ICMP = Ethernet(), Ip(), Ports(), Tcp(), Icmp()


class Packet(Struct, frozen=True, kw_only=True, gc=False):
    """One captured frame.

    Addresses are text, `at` is seconds since the epoch, `length` the frame's bytes on the wire, `link` the innermost
    Ethernet header.
    """

    at: float
    length: int = 0
    interface: str = ""
    link: Ethernet = NO_LINK
    outer: Tunnel | None = None
    ip: Ip = NO_IP
    ports: Ports = NO_PORTS
    tcp: Tcp = NO_TCP
    icmp: Icmp = NO_ICMP
    payload: bytes = b""

    @property
    def frame(self) -> Ethernet:
        """The Ethernet header of the frame on the cable."""
        return self.outer.link if self.outer else self.link

    @property
    def encapsulated(self) -> bool:
        return self.outer is not None

    @property
    def tuple(self) -> tuple[str, str, int | None, str, int | None]:
        """Protocol and both ends, as sent: `(protocol, src, sport, dst, dport)`."""
        return (self.ip.protocol, self.ip.src, self.ports.sport, self.ip.dst, self.ports.dport)
