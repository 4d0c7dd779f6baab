"""Drives the probes: sends all flows of a run at once, between two rounds of beacons and controls.

So all unanswered flows together cost one timeout. Flows of many exchanges start when the others are answered. podwire
changes the cluster while unanswered flows wait, and then sends the flows that follow a change.
"""

from __future__ import annotations

import functools
import itertools
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace
from typing import Any

from podwire.cluster.deployment.workloads import Deployment
from podwire.model.cases import Case
from podwire.model.facts import ClusterFacts
from podwire.model.observations import Attempt, Observation, Point, ProbeError, Value
from podwire.planning.plan import FILLING
from podwire.planning.prerequisites import asks_many_services, shown_by
from podwire.probing.agents import end_hooks
from podwire.probing.aside import aside
from podwire.probing.bindings import bindings_of
from podwire.probing.calls import MOST_LATE
from podwire.probing.captures import Captures, Place
from podwire.probing.client import AgentClient, AgentError, ChannelLost, attempt_of
from podwire.probing.controls import OUTSIDE, ControlRounds, exchange_of
from podwire.probing.dns_servers import asks_the_cluster
from podwire.probing.filters import interest_of
from podwire.probing.lateness import lateness
from podwire.probing.node_bindings import Hello
from podwire.probing.node_facts import with_states
from podwire.probing.node_states import NO_STATES, NodeState, NodeStates
from podwire.probing.progress import counted
from podwire.probing.readiness import await_echo, hellos, is_another, unusable
from podwire.probing.requests import ASKS_AGAIN, attempts_in, request_of
from podwire.probing.second_asking import after_the_first, can_be_asked_again, in_doubt
from podwire.probing.sightings import Landed, Seen, Sighting, joined
from podwire.probing.source_ports import SourcePorts
from podwire.probing.targets import NoTarget, Target, probe_of, server_ports, target_of
from podwire.probing.whole_paths import FIRST_TRY, tell_paths

PATIENCE = 15.0
START = 60.0
"""Seconds for all agents to connect. An exec on a busy node may take many."""
AGAIN = 2
"""How often podwire repeats cases whose streams broke."""
SETTLE, GLANCE, BETWEEN = 30.0, 0.5, 0.05
LEAVING = "pods-leaving"
LULL = 0.25
Say = Callable[[str], object]
Change = Callable[[Sequence[str]], Mapping[str, str]]


@dataclass(kw_only=True)
class _InFlight:
    case: Case
    target: Target
    bindings: dict[str, Value]
    tokens: list[str]
    answer: Future[dict[str, Any]]
    seconds: float
    started: float = field(default_factory=time.time)

    def first_attempts(self, problem: str) -> tuple[Attempt, ...]:
        """The attempts of a flow whose agent did not answer, each with this problem as its error."""
        error = ProbeError(stage="send", kind="other", text=problem)
        elapsed = time.time() - self.started
        return tuple(Attempt(token=token, started=self.started, elapsed=elapsed, error=error) for token in self.tokens)


def tokens() -> Iterator[str]:
    """Unique tokens of 18 characters: `pw` and 16 hexadecimal digits, the first six random for each run.

    Thread-safe, unlike a generator.
    """
    return map(f"pw{secrets.token_hex(3)}{{:010x}}".format, itertools.count())


