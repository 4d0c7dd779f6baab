"""Positive controls: what must work from a client just before and just after, or a missing answer means nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from podwire.cases import Case
from podwire.cluster.workloads import ECHO_PORT, Deployment
from podwire.facts import ClusterFacts, Family
from podwire.observations import ControlResult
from podwire.probe.client import AgentClient, AgentError, ChannelLost, attempt_of
from podwire.probe.targets import HTTP_PORT, NoTarget, probe_of


@dataclass(frozen=True, kw_only=True)
class Control:
    """One exchange that must work: which probe sends it, and where to."""

    name: str
    pod: str
    host: str
    port: int
    family: Family


def controls_of(case: Case, deployment: Deployment, facts: ClusterFacts) -> Iterator[Control]:
    """The controls of a case: both probes answer themselves; for the outside, the client's node reaches the same host;
    and what the test asks for."""
    family = case.flow.family
    client = probe_of(case.client, deployment)
    peers = [client] if case.flow.server.kind == "outside" else [client, probe_of(case.server, deployment)]
    for probe in peers:
        own = probe.addresses.get(family)
        if own:
            yield Control(name=f"{probe.pod} answers itself", pod=probe.pod, host=own, port=probe.port, family=family)
    outside = facts.external.address(family) if facts.external else None
    if case.flow.server.kind != "outside" or outside is None:
        return
    host = next((one for one in deployment.probes if one.node == client.node and one.slot == "host"), None)
    if host is not None and host.pod not in deployment.problems:
        name = f"{host.pod} reaches the outside host"
        yield Control(name=name, pod=host.pod, host=outside, port=ECHO_PORT, family=family)
    ports = {"outside-tcp": ECHO_PORT, "outside-http": HTTP_PORT}
    for wanted in case.controls:
        name = f"{client.pod} reaches the outside host over TCP"
        yield Control(name=name, pod=client.pod, host=outside, port=ports[wanted], family=family)


def exchange_of(address: str, port: int, token: str, *, timeout: float) -> dict[str, Any]:
    """The parameters of a plain TCP exchange with an address."""
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
    """Runs all controls of a run before the flows and again after them; each control is made once a round."""

    def __init__(
        self,
        cases: Iterable[Case],
        deployment: Deployment,
        facts: ClusterFacts,
        agents: Mapping[str, AgentClient],
        timeout: float,
    ) -> None:
        self._agents, self._timeout = agents, timeout
        self._of: dict[str, tuple[Control, ...]] = {}
        for case in cases:
            try:
                self._of[case.id] = tuple(controls_of(case, deployment, facts))
            except NoTarget:
                self._of[case.id] = ()
        self._rounds: list[dict[Control, str]] = []

    def round(self, tokens: Iterator[str]) -> None:
        """Run every control once and keep what came of it ('' when it worked)."""
        wanted = dict.fromkeys(control for controls in self._of.values() for control in controls)
        running: dict[Control, Future[dict[str, Any]]] = {}
        results: dict[Control, str] = {}
        for control in wanted:
            agent = self._agents.get(control.pod)
            if agent is None:
                results[control] = "its probe is not running"
                continue
            parameters = exchange_of(control.host, control.port, next(tokens), timeout=self._timeout)
            running[control] = agent.call("exchange", parameters, self._timeout + 5)
        for control, answer in running.items():
            try:
                attempt = attempt_of(answer.result(self._timeout + 6))
                results[control] = "" if attempt.answered else (attempt.error.kind if attempt.error else "no answer")
            except (AgentError, ChannelLost, TimeoutError) as problem:
                results[control] = str(problem)
        self._rounds.append(results)

    def results(self, case_id: str) -> tuple[ControlResult, ...]:
        """The controls of a case, as the judge wants them. A round that never ran did not work."""
        before, after = (*self._rounds, {}, {})[:2]
        return tuple(
            ControlResult(
                name=control.name,
                before=before.get(control, "not run") == "",
                after=after.get(control, "not run") == "",
                detail="; ".join(sorted({before.get(control, "not run"), after.get(control, "not run")} - {""})),
            )
            for control in self._of.get(case_id, ())
        )
