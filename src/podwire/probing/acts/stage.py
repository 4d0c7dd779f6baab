"""Plays acts one after the other: changes, controls, flows. Silent flows of an act wait while the next one is played.

So all unanswered flows together cost about one timeout. The next act begins when everything that gets an answer has
got it; it waits for silent flows only where its changes touch what they ask for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import wait
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from podwire.cluster.deployment.changes.making import Made
from podwire.model.cases import Case
from podwire.model.observations import Moment
from podwire.model.symbols import CONVERGES_WITHIN, RUNNER_WAITED
from podwire.planning.acts import Act, uses
from podwire.probing.acts.aside import aside
from podwire.probing.acts.flights import Flights, InFlight, Reported, all_but_silent
from podwire.probing.acts.readings import Readings
from podwire.probing.acts.settling import Settled, Settling
from podwire.probing.sightings import Landed


class Marks(Protocol):
    """Notes at which of their messages streams lived through a change."""

    def sent(self, change: str) -> Mapping[str, int]:
        """How many messages each stream that the change touches has sent so far, by token."""
        ...

    def shown(self, change: str, before: Mapping[str, int]) -> None:
        """Note the change, which shows now, with what had been sent before it."""
        ...


@dataclass(kw_only=True)
class Played:
    """What came of the acts: the flows, and the numbers of the rounds of controls before and after each case."""

    landed: list[Landed] = field(default_factory=list)
    rounds: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(kw_only=True)
class _Played:
    """One act that was sent: its flows, and the rounds of controls around it."""

    act: Act
    flights: list[InFlight]
    before: int
    after: int | None = None
    silent: bool = False

    @property
    def over(self) -> bool:
        return all(flight.answer.done() for flight in self.flights)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What the acts of a run are played on.

    `change` makes one change, and `marks` counts what streams have sent before and after it; `control` runs all
    controls once; `drain` reads what captures have so far; `idle` is called once all flows of the unchanged cluster are
    in flight; `timed` measures a part of the run by its name.
    """

    flights: Flights
    settling: Settling
    reported: Reported
    change: Callable[[str], Made]
    marks: Marks
    control: Callable[[], object]
    drain: Callable[[], object]
    idle: Callable[[], object]
    timed: Callable[[str], AbstractContextManager[object]]
    linger: Callable[[Callable[[], object]], object]
    """Waits for silent streams after all flows, and calls its argument every half minute."""

    def play(self, acts: Sequence[Act], broken: dict[str, str]) -> Played:
        """Play these acts. Before the first, the controls have run once; the reason of a case without a result goes
        into `broken`."""
        rounds, played = 1, list[_Played]()
        readings = Readings(flights=self.flights, reported=self.reported, broken=broken)
        settled: dict[str, Settled] = {}
        for act in acts:
            if act.changes:
                settled |= self._changed(act, played, broken)
                rounds = self._controlled(played, rounds)
            readings.begin(act, "start")
            with self.timed("flows"):
                flights, silent = self._sent(act, broken, partial(self._read, readings, act, "flows"))
                readings.wait()
            with self.timed("readings"):
                self._read(readings, act, "end")
            played.append(_Played(act=act, flights=flights, before=rounds - 1, silent=silent))
        with self.timed("flows"):
            self._drain(played)
            landed = [flow for turn in played for flow in self.flights.land(turn.flights, broken)]
        self._controlled(played, rounds)
        with self.timed("streams"):
            self.linger(partial(self._meanwhile, readings, acts[-1]))
        landed += readings.landed()
        return Played(
            landed=[self._settled(flow, settled) for flow in landed if flow.case.id not in broken],
            rounds={
                case.id: (turn.before, turn.after or rounds)
                for turn in played
                for case in (*turn.act.before, *turn.act.cases)
                if not case.flow.change.each_act
            }
            | {case.id: (0, rounds) for act in acts for case in act.readings},
        )

    def _meanwhile(self, readings: Readings, act: Act) -> None:
        """While streams alone go on, read what captures have and what nodes list."""
        self.drain()
        self._read(readings, act, "during")

    def _read(self, readings: Readings, act: Act, at: Moment) -> None:
        readings.begin(act, at)
        readings.wait()

    def _drain(self, played: Sequence[_Played]) -> None:
        """Read what captures have, while silent flows of the last act that was sent wait."""
        if played and played[-1].silent:
            self.drain()

    def _sent(self, act: Act, broken: dict[str, str], meanwhile: Callable[[], object]) -> tuple[list[InFlight], bool]:
        """Send the flows of an act, those of many exchanges when the others are answered. `meanwhile` is called every
        half minute. Returns them, and whether some still wait for their timeout when all others are answered."""
        cases = [case for case in act.cases if not case.flow.change.each_act]
        flights = self.flights.launch([case for case in cases if not case.flow.many], self.reported, broken)
        if not act.changes:
            self.idle()
        silent = all_but_silent(flights, meanwhile)
        many = [*(case for case in cases if case.flow.many), *act.before]
        if many:
            sent = self.flights.launch(many, self.reported, broken)
            flights += sent
            silent = all_but_silent(flights, meanwhile)
            repeated = {case.id for case in act.before}
            wait([flight.answer for flight in sent if flight.case.id in repeated])
        return flights, silent

    def _controlled(self, played: Sequence[_Played], rounds: int) -> int:
        """Run all controls once more. They follow the acts whose flows are over. Returns how many rounds there were."""
        over = [turn for turn in played if turn.after is None and turn.over]
        with self.timed("controls"):
            self.control()
        for turn in over:
            turn.after = rounds
        return rounds + 1

    def _changed(self, act: Act, played: Sequence[_Played], broken: dict[str, str]) -> dict[str, Settled]:
        """Make the changes of an act, all at once, and wait until its clients see them. Returns what came of that by
        case id."""
        touched = [flight for turn in played for flight in turn.flights if act.touches & uses(flight.case)]
        waits = not all(flight.answer.done() for flight in touched)
        with self.timed("flows"):
            if waits:
                self._drain(played)
            wait([flight.answer for flight in touched])
        by_change: Mapping[str, list[Case]] = {
            name: [case for case in act.cases if case.flow.change.after == name] for name in act.changes
        }
        settled: dict[str, Settled] = {}
        with self.timed("changes"):
            running = [(cases, aside(partial(self._made, name, cases))) for name, cases in by_change.items()]
            if not waits:
                self._drain(played)
            for cases, work in running:
                problem, seen = work.result()
                broken |= {case.id: problem for case in cases if problem}
                settled |= seen
        return settled

    def _made(self, name: str, cases: Sequence[Case]) -> tuple[str, dict[str, Settled]]:
        sent = self.marks.sent(name)
        made = self.change(name)
        if made.problem:
            return made.problem, {}
        settled = self.settling.settle(_awaited(cases), made.shown)
        if made.shown:
            self.marks.shown(name, sent)
        return "", settled if made.shown else {}

    def _settled(self, flow: Landed, settled: Mapping[str, Settled]) -> Landed:
        """The flow with how long its change took, and how long it may take."""
        seen = settled.get(flow.case.id)
        if seen is None:
            return flow
        bindings = {
            **flow.bindings,
            CONVERGES_WITHIN: f"{self.settling.within:g}",
            RUNNER_WAITED: f"{seen.waited:.1f}",
        }
        return replace(flow, bindings=bindings, settled=seen.seconds, never=seen.never)


def _awaited(cases: Sequence[Case]) -> Sequence[Case]:
    """The cases whose clients must see the change before its act goes on.

    A rule of a network policy that an engine is documented to skip never shows. The other rules of its policy do, and
    with them the engine has read all of the policy. Where there is no other rule, and for every other limitation, the
    wait is as long as for a change that must show: a symptom that is seen too early would prove nothing.
    """
    others = [case for case in cases if not (case.limitation and case.flow.ruling.decision)]
    return others or cases
