"""Which DNS servers a pod is to ask: those that its own resolver is told, where these can be the cluster's DNS."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence

from podwire.cluster.deployment import manifests
from podwire.cluster.deployment.workloads import Deployment
from podwire.model.cases import Case
from podwire.model.facts import ClusterFacts
from podwire.model.observations import Value
from podwire.model.symbols import DNS_CACHE, DNS_PLACEMENT
from podwire.probing.bindings.nodes import Hello
from podwire.probing.targets import NoTarget, probe_of


def of_dns(case: Case, deployment: Deployment, facts: ClusterFacts, hellos: Mapping[str, Hello]) -> dict[str, Value]:
    """The symbols of the DNS server that the client of a case must ask, with their values. Raises `NoTarget`."""
    servers = dns_servers(case, deployment, facts, hellos)
    check_way_to_dns(case, servers, facts)
    values: dict[str, Value] = {"dns.ip": servers} if servers else {}
    if not case.client.is_probe or manifests.searches(case.client.probe):
        return values
    cached = asks_a_cache(case, servers, facts)
    values[DNS_PLACEMENT] = "same-node" if cached else _placement(case.client.node, facts)
    return values | ({DNS_CACHE: True} if cached else {})


def _placement(node: str, facts: ClusterFacts) -> str:
    """Where the pods of the cluster's DNS are, seen from a node; `anywhere` for pods on several sides, or unknown."""
    sides = {node == other for other in facts.dns.nodes}
    return ("same-node" if True in sides else "cross-node") if len(sides) == 1 else "anywhere"


def dns_servers(
    case: Case, deployment: Deployment, facts: ClusterFacts, hellos: Mapping[str, Hello]
) -> tuple[str, ...]:
    """The addresses of the server that the client of a case must ask.

    A pod with a dnsConfig of its own asks the server of the run. Any other asks the cluster's DNS at an address that
    its resolver is told, as its agent says in `hellos`; where none of these can be the cluster's DNS, that is what is
    wrong with it, and it must ask the Service.
    """
    own = deployment.services.found.get(("dns", "")) if manifests.searches(case.client.probe) else None
    if own:
        return tuple(own.cluster_ips.values())
    reported = _told(case, deployment, hellos)
    believed = tuple(server for server in reported if _can_be_the_clusters(server, case.client.os, facts))
    return believed or facts.dns.addresses


def asks_the_cluster(case: Case, deployment: Deployment, facts: ClusterFacts, hellos: Mapping[str, Hello]) -> bool:
    """Whether the resolver of a case's client is known to be told the server that it must ask."""
    expected = dns_servers(case, deployment, facts, hellos)
    return any(server in expected for server in _told(case, deployment, hellos))


def _told(case: Case, deployment: Deployment, hellos: Mapping[str, Hello]) -> tuple[str, ...]:
    """The servers that the resolver of a case's client is told, each once, as its agent says."""
    if not case.client.is_probe:
        return ()
    return tuple(dict.fromkeys(hellos.get(probe_of(case.client, deployment).pod, {}).get("dns", ())))


def _can_be_the_clusters(server: str, os: str, facts: ClusterFacts) -> bool:
    """Whether an address is one of the DNS Service, or can be that of a DNS cache on the pod's own node: a cache that
    is known, or on Linux any link-local address, for those are the node's own."""
    if server in facts.dns.addresses:
        return True
    return os == "linux" and (server in facts.dns.caches or _is_link_local(server))


def asks_a_cache(case: Case, servers: Sequence[str], facts: ClusterFacts) -> bool:
    """Whether one of these servers is a DNS cache on the node of the client. A cache may answer at the Service's own
    address, beside a link-local one; on Windows nodes there is none."""
    return case.client.os == "linux" and any(server in facts.dns.caches or _is_link_local(server) for server in servers)


def check_way_to_dns(case: Case, servers: Sequence[str], facts: ClusterFacts) -> None:
    """Raise `NoTarget` for a case that follows questions of a Linux pod to the cluster's DNS, where this pod does not
    ask what the plan was made with: a cache, or none."""
    if case.flow.server.kind != "dns" or case.flow.placement != "cross-node" or case.client.os != "linux":
        return
    cached = asks_a_cache(case, servers, facts)
    if cached and not facts.dns.caches:
        listed = ", ".join(servers)
        raise NoTarget(
            f"pods of node {case.client.node} ask a DNS cache at {listed}; state `dns_caches: [{listed}]` in --facts"
        )
    if facts.dns.caches and not cached:
        raise NoTarget(f"pods of node {case.client.node} ask the cluster's DNS at {', '.join(servers)}, and no cache")


def _is_link_local(server: str) -> bool:
    try:
        return ipaddress.ip_address(server.partition("%")[0]).is_link_local
    except ValueError:
        return False
