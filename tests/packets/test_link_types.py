"""Frames of several link types in one capture are read as Ethernet; what is foreign is left out and ends nothing."""

import struct

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import CookedLinux, CookedLinuxV2, Ether

from podwire.packets.dissect import packets
from podwire.packets.link_types import as_ethernet
from podwire.packets.pcap import read_frames

V4 = IP(src="10.244.1.2", dst="10.244.2.2", ttl=63) / UDP(sport=40000, dport=8080) / b"pw0123456789abcdef"
V6 = IPv6(src="fd10::2", dst="fd10::3") / UDP(sport=40000, dport=8080) / b"pw0123456789abcdef"
MAC = bytes.fromhex("020000000001")
KINDS = [
    (1, bytes(Ether(src="02:00:00:00:00:01") / V4)),
    (0, struct.pack("<I", 2) + bytes(V4)),
    (0, struct.pack(">I", 2) + bytes(V4)),
    (0, struct.pack("<I", 30) + bytes(V6)),
    (108, struct.pack(">I", 2) + bytes(V4)),
    (101, bytes(V4)),
    (12, bytes(V6)),
    (228, bytes(V4)),
    (229, bytes(V6)),
    (113, bytes(CookedLinux(pkttype=4, lladdrtype=1, lladdrlen=6, src=MAC + b"\0\0", proto=0x800) / V4)),
    (276, bytes(CookedLinuxV2(proto=0x86DD, ifindex=3, lladdrlen=6, src=MAC + b"\0\0") / V6)),
]


def block(kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def several(*frames):
    """A pcapng file with an interface for each frame."""
    made = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    made += b"".join(block(1, struct.pack("<HHI", link, 0, 0)) for link, _ in frames)
    for number, (_, data) in enumerate(frames):
        made += block(6, struct.pack("<IIIII", number, 0, number, len(data), len(data)) + data)
    return made


@pytest.mark.parametrize(("link", "data"), KINDS, ids=[f"{link}-{at}" for at, (link, _) in enumerate(KINDS)])
def test_a_packet_is_the_same_under_every_header(link, data):
    (seen,) = packets(list(read_frames(several((link, data)))))
    assert (seen.ip.src, seen.ports.sport, seen.ports.dport) in (
        ("10.244.1.2", 40000, 8080),
        ("fd10::2", 40000, 8080),
    )


def test_linux_tells_who_sent_it():
    (seen,) = packets(list(read_frames(several(KINDS[-2]))))
    assert seen.link.src == "02:00:00:00:00:01"


def test_a_capture_of_all_of_them_is_read_to_its_end():
    wifi = (105, b"\x08\x00" + bytes(30))
    frames = list(read_frames(several(wifi, *KINDS, wifi)))
    assert [frame.interface for frame in frames] == [str(number) for number in range(1, len(KINDS) + 1)]


def test_a_capture_of_foreign_frames_only_is_one_clear_line():
    with pytest.raises(
        ValueError, match=r"^link type 105 of interface 0 is not known, and no frame is of another one$"
    ):
        list(read_frames(several((105, bytes(40)))))


@pytest.mark.parametrize(("link", "data"), [(101, b"\x00"), (0, b"\x02"), (113, b"1234"), (0, bytes(8)), (101, b"")])
def test_a_frame_that_its_header_says_nothing_of_is_left_out(link, data):
    assert as_ethernet(link, data, len(data)) is None


def test_the_length_on_the_wire_is_that_of_the_ethernet_frame():
    whole = bytes(CookedLinux(proto=0x800) / V4)
    data, length = as_ethernet(113, whole[:60], len(whole))
    assert (len(data), length) == (60 - 16 + 14, len(V4) + 14)
