"""What a client sends, looked at as it comes: its first line is kept, of the rest only what must be known."""

from __future__ import annotations

import binascii

MOST_LINE = 1024
"""Bytes of a first line; a question has 76 at most, and a path of HTTP is a token."""
MOST_HEAD = 1 << 16
"""Bytes of a head of HTTP that are waited for, and not kept: enough for one that is larger than any segment."""


class Head:
    """What came so far: `line` is its beginning, up to MOST_LINE bytes; `ended` whether an empty line was in it."""

    __slots__ = ("_seam", "crc", "ended", "line", "received")

    def __init__(self) -> None:
        self.line, self.received, self.crc, self.ended = b"", 0, 0, False
        self._seam = b""

    @property
    def has_line(self) -> bool:
        """Whether the first line is there, or can be none."""
        return b"\n" in self.line or len(self.line) >= MOST_LINE

    def add(self, scratch: bytearray, count: int) -> None:
        """The next bytes: the first `count` of a buffer that others use again."""
        with memoryview(scratch) as view:
            self.crc = binascii.crc32(view[:count], self.crc)
        self.line += scratch[: min(count, MOST_LINE - len(self.line))]
        if not self.ended:
            text = self._seam + scratch[:count] if self.received < MOST_HEAD else b""
            self.ended = b"\r\n\r\n" in text or b"\n\n" in text
            self._seam = bytes(text[-3:])
        self.received += count
