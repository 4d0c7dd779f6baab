"""Durations as people write them: `500ms`, `2s`, `45m`, `24h`, `1d`."""

from __future__ import annotations

import re

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LONGEST = 31 * 86400.0


def seconds_of(text: str) -> float:
    """The seconds of a duration with its unit.

    Raises:
        ValueError: another form, or longer than a month; the text says what is admitted.
    """
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*(ms|s|m|h|d)", text.strip())
    if found is None or not 0 <= float(found[1]) * _UNITS[found[2]] <= _LONGEST:
        raise ValueError("must be a duration such as 500ms, 2s, 45m or 24h")
    return float(found[1]) * _UNITS[found[2]]


def in_words(seconds: float) -> str:
    """A duration for people: `850 ms`, `12.4 s`, `45 min`, `3 h 5 min`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    return f"{minutes} min" if not hours else f"{hours} h" + (f" {rest} min" if rest else "")


def moment_words(milliseconds: int) -> str:
    """A moment of a watch for people, after its start: `12.3 s`, from 10 minutes on `1:02:03`."""
    if milliseconds < 600_000:
        return f"{milliseconds / 1000:.1f} s"
    minutes, seconds = divmod(milliseconds // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
