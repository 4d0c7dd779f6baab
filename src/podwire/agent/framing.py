"""The frames between the runner and its agents, on a byte stream that may also carry other output.

Each direction starts with `PREAMBLE`, whose last byte is the version of the protocol. Frames follow, each a header of
16 bytes, big-endian, and a payload:

    marker 2 | kind 1 | flags 1, zero | sequence 4 | request 4 | length 4

The sequence counts the frames of a direction from 0, so a lost or repeated part of the stream shows at once. Both sides
use this module.
"""

from __future__ import annotations

import struct
from enum import IntEnum

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from typing import Tuple

    Frame = Tuple["Kind", int, bytes]
    """One frame: its kind, the request that it belongs to (0: none), its payload."""

VERSION = 1
MAGIC = b"\x16podwire"
PREAMBLE = MAGIC + bytes([VERSION])
MAX_PAYLOAD = 1 << 20
PIECE = 32 * 1024 - 16
"""Payload bytes of one piece of binary data. With its header it fits into one message of the exec protocol."""

_HEADER = struct.Struct("!HBBIII")
_MARKER = 0x7057
_SHOWN = 80


class Kind(IntEnum):
    """The kind of a frame. REQUEST carries `{"method", "params"}`; RESULT and ERROR answer it; all three are JSON.
    DATA has bytes after a RESULT, and END their SHA-256. HEARTBEAT and BYE belong to no request."""

    REQUEST = 1
    RESULT = 2
    ERROR = 3
    DATA = 4
    END = 5
    HEARTBEAT = 6
    BYE = 7


class FramingError(ValueError):
    """The stream breaks the protocol. The text says in one line what came instead."""


class Encoder:
    """Makes and numbers the frames of one direction. Not thread-safe: frames must be written in order."""

    def __init__(self) -> None:
        self._sequence = 0

    def frame(self, kind: int, request: int = 0, payload: bytes = b"") -> bytes:
        """The bytes of the next frame. ValueError for a payload of more than 1 MiB."""
        if len(payload) > MAX_PAYLOAD:
            raise ValueError(f"a payload of {len(payload)} bytes is too long for a frame; the limit is {MAX_PAYLOAD}")
        head = _HEADER.pack(_MARKER, kind, 0, self._sequence, request, len(payload))
        self._sequence = (self._sequence + 1) & 0xFFFFFFFF
        return head + payload


class Decoder:
    """Reads the frames of one direction from pieces of any length."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._sequence = 0
        self.started = False
        """Whether the preamble has arrived, so that the other end is podwire."""

    @property
    def inside(self) -> bool:
        """Whether the bytes so far end inside a frame, or inside the preamble."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are complete now. Raises `FramingError`; after that the stream cannot be used."""
        self._buffer += data
        at = 0 if self.started else self._preamble()
        frames: list[Frame] = []
        while len(self._buffer) - at >= _HEADER.size and self.started:
            marker, kind, _, sequence, request, length = _HEADER.unpack_from(self._buffer, at)
            self._check(at, marker, kind, sequence, length)
            end = at + _HEADER.size + length
            if len(self._buffer) < end:
                break
            frames.append((Kind(kind), request, bytes(self._buffer[at + _HEADER.size : end])))
            self._sequence = (self._sequence + 1) & 0xFFFFFFFF
            at = end
        del self._buffer[:at]
        return frames

    def _preamble(self) -> int:
        """The offset of the first frame; 0 while the preamble is incomplete."""
        start = bytes(self._buffer[: len(PREAMBLE)])
        if PREAMBLE.startswith(start):
            self.started = len(start) == len(PREAMBLE)
            return len(PREAMBLE) if self.started else 0
        if start.startswith(MAGIC):
            raise FramingError(f"the other end speaks version {start[-1]} of the protocol, this end version {VERSION}")
        raise FramingError(f"the other end does not speak podwire's protocol; it sent {_excerpt(self._buffer)}")

    def _check(self, at: int, marker: int, kind: int, sequence: int, length: int) -> None:
        if marker != _MARKER or length > MAX_PAYLOAD or not Kind.REQUEST <= kind <= Kind.BYE:
            raise FramingError(f"the stream has data outside of frames: {_excerpt(self._buffer[at:])}")
        if sequence != self._sequence:
            raise FramingError(f"the stream lost data: frame {sequence} came instead of frame {self._sequence}")


def _excerpt(data: bytes | bytearray) -> str:
    """The start of the data on one line."""
    text = bytes(data[:_SHOWN]).decode("utf-8", "replace").strip()
    return repr(text) + ("..." if len(data) > _SHOWN else "")
