"""A packet as one line of text."""

from __future__ import annotations

import dns.message
from flat_packets import a_packet_with, with_fields
from records_for_tests import START, frame

from podwire.packets.dissect import packet_of
from podwire.reporting.decode_text import decode_capture, packet_line

MACS = "02:00:00:00:00:01 > 02:00:00:00:00:0b"
PLAIN = a_packet_with(
    at=10.25,
    eth_src="02:00:00:00:00:01",
    eth_dst="02:00:00:00:00:0b",
    src="fd10::2",
    dst="fd10::3",
    protocol="tcp",
    sport=50000,
    dport=8080,
    ttl=63,
    flags="SA",
    seq=7,
    ack=8,
    length=74,
)


def test_a_tcp_segment() -> None:
    assert packet_line(PLAIN, zero=10.0) == (
        f" +0.250000 {MACS} | [fd10::2]:50000 > [fd10::3]:8080 tcp [SA] seq 7 ack 8 payload 0 hops 63 length 74"
    )


def test_a_tunnel_stands_around_its_packet() -> None:
    line = packet_line(packet_of(frame()), zero=START)
    assert f"{MACS} | vxlan vni 4096 flags 0x08 172.31.0.1:54321 > 172.31.0.11:4789 | 0a:58:0a:f4:01:02 > " in line


def test_an_icmp_error_and_what_it_is_about() -> None:
    error = with_fields(PLAIN, protocol="icmpv6", sport=None, dport=None, flags="", seq=None, icmp_type=3, quoted=PLAIN)
    line = packet_line(error, zero=10.25)
    assert "fd10::2 > fd10::3 icmpv6 time exceeded payload 0" in line
    assert line.endswith("(about [fd10::2]:50000 > [fd10::3]:8080 tcp [SA] seq 7 ack 8 payload 0 hops 63 length 74)")


def test_an_echo_and_a_fragment() -> None:
    echo = with_fields(
        PLAIN, src="10.0.0.1", dst="10.0.0.2", protocol="icmp", sport=None, dport=None, flags="", seq=None
    )
    echo = with_fields(echo, icmp_type=8, icmp_code=0, icmp_id=5, icmp_seq=1, fragment=True)
    assert "10.0.0.1 > 10.0.0.2 icmp echo request id 5 seq 1 fragment payload 0 ttl 63" in packet_line(echo)


def test_arp_and_what_is_not_ip() -> None:
    body = bytes.fromhex("0001080006040002 020000000001 ac1f0001 02000000000b ac1f000b")
    arp = a_packet_with(
        at=0.0, eth_src="a", eth_dst="b", src="172.31.0.1", dst="172.31.0.11", protocol="arp", payload=body
    )
    assert packet_line(arp).endswith("a > b | arp 172.31.0.1 is at 02:00:00:00:00:01")
    asked = with_fields(arp, payload=body.replace(b"\x06\x04\x00\x02", b"\x06\x04\x00\x01"))
    assert packet_line(asked).endswith("arp who has 172.31.0.11, asks 172.31.0.1")
    assert packet_line(a_packet_with(at=0.0, eth_src="", eth_dst="", length=9)).endswith("? > ? | not IP, 9 bytes")


def test_dns_is_spelled_out() -> None:
    query = dns.message.make_query("a.example.", "A")
    asks = with_fields(PLAIN, protocol="udp", dport=53, flags="", seq=None, payload=query.to_wire())
    assert packet_line(asks).endswith("dns asks a.example A")
    response = dns.message.make_response(query)
    answers = with_fields(asks, sport=53, dport=50000, payload=response.to_wire())
    assert packet_line(answers).endswith("dns answers a.example A: NOERROR no address")


def test_a_capture_counts_from_its_first_packet() -> None:
    text = decode_capture(
        [PLAIN, with_fields(PLAIN, at=10.5)], marks=["->"], tokens=["tok"], title="client-pod at eth0"
    )
    head, dated, first, second = text.splitlines()
    assert head == "# client-pod at eth0"
    assert dated == "# 2 packets, +0 is 1970-01-01T00:00:10.250000+00:00"
    assert first.startswith(f" +0.000000 {MACS} | -> ")
    assert second.startswith(f" +0.250000 {MACS} | [fd10::2]")
    assert decode_capture([]) == "# no packets\n"


def test_a_path_mtu_is_told_with_who_told_it() -> None:
    fields = {"sport": None, "dport": None, "flags": "", "seq": None, "quoted": PLAIN, "mtu": 1400}
    told = with_fields(PLAIN, protocol="icmp", icmp_type=3, icmp_code=4, src="10.244.11.1", **fields)
    assert "icmp unreachable code 4, path MTU 1400, told by 10.244.11.1 " in packet_line(told)
