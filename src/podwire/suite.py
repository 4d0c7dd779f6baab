"""What a suite is written with: the decorators that tie a test to its requirement and its flows, and all its words.

`podwire` hands these names on to suites; see `docs/adding-a-requirement.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from podwire.judging.vocabulary import as_ruled, words
from podwire.model.axes.axis import AxisError
from podwire.model.axes.matrix import matrix
from podwire.model.cases import SuiteTest
from podwire.model.flows import ANY_OS, ANYWHERE, LINUX, WINDOWS
from podwire.model.patterns import PACKETS, VALUES

Test = TypeVar("Test", bound=Callable[..., None])
MARK = "podwire_test"


def requirement(identity: str) -> Callable[[Test], Test]:
    """The requirement of the catalogue that this test judges."""

    def mark(test: Test) -> Test:
        setattr(test, MARK, (identity, _marked(test)[1]))
        return test

    return mark


def flows(**axes: Any) -> Callable[[Test], Test]:
    """The flows that the test runs on: the product of its axes (`model.axes.table`). May be given repeatedly.

    Raises `AxisError` with the name of the test.
    """

    def mark(test: Test) -> Test:
        identity, matrices = _marked(test)
        try:
            setattr(test, MARK, (identity, (matrix(**axes), *matrices)))
        except AxisError as problem:
            raise AxisError(f"{test.__name__}: @flows: {problem}") from None
        return test

    return mark


def each_windows_node_runs(tool: str, **axes: Any) -> Callable[[Test], Test]:
    """As `flows`: the host probe of each Windows node runs a tool of the agent; the server is a pod of that node.
    `axes` are others of the matrix."""
    return flows(
        client=WINDOWS,
        client_kind="host",
        server=WINDOWS,
        placement="same-node",
        via="pod-ip",
        protocol="tool",
        tool=tool,
        family="ipv4",
        every_node=True,
        **axes,
    )


def _marked(test: Callable[..., None]) -> tuple[str, tuple[Any, ...]]:
    marked: tuple[str, tuple[Any, ...]] = getattr(test, MARK, ("", ()))
    return marked


def suite_test(function: Callable[..., None], module: str) -> SuiteTest | None:
    """The test behind a function of a suite, or None when it is not decorated."""
    if not hasattr(function, MARK):
        return None
    identity, matrices = _marked(function)
    return SuiteTest(name=function.__name__, module=module, requirement=identity, matrices=matrices, function=function)


DECORATORS = (requirement, flows, each_windows_node_runs)
FACE: Mapping[str, Any] = {
    **{"LINUX": LINUX, "WINDOWS": WINDOWS, "ANY_OS": ANY_OS, "ANYWHERE": ANYWHERE},
    **{word.__name__: word for word in (*DECORATORS, *PACKETS, *VALUES, as_ruled)},
    **words(),
}
"""All that a suite may import from `podwire`."""
