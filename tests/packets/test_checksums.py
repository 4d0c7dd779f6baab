"""The checksums around a tunnelled packet, made by scapy: wrong ones are named, missing and unfinished ones not."""

import random

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

from podwire.packets.dissect import decode

LINK = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
NODES = {
    "ipv4": IP(src="172.31.0.11", dst="172.31.0.12"),
    "ipv6": IPv6(src="fd31::11", dst="fd31::12"),
}


def frame(family="ipv4", payload=b"x" * 33, **udp):
    inside = LINK / IP(src="10.244.11.2", dst="10.244.12.2") / TCP(dport=8080) / Raw(payload)
    return bytes(LINK / NODES[family] / UDP(sport=50000, dport=4789, **udp) / VXLAN(vni=4096) / inside)


def udp_at(family):
    return 14 + (20 if family == "ipv4" else 40)


def with_bytes(data, at, value):
    return data[:at] + value + data[at + len(value) :]


def wrong(data):
    outer = decode(data).outer
    assert outer is not None
    return outer.wrong


@pytest.mark.parametrize("family", NODES)
def test_right_checksums_of_any_content_are_right(family):
    choice = random.Random(7)
    for length in range(64):
        assert wrong(frame(family, choice.randbytes(length))) == ""


@pytest.mark.parametrize("family", NODES)
def test_a_changed_byte_makes_the_checksum_of_udp_wrong(family):
    data = frame(family)
    for at in (udp_at(family) + 6, udp_at(family) + 12, len(data) - 1):
        assert wrong(with_bytes(data, at, bytes([data[at] ^ 0x41]))) == "UDP checksum"


@pytest.mark.parametrize("family", NODES)
def test_a_tunnel_may_leave_the_checksum_out(family):
    assert wrong(frame(family, chksum=0)) == ""


@pytest.mark.parametrize("family", NODES)
def test_a_checksum_that_the_network_card_has_still_to_finish_is_not_wrong(family):
    data, at = frame(family), udp_at(family)
    ends = data[at - (8 if family == "ipv4" else 32) : at]
    total = sum(int.from_bytes(ends[i : i + 2], "big") for i in range(0, len(ends), 2)) + 17 + len(data) - at
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    assert wrong(with_bytes(data, at + 6, total.to_bytes(2, "big"))) == ""


def test_a_wrong_ip_header_is_named_and_a_missing_sum_is_not():
    data = frame()
    assert wrong(with_bytes(data, 24, b"\x12\x34")) == "IP header checksum"
    assert wrong(with_bytes(data, 24, b"\0\0")) == ""


def test_a_frame_that_was_cut_says_nothing():
    data = frame(payload=b"x" * 600)
    assert wrong(with_bytes(data, udp_at("ipv4") + 6, b"\x0b\xad")) == "UDP checksum"
    assert wrong(with_bytes(data, udp_at("ipv4") + 6, b"\x0b\xad")[:200]) == ""
