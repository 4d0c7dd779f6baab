"""Faults of documented limits: many backends, the nodes' own network, dual stack, CHECK, flannel's nodes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

from msgspec import structs

from podwire.model.facts import FAMILIES, OS, Family
from podwire_lab.faults.fault import (
    DUAL_L2BRIDGE,
    FLANNEL,
    HOST_ECHO_PORT,
    PROXIED,
    REFERENCE,
    SINGLE_FAMILY,
    Injection,
    chain,
    fault,
)
from podwire_lab.model.addresses import SERVICE_NETWORK
from podwire_lab.model.interfaces import ServiceRule
from podwire_lab.model.profile import Profile
from podwire_lab.network.hosts import NIC
from podwire_lab.network.node import Node
from podwire_lab.windows.programs.cni_plugin import FINDS_FAULT

FEW, MANY = 63, 64
HOST_NETWORK_PORT = 18082


def _without_big(do: Injection, os: OS, limit: int) -> None:
    """Remove Services with more than `limit` endpoints from the proxies of these nodes."""
    for node in do.nodes(os):
        do.rewrite(node, lambda services: [service for service in services if len(service.endpoints) <= limit])


@fault("big-services-lost", kills=("BACKENDS-64", "BACKENDS-1024", "BACKENDS-MORE"))
def big_services_lost(do: Injection) -> None:
    """Linux nodes do not serve Services with 64 endpoints or more, where no limit is documented."""
    _without_big(do, "linux", FEW)


@fault("big-services-refused", kills=("BACKENDS-1024", "BACKENDS-MORE"))
def big_services_refused(do: Injection) -> None:
    """Windows nodes answer a connection to a Service with more than 64 endpoints with a reset instead of silence."""
    _without_big(do, "windows", MANY)
    for node in do.nodes("windows"):
        rule = f"ip daddr {SERVICE_NETWORK['ipv4']} tcp dport 80 reject with tcp reset"
        do.rules(node.host, "ip", chain("forward", -10, rule))


@fault("64-backends-lost-on-windows", kills=("BACKENDS-64",))
def backends_lost_on_windows(do: Injection) -> None:
    """Windows nodes stop serving a Service at 64 endpoints, one before the lowest documented limit."""
    _without_big(do, "windows", FEW)


@fault("host-network-closed", kills=("HOSTNETWORK",))
def host_network_closed(do: Injection) -> None:
    """Linux nodes drop packets from outside to their own port 18082: pods on the host network are unreachable."""
    _closed(do, "linux", HOST_NETWORK_PORT)


@fault("host-process-closed", kills=("HOSTPROCESS-NET", "FLOW-POD-NODE"))
def host_process_closed(do: Injection) -> None:
    """Windows nodes drop packets from other machines to their port 18080: HostProcess pods are unreachable."""
    _closed(do, "windows", HOST_ECHO_PORT)


def _closed(do: Injection, os: OS, port: int) -> None:
    for node in do.nodes(os):
        rule = f'iifname "{NIC}" meta l4proto {{ tcp, udp }} th dport {port} drop'
        do.rules(node.host, "inet", chain("input", 0, rule))


# kube-proxy's log line with the error of HNS (AWS, EKS best practices, Windows networking, documents the message).
PORT_EXISTS = (
    'E1127 07:00:00.000000    4321 proxier.go:1518] "Policy creation failed" err="hcnCreateLoadBalancer failed in '
    'Win32: The specified port already exists. (0x803b0013)"\n'
)


@fault("late-services-unserved", kills=("MANY-SERVICES",))
def late_services_unserved(do: Injection) -> None:
    """Windows nodes serve the first hundred Service ports only, and kube-proxy logs that a port already exists, as it
    does when their ports are used up.
    """
    _hundred_only(do, logged=True)


@fault("late-services-unsaid", kills=("MANY-SERVICES",), profiles=PROXIED, dsr=False)
def late_services_unsaid(do: Injection) -> None:
    """Windows nodes without DSR serve the first hundred Service ports only, and kube-proxy logs nothing."""
    _hundred_only(do, logged=False)


def _hundred_only(do: Injection, *, logged: bool) -> None:
    for node in do.nodes("windows"):
        do.rewrite(node, _first_hundred(node.proxy_log if logged else []))


def _first_hundred(log: list[str]) -> Callable[[Sequence[ServiceRule]], Sequence[ServiceRule]]:
    refused: set[ServiceRule] = set()

    def first_hundred(services: Sequence[ServiceRule]) -> Sequence[ServiceRule]:
        ordered = sorted(services, key=lambda service: (service.port, service.name, service.protocol))
        log.extend(PORT_EXISTS for service in ordered[100:] if service not in refused)
        refused.update(ordered[100:])
        return ordered[:100]

    return first_hundred


@fault("cni-check-finds-fault", kills=("CNI-CHECK",), profiles=REFERENCE)
def cni_check_finds_fault(do: Injection) -> None:
    """CHECK of the Windows nodes' CNI plugins reports for new containers that the container does not exist."""
    do.network.quirks.windows_cni.add(FINDS_FAULT)
    do.undone_by(lambda: do.network.quirks.windows_cni.discard(FINDS_FAULT))


