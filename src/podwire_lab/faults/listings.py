"""Faults of the lists of a Windows node: HNS networks and endpoints, the virtual switch, and NAT."""

from __future__ import annotations

from functools import partial
from typing import Any

from podwire_lab.faults.fault import L2BRIDGE, PROXIED, TRANSPARENT, Injection, fault
from podwire_lab.model.profiles import PROFILES
from podwire_lab.network.node import Node
from podwire_lab.windows import hns_listings

_ANOTHER_SUBNET = "172.22.0.0/24"
_IPAM_OF_A_SUBNET = ("host-local", "calico-ipam", "azure-vnet-ipam", "azure-cns")
_WITH_A_SUBNET = tuple(
    name for name, row in PROFILES.items() if row.mode in ("overlay", "nat") or row.ipam in _IPAM_OF_A_SUBNET
)


def list_differently(do: Injection, **changes: Any) -> None:
    """Windows nodes list these entries in the place of their own (`hns_listings.listed`)."""
    for node in do.nodes("windows"):
        node.hns_changes |= changes
        do.undone_by(partial(_as_before, node, tuple(changes)))


def _as_before(node: Node, names: tuple[str, ...]) -> None:
    for name in names:
        node.hns_changes.pop(name, None)


@fault(
    "hns-subnet-of-another-network",
    kills=("ADDR-WINDOWS-SERVER", "ADDR-HOST-LOCAL", "ADDR-CALICO-BLOCK", "ADDR-AZURE", "OVL-OWN-SUBNET"),
    profiles=_WITH_A_SUBNET,
)
def hns_subnet_of_another_network(do: Injection) -> None:
    """HNS on Windows nodes lists a subnet that contains no address of the node's pods."""
    list_differently(do, networks=hns_listings.networks(do.network.profile, (_ANOTHER_SUBNET,)))


@fault("hns-network-of-another-type", kills=("MODE-FIVE",), profiles=tuple(PROFILES))
def hns_network_of_another_type(do: Injection) -> None:
    """HNS on Windows nodes lists its networks with another type than the cluster's network mode requires."""
    wrong_type = "L2Bridge" if do.network.profile.mode != "l2bridge" else "Overlay"
    for node in do.nodes("windows"):
        networks = [{**network, "Type": wrong_type} for network in node.hns_listed["networks"]]
        node.hns_changes |= {"networks": networks}
        do.undone_by(partial(_as_before, node, ("networks",)))


@fault("endpoints-on-another-network", kills=("MODE-FIVE",), profiles=tuple(PROFILES))
def endpoints_on_another_network(do: Injection) -> None:
    """The endpoints of pods are on a second HNS network of type NAT, or of type l2bridge where the mode is NAT."""
    list_differently(do, type="NAT" if do.network.profile.mode != "nat" else "L2Bridge")


@fault("hns-endpoints-twice", kills=("ARCH-HNS-RESOURCES",))
def hns_endpoints_twice(do: Injection) -> None:
    """HNS on Windows nodes has two endpoints for each address; one belongs to a pod that is gone."""
    list_differently(do, endpoints="twice")


@fault("hns-endpoints-remote-too", kills=("ARCH-HNS-RESOURCES",))
def hns_endpoints_remote_too(do: Injection) -> None:
    """HNS on Windows nodes has two endpoints for each address; one belongs to a pod on another node."""
    list_differently(do, endpoints="remote-too")


@fault("hns-endpoints-none", kills=("ARCH-HNS-RESOURCES",))
def hns_endpoints_none(do: Injection) -> None:
    """HNS on Windows nodes has no endpoint for any pod."""
    list_differently(do, endpoints="none")


@fault("hns-endpoints-of-another-mac", kills=("ARCH-HNS-RESOURCES",))
def hns_endpoints_of_another_mac(do: Injection) -> None:
    """The HNS endpoints have other MAC addresses than the pods."""
    list_differently(do, endpoints="other-mac")


@fault("load-balancers-of-hns", kills=("TRANS-LB",), profiles=TRANSPARENT)
def load_balancers_of_hns(do: Injection) -> None:
    """HNS on Windows nodes has a load balancer like those of kube-proxy beside OVN's."""
    list_differently(do, load_balancers=[{"VIPs": ["10.96.0.1"], "IsDSR": True}])


@fault("load-balancers-with-other-dsr", kills=("DSR-ENABLE",), profiles=PROXIED)
def load_balancers_with_other_dsr(do: Injection) -> None:
    """HNS on Windows nodes lists load balancers with DSR where it is disabled, and without DSR where it is enabled."""
    list_differently(do, other_dsr=True)


@fault("switch-without-a-network-card", kills=("L2B-EXTVSWITCH",), profiles=L2BRIDGE)
def switch_without_a_network_card(do: Injection) -> None:
    """The virtual switch of Windows nodes is internal: it has no external port."""
    list_differently(do, nic="")


@fault("pods-on-another-switch", kills=("L2B-EXTVSWITCH",), profiles=L2BRIDGE)
def pods_on_another_switch(do: Injection) -> None:
    """Windows nodes have an external switch, and their pods are connected to another one."""
    list_differently(do, apart=True)


@fault("outbound-nat-of-hns", kills=("TRANS-NAT-NO-NETSH",), profiles=TRANSPARENT)
def outbound_nat_of_hns(do: Injection) -> None:
    """Endpoints on Windows nodes have an OutBoundNAT policy, as in other network modes."""
    list_differently(do, policies=["OutBoundNAT"])


@fault("net-nat-of-windows", kills=("TRANS-NAT-NO-NETSH",), profiles=TRANSPARENT)
def net_nat_of_windows(do: Injection) -> None:
    """Windows nodes have a WinNAT network, as in NAT mode."""
    list_differently(do, net_nat=["nat"])
