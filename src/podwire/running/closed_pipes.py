"""The standard streams of a command: their reader may go away (`podwire run | head`), and is told nothing that harms.

What is said to nobody is lost, and nothing else. What is said to somebody is `visible`.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, TextIO, cast

from podwire.visible import visible, visible_but_styled


class Unbroken:
    """A text stream that goes on into nothing once nobody reads it any more, and whose texts are made harmless."""

    def __init__(self, stream: TextIO, harmless: Callable[[str], str]) -> None:
        self._stream, self._harmless = stream, harmless

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            self._stream.write(self._harmless(text))
        except BrokenPipeError:
            self._lose()
        return len(text)

    def styled(self) -> Unbroken:
        """The same stream for a program that colours its lines."""
        return Unbroken(self._stream, visible_but_styled)

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


def unbroken(stream: TextIO, *, styled: bool = False) -> TextIO:
    """The stream as one that goes on when its reader is gone; `styled` for a program that colours its lines."""
    made = stream if isinstance(stream, Unbroken) else Unbroken(stream, visible)
    return cast("TextIO", made.styled() if styled else made)


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
