"""Bytes to packets, on hand-made bytes: what the judge relies on, and what must not be mistaken for something else."""

from __future__ import annotations

import struct

import pytest
from records_for_tests import VXLAN_FRAME, frame

from podwire.model.packets import Ethernet, Fragment, Ip, Tunnel
from podwire.packets.dissect import decode, packet_of, packets
from podwire.packets.pcap import read_frames, write_frames

MACS = bytes.fromhex("02000000000b 020000000001")
IP4 = bytes.fromhex("0af40102 0af40b02")
IP6 = bytes.fromhex("fd100244000000010000000000000002 fd1002440000000b0000000000000002")


def ethernet(kind: int, body: bytes) -> bytes:
    return MACS + kind.to_bytes(2, "big") + body


def ipv4(number: int, body: bytes, *, options: bytes = b"", offset: int = 0, total: int | None = None) -> bytes:
    length = 20 + len(options) + len(body) if total is None else total
    first = 0x40 | (5 + len(options) // 4)
    return ethernet(
        0x0800, struct.pack("!BBHHHBBH", first, 0, length, 7, offset, 128, number, 0) + IP4 + options + body
    )


def ipv6(number: int, body: bytes) -> bytes:
    return ethernet(0x86DD, struct.pack("!IHBB", 6 << 28, len(body), number, 64) + IP6 + body)


def tcp(flags: int, payload: bytes = b"") -> bytes:
    return struct.pack("!HHIIBBHHH", 50000, 8080, 1000, 2000, 5 << 4, flags, 64, 0, 0) + payload


def udp(payload: bytes = b"", port: int = 8080) -> bytes:
    return struct.pack("!HHHH", 50000, port, 8 + len(payload), 0) + payload


@pytest.mark.parametrize(
    ("bits", "flags"),
    [(0x02, "S"), (0x12, "SA"), (0x11, "AF"), (0x14, "AR"), (0x18, "AP"), (0x3F, "SAFRPU"), (0xC2, "S")],
)
def test_tcp_flags_have_one_order(bits: int, flags: str) -> None:
    packet = decode(ipv4(6, tcp(bits, b"hello")))
    assert (packet.ip.protocol, packet.tcp.flags, packet.tcp.seq, packet.tcp.ack) == ("tcp", flags, 1000, 2000)
    assert packet.tuple == ("tcp", "10.244.1.2", 50000, "10.244.11.2", 8080)
    assert (packet.payload, packet.ip.ttl, packet.length) == (b"hello", 128, 59)


def test_padding_of_a_short_frame_is_not_payload() -> None:
    assert decode(ipv4(17, udp(b"x")) + b"\0" * 20).payload == b"x"


def test_a_length_of_zero_is_a_segment_before_offload() -> None:
    assert decode(ipv4(6, tcp(0x10, b"abc"), total=0)).payload == b"abc"


def test_vlan_tags_and_ip_options_are_skipped() -> None:
    plain = ipv4(17, udp(b"x"), options=b"\x01" * 8)
    tagged = plain[:12] + bytes.fromhex("88a80005 81000007") + plain[12:]
    assert decode(tagged).tuple == decode(plain).tuple == ("udp", "10.244.1.2", 50000, "10.244.11.2", 8080)


def test_fragments_are_marked_and_later_ones_have_no_ports() -> None:
    first, later = decode(ipv4(17, udp(b"x"), offset=0x2000)), decode(ipv4(17, b"rest", offset=0x0005))
    assert (first.ip.fragment, first.ports.dport) == (Fragment(7, 0, True), 8080)
    assert (later.ip.fragment, later.ip.protocol, later.ports.dport) == (Fragment(7, 40, False), "udp", None)
    assert later.payload == b"rest"
    assert not decode(ipv4(17, udp(b"x"), offset=0x4000)).ip.fragment


def test_ipv6_extension_headers_are_walked() -> None:
    hop, destination = b"\x3c\0" + b"\0" * 6, b"\x2c\x01" + b"\0" * 14
    fragment = struct.pack("!BBHI", 6, 0, 1, 0xABCDEF01)
    packet = decode(ipv6(0, hop + destination + fragment + tcp(0x02)))
    assert packet.ip == Ip("fd10:244:0:1::2", "fd10:244:0:b::2", "tcp", 64, Fragment(0xABCDEF01, 0, True), 0)
    assert packet.tcp.flags == "S"


def test_arp_has_the_addresses_that_are_asked() -> None:
    body = bytes.fromhex("0001080006040001 020000000001 ac1f0001 000000000000 ac1f000b")
    packet = decode(ethernet(0x0806, body + b"\0" * 18))
    assert (packet.ip.protocol, packet.ip.src, packet.ip.dst, packet.payload) == (
        "arp",
        "172.31.0.1",
        "172.31.0.11",
        body,
    )


def test_an_icmp_error_quotes_the_packet_it_is_about() -> None:
    quoted = ipv4(6, struct.pack("!HHI", 50000, 8080, 77), total=40)[14:]
    packet = decode(ipv4(1, b"\x03\x04\0\0\0\0\x05\x78" + quoted))
    assert (packet.ip.protocol, packet.icmp.type, packet.icmp.code) == ("icmp", 3, 4)
    assert packet.icmp.mtu == 1400
    assert decode(ipv4(1, b"\x03\x03\0\0\0\0\x05\x78" + quoted)).icmp.mtu is None
    assert packet.icmp.quoted is not None
    assert packet.icmp.quoted.tuple == ("tcp", "10.244.1.2", 50000, "10.244.11.2", 8080)
    assert (packet.icmp.quoted.tcp.seq, packet.icmp.quoted.tcp.flags, packet.icmp.quoted.link.src) == (77, "", "")


def test_ipv6_tells_the_path_mtu_in_four_bytes() -> None:
    quoted = ipv6(17, udp(b"x"))[14:]
    assert decode(ipv6(58, b"\x02\0\0\0\0\0\x05\x78" + quoted)).icmp.mtu == 1400
    assert decode(ipv6(58, b"\x01\0\0\0\0\0\x05\x78" + quoted)).icmp.mtu is None


def test_an_echo_has_its_identifier_and_sequence() -> None:
    packet = decode(ipv6(58, b"\x80\0\0\0\x12\x34\0\x07token"))
    assert (packet.ip.protocol, packet.icmp.type, packet.icmp.id, packet.icmp.seq) == ("icmpv6", 128, 0x1234, 7)
    assert packet.payload == b"token"


def test_vxlan_gives_the_inner_packet_and_the_tunnel_around_it() -> None:
    packet = packet_of(frame())
    assert packet.tuple == ("udp", "10.244.1.2", 50000, "10.244.11.2", 8080)
    assert (packet.link.src, packet.frame.src, packet.ip.ttl) == ("0a:58:0a:f4:01:02", "02:00:00:00:00:01", 64)
    assert packet.outer == Tunnel(
        kind="vxlan",
        link=Ethernet("02:00:00:00:00:01", "02:00:00:00:00:0b"),
        ip=Ip("172.31.0.1", "172.31.0.11", "udp", 64, None, 0, True),
        sport=54321,
        dport=4789,
        vni=4096,
        header=bytes.fromhex("0800000000100000"),
        checksum="none",
    )


def test_geneve_is_opened_and_its_options_skipped() -> None:
    inner = ipv4(6, tcp(0x02))
    packet = decode(ipv4(17, udp(b"\x01\0\x65\x58\0\0\x07\0" + b"\0" * 4 + inner, port=6081)))
    assert packet.outer is not None
    assert (packet.outer.kind, packet.outer.vni, packet.tcp.flags) == ("geneve", 7, "S")


def test_a_further_vxlan_port_is_taken_when_it_is_named() -> None:
    payload = VXLAN_FRAME[42:]
    data = ipv4(17, udp(payload, port=4790))
    assert decode(data).outer is None
    assert decode(data, vxlan_ports={4790}).outer.vni == 4096


def test_an_echo_that_happens_to_use_the_port_is_no_tunnel() -> None:
    packet = decode(ipv4(17, udp(b"pw-token and some more text to be long enough", port=4789)))
    assert (packet.outer, packet.ports.dport, packet.ip.protocol) == (None, 4789, "udp")


def test_the_packets_of_a_file() -> None:
    assert [packet.outer.vni for packet in packets(read_frames(write_frames([frame(), frame()])))] == [4096, 4096]
