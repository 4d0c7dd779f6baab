"""Frames survive any cut, and noise is named."""

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podwire.agent.framing import MAX_PAYLOAD, PREAMBLE, Decoder, Encoder, FramingError, Kind

frames = st.lists(
    st.tuples(st.sampled_from(list(Kind)), st.integers(0, 2**32 - 1), st.binary(max_size=200)), min_size=1, max_size=8
)
cuts = st.lists(st.integers(1, 40), min_size=1, max_size=60)


def pieces(data, lengths):
    at = 0
    for length in lengths:
        yield data[at : at + length]
        at += length
    yield data[at:]


def stream(encoder, messages):
    return PREAMBLE + b"".join(encoder.frame(*message) for message in messages)


@given(frames, cuts)
def test_frames_come_out_as_they_went_in_wherever_the_stream_is_cut(messages, lengths):
    decoder = Decoder()
    got = [frame for piece in pieces(stream(Encoder(), messages), lengths) for frame in decoder.feed(piece)]
    assert got == messages
    assert not decoder.inside


@given(st.binary(min_size=1).filter(lambda data: not PREAMBLE.startswith(data) and not data.startswith(PREAMBLE[:-1])))
def test_a_stream_that_starts_with_something_else_is_refused(noise):
    with pytest.raises(FramingError, match="does not speak podwire's protocol"):
        Decoder().feed(noise)


def test_a_banner_is_quoted_in_the_error():
    with pytest.raises(FramingError, match="it sent 'sh: 1: python: not found'"):
        Decoder().feed(b"sh: 1: python: not found\n")


def test_another_version_is_named():
    with pytest.raises(FramingError, match="speaks version 9 of the protocol, this end version 1"):
        Decoder().feed(PREAMBLE[:-1] + b"\x09")


@given(frames, st.binary(min_size=16, max_size=64).filter(lambda data: data[:2] != b"pW"))
def test_noise_between_frames_is_refused_after_the_frames_before_it(messages, noise):
    decoder = Decoder()
    assert len(decoder.feed(stream(Encoder(), messages))) == len(messages)
    with pytest.raises(FramingError, match="data outside of frames"):
        decoder.feed(noise)


@given(frames)
def test_a_lost_frame_is_noticed(messages):
    encoder, decoder = Encoder(), Decoder()
    encoder.frame(Kind.HEARTBEAT)
    with pytest.raises(FramingError, match="frame 1 came instead of frame 0"):
        decoder.feed(stream(encoder, messages))


def test_a_length_that_no_frame_has_is_refused_before_it_is_waited_for():
    head = struct.pack("!HBBIII", 0x7057, Kind.DATA, 0, 0, 1, MAX_PAYLOAD + 1)
    with pytest.raises(FramingError, match="data outside of frames"):
        Decoder().feed(PREAMBLE + head)


def test_a_payload_that_is_too_long_is_not_sent():
    with pytest.raises(ValueError, match="too long for a frame"):
        Encoder().frame(Kind.REQUEST, 1, bytes(MAX_PAYLOAD + 1))


def test_the_end_inside_a_frame_is_visible():
    decoder = Decoder()
    data = stream(Encoder(), [(Kind.RESULT, 1, json.dumps({}).encode())])
    assert decoder.feed(data[:-1]) == []
    assert decoder.inside
