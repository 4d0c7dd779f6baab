"""Faults of the allocation of pod addresses: how many a node offers, which one a pod gets, and its annotation."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from msgspec import structs

from podwire_lab.faults.fault import (
    CALICO,
    CUSTOM,
    SECONDARY,
    VPC,
    Injection,
    api_fault,
    fault,
)
from podwire_lab.model.addresses import NodePlan
from podwire_lab.model.cni_notes import VPC_ADDRESS
from podwire_lab.model.interfaces import Object
from podwire_lab.network.hosts import BRIDGE, NIC
from podwire_lab.network.node import Node, Notes


@fault("noted-address-of-another", kills=("EKS-NOTED-ADDRESS",), profiles=VPC)
def noted_address_of_another(do: Injection) -> None:
    """New pods on Windows nodes get the node's address in their annotation instead of their own."""
    for node in do.nodes("windows"):
        do.undone_by(partial(setattr, node, "pod_notes", node.pod_notes))
        node.pod_notes = _notes_of_the_node(node)


@fault("address-not-noted", kills=("EKS-NOTED-ADDRESS",), profiles=VPC)
def address_not_noted(do: Injection) -> None:
    """New pods on Windows nodes get an address, and no annotation names it."""
    for node in do.nodes("windows"):
        do.undone_by(partial(setattr, node, "pod_notes", node.pod_notes))
        node.pod_notes = lambda *_: {}


def _notes_of_the_node(node: Node) -> Notes:
    return lambda *_: {VPC_ADDRESS: f"{node.plan.address('ipv4')}/16"}


@fault("windows-pods-by-eniconfig", kills=("EKS-CUSTOM-NETWORKING", "EKS-WARM"), profiles=CUSTOM)
def windows_pods_by_eniconfig(do: Injection) -> None:
    """New pods on Windows nodes get addresses from the subnet of Linux pods."""
    for node in do.nodes("windows"):
        do.undone_by(partial(_with_addresses, do, node, node.plan))
        pods = structs.replace(node.plan.pods, ipv4=do.network.profile.pod_network("ipv4"))
        _with_addresses(do, node, replace(node.plan, pods=pods))


def _with_addresses(do: Injection, node: Node, plan: NodePlan) -> None:
    """Use this plan for the addresses of a node's pods, and update the routes of all nodes."""
    before, node.plan = node.plan, plan
    for machine in do.nodes():
        route = (BRIDGE,) if machine is node else (NIC, plan.address("ipv4"))
        machine.host.links.route(before.pod_cidr("ipv4"), *route, delete=True)
        machine.host.links.route(plan.pod_cidr("ipv4"), *route)
        machine.host.links.commit()
    node.rules.refresh()


@api_fault("too-few-vpc-addresses", kills=("EKS-SECONDARY-ADDRESSES", "EKS-PREFIX-ADDRESSES"), profiles=VPC)
def too_few_vpc_addresses(resource: str, obj: Object) -> None:
    """A Windows node offers one VPC address fewer than its network card has for pods."""
    allocatable = obj.get("status", {}).get("allocatable", {}) if resource == "nodes" else {}
    if VPC_ADDRESS in allocatable:
        allocatable[VPC_ADDRESS] = str(int(allocatable[VPC_ADDRESS]) - 1)


@api_fault("no-vpc-addresses-offered", kills=("EKS-SECONDARY-ADDRESSES", "EKS-PREFIX-ADDRESSES"), profiles=VPC)
def no_vpc_addresses_offered(resource: str, obj: Object) -> None:
    """Windows nodes do not offer VPC addresses in their capacity."""
    for amounts in ("capacity", "allocatable") if resource == "nodes" else ():
        obj.get("status", {}).get(amounts, {}).pop(VPC_ADDRESS, None)


@fault("foreign-block-borrowed", kills=("ADDR-CALICO-60",), profiles=CALICO)
def foreign_block_borrowed(do: Injection) -> None:
    """A Windows node has four more pod addresses than Calico's block holds, as if it borrowed from another block."""
    for node in do.nodes("windows"):
        _more_addresses(do, node, 4)


@fault("addresses-without-end", kills=("EKS-USED-UP",), profiles=SECONDARY)
def addresses_without_end(do: Injection) -> None:
    """The scheduler does not count addresses, and a Windows node has four more than its network card provides."""
    do.network.quirks.overcommits = True
    do.undone_by(partial(setattr, do.network.quirks, "overcommits", False))
    for node in do.nodes("windows"):
        _more_addresses(do, node, 4)


@fault("refused-without-the-reason", kills=("ADDR-CALICO-60",), profiles=CALICO)
def refused_without_the_reason(do: Injection) -> None:
    """When a Windows node has no address left for a pod, the event names another reason."""
    for node in do.nodes("windows"):
        addresses = node.pods.addresses
        do.undone_by(partial(setattr, addresses, "refusal", addresses.refusal))
        addresses.refusal = "the sandbox does not start"


def _more_addresses(do: Injection, node: Node, count: int) -> None:
    before = node.plan
    node.plan = replace(before, pods=structs.replace(before.pods, last=before.pods.last + count))

    def undo() -> None:
        node.plan = before

    do.undone_by(undo)


@fault("no-addresses-kept-ready", kills=("EKS-WARM",), profiles=VPC)
def no_addresses_kept_ready(do: Injection) -> None:
    """A network card of a Windows node gets another address, or prefix, only when a pod finds none free."""
    for node in do.nodes("windows"):
        card = node.pods.addresses.card
        if card:
            card.keeps_ready = False
            do.undone_by(partial(setattr, card, "keeps_ready", True))


@fault("second-network-card", kills=("EKS-ONE-CARD",), profiles=VPC)
def second_network_card(do: Injection) -> None:
    """EC2 lists a second network card on each Windows node; it carries no traffic."""
    for node in do.nodes("windows"):
        card = node.pods.addresses.card
        if card:
            card.others = (f"02:12:00:00:00:{node.plan.number:02x}",)
            do.undone_by(partial(setattr, card, "others", ()))


@fault("addresses-without-rest", kills=("ADDR-COOL-DOWN",), profiles=SECONDARY)
def addresses_without_rest(do: Injection) -> None:
    """A Windows node reuses the address of a deleted pod at once."""
    for node in do.nodes("windows"):
        addresses = node.pods.addresses
        do.undone_by(partial(setattr, addresses, "rest", addresses.rest))
        addresses.rest = 0.0
