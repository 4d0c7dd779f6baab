"""Readings of nodes: tools that run at the start and at the end of each act, and every half minute in between and while
streams alone go on. None runs while a change is on its way: nobody knows what a node has to show then.

The values that an expectation needs are taken at the same moments, since Services and endpoints change from act to act.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import wait
from dataclasses import dataclass, field, replace

from podwire.model.observations import Moment, Reading, Value
from podwire.planning.acts import Act
from podwire.probing.acts.flights import Flights, InFlight, Reported
from podwire.probing.sightings import Landed


@dataclass(kw_only=True)
class Readings:
    """The readings of one run. The reason of a case without a result goes into `broken`."""

    flights: Flights
    reported: Reported
    broken: dict[str, str]
    _moments: list[tuple[Act, Moment, list[InFlight]]] = field(default_factory=list)

    def begin(self, act: Act, at: Moment) -> None:
        """Start all tools that read in this act."""
        if act.readings:
            sent = self.flights.launch(act.readings, self.reported, self.broken, quiet=True)
            self._moments.append((act, at, sent))

    def wait(self) -> None:
        """Wait for the tools that run, so that none of them sees a later change."""
        if self._moments:
            wait([flight.answer for flight in self._moments[-1][2]])

    def landed(self) -> list[Landed]:
        """Each case with all its readings, in their order."""
        by_case: dict[str, list[tuple[Reading, Landed]]] = {}
        for act, at, sent in self._moments:
            for landed in self.flights.land(sent, self.broken, quiet=True):
                started = min((attempt.started for attempt in landed.attempts), default=0.0)
                reading = Reading(act=act.number, at=at, started=started, output=landed.output)
                by_case.setdefault(landed.case.id, []).append((reading, landed))
        return [_together(readings) for key, readings in by_case.items() if key not in self.broken]


def _together(readings: Sequence[tuple[Reading, Landed]]) -> Landed:
    """One result: the values that stayed the same, the readings with the others, and the last output as its own."""
    *_, (_, last) = readings
    values = [landed.bindings for _, landed in readings]
    same = {name: value for name, value in last.bindings.items() if all(_has(of, name, value) for of in values)}
    return replace(
        last,
        bindings=same,
        attempts=tuple(attempt for _, landed in readings for attempt in landed.attempts),
        readings=tuple(
            Reading(
                act=reading.act,
                at=reading.at,
                started=reading.started,
                output=reading.output,
                bindings={name: value for name, value in landed.bindings.items() if name not in same},
            )
            for reading, landed in readings
        ),
    )


def _has(values: dict[str, Value], name: str, value: Value) -> bool:
    return name in values and values[name] == value
