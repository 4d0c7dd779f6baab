"""The flows that a test asks for, and what its cases are called by them."""

from __future__ import annotations

import difflib
from typing import Any

from podwire.model.axes.axis import NEEDED, AxisError, Matrix
from podwire.model.axes.contradictions import contradictions
from podwire.model.axes.table import AXES
from podwire.model.flows import Flow

_IN_IDS = sorted((axis for axis in AXES.values() if axis.id_place), key=lambda axis: axis.id_place)


def matrix(**given: Any) -> Matrix:
    """The flows that a test asks for. Raises `AxisError`."""
    for name in given:
        if name not in AXES:
            close = difflib.get_close_matches(name, AXES, 1)
            raise AxisError(f"{name}: there is no such axis" + (f"; did you mean {close[0]}?" if close else ""))
    values: dict[str, Any] = {}
    for axis in AXES.values():
        if axis.name not in given and axis.default is NEEDED:
            raise AxisError(f"{axis.name}: must be given")
        values[axis.name] = axis.value(given[axis.name]) if axis.name in given else axis.default
    for problem in contradictions(values):
        raise AxisError(problem)
    return Matrix(values)


def id_words(flow: Flow, matrix: Matrix) -> str:
    """What stands in the brackets of a case id."""
    return "-".join(word for axis in _IN_IDS if (word := axis.id_word(flow, matrix)))
