"""A packet as the judge sees it, and the patterns a test holds against it.

`Packet` is the innermost IP packet of a frame; `outer` is the tunnel around it. `packets.dissect` makes them.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

# `gc=False`: a run holds some hundred thousand packets, which can be part of no circle.
Protocol = Literal["tcp", "udp", "icmp", "icmpv6", "arp", "other"]


class Tunnel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """The outer headers of an encapsulated packet (VXLAN, RFC 7348: `flags` 0x08 says the VNI is valid)."""

    kind: Literal["vxlan", "geneve"]
    eth_src: str
    eth_dst: str
    src: str
    dst: str
    sport: int
    dport: int
    vni: int
    flags: int = 0x08


class Packet(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """One captured frame.

    Addresses are text, `at` is seconds since the epoch, `length` the frame's bytes on the wire. `eth_*` are the
    MACs of the innermost Ethernet header. `frame_src`/`frame_dst` are those of the frame on the cable. `quoted` is
    the packet that an ICMP error quotes, `mtu` the path MTU that it tells. `ident` is the identification of a fragment.
    """

    at: float
    eth_src: str
    eth_dst: str
    src: str = ""
    dst: str = ""
    protocol: Protocol = "other"
    sport: int | None = None
    dport: int | None = None
    ttl: int | None = None
    flags: str = ""
    seq: int | None = None
    ack: int | None = None
    icmp_type: int | None = None
    icmp_code: int | None = None
    icmp_id: int | None = None
    icmp_seq: int | None = None
    fragment: bool = False
    ident: int | None = None
    mtu: int | None = None
    payload: bytes = b""
    length: int = 0
    outer: Tunnel | None = None
    quoted: Packet | None = None
    interface: str = ""

    @property
    def frame_src(self) -> str:
        return self.outer.eth_src if self.outer else self.eth_src

    @property
    def frame_dst(self) -> str:
        return self.outer.eth_dst if self.outer else self.eth_dst

    @property
    def encapsulated(self) -> bool:
        return self.outer is not None

    @property
    def tunnel(self) -> str | None:
        """The kind of the tunnel around it."""
        return self.outer.kind if self.outer else None

    @property
    def outer_src(self) -> str | None:
        return self.outer.src if self.outer else None

    @property
    def outer_dst(self) -> str | None:
        return self.outer.dst if self.outer else None

    @property
    def outer_dport(self) -> int | None:
        return self.outer.dport if self.outer else None

    @property
    def vxlan_flags(self) -> int | None:
        return self.outer.flags if self.outer else None

    @property
    def vni(self) -> int | None:
        return self.outer.vni if self.outer else None

    @property
    def tuple(self) -> tuple[str, str, int | None, str, int | None]:
        """Protocol and both ends, as sent: `(protocol, src, sport, dst, dport)`."""
        return (self.protocol, self.src, self.sport, self.dst, self.dport)
