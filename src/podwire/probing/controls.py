"""Positive controls: exchanges of a client that must work just before and just after a flow. If one fails, a missing
answer proves nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any

from podwire.cluster.deployment.workloads import ECHO_PORT, Deployment, Probe
from podwire.model.addressing.inherited import FORMER, HEIR
from podwire.model.cases import Case, Slot
from podwire.model.controls import (
    ANOTHER_SERVICE,
    ANOTHER_SERVICE_TOLD,
    BY_THE_SERVER_NODE,
    OPEN_PORT,
    OUTSIDE_HTTP,
    OUTSIDE_TCP,
    SERVER_HOST,
)
from podwire.model.facts import ClusterFacts, Family
from podwire.model.flows import ON_NODE_NETWORK
from podwire.model.observations import ControlResult
from podwire.model.symbols import ServiceSymbols
from podwire.model.ways import BY_TUNNEL
from podwire.planning.prerequisites import CONTROL_KIND
from podwire.policies.cast import OPEN
from podwire.probing.calls import MOST_LATE
from podwire.probing.client import AgentClient, AgentError, ChannelLost, attempt_of
from podwire.probing.requests import way_of
from podwire.probing.source_ports import SourcePorts
from podwire.probing.targets import HTTP_PORT, NoTarget, probe_of, target_of


@dataclass(frozen=True, kw_only=True)
class Control:
    """One exchange that must work: the pod that sends it, and its target. It uses TCP, or the tunnel `via`."""

    name: str
    pod: str
    host: str
    port: int
    family: Family
    via: str = ""


PATIENCE = 15.0
"""Seconds that an agent has in addition to the timeout of the exchange."""
OUTSIDE = "outside"
"""The name of the agent on the host outside, among the agents of a run."""
LOOPBACK: Mapping[Family, str] = {"ipv4": "127.0.0.1", "ipv6": "::1"}
OUTSIDE_PORTS = {OUTSIDE_TCP: ECHO_PORT, OUTSIDE_HTTP: HTTP_PORT}


def controls_of(case: Case, deployment: Deployment, facts: ClusterFacts) -> Iterator[Control]:
    """The controls of a case. Each end answers itself; if the case involves the host outside, the client's node reaches
    it; and the test's own controls. Raises `NoTarget`."""
    # A control needs a port with a listener.
    case, family = replace(case, flow=case.flow.but(closed_port=False, denied_port=False)), case.flow.family
    for slot in (case.client, case.server):
        if not slot.is_probe or slot.probe == FORMER:  # When controls are asked again, the run has deleted this one.
            continue
        probe = probe_of(slot, deployment)
        own = own_address(probe, family)
        if own:
            yield Control(name=f"{probe.pod} answers itself", pod=probe.pod, host=own, port=probe.port, family=family)
    yield from _of_the_outside(case, deployment, facts)
    client = OUTSIDE if case.client.probe == OUTSIDE else probe_of(case.client, deployment).pod
    for control_name in case.controls:
        if control_name in OUTSIDE_PORTS:
            continue
        if control_name == SERVER_HOST:
            host = probe_of(replace(case.server, probe="host"), deployment)
            address, name = host.addresses.get(family, ""), f"{client} reaches {host.pod}"
            yield Control(name=name, pod=client, host=address, port=host.port, family=family)
            continue
        to, other_way = _another_way(case, control_name)
        target = target_of(other_way, deployment, facts)
        tunnel = control_name if control_name in BY_TUNNEL else ""
        name = f"{client} reaches {to} over {'UDP' if tunnel else 'TCP'}"
        yield Control(name=name, pod=client, host=target.ip, port=target.port, family=family, via=tunnel)


def _another_way(case: Case, control: str) -> tuple[str, Case]:
    """The target of a control in words, and the case with the way to this target."""
    flow = case.flow.but(protocol="tcp", after="", closed_port=False, denied_port=False)
    if control == ANOTHER_SERVICE:
        flow = flow.but(via="cluster-ip", service=ServiceSymbols(CONTROL_KIND))
        return ANOTHER_SERVICE_TOLD, replace(case, flow=flow, server=Slot(os="backends", node="", probe="backends"))
    if control == BY_THE_SERVER_NODE:
        return "the same server by its own node", replace(case, flow=flow, entry=case.server.node)
    if control == OPEN_PORT:
        return "the open port of the same server", replace(case, flow=flow.but(via="pod-ip", port=OPEN))
    flow = flow.but(via=control)
    return f"the same server by {control.replace('-', ' ').replace('vni', 'VNI')}", replace(case, flow=flow)


