"""The values of what HNS of a Windows node must have at this moment: pods' endpoints, and load balancers."""

from __future__ import annotations

import time
from collections.abc import Mapping

from podwire.cluster.deployment.balanced import ServedNode
from podwire.cluster.deployment.workloads import Deployment
from podwire.errors import ClusterError
from podwire.model.cases import Case
from podwire.model.facts import ClusterFacts
from podwire.model.observations import Value
from podwire.model.symbols import UNKNOWN
from podwire.probing.requests import HNS_LOAD_BALANCERS, LISTS

USUAL = ("a", "b")
"""The pods of a node that are ready from the start of a run to its end."""
FIRST_NODE_PORTS = (20348, 681)
"""The first build of Windows Server 2022 whose node ports work on an overlay (Windows-Containers issue 204)."""


def of_hns(case: Case, deployment: Deployment, facts: ClusterFacts) -> Mapping[str, Value]:
    """The addresses of the ready pods of the client's node, and the load balancers that HNS there must have, for a case
    that reads a listing of the node; nothing for others."""
    if case.flow.load.tool not in LISTS:
        return {}
    node = case.client.node
    values: dict[str, Value] = {
        "client.node.pods": tuple(
            probe.addresses["ipv4"]
            for probe in deployment.available()
            if probe.node == node and probe.slot in USUAL and "ipv4" in probe.addresses
        ),
        "client.node.other_pods": tuple(sorted(deployment.addresses_of_others)),
    }
    if case.flow.load.tool != HNS_LOAD_BALANCERS or deployment.balanced is None:
        return values
    node_facts = next((known for known in facts.nodes if known.name == node), None)
    build = node_facts.build if node_facts else None
    served = ServedNode(
        name=node,
        addresses=node_facts.addresses if node_facts else (),
        families={
            family
            for probe in deployment.available()
            if probe.node == node and probe.slot in USUAL
            for family in probe.addresses
        },
        node_ports=not (facts.network.mode == "overlay" and build and (20348, 0) <= build < FIRST_NODE_PORTS),
    )
    former = [
        f"{ip} {port.protocol} {port.port}"
        for service in deployment.former.values()
        for ip in service.cluster_ips.values()
        for port in service.ports.values()
    ]
    try:
        frontends = deployment.balanced.of(served, time.time(), former)
    except ClusterError as problem:
        return values | {f"client.node.{name}{UNKNOWN}": str(problem) for name in ("frontends", "possible_frontends")}
    return values | {
        "client.node.frontends": frontends.wanted,
        "client.node.possible_frontends": frontends.possible,
    }
