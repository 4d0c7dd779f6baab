"""A frame as scapy shows it, with the checksums that a network card has still to finish told from wrong ones."""

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN

from podwire.reporting.case_packets.packet_show import WORDS, shown

LINK = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
ENDS = {"ipv4": IP(src="192.0.2.1", dst="192.0.2.2"), "ipv6": IPv6(src="fd00::1", dst="fd00::2")}
PSEUDO = {
    # Both addresses, the protocol and a length of 27, added by hand (RFC 9293 section 3.1, RFC 8200 section 8.1).
    "ipv4": 0xC000 + 0x0201 + 0xC000 + 0x0202 + 6 + 23,
    "ipv6": 0xFD00 + 1 + 0xFD00 + 2 + 6 + 23,
}


def told(family, **fields):
    data = bytes(LINK / ENDS[family] / TCP(sport=50000, dport=8080, **fields) / b"abc")
    return list(shown(data))[-1].partition(": ")[2]


@pytest.mark.parametrize("family", ENDS)
def test_a_checksum_is_right_offloaded_or_wrong(family):
    unfinished = (PSEUDO[family] & 0xFFFF) + (PSEUDO[family] >> 16)
    assert told(family) == WORDS["right"]
    assert told(family, chksum=unfinished) == WORDS["offloaded"]
    assert told(family, chksum=0x0BAD) == WORDS["wrong"]


def test_a_tunnel_on_a_port_of_the_cluster_is_opened_and_both_checksums_told():
    inner = LINK / ENDS["ipv4"] / UDP(sport=50000, dport=8080) / b"abc"
    data = bytes(LINK / ENDS["ipv4"] / UDP(sport=40000, dport=9999, chksum=0) / VXLAN(vni=4096) / inner)
    lines = list(shown(data, {9999}))
    assert any("VXLAN" in line for line in lines)
    assert lines[-2:] == [
        f"checksum of UDP from port 40000: {WORDS['none']}",
        f"checksum of UDP from port 50000: {WORDS['right']}",
    ]


def test_a_frame_that_was_cut_a_segment_before_offload_and_a_fragment_have_no_word_about_the_checksum():
    whole = bytes(LINK / ENDS["ipv4"] / UDP(sport=50000, dport=8080) / b"abcdef")
    part = bytes(LINK / IP(src="192.0.2.1", dst="192.0.2.2", flags="MF") / UDP(sport=50000, dport=8080) / b"abcdef")
    unsegmented = whole[:16] + b"\0\0" + whole[18:]
    for data in (whole[:-2], unsegmented, part):
        assert not any("checksum of" in line for line in shown(data))


@pytest.mark.parametrize("data", [b"", b"\0" * 10, b"\xff" * 60])
def test_what_is_no_packet_is_shown_all_the_same(data):
    assert list(shown(data))
