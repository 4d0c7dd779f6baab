"""An interrupt as pytest can report it, wherever it arrives."""

from __future__ import annotations

from types import TracebackType

import pytest


def give_lines(interrupt: pytest.ExceptionInfo[BaseException]) -> None:
    """Give every entry of an interrupt's traceback a line.

    A signal may arrive at an instruction without one: `tb_lineno` is None then (CPython 3.11, PEP 626). pytest counts
    from that number when it reports the interrupt; without it the session ends in a TypeError and exit code 1.
    """
    traced = interrupt.value.__traceback__
    interrupt.value.__traceback__ = _with_lines(traced)
    if interrupt.value.__traceback__ is not None:
        interrupt.traceback = type(interrupt.traceback)(interrupt.value.__traceback__)


def _with_lines(trace: TracebackType | None) -> TracebackType | None:
    if trace is None:
        return None
    line: int | None = trace.tb_lineno
    line = trace.tb_frame.f_code.co_firstlineno if line is None else line
    return TracebackType(_with_lines(trace.tb_next), trace.tb_frame, trace.tb_lasti, line)
