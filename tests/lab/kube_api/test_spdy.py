"""SPDY frames: what a client of Kubernetes writes is read, cut wherever it likes."""

from __future__ import annotations

import struct
import zlib

import pytest
from spdyclient import opened

from podwire_lab.kube_api import spdy


def test_the_dictionary_is_the_one_of_the_specification() -> None:
    assert (len(spdy.DICTIONARY), zlib.adler32(spdy.DICTIONARY)) == (1423, 0xE3C6A7C2)


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_frames_are_read_however_they_are_cut(size: int) -> None:
    headers = {"streamtype": "data", "port": "80", "requestid": "0"}
    sent = opened((1, {**headers, "streamtype": "error"}), (3, headers)) + spdy.data(3, b"hello", last=True)
    framer = spdy.Framer()
    frames = [frame for at in range(0, len(sent), size) for frame in framer.received(sent[at : at + size])]
    assert [(f.stream, f.kind, f.last) for f in frames] == [(1, 1, False), (3, 1, False), (3, None, True)]
    assert [f.headers.get("streamtype") for f in frames] == ["error", "data", None]
    assert frames[2].payload == b"hello"


def test_a_reply_can_be_read_by_the_peer() -> None:
    framer = spdy.Framer()
    unpack = zlib.decompressobj(zdict=spdy.DICTIONARY)
    for stream in (1, 3):
        reply = framer.reply(stream)
        assert struct.unpack_from("!HH", reply) == (0x8003, spdy.SYN_REPLY)
        assert struct.unpack_from("!I", reply, 8) == (stream,)
        assert unpack.decompress(reply[12:]) == struct.pack("!I", 0)


@pytest.mark.parametrize(
    "sent",
    [
        struct.pack("!HHI", 0x8002, spdy.PING, 4) + b"\0\0\0\1",
        spdy.control(spdy.SYN_STREAM, struct.pack("!IIH", 1, 0, 0) + b"no zlib"),
        spdy.control(spdy.SYN_STREAM, struct.pack("!IIH", 1, 0, 0)),
    ],
)
def test_what_is_no_spdy_3_is_an_error(sent: bytes) -> None:
    with pytest.raises(spdy.ProtocolError):
        list(spdy.Framer().received(sent))
