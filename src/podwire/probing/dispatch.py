"""Drives the probes: plays the acts of a run between two beacons, with captures running, and joins what was seen."""

from __future__ import annotations

import functools
import itertools
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from podwire.cluster.deployment.changes.making import Made
from podwire.cluster.deployment.workloads import Deployment
from podwire.crafting.request import load_scapy
from podwire.model.cases import Case
from podwire.model.changes.table import CHANGES
from podwire.model.facts import ClusterFacts
from podwire.model.observations import Observation, Point
from podwire.model.streams.load import StreamLoad
from podwire.planning.acts import acts_of
from podwire.probing.acts.aside import aside
from podwire.probing.acts.flights import Flights, Reported
from podwire.probing.acts.restarts import Restarts
from podwire.probing.acts.settling import CONVERGES_WITHIN, Settling
from podwire.probing.acts.stage import Stage
from podwire.probing.agents import end_hooks
from podwire.probing.bindings.nodes import Hello
from podwire.probing.captures import Captures, Place
from podwire.probing.client import AgentClient
from podwire.probing.controls import OUTSIDE, ControlRounds
from podwire.probing.filters import interest_of
from podwire.probing.lateness import lateness
from podwire.probing.node_facts import with_states
from podwire.probing.node_states import NO_STATES, NodeState, NodeStates
from podwire.probing.progress import counted
from podwire.probing.readiness import await_echo, hellos, is_another, unusable
from podwire.probing.second_asking import after_the_first, can_be_asked_again, in_doubt
from podwire.probing.sightings import Landed, Seen, Sighting, joined
from podwire.probing.source_ports import SourcePorts
from podwire.probing.streams.runs import Streaming
from podwire.probing.targets import probe_of, server_ports
from podwire.probing.whole_paths import FIRST_TRY, tell_paths

PATIENCE = 15.0
START = 60.0
"""Seconds for all agents to connect. An exec on a busy node may take many."""
AGAIN = 2
"""How often podwire repeats cases whose streams broke."""
Say = Callable[[str], object]
Change = Callable[[str], Made]


def tokens() -> Iterator[str]:
    """Unique tokens of 18 characters: `pw` and 16 hexadecimal digits, the first six random for each run.

    Thread-safe, unlike a generator.
    """
    return map(f"pw{secrets.token_hex(3)}{{:010x}}".format, itertools.count())


