"""Every field that a row may need, held against scapy: headers of IP, options of TCP, and the bits of tunnels."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.contrib.geneve import GENEVE, GeneveOptions
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

from podwire.model.packet_fields import FIELDS
from podwire.model.packets import TcpOptions
from podwire.packets.dissect import decode

LINK = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
ENDS4, ENDS6 = {"src": "192.0.2.1", "dst": "192.0.2.2"}, {"src": "fd00::1", "dst": "fd00::2"}
PODS = LINK / IP(src="10.244.1.2", dst="10.244.2.2") / UDP(sport=50000, dport=8080) / Raw(b"inside")
byte, word16, word32 = st.integers(0, 255), st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1)
# scapy reads a header of another length where the flags of a policy group and of another protocol are both set.
vxlan_flags = byte.filter(lambda flags: flags & 0x84 != 0x84)
# Options in scapy's words; blocks of a SACK are pairs in one tuple.
option = st.one_of(
    st.tuples(st.just("MSS"), word16),
    st.just(("SAckOK", b"")),
    st.integers(1, 3).flatmap(lambda blocks: st.tuples(st.just("SAck"), st.tuples(*[word32] * (2 * blocks)))),
    st.tuples(st.just("WScale"), byte),
    st.tuples(st.just("Timestamp"), st.tuples(word32, word32)),
    st.just(("NOP", None)),
)


def value(packet: Any, name: str) -> Any:
    return FIELDS[name].read(packet)


@settings(max_examples=150, deadline=None)
@given(byte, word16, st.sampled_from(["", "DF"]), byte)
def test_the_header_of_ipv4(tos: int, ident: int, flags: str, ttl: int) -> None:
    data = bytes(LINK / IP(**ENDS4, tos=tos, id=ident, flags=flags, ttl=ttl) / UDP(sport=50000, dport=8080) / b"x")
    packet, other = decode(data), Ether(data)[IP]
    assert (packet.ip.tos, packet.ip.ttl, value(packet, "ident")) == (other.tos, other.ttl, other.id)
    assert (value(packet, "dscp"), value(packet, "ecn")) == (other.tos >> 2, other.tos & 3)
    assert value(packet, "df") is bool(other.flags.DF)
    assert (value(packet, "fragment"), value(packet, "offset"), value(packet, "more")) == (False, None, None)


@settings(max_examples=150, deadline=None)
@given(word16, st.integers(0, 2**13 - 1), st.booleans(), st.booleans())
def test_a_fragment_of_ipv4(ident: int, offset: int, more: bool, keep_whole: bool) -> None:
    flags = "+".join([*(["MF"] if more else []), *(["DF"] if keep_whole else [])])
    data = bytes(LINK / IP(**ENDS4, id=ident, flags=flags, frag=offset, proto=17) / UDP(sport=50000, dport=8080) / b"x")
    packet, other = decode(data), Ether(data)[IP]
    assert value(packet, "df") is bool(other.flags.DF)
    assert value(packet, "fragment") is bool(other.flags.MF or other.frag)
    if value(packet, "fragment"):
        assert (value(packet, "offset"), value(packet, "more")) == (other.frag * 8, bool(other.flags.MF))
        assert packet.ip.fragment is not None
        assert value(packet, "ident") == packet.ip.fragment.ident == other.id


@settings(max_examples=100, deadline=None)
@given(byte, word32, st.integers(0, 2**13 - 1), st.booleans())
def test_the_header_of_ipv6_and_its_fragments(tos: int, ident: int, offset: int, more: bool) -> None:
    part = IPv6ExtHdrFragment(id=ident, offset=offset, m=more, nh=17)
    data = bytes(LINK / IPv6(**ENDS6, tc=tos) / part / UDP(sport=50000, dport=8080) / b"x")
    packet, other = decode(data), Ether(data)
    assert (packet.ip.tos, value(packet, "df")) == (other[IPv6].tc, None)
    if offset or more:
        assert (value(packet, "offset"), value(packet, "more")) == (offset * 8, more)
        assert value(packet, "ident") == other[IPv6ExtHdrFragment].id
    else:
        assert (value(packet, "fragment"), value(packet, "ident")) == (False, None)


@settings(max_examples=200, deadline=None)
@given(word16, st.lists(option, max_size=3), st.sampled_from(["S", "SA", "A"]))
def test_the_window_and_the_options_of_tcp(window: int, options: list[Any], flags: str) -> None:
    segment = TCP(sport=50000, dport=8080, window=window, flags=flags, options=options)
    if len(bytes(segment)) > 60:
        return  # The header ends there.
    data = bytes(LINK / IP(**ENDS4) / segment / b"x")
    packet, other = decode(data), Ether(data)[TCP]
    sent = other.options
    blocks = next((words for name, words in reversed(sent) if name == "SAck"), ())
    assert value(packet, "window") == other.window
    assert packet.tcp.options == TcpOptions(
        mss=next((size for name, size in reversed(sent) if name == "MSS"), None),
        sack_permitted=any(name == "SAckOK" for name, _ in sent),
        sack=tuple(zip(blocks[::2], blocks[1::2], strict=True)),
    )
    assert value(packet, "sack_blocks") == len(blocks) // 2
    assert packet.payload == b"x"


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=40).map(lambda raw: raw + b"\0" * (-len(raw) % 4)))
def test_damaged_options_of_tcp_never_raise(raw: bytes) -> None:
    data = bytearray(bytes(LINK / IP(**ENDS4) / TCP(sport=50000, dport=8080) / raw))
    data[14 + 20 + 12] = (5 + len(raw) // 4) << 4
    assert decode(bytes(data)).ports.dport == 8080


@settings(max_examples=150, deadline=None)
@given(byte, byte, st.booleans(), st.integers(1, 65535), vxlan_flags, st.integers(0, 2**24 - 1), byte)
def test_vxlan_and_the_headers_around_it(
    ttl: int, tos: int, keep_whole: bool, sport: int, flags: int, reserved1: int, reserved2: int
) -> None:
    outer = LINK / IP(**ENDS4, ttl=ttl, tos=tos, flags="DF" if keep_whole else "") / UDP(sport=sport, dport=4789)
    header = bytes([flags | 0x08]) + reserved1.to_bytes(3, "big") + b"\0\x10\0" + bytes([reserved2])
    data = bytes(outer / Raw(header) / PODS)
    packet, other = decode(data), Ether(data)
    assert packet.outer is not None
    assert packet.outer.header == header == bytes(other[VXLAN])[:8]
    assert value(packet, "vxlan_flags") == int(other[VXLAN].flags)
    assert value(packet, "vxlan_reserved") == reserved1 << 8 | other[VXLAN].reserved2
    assert value(packet, "vni") == other[VXLAN].vni == 0x1000
    assert (value(packet, "outer_ttl"), value(packet, "outer_sport")) == (other[IP].ttl, other[UDP].sport)
    assert (value(packet, "outer_dscp"), value(packet, "outer_ecn")) == (other[IP].tos >> 2, other[IP].tos & 3)
    assert value(packet, "outer_df") is bool(other[IP].flags.DF)
    assert value(packet, "outer_checksum") == "right"
    assert (value(packet, "geneve_version"), packet.payload) == (None, b"inside")


@settings(max_examples=150, deadline=None)
@given(st.booleans(), st.booleans(), byte, byte, st.lists(st.binary(max_size=16), max_size=3))
def test_geneve_and_its_options(oam: bool, critical: bool, reserved1: int, reserved2: int, words: list[bytes]) -> None:
    options = [GeneveOptions(classid=1, type=1, data=word + b"\0" * (-len(word) % 4)) for word in words]
    geneve = GENEVE(
        oam=oam, critical=critical, reserved=reserved1 & 0x3F, reserved2=reserved2, vni=7, proto=0x6558, options=options
    )
    data = bytes(LINK / IP(**ENDS4) / UDP(sport=50000, dport=6081) / geneve / PODS)
    packet, other = decode(data), Ether(data)[GENEVE]
    assert (value(packet, "geneve_version"), value(packet, "geneve_protocol")) == (other.version, other.proto)
    assert value(packet, "geneve_control") is bool(other.oam)
    assert value(packet, "geneve_critical") is bool(other.critical)
    assert value(packet, "geneve_reserved") == other.reserved << 8 | other.reserved2
    assert value(packet, "geneve_options") == b"".join(map(bytes, other.options))
    assert (value(packet, "vni"), packet.payload, value(packet, "vxlan_reserved")) == (other.vni, b"inside", None)
