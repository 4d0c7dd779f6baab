"""Capture files: libpcap in both byte orders and units, what is written is read again, damage is one clear line."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podwire.packets.pcap import Frame, read_frames, write_frames

FRAMES = [
    Frame(1_700_000_000_123_456_789, "eth0", b"\x01" * 14, 14),
    Frame(1_700_000_001_000_000_001, "eth0", b"ab", 1500),
]


def pcap(order: str, magic: int, fraction: int, link: int = 1) -> bytes:
    header = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, link)
    return header + struct.pack(order + "IIII", 1_700_000_000, fraction, 3, 60) + b"xyz"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "fraction", "nanoseconds"), [(0xA1B2C3D4, 5, 5000), (0xA1B23C4D, 5, 5)])
def test_both_byte_orders_and_both_units_are_read(order: str, magic: int, fraction: int, nanoseconds: int) -> None:
    [frame] = read_frames(pcap(order, magic, fraction), "veth1")
    assert frame == Frame(1_700_000_000 * 10**9 + nanoseconds, "veth1", b"xyz", 60)


def test_what_is_written_is_read_again() -> None:
    assert list(read_frames(write_frames(FRAMES), "eth0")) == FRAMES


@given(st.lists(st.tuples(st.integers(0, 2**32 * 10**9 - 1), st.binary(max_size=80), st.integers(0, 80))))
def test_any_frames_survive_the_way_through_a_file(made: list[tuple[int, bytes, int]]) -> None:
    frames = [Frame(at, "", data, len(data) + more) for at, data, more in made]
    assert list(read_frames(write_frames(frames))) == frames


def test_the_frames_before_the_damage_are_given() -> None:
    frames = read_frames(write_frames(FRAMES)[:-1], "eth0")
    assert next(frames) == FRAMES[0]
    with pytest.raises(ValueError, match=r"^the capture ends inside a packet of 2 bytes, at byte 70$"):
        next(frames)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a capture file: 0 bytes"),
        (b"<html>", "not a capture file: it starts with 3c68746d"),
        (write_frames([])[:20], "the libpcap header is cut off: 20 of 24 bytes"),
        (write_frames(FRAMES)[:30], "the capture ends inside a packet header, at byte 24"),
        (pcap("<", 0xA1B2C3D4, 0, link=105), "link type 105 is not known"),
    ],
    ids=["empty", "foreign", "header", "packet-header", "link-type"],
)
def test_damage_is_one_clear_line(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        list(read_frames(data))


@given(st.binary(max_size=200))
def test_nothing_but_a_value_error_comes_of_any_bytes(noise: bytes) -> None:
    for data in (noise, write_frames(FRAMES)[:24] + noise, b"\x0a\x0d\x0d\x0a" + noise):
        with contextlib.suppress(ValueError):
            list(read_frames(data))
