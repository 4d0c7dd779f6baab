"""What a node told of itself: the base of all parts that read a listing of the client's node."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, TypeVar

from podwire.judging.parts import Observed, Part
from podwire.model.patterns import Unbound
from podwire.platforms.hns import NoListing
from podwire.platforms.warm_pools import NoCard

WHERE = "client's node"
T = TypeVar("T")


class Listing(Part):
    """A part that reads what a tool of the client's node lists."""

    subject: ClassVar[str]
    """What the tool lists, for a person."""

    def listed(self, read: Callable[[str], T], observed: Observed) -> T:
        """The listing as `read` understands it. What cannot be read is no finding, and says nothing: `Unbound`."""
        try:
            return read(observed.observation.output)
        except (NoListing, NoCard) as problem:
            raise Unbound(f"{self.subject}: what was told is {problem}") from problem