class Dispatcher:
    """Runs cases on a deployment and returns a sighting of each.

    `agents` are the RPC clients by pod. A flow waits `timeout` seconds for its answer (at least three SYNs are sent
    within 4 s); agents have `start` seconds to connect. `why_lost` returns why a probe went away, as the API says, or
    ''. `change` makes the named change. `port_messages` counts in a node's kube-proxy log that a port exists already.
    `idle` is called while unanswered flows wait. `first_try` is the share of a path's exchanges that may be lost at
    first, `converges_within` the seconds that a change may take to show, `streams` what streams send. After a broken
    stream to an agent, podwire repeats the cases that needed it; their observations keep the first attempts, which are
    not judged.
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
        change: Change = lambda name: Made(),
        port_messages: Callable[[str], int | None] = lambda node: None,
        idle: Callable[[], object] = lambda: None,
        first_try: float = FIRST_TRY,
        converges_within: float = CONVERGES_WITHIN,
        streams: StreamLoad | None = None,
    ) -> None:
        self._deployment, self._facts, self._agents = deployment, facts, agents
        self._timeout, self._start, self._say, self._idle = timeout, start, say, idle
        self._first_try, self._converges_within, self._load = first_try, converges_within, streams or StreamLoad()
        self._known_problems = dict(deployment.problems)
        self._changes: dict[str, float] = {}
        self._tokens = tokens()
        self._ports = SourcePorts()
        self._told: Callable[[ClusterFacts], ClusterFacts] | None = None
        self._states: Mapping[str, NodeState] | None = None
        self._why_lost = functools.cache(why_lost)
        self._change = change
        self._flights = Flights(
            deployment,
            facts,
            agents,
            timeout=timeout,
            tokens=self._tokens,
            ports=self._ports,
            say=say,
            why_lost=self._why_lost,
            port_messages=functools.cache(port_messages),
        )
        self.timings: dict[str, float] = {}

    def run(self, cases: Sequence[Case]) -> dict[str, Sighting]:
        """The sighting of every case, by id."""
        if any(case.flow.load.sends for case in cases):
            aside(load_scapy)
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
        self._flights.cut.clear()
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
        streaming = self._streaming()
        streaming.begin(able, answering, self._states, broken)
        landed = self._played(able, answering, broken, captures, controls, streaming)
        with self._timed("streams"):
            landed += streaming.end(broken)
        with self._timed("controls"):
            captures.beacon()
        with self._timed("captures"):
            captured = captures.stop()
        streaming.begin_transfers()
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
        with self._timed("streams"):
            transfers = streaming.end_transfers(broken)
        sightings |= {moved.case.id: seen.sighting(moved, controls.results(moved.case)) for moved in transfers}
        for case in cases:
            if case.id in broken:
                first = self._flights.cut.get(case.id, ())
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
        return {self._flights.client(case), *capturers, *controls.agents_of(case)}

    def _played(
        self,
        cases: Sequence[Case],
        hellos: Mapping[str, Hello],
        broken: dict[str, str],
        captures: Captures,
        controls: ControlRounds,
        streaming: Streaming,
    ) -> list[Landed]:
        """Play the acts of these cases, with controls around each. The reason of a case without a result goes into
        `broken`."""
        stage = Stage(
            flights=self._flights,
            settling=Settling(
                self._deployment,
                self._facts,
                self._agents,
                self._flights.client,
                self._tokens,
                self._ports,
                within=self._converges_within,
            ),
            reported=Reported(hellos=hellos, states=self._states or NO_STATES),
            change=functools.partial(self._made, hellos),
            marks=streaming,
            control=lambda: controls.round(self._tokens),
            drain=captures.drain,
            idle=self._idle,
            timed=self._timed,
            linger=functools.partial(streaming.linger, broken),
        )
        played = stage.play(acts_of(cases), broken)
        last = max((after for _, after in played.rounds.values()), default=1)
        whole = {case.id: (0, last) for case in cases if case.flow.load.stream}
        controls.surround({**played.rounds, **whole})
        return played.landed

    def _made(self, hellos: Mapping[str, Hello], name: str) -> Made:
        """Make a change, unless the run has made it before."""
        if name in self._changes:
            return Made()
        if CHANGES[name].whole_node:  # Terminating pods have done their part and take room on the node.
            end_hooks(self._agents, self._deployment)
        program = CHANGES[name].restarts
        made = (
            Restarts(deployment=self._deployment, agents=self._agents).make(program) if program else self._change(name)
        )
        for pod in list(self._deployment.renewed):  # Another change may add to them meanwhile.
            self._agents[pod].connect_again()
        if not made.problem:
            self._changes[name] = time.monotonic()
        return made

    def _streaming(self) -> Streaming:
        return Streaming(
            self._deployment,
            self._facts,
            self._agents,
            self._load,
            tokens=self._tokens,
            ports=self._ports,
            client=self._flights.client,
            why_lost=self._why_lost,
        )

    def _timed(self, name: str) -> _Timed:
        return _Timed(self.timings, name)

    def _place(self, case: Case, point: Point) -> Place:
        if point == "entry-node":
            return Place("nic", case.entry)
        slot = case.client if point.startswith("client") else case.server
        if point.endswith("node"):
            return Place("nic", slot.node)
        return Place("pod", probe_of(slot, self._deployment).pod)


class _Timed:
    """Adds the seconds of a block to a table of timings."""

    def __init__(self, table: dict[str, float], name: str) -> None:
        self._table, self._name = table, name

    def __enter__(self) -> None:
        self._start = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._table[self._name] = self._table.get(self._name, 0.0) + time.monotonic() - self._start
