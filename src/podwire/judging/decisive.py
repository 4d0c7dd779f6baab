"""The packets that decided a case: those that its unmet findings are about, of a case without one those of its met."""

from __future__ import annotations

from collections.abc import Iterator

from podwire.judging.expectation import Expectation
from podwire.judging.parts import Observed
from podwire.model.cases import Case
from podwire.model.observations import Observation, Point
from podwire.model.packets import Packet
from podwire.model.patterns import Unbound
from podwire.model.verdicts import Finding

Decisive = tuple[Point, Packet, Finding]


def decisive_packets(case: Case, expectation: Expectation, observation: Observation) -> tuple[Decisive, ...]:
    """The packets with their capture points and what each shows. Empty where no packet decided: none came, perhaps."""
    attempts = observation.attempts
    observed = Observed(case, observation, attempts[0] if attempts else None)
    packets = tuple(_of_all(expectation, observed))
    return tuple(packet for packet in packets if not packet[2].met) or packets


def _of_all(expectation: Expectation, observed: Observed) -> Iterator[Decisive]:
    for part in expectation.parts:
        if not part.applies(observed) or not set(part.points(observed.case)) <= set(observed.observation.captures):
            continue
        try:
            yield from part.decides(part.bound(observed.observation.bindings), observed)
        except Unbound:
            continue  # The run has no value for it: it decided nothing.