class Dispatcher:
    """Runs cases on a deployment and returns a sighting of each.

    `agents` are the RPC clients by pod. A flow waits `timeout` seconds for its answer (at least three SYNs are sent
    within 4 s); agents have `start` seconds to connect. `why_lost` returns why a probe went away, as the API says, or
    ''. `change` makes the named changes and returns why one failed. `port_messages` counts in a node's kube-proxy log
    that a port exists already. `idle` is called while unanswered flows wait. `first_try` is the share of a path's
    exchanges that may be lost at first. After a broken stream, podwire repeats the cases that needed it; their
    observations keep the first attempts, which are not judged.
    """

    def __init__(
        self,
        deployment: Deployment,
        facts: ClusterFacts,
        agents: Mapping[str, AgentClient],
        *,
        timeout: float = 4.0,
        start: float = START,
        say: Say = lambda text: None,
        why_lost: Callable[[str], str] = lambda pod: "",
        change: Change = lambda names: {},
        port_messages: Callable[[str], int | None] = lambda node: None,
        idle: Callable[[], object] = lambda: None,
        first_try: float = FIRST_TRY,
    ) -> None:
        self._deployment, self._facts, self._agents = deployment, facts, agents
        self._timeout, self._start, self._say, self._idle = timeout, start, say, idle
        self._first_try = first_try
        self._known_problems = dict(deployment.problems)
        self._changes: dict[str, float] = {}
        self._cut: dict[str, tuple[Attempt, ...]] = {}
        self._tokens = tokens()
        self._ports, self._first_ports = SourcePorts(), dict[str, list[int]]()
        self._told: Callable[[ClusterFacts], ClusterFacts] | None = None
        self._states: Mapping[str, NodeState] | None = None
        self._why_lost = functools.cache(why_lost)
        self._change = change
        self._port_messages = functools.cache(port_messages)
        self.timings: dict[str, float] = {}

    def run(self, cases: Sequence[Case]) -> dict[str, Sighting]:
        """The sighting of every case, by id."""
        sightings, lost = self._asked(cases)
        for _ in range(AGAIN):
            again = [case for case in cases if case.id in lost and can_be_asked_again(case, self._changes)]
            if not again:
                break
            self._say(f"repeating {counted(len(again), 'case')}, because streams to the agents broke")
            self._why_lost.cache_clear()
            fresh, lost = self._asked(again)
            sightings |= {key: after_the_first(sightings[key], sighting) for key, sighting in fresh.items()}
        return sightings

    def told(self, facts: ClusterFacts) -> ClusterFacts:
        """The facts with what nodes told of themselves, once cases were run."""
        return self._told(facts) if self._told else facts

    def _asked(self, cases: Sequence[Case]) -> tuple[dict[str, Sighting], set[str]]:
        """The sightings of these cases, and the ids of the cases that a broken stream left without a result."""
        self._cut.clear()
        self._deployment.problems.clear()
        self._deployment.problems.update(self._known_problems)  # An agent that was away may be back.
        answering = hellos(self._agents, self._deployment, self._start)
        if OUTSIDE in answering and is_another(answering[OUTSIDE]):
            self._say("the host outside runs another agent; make this one with `podwire agent` and copy it there")
        await_echo(self._agents, self._deployment, answering, self._tokens, PATIENCE)
        if self._states is None:
            self._states = NodeStates(self._deployment, {pod: self._agents[pod] for pod in answering})
            self._told = functools.partial(
                with_states, states=self._states, deployment=self._deployment, hellos=answering
            )
        broken = {case.id: why for case in cases if (why := unusable(case, self._deployment, self._facts, answering))}
        streams = {pod: self._agents[pod].generation for pod in answering}
        able = [case for case in cases if case.id not in broken]
        interest = interest_of(self._deployment, self._facts)
        captures = Captures(self._deployment, self._agents, answering, self._tokens, PATIENCE, interest)
        controls = ControlRounds(able, self._deployment, self._facts, self._agents, self._timeout, self._ports)
        with self._timed("captures"):
            captures.start({self._place(case, point) for case in able for point in case.points})
        with self._timed("controls"):
            captures.beacon()
            controls.round(self._tokens)
        landed = self._flights(able, answering, broken, captures, controls)
        with self._timed("controls"):
            captures.beacon()
        with self._timed("captures"):
            captured = captures.stop()
        total = sum(len(place.frames) for place in captured.values())
        self._say(f"{counted(total, 'packet')} captured at {counted(len(captured), 'place')}")
        for name, value in lateness(self._agents).items():
            self.timings[name] = max(value, self.timings.get(name, 0.0))
        with self._timed("correlation"):
            ports = server_ports(self._deployment)
            seen = Seen(captured, self._place, ports)
            sightings = {
                flight.case.id: seen.sighting(flight, controls.results(flight.case)) for flight in joined(landed)
            }
            tell_paths(able, sightings, self._first_try)
        for case in cases:
            if case.id in broken:
                first = self._cut.get(case.id, ())
                nothing = Observation(case_id=case.id, problem=broken[case.id], interrupted=first)
                sightings[case.id] = Sighting(observation=nothing)
        broken_streams = {pod for pod, number in streams.items() if self._agents[pod].generation != number}
        broken_streams |= {pod for pod in answering if not self._agents[pod].connected}
        lost = {
            case.id
            for case in able
            if in_doubt(sightings[case.id].observation) and broken_streams & self._agents_of(case, captures, controls)
        }
        return sightings, lost

    def _agents_of(self, case: Case, captures: Captures, controls: ControlRounds) -> set[str]:
        """The agents that a case needs: its client's, those that capture for it, and those of its controls."""
        capturers = {captures.capturer(self._place(case, point)) for point in case.points}
        return {self._client(case), *capturers, *controls.agents_of(case)}

    def _flights(
        self,
        cases: Sequence[Case],
        hellos: Mapping[str, Hello],
        broken: dict[str, str],
        captures: Captures,
        controls: ControlRounds,
    ) -> list[Landed]:
        """Send all flows: first those of the unchanged cluster, then those of the changed one. Controls follow each.

        The change begins when all flows are answered or silent, because no change affects what a silent flow waits
        for. The reason of a case without a result goes into `broken`.
        """
        changing = [case for case in cases if case.flow.change.after]
        with self._timed("flows"):
            few = self._launch(
                [case for case in cases if not case.flow.change.after and not case.flow.many], hellos, broken
            )
            self._idle()
            _all_but_silent(few)
            many = [
                case for case in cases if case.flow.change.repeated or (case.flow.many and not case.flow.change.after)
            ]
            flights = few + self._launch(many, hellos, broken)
            silent = _all_but_silent(flights)
            wait([flight.answer for flight in flights if flight.case.flow.change.repeated])
        changed = aside(lambda: self._changed(changing))
        with self._timed("flows"):
            if silent:
                captures.drain()
            landed = self._land(flights, broken)
        with self._timed("controls"):
            controls.round(self._tokens)
        if not changing:
            return landed
        with self._timed("changes"):
            problems, settled = changed.result()
        broken |= problems
        with self._timed("flows"):
            flights = self._launch([case for case in changing if case.id not in broken], hellos, broken)
            if _all_but_silent(flights):
                captures.drain()
            after = self._land(flights, broken)
        with self._timed("controls"):
            controls.round(self._tokens)
        return landed + [replace(flight, settled=settled.get(flight.case.id, 0.0)) for flight in after]

    def _changed(self, cases: Sequence[Case]) -> tuple[dict[str, str], dict[str, float]]:
        """Make the changes that these cases follow. Returns, both by case id, why a case cannot be sent, and how many
        seconds its change took to reach its client."""
        names = {case.flow.change.after for case in cases}
        if names & set(FILLING):  # Terminating pods have done their part and take room on the node.
            end_hooks(self._agents, self._deployment)
        failed = self._change(sorted(names - self._changes.keys()))
        self._changes |= dict.fromkeys(names - failed.keys() - self._changes.keys(), time.monotonic())
        problems = {case.id: failed[case.flow.change.after] for case in cases if case.flow.change.after in failed}
        return problems, self._settle([case for case in cases if case.id not in problems])

    def _settle(self, cases: Sequence[Case]) -> dict[str, float]:
        """Wait until each client sees the effect of its change. Returns the seconds that this took, by case id.

        The API shows a change before the proxies of the nodes apply it. The wait ends when no further client has seen
        its change for `SETTLE` seconds; the other cases are judged as they are.
        """
        began = moved = time.monotonic()
        waiting = [shown_by(case) for case in cases]
        settled = dict.fromkeys((case.id for case in waiting), SETTLE)
        while waiting and time.monotonic() - moved < SETTLE:
            checks: list[tuple[Case, Future[dict[str, Any]]]] = []
            for case in waiting:
                try:
                    target = target_of(case, self._deployment, self._facts)
                except NoTarget:
                    continue
                request = exchange_of(target.ip, target.port, next(self._tokens), timeout=GLANCE)
                client = self._client(case)
                port = self._ports.of(client, case.client.os, case.client.probe)
                request |= {"proto": case.flow.protocol, "preferred_port": port}
                checks.append((case, self._agents[client].call("exchange", request, PATIENCE)))
            waiting = []
            for case, answer in checks:
                try:
                    answered = attempt_of(answer.result(PATIENCE)).answered
                except (AgentError, ChannelLost, TimeoutError):
                    answered = False
                if answered is (case.flow.change.settles == "answered"):
                    moved = time.monotonic()
                    settled[case.id] = moved - began
                else:
                    waiting.append(case)
            if waiting:
                time.sleep(BETWEEN)
        return settled

    def _timed(self, name: str) -> _Timed:
        return _Timed(self.timings, name)

    def _place(self, case: Case, point: Point) -> Place:
        if point == "entry-node":
            return Place("nic", case.entry)
        slot = case.client if point.startswith("client") else case.server
        if point.endswith("node"):
            return Place("nic", slot.node)
        return Place("pod", probe_of(slot, self._deployment).pod)

    def _client(self, case: Case) -> str:
        """The name of the agent that a case starts from."""
        return OUTSIDE if case.client.probe == OUTSIDE else probe_of(case.client, self._deployment).pod

    def _launch(self, cases: Sequence[Case], hellos: Mapping[str, Hello], broken: dict[str, str]) -> list[_InFlight]:
        """Send all of these flows at once."""
        flights: list[_InFlight] = []
        for case in cases:
            try:
                target = target_of(case, self._deployment, self._facts)
                bindings = bindings_of(case, target, self._deployment, self._facts, hellos, self._states or NO_STATES)
            except NoTarget as problem:
                broken[case.id] = str(problem)
                continue
            exchange_tokens = [next(self._tokens) for _ in range(case.flow.load.connections)]
            pod = self._client(case)
            ports = self._first_ports.get(case.id) or [
                self._ports.of(pod, case.client.os, case.client.probe) for _ in exchange_tokens
            ]
            if case.flow.change.same_ports:
                self._first_ports[case.id] = ports
            card_addresses = self._deployment.wanted_addresses.get(case.client.node, 0)
            again = ASKS_AGAIN if asks_the_cluster(case, self._deployment, self._facts, hellos) else 0.0
            method, parameters, seconds = request_of(
                case, target, exchange_tokens, ports, self._timeout, self._facts.network.mode, card_addresses, again
            )
            answer = self._agents[pod].call(method, parameters, seconds + PATIENCE)
            flight = _InFlight(
                case=case, target=target, bindings=bindings, tokens=exchange_tokens, answer=answer, seconds=seconds
            )
            flights.append(flight)
        if flights:
            exchanges = counted(sum(len(flight.tokens) for flight in flights), "exchange")
            self._say(f"{counted(len(flights), 'case')}, {exchanges} in flight")
        return flights

    def _land(self, flights: Sequence[_InFlight], broken: dict[str, str]) -> list[Landed]:
        """Wait until each of these flows is answered or has timed out."""
        landed: dict[str, Landed] = {}
        for flight in flights:
            case = flight.case
            try:
                answer = flight.answer.result((flight.seconds + PATIENCE) * MOST_LATE)
                attempts, output = attempts_in(case, answer, flight.tokens)
            except (AgentError, ChannelLost, TimeoutError) as problem:
                pod = self._client(case)
                broken[case.id] = self._why_lost(pod) or f"{pod}: {problem or 'the agent did not answer'}"
                if isinstance(problem, ChannelLost):
                    self._cut[case.id] = flight.first_attempts(str(problem))
                continue
            landed[case.id] = Landed(
                case=case, target=flight.target, bindings=flight.bindings, attempts=attempts, output=output
            )
        silent = [flight.case for flight in landed.values() if not all(attempt.answered for attempt in flight.attempts)]
        self._say(
            f"{len(flights) - len(silent)} of {counted(len(flights), 'case')} answered; some cases expect no answer"
        )
        for case in filter(asks_many_services, silent):
            port_messages = self._port_messages(case.client.node)
            if port_messages is not None:
                landed[case.id].bindings["client.node.port_messages"] = port_messages
        for case in silent:
            # A lost probe or an unready node does not answer either; that says nothing about the network.
            for slot in (case.client, case.server):
                why = self._why_lost(probe_of(slot, self._deployment).pod) if slot.is_probe else ""
                if why and not (case.flow.change.after == LEAVING and slot.probe == "leaving"):
                    broken[case.id] = why
                    landed.pop(case.id, None)
        return list(landed.values())


def _all_but_silent(flights: Sequence[_InFlight]) -> bool:
    """Wait until no more answers come. Returns whether some flows still wait for their timeout."""
    waiting: set[Future[dict[str, Any]]] = {flight.answer for flight in flights}
    while waiting:
        before = len(waiting)
        waiting = wait(waiting, LULL).not_done
        if len(waiting) == before:
            return True
    return False


class _Timed:
    """Adds the seconds of a block to a table of timings."""

    def __init__(self, table: dict[str, float], name: str) -> None:
        self._table, self._name = table, name

    def __enter__(self) -> None:
        self._start = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._table[self._name] = self._table.get(self._name, 0.0) + time.monotonic() - self._start
