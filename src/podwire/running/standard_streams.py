"""The net below everything that a process says: no secret passes it, and nothing that harms a terminal.

It lies under the standard streams, so that it holds for every command, for pytest, for warnings, tracebacks and any
library alike, and over the records of `logging`, which handlers write elsewhere. Their reader may go away
(`podwire run | head`): what is said to nobody is lost, and nothing else.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TextIO, cast

from podwire.redaction import Pieces, keep_secret_variables, redacted
from podwire.visible import visible, visible_but_styled


class Guarded:
    """A text stream without secrets and harmful characters, that goes on into nothing once nobody reads it any more.

    A secret may come in several writes, whatever is flushed between them. Thread-safe.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._pieces, self._lock = Pieces(), threading.RLock()
        self._harmless: Callable[[str], str] = visible
        atexit.register(self.finish)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        return self._write(text, self._harmless)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    @property
    def buffer(self) -> io.RawIOBase:
        """Where bytes may be written: they are text, too."""
        return _Bytes(self)

    def flush(self) -> None:
        """What may be the beginning of a secret waits on."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._lose()

    def finish(self) -> None:
        """Write what has waited: nothing follows, or nothing that belongs to it."""
        with self._lock, contextlib.suppress(ValueError):  # It is closed already.
            self._put(self._pieces.rest(), self._harmless)
            self.flush()

    def styled(self) -> Guarded:
        """The same stream for a program that colours its lines."""
        return _Styled(self)

    def _write(self, text: str, harmless: Callable[[str], str]) -> int:
        with self._lock:
            self._put(self._pieces.add(text), harmless)
        return len(text)

    def _put(self, text: str, harmless: Callable[[str], str]) -> None:
        if not text:
            return
        try:
            self._stream.write(harmless(text))
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


class _Styled(Guarded):
    """Another face of a guarded stream: what waits is what waits there."""

    def __init__(self, below: Guarded) -> None:
        self._below = below

    def __getattr__(self, name: str) -> Any:
        return getattr(self._below, name)

    def write(self, text: str) -> int:
        return self._below._write(text, visible_but_styled)

    def flush(self) -> None:
        self._below.flush()

    def finish(self) -> None:
        self._below.finish()

    def styled(self) -> Guarded:
        return self


class _Bytes(io.RawIOBase):
    def __init__(self, above: Guarded) -> None:
        self._above = above

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._above.write(bytes(data).decode("utf-8", "replace"))
        return len(data)

    def flush(self) -> None:
        self._above.flush()


def guarded(stream: TextIO, *, styled: bool = False) -> TextIO:
    """The stream with the net below it; `styled` for a program that colours its lines."""
    made = stream if isinstance(stream, Guarded) else Guarded(stream)
    return cast("TextIO", made.styled() if styled else made)


def place_net() -> Callable[[], None]:
    """Guard standard output and error, and whatever is logged, from now on. Returns what undoes it."""
    before = sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__
    factory = logging.getLogRecordFactory()
    keep_secret_variables(os.environ)
    sys.stdout, sys.stderr = guarded(before[0]), guarded(before[1])
    # What Python falls back on.
    fallbacks: Any = sys
    if before[2] is before[0]:
        fallbacks.__stdout__ = sys.stdout
    if before[3] is before[1]:
        fallbacks.__stderr__ = sys.stderr
    if not isinstance(factory, _Records):
        logging.setLogRecordFactory(_Records(factory))

    def undo() -> None:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, Guarded):
                stream.finish()
        sys.stdout, sys.stderr, fallbacks.__stdout__, fallbacks.__stderr__ = before
        logging.setLogRecordFactory(factory)

    return undo


@contextlib.contextmanager
def net_below() -> Iterator[None]:
    """The same for a block."""
    undo = place_net()
    try:
        yield
    finally:
        undo()


class _Records:
    """Makes the records of `logging` without secrets: a handler may write them into a file or a report."""

    def __init__(self, factory: Callable[..., logging.LogRecord]) -> None:
        self._factory = factory

    def __call__(self, *given: Any, **named: Any) -> logging.LogRecord:
        record = self._factory(*given, **named)
        # A message that does not fit its values is left to the handler, which says so.
        with contextlib.suppress(Exception):
            record.msg, record.args = redacted(record.getMessage()), ()
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = redacted(logging.Formatter().formatException(record.exc_info))
        if record.stack_info:
            record.stack_info = redacted(record.stack_info)
        return record
