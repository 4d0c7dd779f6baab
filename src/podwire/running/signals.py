"""Signals that end a run: the first is an interrupt, so that the run is recorded and cleaned up; a second one ends the
process at once, whatever it waits for."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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


@contextmanager
def without_interrupts() -> Iterator[None]:
    """A block that Ctrl-C does not end. A second SIGTERM still does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # Not SIG_IGN, which processes that are started meanwhile would inherit.
    before = signal.signal(signal.SIGINT, lambda number, frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """The same for a block."""
    undo = interrupt_on_ending_signals()
    try:
        yield
    finally:
        undo()
