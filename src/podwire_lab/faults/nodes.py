"""Faults of what is a node's own: the ports that it translates to, and the addresses that its packets leave from."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from podwire.model.facts import Family
from podwire_lab.faults.egress import source_nat
from podwire_lab.faults.fault import PROXIED, Injection, chain, fault
from podwire_lab.faults.pods import ECHO, pods_of_all
from podwire_lab.linux.data_path import KEYWORD
from podwire_lab.network.node import Node
from podwire_lab.windows.data_path import bracketed
from podwire_lab.windows.services import SOURCE_NODE, SOURCE_VIP

# AgentBaker, Adjust-DynamicPortRange: what AKS sets on Windows nodes.
AKS, AKS_HIGH = ("16385-29999", "32768-65535"), ("33000-65535",)
_BY_PORTS = ("PORT-RANGE", "L2B-OUTNAT", "EKS-NAT")
NOBODY = 5
"""Places before the end of a node's part of the pod network: an address that no pod has."""


def _translated_to(do: Injection, ports: str) -> None:
    source_nat(
        do,
        lambda node, family: f"meta l4proto {{ tcp, udp }} snat to {bracketed(node.plan.address(family))}:{ports}",
    )


@fault("nat-ports-excluded", kills=_BY_PORTS, ports=AKS)
def nat_ports_excluded(do: Injection) -> None:
    """Windows nodes with AKS' ports translate to those that an administrator has excluded: node ports."""
    _translated_to(do, "30000-32767")


@fault("nat-ports-below-the-start", kills=_BY_PORTS, ports=AKS_HIGH)
def nat_ports_below_the_start(do: Injection) -> None:
    """Windows nodes whose dynamic ports begin at 33000 translate to ports below it."""
    _translated_to(do, "16385-29999")


@fault("nat-ports-of-another-node", kills=_BY_PORTS, ports=("16385-29999",))
def nat_ports_of_another_node(do: Injection) -> None:
    """Windows nodes with ports 16385 to 29999 translate to those that are usual elsewhere, 49152 to 65535."""
    _translated_to(do, "49152-65535")


@fault("netsh-tells-other-ports", kills=_BY_PORTS)
def netsh_tells_other_ports(do: Injection) -> None:
    """Somebody has set the dynamic ports of Windows nodes to 60000 and more, and translation goes on below them."""
    _translated_to(do, "49152-59999")
    for node in do.nodes("windows"):
        node.hns_changes["ports"] = ["60000-65535"]
        do.undone_by(partial(node.hns_changes.pop, "ports", None))


@fault("netsh-excludes-the-ports", kills=_BY_PORTS)
def netsh_excludes_the_ports(do: Injection) -> None:
    """Somebody has excluded ports 50000 to 59999 on Windows nodes, and translation uses them still."""
    _translated_to(do, "50000-59999")
    for node in do.nodes("windows"):
        node.hns_changes["ports"] = ["49152-49999", "60000-65535"]
        do.undone_by(partial(node.hns_changes.pop, "ports", None))


def _leaves_from(do: Injection, address: Callable[[Node, Family], str]) -> None:
    """What nodes themselves ask of pods has that source; answers come back to them all the same."""
    for node in do.nodes():
        for family in node.families:
            ip, source = KEYWORD[family], address(node, family)
            to = f"{ip} daddr {pods_of_all(do, family)} {ip} daddr != {source}"
            do.rules(
                node.host,
                ip,
                chain("postrouting", 90, f"fib saddr type local {to} {ECHO} snat to {source}", kind="nat"),
            )


def _of_a_pod(node: Node, family: Family) -> str:
    """The address of the second pod on a node."""
    return node.plan.pod_address(family, node.plan.pods.first + 1)


def _of_nobody(node: Node, family: Family) -> str:
    """An address of the node's part of the pod network that no pod has."""
    return node.plan.pod_address(family, min(node.plan.pods.last, 250) - NOBODY)


@fault("node-to-pod-source-of-a-pod", kills=("FLOW-NODE-POD",))
def node_to_pod_source_of_a_pod(do: Injection) -> None:
    """What a node asks of pods leaves with the address of a pod on it: a probe that is none of the node."""
    _leaves_from(do, _of_a_pod)


@fault("node-to-pod-source-of-nobody", kills=("FLOW-NODE-POD",))
def node_to_pod_source_of_nobody(do: Injection) -> None:
    """What a node asks of pods leaves with an address of its part of the pod network that nobody has."""
    _leaves_from(do, _of_nobody)


def _services_leave_from(do: Injection, address: Callable[[Node, Family], str]) -> None:
    """What Windows nodes translate for Services has that source instead of the node's or the source VIP."""
    for node in do.nodes("windows"):
        for family in node.families:
            rule = f"ct mark & {SOURCE_VIP | SOURCE_NODE:#x} != 0 meta l4proto {{ tcp, udp }}"
            do.rules(
                node.host,
                KEYWORD[family],
                chain("postrouting", 90, f"{rule} snat to {address(node, family)}", kind="nat"),
            )


@fault("node-port-source-of-a-pod", kills=("DSR-NODEPORT-NOT",), profiles=PROXIED)
def node_port_source_of_a_pod(do: Injection) -> None:
    """What a Windows node translates for a node port comes from the address of a pod on it."""
    _services_leave_from(do, _of_a_pod)


@fault("service-source-of-nobody", kills=("DSR-OFF-SOURCEIP",), profiles=PROXIED, dsr=False)
def service_source_of_nobody(do: Injection) -> None:
    """Without Direct Server Return, a cluster IP's requests come from an address of the pod network that nobody has."""
    _services_leave_from(do, _of_nobody)


@fault("dns-source-of-a-pod", kills=("DNS-SERVERADDR",), profiles=PROXIED, dsr=False)
def dns_source_of_a_pod(do: Injection) -> None:
    """Without Direct Server Return, questions of Windows pods come from the address of another pod."""
    _services_leave_from(do, _of_a_pod)
