"""The agents of a run: one over an exec channel for each probe, and one over a command line for the host outside."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping

from podwire.cluster.connect import Connection
from podwire.cluster.deployment.workloads import Deployment, Probe
from podwire.cluster.exec.channel import ExecChannel
from podwire.probing.client import AgentClient
from podwire.probing.controls import OUTSIDE
from podwire.probing.local_channel import CommandChannel

AWAY = 60.0
"""Seconds for which the API server may be unreachable before podwire gives up the agents."""
LEAVING, HOOK_PORT = "leaving", 18099
"""The probes with a preStop hook, and the loopback port on which the hook waits (manifests/variants/leaving.yaml)."""
HOOKS = 3.0
"""Seconds to end all of these hooks."""


def agents_of(connection: Connection, deployment: Deployment, outside: tuple[str, ...]) -> dict[str, AgentClient]:
    """The agents of all available probes by pod, and the agent of the host outside if there is a command for it."""
    agents = {
        probe.pod: _agent(connection, deployment.namespace_of(probe.pod), probe) for probe in deployment.available()
    }
    if outside:
        agents[OUTSIDE] = AgentClient(OUTSIDE, lambda: CommandChannel(outside))
    return agents


def close_agents(agents: Mapping[str, AgentClient], deployment: Deployment | None) -> None:
    """End the preStop hooks, then all agents. Never raises, because the removal of the probes follows."""
    with contextlib.suppress(Exception, KeyboardInterrupt):
        if deployment is not None:
            end_hooks(agents, deployment)
    for agent in agents.values():
        with contextlib.suppress(Exception, KeyboardInterrupt):
            agent.close()


def end_hooks(agents: Mapping[str, AgentClient], deployment: Deployment) -> None:
    """End the preStop hooks of terminating pods, so that the pods end now. Takes at most `HOOKS` seconds."""
    leaving = [probe.pod for probe in deployment.probes if probe.slot == LEAVING]
    end = time.monotonic() + HOOKS
    datagram = {"host": "127.0.0.1", "port": HOOK_PORT, "token": "over", "count": 1}
    answers = [
        agents[pod].call("beacon", datagram, HOOKS) for pod in leaving if pod in agents and agents[pod].connected
    ]
    for answer in answers:
        with contextlib.suppress(Exception):
            answer.result(max(0.0, end - time.monotonic()))


def _agent(connection: Connection, namespace: str, probe: Probe) -> AgentClient:
    return AgentClient(
        probe.pod,
        lambda: ExecChannel(
            connection.configuration,
            namespace,
            probe.pod,
            probe.container,
            probe.command,
            renew=connection.credentials.renew,
        ),
        patience=AWAY,
    )
