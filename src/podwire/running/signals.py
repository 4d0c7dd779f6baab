"""Signals that end a run: the first is an interrupt, so that the run is recorded and cleaned up; a second one ends the
process at once, whatever it waits for."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

ENDING = (signal.SIGTERM, signal.SIGHUP)


def interrupt_on_ending_signals() -> Callable[[], None]:
    """From now on the first SIGTERM or SIGHUP raises KeyboardInterrupt. Returns what undoes it.

    The second one finds the system's own handler: no code of this process has to run for it. A signal that is ignored
    stays ignored (`nohup`). Outside the main thread nothing is changed: only that one gets signals.
    """
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    before = {number: signal.getsignal(number) for number in ENDING}
    ours = [number for number, handler in before.items() if handler is not signal.SIG_IGN]

    def first(number: int, frame: object) -> None:
        for one in ours:
            signal.signal(one, signal.SIG_DFL)
        raise KeyboardInterrupt(signal.Signals(number).name)

    def undo() -> None:
        for number in ours:
            signal.signal(number, before[number])

    for number in ours:
        signal.signal(number, first)
    return undo


def hold_interrupts() -> Callable[[], None]:
    """From now on no Ctrl-C and no first SIGTERM or SIGHUP raises anything. Returns what undoes it.

    A second SIGTERM or SIGHUP still ends the process. Held once is held: a second call changes nothing.
    """
    if threading.current_thread() is not threading.main_thread() or _held:
        return lambda: None
    for number in (signal.SIGINT, *ENDING):
        handler = signal.getsignal(number)
        if callable(handler):  # Neither ignored nor the system's.
            _held[number] = handler
            # Not SIG_IGN, which processes that are started meanwhile would inherit.
            signal.signal(number, _take_no_notice)
    return _release


_held: dict[int, Callable[[int, FrameType | None], Any]] = {}
"""The handlers that are in their place when nothing is held."""


def _take_no_notice(number: int, frame: FrameType | None) -> None:
    if number in ENDING:
        for one in ENDING:
            if one in _held:
                signal.signal(one, signal.SIG_DFL)


def _release() -> None:
    while _held:
        number, handler = _held.popitem()
        if signal.getsignal(number) is _take_no_notice:
            signal.signal(number, handler)


@contextmanager
def interruptible() -> Iterator[None]:
    """A block within what is held that a signal may end after all."""
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
    """The same for a block."""
    undo = interrupt_on_ending_signals()
    try:
        yield
    finally:
        undo()
