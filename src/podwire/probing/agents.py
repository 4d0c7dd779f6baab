"""The agents of a run: one by the exec channel for each probe, and one behind a command line for the host outside."""

from __future__ import annotations

from podwire.cluster.connect import Connection
from podwire.cluster.deployment.workloads import Deployment, Probe
from podwire.cluster.exec.channel import ExecChannel
from podwire.probing.client import AgentClient
from podwire.probing.controls import OUTSIDE
from podwire.probing.local_channel import CommandChannel

AWAY = 60.0
"""Seconds for which an API server may be away until its agents are given up."""


def agents_of(connection: Connection, deployment: Deployment, outside: tuple[str, ...]) -> dict[str, AgentClient]:
    """The agents of all probes that are available, by pod; and that of the host outside, if a command starts one."""
    agents = {probe.pod: _agent(connection, deployment.namespace, probe) for probe in deployment.available()}
    if outside:
        agents[OUTSIDE] = AgentClient(OUTSIDE, lambda: CommandChannel(outside))
    return agents


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
