"""What nodes tell of themselves through their host probes: asked once a run, while captures and controls start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from podwire.cluster.deployment.workloads import Deployment, Probe
from podwire.model.addressing.port_ranges import as_texts
from podwire.platforms.windows_state import NoState, WindowsState, state_in
from podwire.probing.client import AgentClient, AgentError, ChannelLost
from podwire.probing.requests import NODE_PATIENCE, WINDOWS_STATE

ANSWERED = 10.0
"""Seconds for one program of a node."""
GARBLED = "podwire cannot read its answer"


@dataclass(frozen=True, kw_only=True)
class NodeState:
    """What a node told; the reasons are empty for what it did tell.

    `ports` are the ranges of its dynamic ports by protocol and family (`tcp ipv4`), without what an administrator
    excludes. `proxy` is the mode of its kube-proxy, empty where that is not told. `windows` is what only Windows has.
    """

    ports: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    no_ports: str = ""
    proxy: str = ""
    windows: WindowsState = field(default_factory=WindowsState)
    no_windows: str = ""


class NodeStates(Mapping[str, NodeState]):
    """The states of all nodes with a host probe whose agent is there, by node; who looks one up waits for it."""

    def __init__(self, deployment: Deployment, agents: Mapping[str, AgentClient]) -> None:
        hosts = [probe for probe in deployment.probes if probe.slot == "host" and probe.pod in agents]
        self._asked = {probe.node: _ask(probe, agents[probe.pod]) for probe in hosts}
        self._known: dict[str, NodeState] = {}

    def __getitem__(self, node: str) -> NodeState:
        if node not in self._known:
            self._known[node] = _state(*self._asked[node])
        return self._known[node]

    def __iter__(self) -> Iterator[str]:
        return iter(self._asked)

    def __len__(self) -> int:
        return len(self._asked)


NO_STATES: Mapping[str, NodeState] = MappingProxyType({})
_Asked = tuple[Future[dict[str, Any]], Future[dict[str, Any]] | None]


def _ask(probe: Probe, agent: AgentClient) -> _Asked:
    state = agent.call("node_state", {"os": probe.os, "timeout": ANSWERED}, 3 * NODE_PATIENCE)
    if probe.os != "windows":
        return state, None
    listing = {"name": WINDOWS_STATE, "timeout": NODE_PATIENCE}
    return state, agent.call("tool", listing, 3 * NODE_PATIENCE)


def _state(state: Future[dict[str, Any]], listing: Future[dict[str, Any]] | None) -> NodeState:
    report, problem = _result(state)
    ports, no_ports = _part(report, "ports", problem)
    proxy, _ = _part(report, "proxy", problem)
    try:
        ranges = as_texts(ports) if ports is not None else {}
    except (TypeError, ValueError):
        ranges, no_ports = {}, GARBLED
    windows, no_windows = WindowsState(), ""
    if listing is not None:
        listed, no_windows = _result(listing)
        try:
            windows = state_in(str(listed.get("stdout", ""))) if not no_windows else windows
        except NoState as unread:
            no_windows = f"{unread}: {str(listed.get('stderr', '')).strip()[:200]}".rstrip(": ")
    return NodeState(
        ports=ranges,
        no_ports=no_ports,
        proxy=proxy if isinstance(proxy, str) else "",
        windows=windows,
        no_windows=no_windows,
    )


def _result(answer: Future[dict[str, Any]]) -> tuple[Mapping[str, Any], str]:
    try:
        return answer.result(3 * NODE_PATIENCE), ""
    except (AgentError, ChannelLost, TimeoutError) as problem:
        return {}, str(problem) or "the agent did not answer"


def _part(report: Mapping[str, Any], name: str, problem: str) -> tuple[Any, str]:
    part = report.get(name)
    if problem or not isinstance(part, dict):
        return None, problem or GARBLED
    return part.get("value"), str(part.get("problem", "")) or ("" if "value" in part else GARBLED)
