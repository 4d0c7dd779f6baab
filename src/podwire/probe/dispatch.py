"""Drives the probes: every flow of a run is in flight at once, between two rounds of beacons and controls.

A whole matrix of silent drops costs one time-out window, not one a case.
"""

from __future__ import annotations

import functools
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import Any

from podwire.cases import Case
from podwire.cluster.workloads import Deployment
from podwire.correlate import CaptureIndex, clues, lookups, lookups_for
from podwire.facts import ClusterFacts
from podwire.flows import BY_NAME
from podwire.observations import Attempt, Capture, Lookup, Observation, Point, SeenPacket
from podwire.pcap import Frame
from podwire.probe.captures import Captured, Captures, Place
from podwire.probe.client import AgentClient, AgentError, ChannelLost, attempt_of
from podwire.probe.controls import ControlRounds, exchange_of
from podwire.probe.filters import interest_of
from podwire.probe.targets import SERVER_PORTS, Hello, NoTarget, Target, bindings_of, probe_of, target_of

PATIENCE = 15.0
LULL = 0.25
DYNAMIC_PORTS = {"linux": (32768, 60999), "windows": (49152, 65535)}
Say = Callable[[str], object]


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """The observation of a case, and the raw frames behind it by capture point, for the evidence."""

    observation: Observation
    frames: Mapping[str, Sequence[Frame]] = field(default_factory=dict)


@dataclass(kw_only=True)
class _InFlight:
    case: Case
    target: Target
    bindings: dict[str, str | int]
    tokens: list[str]
    answer: Future[dict[str, Any]]


def tokens() -> Iterator[str]:
    """Tokens that no other exchange has: 18 characters, `pw` and 16 hexadecimal digits, six of them of this run."""
    run = secrets.token_hex(3)
    for number in range(16**10):
        yield f"pw{run}{number:010x}"


