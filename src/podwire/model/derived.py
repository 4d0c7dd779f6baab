"""Values that follow from one immutable value alone, computed once for it.

A plan asks for the usable nodes of an OS some 20,000 times; of 5,000 nodes each answer costs milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

S = TypeVar("S")
P = ParamSpec("P")
T = TypeVar("T")


def derived(function: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """A pure function of an immutable value, its first argument, and of hashable ones.

    The value must have a `__dict__`, which keeps each result: whoever gets one must not change it. Copies of the value
    begin with none.
    """
    name = f"{function.__module__}.{function.__qualname__}"

    def kept(value: S, /, *arguments: P.args, **named: P.kwargs) -> T:
        results: dict[object, T] = value.__dict__.setdefault(name, {})
        key = (arguments, *named.items())
        if key not in results:
            results[key] = function(value, *arguments, **named)
        return results[key]

    kept.__doc__ = function.__doc__
    return kept
