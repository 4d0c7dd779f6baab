"""Values that follow from one immutable value alone, computed once for it.

A plan asks for the usable nodes of an OS some 20,000 times; of 5,000 nodes each answer costs milliseconds.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar, cast

S = TypeVar("S")
P = ParamSpec("P")
T = TypeVar("T")


def derived(function: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """A pure function of an immutable value (its first argument, which must have a `__dict__`) and of hashable ones.

    The value keeps each result; whoever gets it must not change it. Copies of the value do not inherit it.
    """

    @functools.wraps(function)
    def kept(value: S, *arguments: P.args, **named: P.kwargs) -> T:
        results = value.__dict__
        key = (function, arguments, tuple(named.items()))
        try:
            return cast("T", results[key])
        except KeyError:
            result = results[key] = function(value, *arguments, **named)
            return cast("T", result)

    return kept
