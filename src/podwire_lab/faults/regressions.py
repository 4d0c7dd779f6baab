"""Faults that releases of Windows, CNIs and kube-proxy have had, where no other fault has the same symptom on the wire.

`suites/regressions.yaml` names the release, the date and the report of each.
"""

from __future__ import annotations

from dataclasses import replace

from podwire_lab.faults.exposure import HOST_PORT, without_equal_port
from podwire_lab.faults.fault import DUAL_L2BRIDGE, OVERLAY, Injection, chain, fault
from podwire_lab.faults.services import all_ready, change_each, drop_hairpins, keep_deleted
from podwire_lab.network.hosts import Pod
from podwire_lab.network.node import Node


@fault("windows-sockets-forbidden", kills=("FLOW-POD-POD-IP", "FLOW-POD-EXT-IP", "FLOW-POD-SVC-CLUSTER-IP"))
def windows_sockets_forbidden(do: Injection) -> None:
    """Windows pods cannot open a connection: their own network stack refuses it; they answer other clients."""

    def forbidden(node: Node, pod: Pod) -> None:
        if node.os == "windows":
            rule = 'oifname != "lo" ct direction original reject with icmpx admin-prohibited'
            do.rules(pod.place, "inet", chain("output", 0, rule))

    do.for_each_pod(forbidden)


@fault("ipv6-services-lost-on-windows", kills=("FLOW-POD-SVC-CLUSTER-IP",), profiles=DUAL_L2BRIDGE)
def ipv6_services_lost_on_windows(do: Injection) -> None:
    """Windows nodes have no load balancers for the IPv6 addresses of Services; IPv4 works."""
    for node in do.nodes("windows"):
        do.rewrite(node, lambda services: [service for service in services if service.family == "ipv4"])


@fault("windows-load-balancers-missing", kills=("FLOW-POD-SVC-CLUSTER-IP",))
def load_balancers_missing(do: Injection) -> None:
    """Windows nodes have no load balancer at all, not even for DNS; pods are reachable by their own addresses."""
    for node in do.nodes("windows"):
        do.rewrite(node, lambda services: [])


@fault("windows-keeps-deleted-services", kills=("SVC-SHARED-ENDPOINTS", "SVC-RECREATE"))
def windows_keeps_deleted_services(do: Injection) -> None:
    """On Windows nodes the address of a deleted Service still leads to its backends."""
    keep_deleted(do, do.nodes("windows"))


@fault("windows-hairpin-lost", kills=("SVC-HAIRPIN",))
def windows_hairpin_lost(do: Injection) -> None:
    """A pod on a Windows node gets no packet from a Service that leads back to itself."""
    drop_hairpins(do, ("windows",))


@fault("windows-affinity-not-kept", kills=("AFF-CLIENTIP",))
def windows_affinity_not_kept(do: Injection) -> None:
    """Connections of a client on a Windows node go to any backend, although the Service asks for session affinity."""
    change_each(do, lambda service: replace(service, affinity_seconds=None), do.nodes("windows"))


@fault("windows-serves-pods-not-ready", kills=("SVC-LB-ALL-NOTREADY",))
def windows_serves_pods_not_ready(do: Injection) -> None:
    """Load balancers of Windows nodes send connections to pods that are not ready."""
    change_each(do, all_ready, do.nodes("windows"))


@fault("windows-equal-ports-confused", kills=("SVC-NODEPORT-EQ-PORT",))
def windows_equal_ports_confused(do: Injection) -> None:
    """On Windows nodes a node port leads nowhere if it has the same number as the port of the Service."""
    change_each(do, without_equal_port, do.nodes("windows"))


@fault("tunnels-lost-in-the-underlay", kills=("FLOW-POD-POD-IP",), profiles=OVERLAY)
def tunnels_lost_in_the_underlay(do: Injection) -> None:
    """The underlay drops UDP port 4789, which it uses itself; other traffic between nodes passes."""
    rule = "udp dport 4789 drop"
    do.rules(do.network.fabric, "bridge", chain("forward", 0, f"ether type ip {rule}", f"ether type ip6 {rule}"))


@fault("ipv6-host-ports-closed-on-windows", kills=("SVC-HOSTPORT",), profiles=DUAL_L2BRIDGE)
def ipv6_host_ports_closed(do: Injection) -> None:
    """Windows nodes drop IPv6 packets for the host port of a pod; IPv4 works."""
    for node in do.nodes("windows"):
        rule = f'iifname "eth0" meta l4proto {{ tcp, udp }} th dport {HOST_PORT} drop'
        do.rules(node.host, "ip6", chain("prerouting", -150, rule))
