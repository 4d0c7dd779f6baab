"""What a tool printed on the client's side, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from podwire.judging.parts import Observed, Part, Wanted
from podwire.model.flows import Flow
from podwire.model.patterns import meets
from podwire.model.verdicts import Finding


class _OfATool(Part):
    """A part that is asked of any tool."""

    def unfit(self, flow: Flow) -> str | None:
        return None if flow.load.tool else f"{self.word} is asked of a tool; the flow runs none"


@dataclass(frozen=True)
class Prints(_OfATool):
    """The tool prints this text."""

    word = "tool.prints"
    text: Wanted

    def sentences(self) -> Iterator[str]:
        yield f"it prints {self.text}"

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        output = observed.observation.output
        actual = " ".join(output.split())[:200] or "it prints nothing"
        yield Finding(expected=f"it prints {self.text}", actual=actual, where="client", met=str(bound.text) in output)


@dataclass(frozen=True)
class ExitsWith(_OfATool):
    """The tool ends with this exit code."""

    word = "tool.exits_with"
    code: Wanted

    def sentences(self) -> Iterator[str]:
        yield f"its exit code is {self.code}"

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        codes = [attempt.status for attempt in observed.attempts]
        met = bool(codes) and all(meets(code, bound.code) for code in codes)
        actual = f"it is {', '.join(map(str, codes))}"
        yield Finding(expected=f"its exit code is {self.code}", actual=actual, where="client", met=met)
