"""Ranges of ports as text: `49152-65535`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

LARGEST = 65535
USUAL_OF_WINDOWS = ("49152-65535",)
"""The dynamic ports of Windows unless somebody sets others (Microsoft: service overview and network port
requirements)."""
LOWEST_OF_WINDOWS, LEAST_OF_WINDOWS = 1025, 255
"""The lowest port and the smallest number of ports that Windows can be told (Microsoft: the default dynamic port range
for TCP/IP)."""


def bounds(text: str) -> tuple[int, int]:
    """First and last port of a text. ValueError, in words for a user, for one that is no range."""
    match = re.fullmatch(r"([0-9]{1,5})-([0-9]{1,5})", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]) <= LARGEST:
        raise ValueError(f"{text!r} is no range of ports; write FIRST-LAST, from 1 to {LARGEST}, such as 49152-65535")
    return int(match[1]), int(match[2])


def in_order(ranges: Iterable[str]) -> tuple[str, ...]:
    """The same ranges in the order of their ports. ValueError for what is none, and for two that overlap."""
    ordered = sorted(ranges, key=bounds)
    for before, after in pairwise(ordered):
        if bounds(after)[0] <= bounds(before)[1]:
            raise ValueError(f"the ranges of ports {before} and {after} overlap")
    return tuple(ordered)


def as_texts(by_name: Mapping[str, Sequence[Sequence[int]]]) -> dict[str, tuple[str, ...]]:
    """Ranges as pairs of numbers, by a name, as texts. ValueError or TypeError for what is none."""
    return {str(name): in_order(f"{first}-{last}" for first, last in pairs) for name, pairs in by_name.items()}
