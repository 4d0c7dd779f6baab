"""What all parts about streams share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Self

from podwire.judging.parts import Observed, Part
from podwire.model.flows import Flow
from podwire.model.verdicts import Finding


class OfStream(Part):
    """A part of an expectation that is about a stream, and asked of such flows only."""

    kinds: ClassVar[tuple[str, ...]] = ("steady", "dense", "silent")

    def unfit(self, flow: Flow) -> str | None:
        if flow.load.stream in self.kinds:
            return None
        return f"{self.word} is asked of a flow with stream={' or '.join(map(repr, self.kinds))}"

    def doubtful(self, bound: Self, observed: Observed) -> Iterator[tuple[Finding, str]]:
        """All findings, where a control failed: what a stream lost then may have nothing to do with the network."""
        failed = [control for control in observed.observation.controls if not control.worked]
        if failed:
            why = f"the control '{failed[0].name}' failed around the stream: {failed[0].detail}"
            yield from ((finding, why) for finding in self.findings(bound, observed) if not finding.met)


def at_second(at: int) -> str:
    """A moment of a stream, from milliseconds since it began."""
    return f"{at / 1000:.1f} s"


def in_seconds(milliseconds: int) -> str:
    """A length of time in words."""
    return f"{milliseconds / 1000:.1f} s"
