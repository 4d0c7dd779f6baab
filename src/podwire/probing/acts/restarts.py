"""Restarts kube-proxy or HNS on Windows nodes by their host probes, and waits until the nodes are as before.

The processes of a node and what HNS lists decide whether it is back; the answer to the command does not, because a
restart of HNS may break the stream that the answer comes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from podwire.cluster.deployment.changes.making import Made
from podwire.cluster.deployment.workloads import Deployment
from podwire.model.changes.table import Program
from podwire.platforms.hns import NoListing, load_balancers_in
from podwire.platforms.hns_processes import Processes, processes_in
from podwire.probing.client import AgentClient, AgentError, ChannelLost

BACK = 180.0
"""Seconds for a program to run again. A container's process may wait for the kubelet's back-off."""
LISTED, STILL = 60.0, 10.0
"""Seconds for HNS to have its load balancers again, and without a new one after which none is waited for. Cases tell
what is missing then."""
TOOL, BETWEEN, PATIENCE = 60.0, 0.5, 15.0
"""Seconds for one command of PowerShell, between two looks, and for the answer beside the command."""
START = "start-services"
BY_HAND: Mapping[Program, str] = {
    "hns": "Start-Service hns",
    "kube-proxy": "Start-Service kubeproxy, or kubectl delete pod for its pod",
}
"""How an administrator starts the program on a node."""


@dataclass(frozen=True, kw_only=True)
class _Node:
    """A Windows node before the restart: its host probe, its processes, the frontends of its load balancers."""

    name: str
    agent: AgentClient
    processes: Processes
    frontends: frozenset[str]


@dataclass(kw_only=True)
class Restarts:
    """Restarts programs on the Windows nodes of a deployment. `clock` and `sleep` are those of `time`."""

    deployment: Deployment
    agents: Mapping[str, AgentClient]
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    _left: list[_Node] = field(default_factory=list)
    """The nodes whose program is not known to run again."""

    def make(self, program: Program) -> Made:
        """Restart the program on all Windows nodes at once, and wait until each node is as before.

        A node that is not back in time is started by hand: the reason says how. Whatever ends the wait, an interrupt
        included, podwire asks the nodes that are not back to start their services.
        """
        try:
            nodes = self._found()
        except (AgentError, ChannelLost, NoListing, TimeoutError) as problem:
            return Made(problem=f"podwire restarted nothing: it cannot read the processes of a node: {problem}")
        if not nodes:
            return Made(problem="podwire restarted nothing: no Windows node has a host probe that answers")
        if program == "kube-proxy" and (without := [node.name for node in nodes if not node.processes.proxies]):
            return Made(problem=f"podwire restarted nothing: no process kube-proxy runs on {', '.join(without)}")
        self._left = list(nodes)
        try:
            answers = [node.agent.call("tool", _tool(f"restart-{program}"), TOOL + PATIENCE) for node in nodes]
            if not self._until(lambda: self._all_back(program), BACK):
                refused = [words for answer in answers if (words := _refusal(answer))]
                lost = ", ".join(node.name for node in self._left)
                return Made(
                    problem=f"podwire restarted {program}, and after {BACK:g} s it does not run on {lost}"
                    f"{f' ({refused[0]})' if refused else ''}; start it there: {BY_HAND[program]}"
                )
            shown = self.clock()
        finally:
            self._start_again()
        self._await_load_balancers(nodes)
        return Made(shown=shown)

    def _found(self) -> list[_Node]:
        hosts = [probe for probe in self.deployment.probes if probe.slot == "host" and probe.os == "windows"]
        return [
            _Node(
                name=probe.node,
                agent=self.agents[probe.pod],
                processes=processes_in(self._printed(self.agents[probe.pod], "hns-processes")),
                frontends=self._frontends(self.agents[probe.pod]),
            )
            for probe in hosts
            if probe.pod in self.agents
        ]

    def _printed(self, agent: AgentClient, tool: str) -> str:
        return str(agent.call("tool", _tool(tool), TOOL + PATIENCE).result(2 * (TOOL + PATIENCE)).get("stdout", ""))

    def _frontends(self, agent: AgentClient) -> frozenset[str]:
        listed = load_balancers_in(self._printed(agent, "hns-load-balancers"))
        return frozenset(frontend for balancer in listed for frontend in balancer.frontends)

    def _all_back(self, program: Program) -> bool:
        for node in list(self._left):
            with suppress(AgentError, ChannelLost, NoListing, TimeoutError):  # It is asked again.
                now = processes_in(self._printed(node.agent, "hns-processes"))
                if _another(program, node.processes, now):
                    self._left.remove(node)
        return not self._left

    def _await_load_balancers(self, nodes: Sequence[_Node]) -> None:
        """Wait until HNS has all load balancers that it had, or none is added any more: a new kube-proxy does not make
        those that an earlier one left to Services without ready endpoints."""
        missing, moved = -1, self.clock()

        def done() -> bool:
            nonlocal missing, moved
            now = sum(len(node.frontends - self._now_listed(node)) for node in nodes)
            if now != missing:
                missing, moved = now, self.clock()
            return not now or self.clock() - moved >= STILL

        self._until(done, LISTED)

    def _now_listed(self, node: _Node) -> frozenset[str]:
        try:
            return self._frontends(node.agent)
        except (AgentError, ChannelLost, NoListing, TimeoutError):
            return frozenset()

    def _until(self, done: Callable[[], bool], seconds: float) -> bool:
        end = self.clock() + seconds
        while not done():
            if self.clock() >= end:
                return False
            self.sleep(BETWEEN)
        return True

    def _start_again(self) -> None:
        """Ask the nodes that are not back to start their services; what runs already stays as it is."""
        answers = [node.agent.call("tool", _tool(START), TOOL + PATIENCE) for node in self._left]
        for answer in answers:
            with suppress(AgentError, ChannelLost, TimeoutError):
                answer.result(TOOL + PATIENCE)


def _tool(name: str) -> dict[str, Any]:
    return {"name": name, "timeout": TOOL}


def _another(program: Program, before: Processes, now: Processes) -> bool:
    if program == "hns":
        return now.hns > before.hns
    return bool(now.proxies) and min(now.proxies) > max(before.proxies)


def _refusal(answer: Any) -> str:
    """What the command said when it failed; empty if it did not, or said nothing."""
    if not answer.done():
        return ""
    try:
        result = answer.result(0)
    except (AgentError, ChannelLost, TimeoutError) as problem:
        return str(problem)
    words = " ".join(str(result.get("stderr", "")).split())[:200]
    return words if result.get("code") else ""
