"""What the network policies in force decide: an allowed flow is answered, a denied one leaves and never arrives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from podwire.judging.ends import AnsweredBy, Silent
from podwire.judging.parts import Observed, Part
from podwire.judging.places import AtClient, AtServer
from podwire.model.flows import Flow
from podwire.model.patterns import nothing, request
from podwire.model.verdicts import Finding


@dataclass(frozen=True)
class Allowed(AnsweredBy):
    """The network policies in force allow the flow: the server answers."""

    because: str = ""

    def sentences(self) -> Iterator[str]:
        yield f"network policies allow it: {self.because}"
        yield from super().sentences()

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        for finding in super().findings(bound, observed):
            yield _because(finding, f"allowed: {self.because}")


@dataclass(frozen=True)
class Denied(Silent):
    """The network policies in force deny the flow: nobody answers."""

    because: str = ""

    def sentences(self) -> Iterator[str]:
        yield f"network policies deny it: {self.because}"
        yield from super().sentences()

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        for finding in super().findings(bound, observed):
            yield _because(finding, f"denied: {self.because}")


def _because(finding: Finding, why: str) -> Finding:
    return Finding(expected=f"{finding.expected} ({why})", actual=finding.actual, where=finding.where, met=finding.met)


def as_ruled(flow: Flow) -> tuple[Part, ...]:
    """What the network policies that are in force say of a flow with `ruled=True`, with the sentence that decides.

    Allowed: the server answers. Denied: the client's packets are seen at its own port, none of them at the server's,
    and nobody answers.
    """
    if flow.ruling.decision == "allowed":
        return (Allowed(flow.server, because=flow.ruling.because),)
    if flow.ruling.decision == "denied":
        return (Denied(because=flow.ruling.because), AtClient(request()), AtServer(nothing()))
    raise ValueError("as_ruled: the flow has no ruling; @flows needs ruled=True")
