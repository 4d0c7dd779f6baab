"""One axis of `@flows`, and the values that a test gives to all of them. `model.axes.table` has all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from podwire.model.flows import Flow

NEEDED = object()
"""The default of an axis that has none."""
ON, ANY_TEXT = (True, False), str


class AxisError(ValueError):
    """The flows of a test are not what they must be; one line that names the axis."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One axis of `@flows`."""

    name: str
    group: str
    """What it is about; the docs have a table for each."""
    help: str
    values: tuple[Any, ...] | type
    """All values that it admits, or the type of those that it does."""
    default: Any = NEEDED
    many: Literal["", "each", "all"] = ""
    """What several values mean: a flow for each of them, or all of them at once; empty: there is one value."""
    id_place: int = 0
    """Which of the words of a case id it gives, counted from 1; 0: none."""
    id_word: Callable[[Flow, Matrix], str] = lambda flow, matrix: ""
    """That word for a flow; '' leaves it out."""

    def value(self, value_or_tuple: Any) -> Any:
        """A value as the matrix holds it: a tuple where there may be several. Raises `AxisError`."""
        values = value_or_tuple if self.many and isinstance(value_or_tuple, tuple) else (value_or_tuple,)
        for value in values:
            if not self._admits(value):
                admitted = self.values.__name__ if isinstance(self.values, type) else ", ".join(map(str, self.values))
                raise AxisError(f"{self.name}={value!r}: the axis admits {admitted}")
        return values if self.many else value_or_tuple

    def _admits(self, value: Any) -> bool:
        if value is None and self.default is None:
            return True
        if isinstance(self.values, type):
            return type(value) is self.values
        return any(value == admitted and type(value) is type(admitted) for admitted in self.values)


@dataclass(frozen=True)
class Matrix:
    """The flows of one test before the facts are known: the value of each axis, several of them as a tuple."""

    axes: Mapping[str, Any]

    def __getattr__(self, name: str) -> Any:
        try:
            return vars(self)["axes"][name]
        except KeyError:
            raise AttributeError(f"there is no axis {name}") from None