@fault("ipv6-of-windows-pods-lost", kills=("DUAL-L2B",), profiles=DUAL_L2BRIDGE)
def ipv6_of_windows_pods_lost(do: Injection) -> None:
    """Windows nodes drop the IPv6 packets of their pods; IPv4 passes."""
    for node in do.nodes("windows"):
        pods = node.plan.pod_cidr("ipv6")
        do.rules(node.host, "ip6", chain("forward", -10, f"ip6 saddr {pods} drop", f"ip6 daddr {pods} drop"))


@fault("second-family-missing", kills=("DUAL-PODS",), profiles=DUAL_L2BRIDGE)
def second_family_missing(do: Injection) -> None:
    """New pods on Windows nodes get an IPv4 address only."""
    _other_families(do, ("ipv4",))


@fault("ipv4-pods-get-ipv6", kills=("IPV6-OVERLAY", "DUAL-PODS"), profiles=SINGLE_FAMILY)
def ipv4_pods_get_ipv6(do: Injection) -> None:
    """New pods on Windows nodes also get an IPv6 address, which has no route."""
    _other_families(do, FAMILIES)


def _other_families(do: Injection, families: tuple[Family, ...]) -> None:
    for node in do.nodes("windows"):
        windows = structs.replace(node.profile.windows, families=families)
        _with_profile(do, node, replace(node.profile, windows=windows))


def _with_profile(do: Injection, node: Node, profile: Profile) -> None:
    before, node.profile = node.profile, profile
    node.rules.refresh()

    def undo() -> None:
        node.profile = before
        node.rules.refresh()

    do.undone_by(undo)


@fault("single-family-services-lost", kills=("DUAL-SINGLEFAMILY",))
def single_family_services_lost(do: Injection) -> None:
    """Nodes serve only Services with both families; those with one family lead nowhere."""

    def of_both(services: Sequence[ServiceRule]) -> list[ServiceRule]:
        families: dict[str, set[Family]] = defaultdict(set)
        for service in services:
            families[service.name].add(service.family)
        return [service for service in services if len(families[service.name]) == len(FAMILIES)]

    for node in do.nodes():
        do.rewrite(node, of_both)


@fault("windows-nodes-reach-all-pods", kills=("FLOW-NODE-POD",), profiles=FLANNEL)
def windows_nodes_reach_all_pods(do: Injection) -> None:
    """flannel's Windows nodes reach pods of other nodes through the tunnel: the documented limitation is gone."""
    for node in do.nodes("windows"):
        do.amend(node, "flush chain ip node-to-remote-pods output\n")


@fault("windows-nodes-tunnel-in-vain", kills=("FLOW-NODE-POD",), profiles=FLANNEL)
def windows_nodes_tunnel_in_vain(do: Injection) -> None:
    """flannel's Windows nodes send packets for remote pods into the tunnel, and its far end drops them."""
    windows_nodes_reach_all_pods(do)
    for node in do.nodes():
        sources = ", ".join(peer.plan.pod_address("ipv4", 0) for peer in do.nodes("windows") if peer is not node)
        do.rules(node.host, "ip", chain("forward", -10, f"ip saddr {{ {sources} }} drop"))
