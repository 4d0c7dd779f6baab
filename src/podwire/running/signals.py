"""Signals that end a run. The first one interrupts, so that podwire writes the record and cleans up; the second one
ends the process at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

ENDING = (signal.SIGTERM, signal.SIGHUP)


def interrupt_on_ending_signals() -> Callable[[], None]:
    """Make the first SIGTERM or SIGHUP raise KeyboardInterrupt. Returns a function that undoes this.

    The second signal has the system's default action, so it needs no code of this process. An ignored signal stays
    ignored (`nohup`). Has no effect outside the main thread, which alone gets signals.
    """
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    before = {number: signal.getsignal(number) for number in ENDING}
    ours = [number for number, handler in before.items() if handler is not signal.SIG_IGN]

    def first(number: int, frame: object) -> None:
        for ending in ours:
            signal.signal(ending, signal.SIG_DFL)
        raise KeyboardInterrupt(signal.Signals(number).name)

    def undo() -> None:
        for number in ours:
            signal.signal(number, before[number])

    for number in ours:
        signal.signal(number, first)
    return undo


def hold_interrupts() -> Callable[[], None]:
    """Ignore Ctrl-C and the first SIGTERM or SIGHUP from now on. Returns a function that undoes this.

    A second SIGTERM or SIGHUP still ends the process. A second call changes nothing.
    """
    if threading.current_thread() is not threading.main_thread() or _held:
        return lambda: None
    for number in (signal.SIGINT, *ENDING):
        handler = signal.getsignal(number)
        if callable(handler):  # Neither SIG_IGN nor SIG_DFL.
            _held[number] = handler
            # Not SIG_IGN: child processes would inherit it.
            signal.signal(number, _take_no_notice)
    return _release


_held: dict[int, Callable[[int, FrameType | None], Any]] = {}
"""The handlers to put back, by signal."""


def _take_no_notice(number: int, frame: FrameType | None) -> None:
    if number in ENDING:
        for ending in ENDING:
            if ending in _held:
                signal.signal(ending, signal.SIG_DFL)


def _release() -> None:
    while _held:
        number, handler = _held.popitem()
        if signal.getsignal(number) is _take_no_notice:
            signal.signal(number, handler)


@contextmanager
def interruptible() -> Iterator[None]:
    """A block that a signal may interrupt, even after `hold_interrupts`."""
    if threading.current_thread() is not threading.main_thread() or not _held:
        yield
        return
    try:
        _release()
        yield
    finally:
        hold_interrupts()


@contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """A block in which the first SIGTERM or SIGHUP raises KeyboardInterrupt."""
    undo = interrupt_on_ending_signals()
    try:
        yield
    finally:
        undo()
