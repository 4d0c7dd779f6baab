"""Expressions in CEL: compiled once, with their types checked, and evaluated for one request."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, Final

from podwire_lab.model.interfaces import Object

Scope = Mapping[str, Any]
"""The values of an evaluation by the names of the variables."""

VARIABLES: Final = ("object", "oldObject", "request", "namespaceObject", "params", "authorizer", "variables")
_MAPS: Final = ("request", "variables")


class ExpressionError(Exception):
    """An expression that cannot be compiled, or that ends without a value."""


class NoRuntime(ExpressionError):
    """The package that evaluates CEL is not installed."""


@functools.cache
def _environment() -> Any:
    try:
        from cel_expr_python import cel
    except ImportError as problem:
        raise NoRuntime("the lab evaluates policies with the Python package cel-expr-python; install it") from problem
    text = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
    return cel.NewEnv(variables={name: text if name in _MAPS else cel.Type.DYN for name in VARIABLES})


@functools.lru_cache(maxsize=512)
def _compiled(expression: str) -> Any:
    try:
        return _environment().compile(expression)
    except RuntimeError as problem:
        raise ExpressionError(f"compilation failed: {' '.join(str(problem).split())}") from problem


def check(expression: str, result_type: str = "") -> None:
    """Raise `ExpressionError` unless the expression compiles and gives a `result_type` (`BOOL`, `STRING`), or may do
    so; '' is any type.

    The type of every part of an object is known at run time only, as it is in Kubernetes for a policy that matches
    many kinds.
    """
    actual_type = _compiled(expression).return_type().name().upper()
    if result_type and actual_type not in (result_type, "DYN"):
        raise ExpressionError(f"must evaluate to {result_type.lower()}, and gives {actual_type.lower()}")


def evaluate(expression: str, scope: Scope) -> Any:
    """The value of an expression. Raises `ExpressionError`."""
    result = _compiled(expression).eval(data={**dict.fromkeys(VARIABLES), **{name: {} for name in _MAPS}, **scope})
    if result.type().name().upper() == "ERROR":
        raise ExpressionError(str(result.plain_value()))
    return result.plain_value()


def with_variables(declared: list[Object], scope: Scope) -> Scope:
    """The scope with a policy's variables, each of which may use those before it.

    A variable is evaluated where it is used; one that has no value is missing here, so its use is the error.
    """
    values: dict[str, Any] = {}
    for variable in declared:
        try:
            values[variable["name"]] = evaluate(variable["expression"], {**scope, "variables": values})
        except ExpressionError:
            continue
    return {**scope, "variables": values}
