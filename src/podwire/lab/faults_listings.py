"""Faults of what a Windows node lists of itself: HNS' networks and endpoints, the virtual switch, and NAT."""

from __future__ import annotations

from typing import Any

from podwire.lab import hns_listings
from podwire.lab.faulting import L2BRIDGE, NAT, TRANSPARENT, Injection, fault
from podwire.lab.profiles import PROFILES
from podwire.lab.topology import Node

_ANOTHER_SUBNET = "172.22.0.0/24"


def _list(do: Injection, **changes: Any) -> None:
    for node in do.nodes("windows"):
        _change(do, node, changes)


def _change(do: Injection, node: Node, changes: dict[str, Any]) -> None:
    before = {name: node.hns_listed[name] for name in changes}
    node.hns_listed = {**node.hns_listed, **changes}

    def undo() -> None:
        node.hns_listed = {**node.hns_listed, **before}

    do.undone_by(undo)


@fault("hns-subnet-of-another-network", kills=("ADDR-WINDOWS-SERVER",), profiles=NAT)
def hns_subnet_of_another_network(do: Injection) -> None:
    """HNS of Windows nodes lists a subnet that no pod of theirs has its address in."""
    _list(do, networks=hns_listings.networks(do.network.profile, (_ANOTHER_SUBNET,)))


@fault("hns-network-of-another-type", kills=("MODE-FIVE",), profiles=tuple(PROFILES))
def hns_network_of_another_type(do: Injection) -> None:
    """HNS of Windows nodes lists its networks as of another type than what the cluster's network mode has."""
    other = "L2Bridge" if do.network.profile.mode != "l2bridge" else "Overlay"
    for node in do.nodes("windows"):
        _change(do, node, {"networks": [{**one, "Type": other} for one in node.hns_listed["networks"]]})


@fault("hns-endpoints-twice", kills=("ARCH-HNS-RESOURCES",))
def hns_endpoints_twice(do: Injection) -> None:
    """HNS of Windows nodes has two endpoints for each address, one of them of a pod that is gone."""
    _list(do, twice=True)


@fault("switch-without-a-network-card", kills=("L2B-EXTVSWITCH",), profiles=L2BRIDGE)
def switch_without_a_network_card(do: Injection) -> None:
    """The virtual switch of Windows nodes has no external port: it is an internal one."""
    _list(do, nic="")


@fault("pods-on-another-switch", kills=("L2B-EXTVSWITCH",), profiles=L2BRIDGE)
def pods_on_another_switch(do: Injection) -> None:
    """Windows nodes have an external switch, and their pods hang on another one."""
    _list(do, apart=True)


@fault("outbound-nat-of-hns", kills=("TRANS-NAT-NO-NETSH",), profiles=TRANSPARENT)
def outbound_nat_of_hns(do: Injection) -> None:
    """Endpoints of Windows nodes have an OutBoundNAT policy, as those of other network modes have."""
    _list(do, policies=["OutBoundNAT"])


@fault("net-nat-of-windows", kills=("TRANS-NAT-NO-NETSH",), profiles=TRANSPARENT)
def net_nat_of_windows(do: Injection) -> None:
    """Windows nodes have a NAT of Windows itself, as those in NAT mode have."""
    _list(do, net_nat=["nat"])
