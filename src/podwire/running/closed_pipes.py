"""Standard streams that survive a closed pipe (`podwire run | head`) and print no control characters.

Output after the reader has gone is lost; the command goes on. Output to a reader passes through `podwire.visible`.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, TextIO, cast

from podwire.visible import visible, visible_but_styled


class Unbroken:
    """A text stream that discards output after its reader has gone. `harmless` replaces control characters."""

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
        """The same stream, with the escape sequences of colours let through."""
        return Unbroken(self._stream, visible_but_styled)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._lose()

    def _lose(self) -> None:
        """Send the rest of the buffer to the null device. Otherwise Python reports a broken pipe when it exits."""
        null_device = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(null_device, self._stream.fileno())
        finally:
            os.close(null_device)
        self._stream.flush()


def unbroken(stream: TextIO, *, styled: bool = False) -> TextIO:
    """The stream, made to survive a closed pipe. `styled` lets the escape sequences of colours through."""
    safe = stream if isinstance(stream, Unbroken) else Unbroken(stream, visible)
    return cast("TextIO", safe.styled() if styled else safe)


@contextlib.contextmanager
def unbroken_output() -> Iterator[None]:
    """A block in which standard output and standard error survive a closed pipe."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (unbroken(stream) for stream in before)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = before
