"""Words for the progress lines of a run."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 case`, `2 cases`. The plural takes an `s`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
