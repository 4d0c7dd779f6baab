"""Captures that lose or cut frames without a word, as the runner gets them."""

from podwire.packets.pcap import Frame, read_frames
from podwire.probing import captures


def losing(monkeypatch, one_in):
    """Of every capture, one frame in so many is missing; nobody counts it."""
    seen = 0

    def some(raw):
        nonlocal seen
        for frame in read_frames(raw):
            seen += 1
            if seen % one_in:
                yield frame

    monkeypatch.setattr(captures, "read_frames", some)


def cutting(monkeypatch, at):
    """Of every frame, only its beginning is captured."""

    def beginnings(raw):
        for frame in read_frames(raw):
            yield Frame(frame.at_ns, frame.interface, frame.data[:at], frame.wire_length)

    monkeypatch.setattr(captures, "read_frames", beginnings)