class Dispatcher:
    """Runs cases on a deployment and says what was seen of each.

    `agents` are the RPC clients by pod; `timeout` is the seconds that a flow waits for its answer (at least three SYNs
    are sent within 4 s). `why_lost` tells what the API knows of a probe that went away in mid-run ('' for nothing).
    `idle` is called when all flows are in flight: the time until the silent ones are given up is free for other work.
    """

    def __init__(
        self,
        deployment: Deployment,
        facts: ClusterFacts,
        agents: Mapping[str, AgentClient],
        *,
        timeout: float = 4.0,
        say: Say = lambda text: None,
        why_lost: Callable[[str], str] = lambda pod: "",
        idle: Callable[[], object] = lambda: None,
    ) -> None:
        self._deployment, self._facts, self._agents = deployment, facts, agents
        self._timeout, self._say, self._idle = timeout, say, idle
        self._tokens = tokens()
        self._ports: dict[str, int] = {}
        self._why_lost = functools.cache(why_lost)
        self.timings: dict[str, float] = {}

    def run(self, cases: Sequence[Case]) -> dict[str, Sighting]:
        """The sighting of every case, by id. No case is missing from it."""
        hellos = self._hellos()
        self._await_echo(hellos)
        broken = {case.id: why for case in cases if (why := self._unusable(case, hellos))}
        able = [case for case in cases if case.id not in broken]
        interest = interest_of(self._deployment, self._facts)
        captures = Captures(self._deployment, self._agents, hellos, self._tokens, PATIENCE, interest)
        controls = ControlRounds(able, self._deployment, self._facts, self._agents, self._timeout)
        with self._timed("captures"):
            captures.start({self._place(case, point) for case in able for point in case.points})
        with self._timed("controls"):
            captures.beacon()
            controls.round(self._tokens)
        with self._timed("flows"):
            flights, unsent = self._launch(able, hellos)
            broken |= unsent
            self._idle()
            if _all_but_silent(flights):
                captures.drain()
            attempts, lost = self._land(flights)
            broken |= lost
        with self._timed("controls"):
            controls.round(self._tokens)
            captures.beacon()
        with self._timed("captures"):
            captured = captures.stop()
        total = sum(len(one.frames) for one in captured.values())
        self._say(f"{total} packets captured at {len(captured)} places")
        with self._timed("correlation"):
            seen = _Seen(captured)
            sightings = {
                flight.case.id: self._sight(flight, attempts[flight.case.id], controls, seen)
                for flight in flights
                if flight.case.id in attempts
            }
        for case in cases:
            if case.id in broken:
                sightings[case.id] = Sighting(observation=Observation(case_id=case.id, problem=broken[case.id]))
        return sightings

    def _timed(self, name: str) -> _Timed:
        return _Timed(self.timings, name)

    def _hellos(self) -> dict[str, Hello]:
        asked = {pod: agent.call("hello", {}, PATIENCE) for pod, agent in self._agents.items()}
        hellos: dict[str, Hello] = {}
        for pod, answer in asked.items():
            try:
                hellos[pod] = answer.result(PATIENCE)
            except (AgentError, ChannelLost, TimeoutError) as problem:
                self._deployment.problems.setdefault(pod, f"the agent does not answer: {problem}")
        return hellos

    def _await_echo(self, hellos: Mapping[str, Hello]) -> None:
        """A pod is ready when its process runs; wait until its echo listens, as it finds out itself."""
        waiting = {
            probe.pod: (next(iter(probe.addresses.values())), probe.port)
            for probe in self._deployment.probes
            if probe.pod in hellos and probe.addresses
        }
        until = time.monotonic() + PATIENCE
        while waiting:
            asked = {}
            for pod, (address, port) in waiting.items():
                parameters = exchange_of(address, port, next(self._tokens), timeout=1.0)
                asked[pod] = self._agents[pod].call("exchange", parameters, PATIENCE)
            for pod, answer in asked.items():
                try:
                    listens = attempt_of(answer.result(PATIENCE)).answered
                except (AgentError, ChannelLost, TimeoutError) as problem:
                    self._deployment.problems.setdefault(pod, f"the agent does not answer: {problem}")
                    listens = True
                if listens:
                    del waiting[pod]
            if waiting and time.monotonic() > until:
                for pod in waiting:
                    self._deployment.problems.setdefault(pod, f"its echo does not listen after {PATIENCE:g} s")
                return

    def _unusable(self, case: Case, hellos: Mapping[str, Hello]) -> str | None:
        """Why a case cannot be run at all: one of its probes is missing, or is not what it should be."""
        for slot in (case.client, case.server):
            if slot.probe == "outside":
                continue
            try:
                probe = probe_of(slot, self._deployment)
            except NoTarget as problem:
                return str(problem)
            if probe.pod in self._deployment.problems:
                return f"{probe.pod}: {self._deployment.problems[probe.pod]}"
            if probe.pod not in hellos:
                return f"{probe.pod}: no agent answers"
            if slot.probe == "host" and not self._is_host(probe.node, probe.addresses.values()):
                return f"{probe.pod} does not have the address of its node: it is not on the host network"
        return None

    def _is_host(self, node: str, addresses: Sequence[str] | Any) -> bool:
        facts = next((one for one in self._facts.nodes if one.name == node), None)
        return facts is not None and set(addresses) <= set(facts.addresses)

    def _place(self, case: Case, point: Point) -> Place:
        slot = case.client if point.startswith("client") else case.server
        if point.endswith("node"):
            return Place("nic", slot.node)
        return Place("pod", probe_of(slot, self._deployment).pod)

    def _launch(self, cases: Sequence[Case], hellos: Mapping[str, Hello]) -> tuple[list[_InFlight], dict[str, str]]:
        flights: list[_InFlight] = []
        unsent: dict[str, str] = {}
        for case in cases:
            try:
                target = target_of(case, self._deployment, self._facts)
                bindings = bindings_of(case, self._deployment, self._facts, hellos)
            except NoTarget as problem:
                unsent[case.id] = str(problem)
                continue
            given = [next(self._tokens) for _ in range(case.flow.connections)]
            pod = probe_of(case.client, self._deployment).pod
            answer = self._agents[pod].call(*self._request(case, target, given, pod), self._timeout + PATIENCE)
            flights.append(_InFlight(case=case, target=target, bindings=bindings, tokens=given, answer=answer))
        self._say(f"{len(flights)} cases, {sum(len(one.tokens) for one in flights)} exchanges in flight")
        return flights, unsent

    def _request(self, case: Case, target: Target, given: Sequence[str], pod: str) -> tuple[str, dict[str, Any]]:
        flow = case.flow
        family = 6 if flow.family == "ipv6" else 4
        common = {
            "host": target.host,
            "family": family,
            "timeout": self._timeout,
            "resolve": target.resolve,
            "size": flow.payload,
        }
        if flow.protocol == "icmp":
            return "ping", {**common, "token": given[0], "count": 3, "size": 64}
        exchanges = [
            {
                **common,
                "proto": flow.protocol,
                "port": target.port,
                "token": token,
                "preferred_port": self._source_port(case, pod),
            }
            for token in given
        ]
        return ("exchange", exchanges[0]) if len(exchanges) == 1 else ("burst", {"exchanges": exchanges})

    def _source_port(self, case: Case, pod: str) -> int:
        """A port that no other flow of this pod has, of the system's dynamic range; a node shares its ports: any (0).

        Two flows with one source port, one to a Service and one to its backend, have the same ends once the Service is
        translated; the node must then give one of them another port, as it should, and nothing could be said of it.
        """
        if case.client.probe == "host":
            return 0
        first, last = DYNAMIC_PORTS[case.client.os]
        number = self._ports[pod] = self._ports.get(pod, secrets.randbelow(last - first)) + 1
        return first + number % (last - first)

    def _land(self, flights: Sequence[_InFlight]) -> tuple[dict[str, tuple[Attempt, ...]], dict[str, str]]:
        attempts: dict[str, tuple[Attempt, ...]] = {}
        lost: dict[str, str] = {}
        for flight in flights:
            pod = probe_of(flight.case.client, self._deployment).pod
            try:
                answer = flight.answer.result(self._timeout + PATIENCE)
            except (AgentError, ChannelLost, TimeoutError) as problem:
                lost[flight.case.id] = self._why_lost(pod) or f"{pod}: {problem or 'no word from the agent'}"
                continue
            several = answer.get("attempts", [answer])
            attempts[flight.case.id] = tuple(attempt_of(one) for one in several)
        silent = [flight.case for flight in flights if not _answered(attempts.get(flight.case.id, ()))]
        self._say(f"{len(flights) - len(silent)} of {len(flights)} cases answered")
        for case in silent:
            # No answer from a probe that is gone, or from a node that is not ready, says nothing about the network.
            for slot in (case.client, case.server):
                why = "" if slot.probe == "outside" else self._why_lost(probe_of(slot, self._deployment).pod)
                if why:
                    lost[case.id] = why
                    attempts.pop(case.id, None)
        return attempts, lost

    def _sight(
        self, flight: _InFlight, attempts: tuple[Attempt, ...], controls: ControlRounds, seen: _Seen
    ) -> Sighting:
        case, bindings = flight.case, flight.bindings
        if len(attempts) == 1 and attempts[0].local and attempts[0].local[1]:
            bindings["client.port"] = attempts[0].local[1]
        places = {point: self._place(case, point) for point in case.points}
        client = seen.captured.get(places.get("client-pod", Place("nic", case.client.node)))
        target = (flight.target.ip, flight.target.port)
        leads = clues(attempts, target, client.index if client else None)
        captures: dict[str, Capture] = {}
        frames: dict[str, list[Frame]] = {}
        for point, place in places.items():
            captured = seen.captured[place]
            found: dict[int, SeenPacket] = {}
            for clue in leads:
                found.update(captured.index.find(clue, SERVER_PORTS))
            captures[point] = Capture(
                point=point,
                where=str(place),
                usable=not captured.reason,
                reason=captured.reason,
                packets=tuple(found[at] for at in sorted(found)),
            )
            frames[point] = [captured.frames[at] for at in sorted(found)]
        asked: tuple[Lookup, ...] = ()
        if case.flow.via in BY_NAME and "client-pod" in places:
            asked = lookups_for(flight.target.name, seen.lookups(places["client-pod"]))
        observation = Observation(
            case_id=case.id,
            bindings=bindings,
            attempts=attempts,
            captures=captures,
            lookups=asked,
            controls=controls.results(case.id),
        )
        return Sighting(observation=observation, frames=frames)


