"""Words of the lines that say how far a run is."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """A number of things: `1 case`, `2 cases`. The noun takes a plain `s`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
