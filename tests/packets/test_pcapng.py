"""pcapng as pktmon and Wireshark write it: names, time units, unknown blocks, several sections, damage."""

from __future__ import annotations

import struct

import pytest

from podwire.packets.pcap import Frame, read_frames


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += b"\0" * (-len(body) % 4)
    total = len(body) + 12
    return struct.pack(order + "II", kind, total) + body + struct.pack(order + "I", total)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(options: bytes = b"", order: str = "<", link: int = 1, snaplen: int = 0) -> bytes:
    end = option(0, b"", order) if options else b""
    return block(1, struct.pack(order + "HHI", link, 0, snaplen) + options + end, order)


def packet(number: int, ticks: int, data: bytes, order: str = "<", length: int | None = None) -> bytes:
    words = (number, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data) if length is None else length)
    return block(6, struct.pack(order + "IIIII", *words) + data, order)


@pytest.mark.parametrize("order", ["<", ">"])
def test_interfaces_have_names_and_units_of_their_own(order: str) -> None:
    nanoseconds = interface(option(2, b"vEthernet", order) + option(9, b"\x09", order), order)
    powers_of_two = interface(option(2, b"Ethernet 2\0", order) + option(9, b"\x8a", order), order)
    nameless = interface(b"", order)
    data = section(order) + nanoseconds + powers_of_two + nameless
    data += packet(0, 7, b"one", order) + packet(1, 1536, b"two", order, length=99) + packet(2, 7, b"three", order)
    assert list(read_frames(data)) == [
        Frame(7, "vEthernet", b"one", 3),
        Frame(1_500_000_000, "Ethernet 2", b"two", 99),
        Frame(7000, "2", b"three", 5),
    ]


def test_a_time_offset_counts_in_seconds() -> None:
    data = section() + interface(option(14, struct.pack("<q", 100))) + packet(0, 1, b"x")
    assert [frame.at_ns for frame in read_frames(data)] == [100 * 10**9 + 1000]


def test_unknown_blocks_are_passed_over() -> None:
    comment, statistics = block(0x0BAD, b"whatever"), block(5, b"\0" * 12)
    data = section() + comment + interface() + statistics + packet(0, 0, b"x") + comment
    assert [frame.data for frame in read_frames(data)] == [b"x"]


def test_simple_and_obsolete_packet_blocks_are_read() -> None:
    simple = block(3, struct.pack("<I", 9) + b"abcd")
    obsolete = block(2, struct.pack("<HHIIII", 0, 0, 0, 3, 2, 2) + b"yz")
    data = section() + interface(option(2, b"eth0"), snaplen=4) + simple + obsolete
    assert list(read_frames(data)) == [Frame(0, "eth0", b"abcd", 9), Frame(3000, "eth0", b"yz", 2)]


def test_a_new_section_forgets_the_interfaces_and_may_turn_the_byte_order() -> None:
    data = section() + interface(option(2, b"a")) + packet(0, 0, b"x")
    data += section(">") + interface(option(2, b"b", ">"), ">") + packet(0, 0, b"y", ">")
    assert [(frame.interface, frame.data) for frame in read_frames(data)] == [("a", b"x"), ("b", b"y")]


GOOD = section() + interface() + packet(0, 0, b"x")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (GOOD[:-3], "the capture ends inside a block of 36 bytes, at byte 48"),
        (GOOD + b"\1\0", "the capture ends inside a block header, at byte 84"),
        (GOOD[:-4] + b"\0\0\0\0", "a block at byte 48 has two different lengths"),
        (section() + struct.pack("<III", 6, 13, 13), "a block at byte 28 has the impossible length 13"),
        (section() + packet(0, 0, b"x"), "a packet names interface 0, but the file describes 0 interfaces, at byte 28"),
        (
            section() + interface(link=105) + packet(0, 0, b"x"),
            r"link type 105 of interface 0 is not Ethernet \(1\), .*",
        ),
        (section() + interface() + block(6, b"\0" * 8), "a block of type 6 at byte 48 is too short: 20 bytes"),
        (block(0x0A0D0D0A, b"\0" * 16), "a section at byte 0 has no valid byte-order mark"),
    ],
    ids=["cut", "rest", "lengths", "impossible", "interface", "link", "short", "order"],
)
def test_damage_is_one_clear_line(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        list(read_frames(data))
