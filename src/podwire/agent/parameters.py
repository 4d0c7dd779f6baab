"""Checks the parameters of a request from the runner."""

from __future__ import annotations

import socket

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from typing import Any, Callable, Dict

    Parameters = Dict[str, Any]


def wanted(params: Parameters, name: str, kind: Callable[[Any], Any] = str) -> Any:
    """A required parameter as this type. ValueError if it is missing or of another type."""
    if name not in params:
        raise ValueError(f"parameter {name!r} is missing")
    try:
        return kind(params[name])
    except (TypeError, ValueError):
        raise ValueError(f"parameter {name!r}: {params[name]!r} is not {kind.__name__}") from None


def family_of(params: Parameters) -> int:
    """The requested address family; AF_UNSPEC without one."""
    number = int(params.get("family") or 0)
    if number not in (0, 4, 6):
        raise ValueError(f"parameter 'family': {params['family']!r} is not 4, 6 or 0")
    return {0: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}[number]


def at_once(params: Parameters) -> int:
    """How many exchanges or look-ups may be in flight. ValueError for less than 1."""
    most: int = wanted(params, "at_once", int)
    if most < 1:
        raise ValueError(f"parameter 'at_once': {most} is not 1 or more")
    return most
