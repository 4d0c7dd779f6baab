"""The net below pytest: what its terminal says, what it captures, and what other plugins write of its reports."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

import pytest

from podwire.redaction import redacted
from podwire.running.standard_streams import Guarded, place_net

_DEEPEST = 20


def net_below_pytest(config: pytest.Config) -> None:
    """Place the net where pytest's captures find the streams again. It stays until the process ends.

    pytest took the streams before it knew that suites of podwire are run: it takes them again.
    """
    capture = config.pluginmanager.getplugin("capturemanager")
    if not isinstance(sys.stderr, Guarded):
        if capture is None:
            place_net()
        else:
            capture.stop_global_capturing()
            place_net()
            capture.start_global_capturing()
            capture.suspend_global_capture()
    config.add_cleanup(lambda: tell_captured(config))


def tell_captured(config: pytest.Config) -> None:
    """Say what was captured and read by nobody, before pytest writes it past every stream as its captures end."""
    capture = config.pluginmanager.getplugin("capturemanager")
    if capture is None:
        return
    capture.suspend_global_capture(in_=True)
    with contextlib.suppress(AssertionError):  # The captures have ended, which pytest tells in no other way.
        for stream, text in zip((sys.stdout, sys.stderr), capture.read_global_capture(), strict=True):
            stream.write(text)


def redact_report(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Take the secrets out of a report: its traceback and what was captured and logged. Other plugins get it after."""
    report.sections = [(name, redacted(text)) for name, text in report.sections]
    report.longrepr = _redacted(report.longrepr, _DEEPEST)


def _redacted(value: Any, deepest: int) -> Any:
    """The same value with the secrets taken out of its texts; pytest's own objects are changed in place."""
    if isinstance(value, str):
        return redacted(value)
    if deepest == 0:
        return value
    if type(value) in (list, tuple):
        return type(value)(_redacted(item, deepest - 1) for item in value)
    if type(value).__module__.startswith("_pytest."):
        for name, inner in vars(value).items() if hasattr(value, "__dict__") else ():
            # Frozen or not: these are what pytest made of an error for people to read.
            object.__setattr__(value, name, _redacted(inner, deepest - 1))
    return value
