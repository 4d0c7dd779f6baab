"""What a node told of itself: the bases of all parts that read a listing of the client's node, once or in each act."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, ClassVar, Self, TypeVar

from msgspec import structs

from podwire.judging.parts import Observed, Part
from podwire.model.binding import Bindings, bind
from podwire.model.observations import Reading
from podwire.model.patterns import Unbound
from podwire.model.verdicts import Finding
from podwire.platforms.hns import NoListing
from podwire.platforms.warm_pools import NoCard

WHERE = "client's node"
T = TypeVar("T")


class Listing(Part):
    """A part that reads what a tool of the client's node lists."""

    subject: ClassVar[str]
    """What the tool lists, for a person."""

    def listed(self, read: Callable[[str], T], observed: Observed, reading: Reading | None = None) -> T:
        """The listing as `read` understands it: the last one, or that of a reading.

        What cannot be read is no finding, and says nothing: `Unbound`.
        """
        try:
            return read(reading.output if reading else observed.observation.output)
        except (NoListing, NoCard) as problem:
            raise Unbound(f"{self.subject}: what was told is {problem}") from problem


class EachReading(Listing):
    """A part that holds for a listing whenever it was read: at the start and at the end of each act."""

    def bound(self, bindings: Bindings) -> Self:
        """The part itself: its symbols have their values of each reading."""
        return self

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        """What is not so, with the moment at which it was not; where all is so, what the last reading shows.

        Raises `Unbound` where a reading tells nothing, and none tells of a failure.
        """
        readings = observed.observation.readings
        judged: list[list[Finding]] = []
        untold: Unbound | None = None
        for reading in readings or (None,):
            try:
                judged.append(list(self._of_moment(reading, observed)))
            except Unbound as missing:
                untold = missing
        wrong = [finding for findings in judged for finding in findings if not finding.met]
        if untold and not wrong:
            raise untold
        yield from wrong or judged[-1]

    def _of_moment(self, reading: Reading | None, observed: Observed) -> Iterator[Finding]:
        observation = observed.observation
        if reading is None:
            yield from self.of_listing(bind(self, observation.bindings), observed)
            return
        then = structs.replace(observation, output=reading.output)
        values: Any = bind(self, {**observation.bindings, **reading.bindings})
        for finding in self.of_listing(values, replace(observed, observation=then)):
            yield finding if finding.met else structs.replace(finding, actual=f"{finding.actual}, {reading.moment}")

    @abstractmethod
    def of_listing(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        """What one listing shows; parameters and errors are those of `findings`."""
