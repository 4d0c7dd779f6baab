"""Reads a client's data as it arrives. It keeps the first line, and only the length and checksum of the rest."""

from __future__ import annotations

import binascii

MOST_LINE = 1024
"""The limit in bytes for the first line. A request has at most 76, and an HTTP path is a token."""
MOST_HEAD = 1 << 16
"""The limit in bytes for an HTTP head, which is not kept: more than one segment can carry."""


class Head:
    """The data so far: `line` is its beginning, at most MOST_LINE bytes; `ended` says whether it had an empty line."""

    __slots__ = ("_seam", "crc", "ended", "line", "received")

    def __init__(self) -> None:
        self.line, self.received, self.crc, self.ended = b"", 0, 0, False
        self._seam = b""

    @property
    def has_line(self) -> bool:
        """Whether the first line is complete, or too long."""
        return b"\n" in self.line or len(self.line) >= MOST_LINE

    def add(self, scratch: bytearray, count: int) -> None:
        """Add the next bytes: the first `count` bytes of a shared buffer."""
        with memoryview(scratch) as view:
            self.crc = binascii.crc32(view[:count], self.crc)
        self.line += scratch[: min(count, MOST_LINE - len(self.line))]
        if not self.ended:
            text = self._seam + scratch[:count] if self.received < MOST_HEAD else b""
            self.ended = b"\r\n\r\n" in text or b"\n\n" in text
            self._seam = bytes(text[-3:])
        self.received += count