def _all_but_silent(flights: Sequence[_InFlight]) -> bool:
    """Wait until no more answers come; whether some are still missing, which now wait for their time-out."""
    waiting: set[Future[dict[str, Any]]] = {flight.answer for flight in flights}
    while waiting:
        known = len(waiting)
        waiting = wait(waiting, LULL).not_done
        if len(waiting) == known:
            return True
    return False


def _answered(attempts: Sequence[Attempt]) -> bool:
    return bool(attempts) and all(attempt.answered for attempt in attempts)


class _Seen:
    """The captures of a run, with what is read from them once for many cases."""

    def __init__(self, captured: Mapping[Place, Captured]) -> None:
        self.captured = captured
        self._lookups: dict[Place, tuple[Lookup, ...]] = {}

    def lookups(self, place: Place) -> tuple[Lookup, ...]:
        if place not in self._lookups:
            index = self.captured[place].index if place in self.captured else CaptureIndex(())
            self._lookups[place] = tuple(lookups(index))
        return self._lookups[place]


class _Timed:
    """Adds the seconds of a block to a table of timings."""

    def __init__(self, table: dict[str, float], name: str) -> None:
        self._table, self._name = table, name

    def __enter__(self) -> None:
        self._start = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._table[self._name] = self._table.get(self._name, 0.0) + time.monotonic() - self._start
