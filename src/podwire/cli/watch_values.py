"""Readers of option texts of `podwire watch` and `podwire lab upgrade`: like those of `option_values`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from podwire.running.option_values import known_name

if TYPE_CHECKING:
    from podwire.model.gaps.paths import Budget


def time_span(text: str) -> float:
    """The seconds of a duration with its unit, more than 0."""
    from podwire.model.gaps.durations import seconds_of

    seconds = seconds_of(text)
    if not seconds:
        raise ValueError("must be longer than 0")
    return seconds


def kubelet_version(text: str) -> str:
    """The version of a kubelet."""
    if not re.fullmatch(r"v1\.[0-9]{1,3}\.[0-9]{1,3}", text):
        raise ValueError("must be the version of a kubelet, such as v1.36.3")
    return text


def timed_fault(text: str) -> tuple[str, float | None]:
    """A fault of the lab and the seconds until it ends by itself, or None: `NAME[=DURATION]`."""
    from podwire_lab.faults.registry import FAULTS

    name, given, after = text.partition("=")
    known_name(name, FAULTS, "podwire mutants --list")
    return name, time_span(after) if given else None


def pace(text: str) -> float:
    """The seconds from one message of a stream to the next, 20 ms to 10 s."""
    seconds = time_span(text)
    if not 0.02 <= seconds <= 10:
        raise ValueError("must be 20ms or more and 10s or less")
    return seconds


def budget(text: str) -> Budget:
    """The longest gap that some paths may have: `PATH: DURATION`."""
    from podwire.model.gaps import paths

    return paths.budget(text)
