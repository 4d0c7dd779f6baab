"""Faults that show when a pod gets the address that a deleted pod had: what is left of the old one leads astray."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from podwire.model.facts import family_of
from podwire_lab.faults.fault import CALICO, Injection, fault
from podwire_lab.network.hosts import BRIDGE, Pod
from podwire_lab.network.node import Node

GONE = "02:30:00:00:00:fe"
"""A MAC that no port has any more."""


def _again(do: Injection, node: Node, change: Callable[[str], None]) -> None:
    """Do something for each address of a node that a second pod gets."""
    had = {address for pod in node.pods for address in pod.addresses}

    def attached(_: Node, pod: Pod) -> None:
        for address in pod.addresses:
            if address in had:
                change(address)
            had.add(address)

    do.for_pods_to_come(node, attached)


@fault("inherited-address-keeps-its-mac", kills=("CHURN-PODIP-REUSE",), profiles=CALICO)
def inherited_address_keeps_its_mac(do: Injection) -> None:
    """A node goes on sending to the MAC of the pod that had an address before (containernetworking/plugins 858)."""
    for node in do.nodes():
        _again(do, node, partial(_stale, node))


def _stale(node: Node, address: str) -> None:
    node.host.links.neighbour(BRIDGE, address, GONE)
    node.host.links.commit()


@fault("windows-remote-endpoint-outlives-its-pod", kills=("CHURN-PODIP-REUSE",), profiles=CALICO)
def windows_remote_endpoint_outlives_its_pod(do: Injection) -> None:
    """Windows nodes keep a remote endpoint for the address of a pod that is gone, and send what goes to the next pod
    there into nothing (kubernetes 138000, Windows-Containers 631)."""
    for node in do.nodes():
        for other in do.nodes("windows"):
            if other is not node:
                _again(do, node, partial(_lost, do, other))


@fault("linux-route-outlives-its-pod", kills=("CHURN-PODIP-REUSE",), profiles=CALICO)
def linux_route_outlives_its_pod(do: Injection) -> None:
    """A Linux node removes the route of a pod that is gone after it has made that of the next pod with the address, and
    has none then (calico 3467)."""
    for node in do.nodes("linux"):
        _again(do, node, partial(_lost, do, node))


def _lost(do: Injection, node: Node, address: str) -> None:
    word = "ip6" if family_of(address) == "ipv6" else "ip"
    rule = f"{word} daddr {address} drop"
    do.rules(
        node.host, "inet", f"  chain prerouting {{\n    type filter hook prerouting priority -200;\n    {rule}\n  }}\n"
    )
