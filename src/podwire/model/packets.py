"""A captured frame as the judge sees it: a layer for each header, and what can be asked of it by name.

A packet is the innermost IP packet of a frame; `outer` is the tunnel around it. `packets.dissect` makes them. Every
packet has all layers: one that a frame does not carry is the empty one of its kind, so that a field is read without
asking first. Layers that many packets share (`Ethernet`, `Ip`, `Ports`, `Tunnel`) are one value for all of them: what
differs from packet to packet belongs in another layer, or in `Fragment`.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

FLAGS = "SAFRPU"
"""The flags of TCP in the order in which they are written."""
Protocol = Literal["tcp", "udp", "icmp", "icmpv6", "arp", "other"]
ChecksumState = Literal["", "none", "right", "offloaded", "wrong"]
"""What became of a checksum: unknown, not used (0), right, left to the sender's network card, or wrong."""


# `gc=False`: a run holds some hundred thousand packets, which can be part of no circle.
class Ethernet(Struct, frozen=True, gc=False):
    """An Ethernet header: the MACs."""

    src: str = ""
    dst: str = ""


class Fragment(Struct, frozen=True, gc=False):
    """What only a fragment has: the identification of the packet that it is of, where its data stand in that packet
    (bytes), and whether more follows. Older records do not know them."""

    ident: int | None = None
    offset: int | None = None
    more: bool | None = None


class Ip(Struct, frozen=True, gc=False):
    """A header of IPv4 or IPv6. `ttl` is the hop limit of IPv6. The addresses of ARP stand here too.

    `fragment` is there for a fragment, and for the packet inside a fragment of a tunnel's packet. `tos` is the byte
    with DSCP and ECN (RFC 2474, RFC 3168), the traffic class of IPv6; `df` is Don't Fragment, which IPv6 does not have.
    Older records know neither.
    """

    src: str = ""
    dst: str = ""
    protocol: Protocol = "other"
    ttl: int | None = None
    fragment: Fragment | None = None
    tos: int | None = None
    df: bool | None = None

    @property
    def dscp(self) -> int | None:
        return None if self.tos is None else self.tos >> 2

    @property
    def ecn(self) -> int | None:
        return None if self.tos is None else self.tos & 3


class Ports(Struct, frozen=True, gc=False):
    """The ports of TCP or UDP."""

    sport: int | None = None
    dport: int | None = None


class TcpOptions(Struct, frozen=True, gc=False):
    """Options of TCP: the largest segment that the sender takes (RFC 9293 section 3.7.1), and of selective
    acknowledgements (RFC 2018) whether they are permitted, and the first and the next sequence number of a block."""

    mss: int | None = None
    sack_permitted: bool = False
    sack: tuple[tuple[int, int], ...] = ()


NO_OPTIONS = TcpOptions()


class Tcp(Struct, frozen=True, gc=False):
    """A TCP header, without its ports. Flags are letters in the order of `SAFRPU`. `window` is as sent, not scaled."""

    flags: str = ""
    seq: int | None = None
    ack: int | None = None
    window: int | None = None
    options: TcpOptions = NO_OPTIONS


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
    """The outer headers of an encapsulated packet (VXLAN, RFC 7348: `flags` 0x08 says the VNI is valid).

    `wrong` names a checksum of the outer headers that is wrong, empty for none. `header` is the header of the tunnel
    with its options, `checksum` what became of the outer UDP checksum; older records know neither.
    """

    kind: Literal["vxlan", "geneve"]
    link: Ethernet
    ip: Ip
    sport: int
    dport: int
    vni: int
    flags: int = 0x08
    wrong: str = ""
    header: bytes = b""
    checksum: ChecksumState = ""

    @property
    def vxlan_reserved(self) -> int | None:
        """The 24 and the 8 reserved bits of a VXLAN header as one number (RFC 7348 section 5)."""
        return int.from_bytes(self.header[1:4] + self.header[7:8], "big") if self._has("vxlan") else None

    @property
    def geneve_version(self) -> int | None:
        return self.header[0] >> 6 if self._has("geneve") else None

    @property
    def geneve_control(self) -> bool | None:
        """The O bit: a control packet, not one of a tenant (RFC 8926 section 3.4)."""
        return bool(self.header[1] & 0x80) if self._has("geneve") else None

    @property
    def geneve_critical(self) -> bool | None:
        """The C bit: an option is critical."""
        return bool(self.header[1] & 0x40) if self._has("geneve") else None

    @property
    def geneve_protocol(self) -> int | None:
        return int.from_bytes(self.header[2:4], "big") if self._has("geneve") else None

    @property
    def geneve_reserved(self) -> int | None:
        """The 6 and the 8 reserved bits of a Geneve header as one number."""
        return (self.header[1] & 0x3F) << 8 | self.header[7] if self._has("geneve") else None

    @property
    def geneve_options(self) -> bytes | None:
        return self.header[8:] if self._has("geneve") else None

    def _has(self, kind: str) -> bool:
        return self.kind == kind and len(self.header) >= 8


NO_LINK, NO_IP, NO_PORTS, NO_TCP, NO_ICMP = Ethernet(), Ip(), Ports(), Tcp(), Icmp()


class Packet(Struct, frozen=True, kw_only=True, gc=False):
    """One captured frame.

    Addresses are text, `at` is seconds since the epoch, `length` the frame's bytes on the wire, `link` the innermost
    Ethernet header, `ident` the identification of the innermost header of IPv4 (RFC 6864), or of a fragment.
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
    ident: int | None = None

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
