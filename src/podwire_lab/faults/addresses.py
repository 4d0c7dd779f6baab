"""Faults of the addresses of Windows pods: outside the node's pod CIDR, reserved by the node, or used twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from msgspec import structs

from podwire_lab.faults.fault import VPC, Injection, fault
from podwire_lab.model.addresses import NodePlan
from podwire_lab.model.profiles import PROFILES
from podwire_lab.network.hosts import BRIDGE, NIC, Pod, alone
from podwire_lab.network.node import Node

HOST_LOCAL = tuple(name for name, row in PROFILES.items() if row.ipam == "host-local")
BLOCKS = tuple(name for name, row in PROFILES.items() if row.ipam == "calico-ipam")
OVN = tuple(name for name, row in PROFILES.items() if row.ipam == "ovn")
UNUSED_CIDRS = "10.244.32.0/19"  # the pod CIDRs of node numbers that do not exist


@fault(
    "addresses-of-no-nodes-part",
    kills=("ADDR-HOST-LOCAL", "ADDR-CALICO-BLOCK", "ADDR-OVN"),
    profiles=(*HOST_LOCAL, *BLOCKS, *OVN),
)
def addresses_of_no_nodes_part(do: Injection) -> None:
    """New pods on Windows nodes get addresses of a pod CIDR that belongs to no node."""
    for node in do.nodes("windows"):
        before, pods = node.plan, structs.replace(node.plan.pods, ipv4=UNUSED_CIDRS)
        pod_cidr = pods.of_node(before.number, "ipv4")
        for machine in do.nodes():
            route = (BRIDGE,) if machine is node else machine.way_to(before, "ipv4")
            machine.host.links.route(pod_cidr, *route)
            machine.host.links.commit()
            do.undone_by(partial(_without_route, machine, pod_cidr, *route))
        _planned(node, replace(before, pods=pods))
        do.undone_by(partial(_planned, node, before))


def _without_route(node: Node, pod_cidr: str, *route: str) -> None:
    node.host.links.route(pod_cidr, *route, delete=True)
    node.host.links.commit()


def _planned(node: Node, plan: NodePlan) -> None:
    node.plan = plan
    node.rules.refresh()


@fault("reserved-address-given-away", kills=("ADDR-HOST-LOCAL", "ADDR-CALICO-BLOCK"), profiles=(*HOST_LOCAL, *BLOCKS))
def reserved_address_given_away(do: Injection) -> None:
    """The next pod on each Windows node gets an address that the node reserves: that of the source VIP, or .1."""
    served: set[str] = set()

    def change(node: Node, pod: Pod) -> None:
        if node.name in served:
            return
        served.add(node.name)
        vip = node.profile.windows.source_vip
        address = node.plan.pod_address("ipv4", 1 if vip is None else vip)
        if vip is not None:
            _own_address(node, address, delete=True)
            do.undone_by(partial(_own_address, node, address))
        _readdress(node, pod, address)

    _for_pods_to_come(do, change)


def _own_address(node: Node, address: str, *, delete: bool = False) -> None:
    node.host.links.address(BRIDGE, alone(address), delete=delete)
    node.host.links.commit()


@fault(
    "one-address-for-two-pods",
    kills=("ADDR-HOST-LOCAL", "ADDR-CALICO-BLOCK", "ADDR-OVN", "ADDR-AZURE", "ADDR-WINDOWS-SERVER"),
    profiles=tuple(name for name in PROFILES if name not in VPC),
)
def one_address_for_two_pods(do: Injection) -> None:
    """The second new pod on a Windows node gets the address of the first one, and receives its packets."""
    pods_by_node: dict[str, list[Pod]] = {}

    def change(node: Node, pod: Pod) -> None:
        pods = pods_by_node.setdefault(node.name, [])
        pods.append(pod)
        if len(pods) == 2:
            _readdress(node, pod, pods[0].addresses[0])

    _for_pods_to_come(do, change)


def _for_pods_to_come(do: Injection, change: Callable[[Node, Pod], None]) -> None:
    for node in do.nodes("windows"):
        do.for_pods_to_come(node, change)


def _readdress(node: Node, pod: Pod, address: str) -> None:
    """Give a pod another IPv4 address instead of its own. The node then sends packets for that address to this pod."""
    old_address, links = pod.addresses[0], pod.place.links
    length = 32 if node.by_fabric else node.plan.pod_cidr("ipv4").rpartition("/")[2]
    pod.place.netns.sysctl(
        "net/ipv4/conf/all/promote_secondaries", "1"
    )  # else the kernel removes the new address together with the first
    links.address(NIC, f"{address}/{length}")  # added first: the kernel forgets the routes of a NIC without an address
    links.address(NIC, f"{old_address}/{length}", delete=True)
    links.commit()
    node.host.links.neighbour(BRIDGE, address, pod.mac)
    node.host.links.commit()
    pod.addresses = (address, *pod.addresses[1:])
