"""Faults as releases of Windows, CNIs and kube-proxy have had them, where no other fault shows the same on the wire.

`podwire.lab.regressions` says which release, when and who reports it.
"""

from __future__ import annotations

from podwire.facts import OS
from podwire.lab.faulting import L2BRIDGE, OVERLAY, Injection, chain, fault
from podwire.lab.topology import Node, Pod

HOST_PORT = 18081


@fault("windows-sockets-forbidden", kills=("FLOW-POD-POD-IP", "FLOW-POD-EXT-IP", "FLOW-POD-SVC-CLUSTER-IP"))
def windows_sockets_forbidden(do: Injection) -> None:
    """Windows pods may not begin to talk: each try is refused on the pod's own machine; who asks them is answered."""

    def forbidden(node: Node, pod: Pod) -> None:
        if node.os == "windows":
            rule = 'oifname != "lo" ct direction original reject with icmpx admin-prohibited'
            do.rules(pod.place, "inet", chain("output", 0, rule))

    do.for_each_pod(forbidden)


@fault("ipv6-services-lost-on-windows", kills=("FLOW-POD-SVC-CLUSTER-IP",), profiles=L2BRIDGE)
def ipv6_services_lost_on_windows(do: Injection) -> None:
    """Windows nodes have no load balancers for the IPv6 addresses of Services; those for IPv4 are whole."""
    for node in do.nodes("windows"):
        do.rewrite(node, lambda services: [one for one in services if one.family == "ipv4"])


@fault("tunnels-lost-in-the-underlay", kills=("FLOW-POD-POD-IP",), profiles=OVERLAY)
def tunnels_lost_in_the_underlay(do: Injection) -> None:
    """The network between the nodes takes UDP port 4789 for its own and drops it; all else between nodes passes."""
    rule = f"udp dport {do.network.profile.port} drop"
    do.rules(do.network.fabric, "bridge", chain("forward", 0, f"ether type ip {rule}", f"ether type ip6 {rule}"))


@fault("ipv6-host-ports-closed-on-windows", kills=("SVC-HOSTPORT",), profiles=L2BRIDGE)
def ipv6_host_ports_closed(do: Injection) -> None:
    """Windows nodes drop what comes for a host port of a pod over IPv6; over IPv4 it is served."""
    _closed(do, "windows", "meta nfproto ipv6")


def _closed(do: Injection, os: OS, which: str) -> None:
    for node in do.nodes(os):
        rule = f'iifname "eth0" {which} meta l4proto {{ tcp, udp }} th dport {HOST_PORT} drop'
        do.rules(node.host, "inet", chain("prerouting", -150, rule))
