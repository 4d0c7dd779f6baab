"""An expectation: the parts that a test asks for, checked against each other and against the flow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from podwire.judging.parts import Exchanges, Part
from podwire.model.cases import Case, SuiteTest
from podwire.model.flows import Flow
from podwire.model.observations import Point


class ExpectationError(ValueError):
    """What a test expects would never be judged, or contradicts itself; one line for its author."""


@dataclass(frozen=True)
class Expectation:
    """What a test expects of its case: its parts, in the order in which the test names them."""

    parts: tuple[Part, ...]

    @property
    def met_by_absence(self) -> bool:
        """Whether something that does not come meets it: that counts only between controls that worked."""
        return any(part.met_by_absence for part in self.parts)

    @property
    def met_in_part(self) -> bool:
        """Whether it admits that some of several exchanges are not answered."""
        return any(part.met_in_part for part in self.parts)

    @property
    def exchanges(self) -> tuple[Exchanges, ...]:
        """The parts that say how each exchange ends."""
        return tuple(part for part in self.parts if isinstance(part, Exchanges))

    def sentences(self) -> Iterator[str]:
        """Each part of the expectation as a line for a person."""
        for part in self.parts:
            yield from part.sentences()

    def check(self, flow: Flow) -> None:
        """Raises `ExpectationError` if a part of it would never be judged of this flow."""
        for part in self.parts:
            problem = part.unfit(flow)
            if problem:
                raise ExpectationError(problem)

    def points(self, case: Case) -> Iterator[Point]:
        """The capture points whose packets have a say."""
        for part in self.parts:
            yield from part.points(case)


def expectation(*parts: Part) -> Expectation:
    """An expectation of these parts. Raises `ExpectationError` for parts of which one would never be judged."""
    for part in parts:
        if isinstance(part, type) and issubclass(part, Part):
            raise ExpectationError(f"{part.word} is no part of an expectation until it is called: {part.word}(...)")
        if not isinstance(part, Part):
            raise ExpectationError(f"{part!s:.100} ({type(part).__name__}) is no part of an expectation")
    if not any(part.judges for part in parts):
        raise ExpectationError("an expectation of nothing at all")
    for part in parts:
        problem = part.contradiction(parts)
        if problem:
            raise ExpectationError(problem)
    return Expectation(parts)


class _Recorder:
    """Takes an expectation and keeps it."""

    def __init__(self) -> None:
        self.expectation: Expectation | None = None

    def expect(self, *parts: Part) -> None:
        self.expectation = expectation(*parts)


def expectation_of(test: SuiteTest, flow: Flow) -> Expectation:
    """What the test expects of that flow, asked of the test itself.

    Raises `ExpectationError` when the test expects nothing, or what would never be judged.
    """
    recorder = _Recorder()
    try:
        test.function(flow=flow, case=recorder)
    except ValueError as problem:
        raise ExpectationError(f"{test.place}: {problem}") from problem
    except Exception as problem:
        # Whatever its author wrote there: it is told by its place, as a suite that cannot be imported is.
        raise ExpectationError(f"{test.place}: {type(problem).__name__}: {problem}") from problem
    if recorder.expectation is None:
        raise ExpectationError(f"{test.place} declares no expectation (case.expect was never called)")
    try:
        recorder.expectation.check(flow)
    except ExpectationError as problem:
        raise ExpectationError(f"{test.place}: {problem}") from None
    return recorder.expectation