def _of_the_outside(case: Case, deployment: Deployment, facts: ClusterFacts) -> Iterator[Control]:
    family = case.flow.family
    outside = facts.outside.address(family)
    if outside is None or OUTSIDE not in (case.server.probe, case.client.probe):
        return
    if case.client.probe == OUTSIDE:
        name = "the outside host answers itself"
        yield Control(name=name, pod=OUTSIDE, host=outside, port=ECHO_PORT, family=family)
        return
    client = probe_of(case.client, deployment)
    host = deployment.on(client.node, "host")
    if host is not None and host.pod not in deployment.problems:
        name = f"{host.pod} reaches the outside host"
        yield Control(name=name, pod=host.pod, host=outside, port=ECHO_PORT, family=family)
    for control in case.controls:
        if control in OUTSIDE_PORTS:
            name = f"{client.pod} reaches the outside host over TCP"
            yield Control(name=name, pod=client.pod, host=outside, port=OUTSIDE_PORTS[control], family=family)


def own_address(probe: Probe, family: Family) -> str | None:
    """The address at which a probe reaches itself, or None. A host-network pod uses the loopback, because the address
    in its status may be wrong; so does a pod whose address changes during the run."""
    return LOOPBACK[family] if probe.slot in (ON_NODE_NETWORK, HEIR) else probe.addresses.get(family)


def exchange_of(address: str, port: int, token: str, *, timeout: float) -> dict[str, Any]:
    """The parameters of a TCP exchange with an address. `timeout` is in seconds."""
    return {
        "proto": "tcp",
        "host": address,
        "port": port,
        "family": 6 if ":" in address else 4,
        "token": token,
        "size": 256,
        "timeout": timeout,
        "resolve": False,
        "source_port": 0,
    }


class ControlRounds:
    """Runs all controls before the flows and again after them, each control once in a round."""

    def __init__(
        self,
        cases: Iterable[Case],
        deployment: Deployment,
        facts: ClusterFacts,
        agents: Mapping[str, AgentClient],
        timeout: float,
        ports: SourcePorts | None = None,
    ) -> None:
        self._agents, self._timeout, self._deployment = agents, timeout, deployment
        self._ports = ports or SourcePorts()
        self._of: dict[str, tuple[Control, ...]] = {}
        for case in cases:
            try:
                self._of[case.id] = tuple(controls_of(case, deployment, facts))
            except NoTarget:
                self._of[case.id] = ()
        self._rounds: list[dict[Control, str]] = []
        self._around: Mapping[str, tuple[int, int]] = {}

    def round(self, tokens: Iterator[str]) -> None:
        """Run every control once and keep the results. `tokens` gives each exchange its own token."""
        wanted = dict.fromkeys(control for controls in self._of.values() for control in controls)
        running: dict[Control, Future[dict[str, Any]]] = {}
        results: dict[Control, str] = {}
        for control in wanted:
            agent = self._agents.get(control.pod)
            if agent is None:
                results[control] = "its agent is not running"
                continue
            parameters = exchange_of(control.host, control.port, next(tokens), timeout=self._timeout)
            parameters |= way_of(control.via, "tcp")
            if control.pod != OUTSIDE:
                probe = self._deployment.probe(control.pod)
                parameters["preferred_port"] = self._ports.of(probe.pod, probe.os, probe.slot)
            running[control] = agent.call("exchange", parameters, self._timeout + PATIENCE)
        for control, answer in running.items():
            try:
                attempt = attempt_of(answer.result((self._timeout + PATIENCE) * MOST_LATE))
                results[control] = "" if attempt.answered else (attempt.error.kind if attempt.error else "no answer")
            except (AgentError, ChannelLost, TimeoutError) as problem:
                results[control] = str(problem)
        self._rounds.append(results)

    def agents_of(self, case: Case) -> set[str]:
        """The agents that the controls of a case need."""
        return {control.pod for control in self._of.get(case.id, ())}

    def surround(self, around: Mapping[str, tuple[int, int]]) -> None:
        """Say for cases, by id, which rounds came just before and just after their flows, counted from 0."""
        self._around = around

    def _results(self, number: int) -> Mapping[Control, str]:
        return self._rounds[number] if number < len(self._rounds) else {}

    def results(self, case: Case) -> tuple[ControlResult, ...]:
        """The controls of a case in the rounds just before and just after its flow: the first two, unless `surround`
        says which. A control without a result counts as failed."""
        before, after = (self._results(number) for number in self._around.get(case.id, (0, 1)))
        return tuple(
            ControlResult(
                name=control.name,
                before=before.get(control, "not run") == "",
                after=after.get(control, "not run") == "",
                detail="; ".join(sorted({before.get(control, "not run"), after.get(control, "not run")} - {""})),
            )
            for control in self._of.get(case.id, ())
        )
