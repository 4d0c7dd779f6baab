"""Flows in flight: sends those of cases, and takes in what came of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import Any

from podwire.cluster.deployment.workloads import Deployment
from podwire.crafting.request import crafted_request
from podwire.model.cases import Case
from podwire.model.facts import ClusterFacts
from podwire.model.observations import Attempt, ProbeError, Value
from podwire.model.recipes import RecipeError, initial_sequence
from podwire.planning.prerequisites import asks_many_services
from podwire.probing.bindings.cases import bindings_of
from podwire.probing.bindings.dns_servers import asks_the_cluster
from podwire.probing.bindings.nodes import Hello
from podwire.probing.bindings.path_mtu import sized
from podwire.probing.calls import MOST_LATE
from podwire.probing.client import AgentClient, AgentError, ChannelLost
from podwire.probing.controls import OUTSIDE
from podwire.probing.node_states import NO_STATES, NodeState
from podwire.probing.progress import counted
from podwire.probing.requests import ASKS_AGAIN, attempts_in, request_of
from podwire.probing.sightings import Landed
from podwire.probing.source_ports import SourcePorts
from podwire.probing.targets import NoTarget, Target, probe_of, target_of

PATIENCE = 15.0
LULL = 0.25
MEANWHILE = 30.0
"""Seconds between two readings of nodes while flows are answered."""
LEAVING = "pods-leaving"
Say = Callable[[str], object]


@dataclass(kw_only=True)
class InFlight:
    """A case whose flow was sent, and the answer of its agent to come."""

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


@dataclass(kw_only=True)
class Reported:
    """What agents and nodes reported of themselves before the flows: the `hello` of each agent, the state of nodes."""

    hellos: Mapping[str, Hello]
    states: Mapping[str, NodeState] = field(default_factory=lambda: NO_STATES)


class Flights:
    """Sends flows from the agents of a run. `timeout` is in seconds; `tokens` and `ports` are those of the run.

    `why_lost` returns why a probe went away, as the API says, or ''; `port_messages` counts in a node's kube-proxy log
    that a port exists already.
    """

    def __init__(
        self,
        deployment: Deployment,
        facts: ClusterFacts,
        agents: Mapping[str, AgentClient],
        *,
        timeout: float,
        tokens: Iterator[str],
        ports: SourcePorts,
        say: Say,
        why_lost: Callable[[str], str],
        port_messages: Callable[[str], int | None],
    ) -> None:
        self._deployment, self._facts, self._agents, self._timeout = deployment, facts, agents, timeout
        self._tokens, self._ports, self._say = tokens, ports, say
        self._why_lost, self._port_messages = why_lost, port_messages
        self._first_ports: dict[str, list[int]] = {}
        self.cut: dict[str, tuple[Attempt, ...]] = {}
        """By case id, the attempts that a broken stream ended."""

    def client(self, case: Case) -> str:
        """The name of the agent that a case starts from."""
        return OUTSIDE if case.client.probe == OUTSIDE else probe_of(case.client, self._deployment).pod

    def launch(
        self, cases: Sequence[Case], reported: Reported, broken: dict[str, str], *, quiet: bool = False
    ) -> list[InFlight]:
        """Send all of these flows at once, but streams, which run already. Why a case cannot be sent goes
        into `broken`."""
        flights: list[InFlight] = []
        for case in cases:
            if case.id in broken or case.flow.load.stream:
                continue
            try:
                target = target_of(case, self._deployment, self._facts)
                bindings = bindings_of(case, target, self._deployment, self._facts, reported.hellos, reported.states)
            except NoTarget as problem:
                broken[case.id] = str(problem)
                continue
            number = max(case.flow.load.connections, len(target.asked_of))
            exchange_tokens = [next(self._tokens) for _ in range(number)]
            pod = self.client(case)
            ports = self._first_ports.get(case.id) or [
                self._ports.of(pod, case.client.os, case.client.probe) for _ in exchange_tokens
            ]
            if case.flow.change.same_ports:
                self._first_ports[case.id] = ports
            card_addresses = self._deployment.wanted_addresses.get(case.client.node, 0)
            again = ASKS_AGAIN if asks_the_cluster(case, self._deployment, self._facts, reported.hellos) else 0.0
            sent, mode = sized(case, bindings), self._facts.network.mode
            try:
                method, parameters, seconds = (
                    crafted_request(sent, target.ip, target.port, bindings, exchange_tokens[0], ports[0], self._timeout)
                    if case.flow.load.sends
                    else request_of(sent, target, exchange_tokens, ports, self._timeout, mode, card_addresses, again)
                )
            except RecipeError as problem:
                broken[case.id] = f"its packets cannot be made: {problem}"
                continue
            if case.flow.load.sends:
                bindings["syn.acknowledged"] = (initial_sequence(exchange_tokens[0]) + 1) % (1 << 32)
            answer = self._agents[pod].call(method, parameters, seconds + PATIENCE)
            flight = InFlight(
                case=case, target=target, bindings=bindings, tokens=exchange_tokens, answer=answer, seconds=seconds
            )
            flights.append(flight)
        if flights and not quiet:
            exchanges = counted(sum(len(flight.tokens) for flight in flights), "exchange")
            self._say(f"{counted(len(flights), 'case')}, {exchanges} in flight")
        return flights

    def land(self, flights: Sequence[InFlight], broken: dict[str, str], *, quiet: bool = False) -> list[Landed]:
        """Wait until each of these flows is answered or has timed out."""
        landed: dict[str, Landed] = {}
        for flight in flights:
            case = flight.case
            try:
                answer = flight.answer.result((flight.seconds + PATIENCE) * MOST_LATE + PATIENCE)
                attempts, output = attempts_in(case, answer, flight.tokens)
            except (AgentError, ChannelLost, TimeoutError) as problem:
                pod = self.client(case)
                broken[case.id] = self._why_lost(pod) or f"{pod}: {str(problem) or 'the agent did not answer'}"
                if isinstance(problem, ChannelLost):
                    self.cut[case.id] = flight.first_attempts(str(problem))
                continue
            landed[case.id] = Landed(
                case=case, target=flight.target, bindings=flight.bindings, attempts=attempts, output=output
            )
        silent = [flight.case for flight in landed.values() if not all(attempt.answered for attempt in flight.attempts)]
        if flights and not quiet:
            answered = f"{len(flights) - len(silent)} of {counted(len(flights), 'case')} answered"
            self._say(f"{answered}; some cases expect no answer")
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


def all_but_silent(flights: Sequence[InFlight], meanwhile: Callable[[], object]) -> bool:
    """Wait until no more answers come, and call `meanwhile` every half minute. Returns whether some flows still wait
    for their timeout."""
    waiting: set[Future[dict[str, Any]]] = {flight.answer for flight in flights}
    due = time.monotonic() + MEANWHILE
    while waiting:
        if time.monotonic() >= due:
            meanwhile()
            due = time.monotonic() + MEANWHILE
        before = len(waiting)
        waiting = wait(waiting, LULL).not_done
        if len(waiting) == before:
            return True
    return False
