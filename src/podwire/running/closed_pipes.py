"""Standard streams whose reader may go away (`podwire run | head`): what is said then is lost, and nothing else."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO, cast


class Unbroken:
    """A text stream that goes on into nothing once nobody reads it any more."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._lose()
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._lose()

    def _lose(self) -> None:
        """What is still in the stream's buffer goes the same way: Python would end with an error about it."""
        nothing = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nothing, self._stream.fileno())
        finally:
            os.close(nothing)
        self._stream.flush()


def unbroken(stream: TextIO) -> TextIO:
    """The stream, or what goes on when its reader is gone."""
    return stream if isinstance(stream, Unbroken) else cast("TextIO", Unbroken(stream))


@contextlib.contextmanager
def unbroken_output() -> Iterator[None]:
    """Standard output and error, so for a block."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (unbroken(stream) for stream in before)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = before
