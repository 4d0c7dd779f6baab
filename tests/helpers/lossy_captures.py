"""Captures that silently lose or cut frames, as the runner gets them."""

from podwire.packets.pcap import Frame, read_frames
from podwire.probing import captures


def losing(monkeypatch, one_in):
    """Leave one in a number of frames out of every capture, without a count."""
    seen = 0

    def some(raw):
        nonlocal seen
        for frame in read_frames(raw):
            seen += 1
            if seen % one_in:
                yield frame

    monkeypatch.setattr(captures, "read_frames", some)


def cutting(monkeypatch, at):
    """Cut every frame to its beginning."""

    def beginnings(raw):
        for frame in read_frames(raw):
            yield Frame(frame.at_ns, frame.interface, frame.data[:at], frame.wire_length)

    monkeypatch.setattr(captures, "read_frames", beginnings)
