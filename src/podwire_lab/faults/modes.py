"""Faults of what sets network modes and CNIs apart: their tunnels, their fabric, their addresses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from podwire_lab.faults.encapsulation import taken_from_the_underlay
from podwire_lab.faults.fault import (
    AZURE,
    CALICO,
    CUSTOM,
    ECHO_PORT,
    HYBRID,
    L2TUNNEL,
    NAT,
    OVERLAY,
    PREFIX,
    SECONDARY,
    TRANSPARENT,
    VPC,
    Injection,
    api_fault,
    chain,
    fault,
)
from podwire_lab.faults.services import other_dsr
from podwire_lab.kernel import nft, tunnels
from podwire_lab.linux.data_path import KEYWORD
from podwire_lab.model.addresses import LINUX_PODS_SUBNET, UNDERLAY, NodePlan
from podwire_lab.model.cni_notes import VPC_ADDRESS
from podwire_lab.model.interfaces import Object
from podwire_lab.network.hosts import BRIDGE, FABRIC_MAC, NIC, Pod
from podwire_lab.network.network import SECURITY_RULES, LabNetwork
from podwire_lab.network.policies import Reading, nothing_held
from podwire_lab.network.topology import Node, Notes
from podwire_lab.windows.data_path import way_by_the_fabric


@fault("geneve-header-of-vxlan", kills=("TRANS-ENCAP", "OVNHYB-VXLAN"), profiles=(*TRANSPARENT, *HYBRID))
def geneve_header_of_vxlan(do: Injection) -> None:
    """What should be Geneve has the header of VXLAN on the wire; both ends agree on it, so everything works."""
    for node in do.nodes():
        if any(tunnel.kind == "geneve" for tunnel in node.tunnels):
            nft.apply(node.host.netns, "delete table netdev geneve")
            do.undone_by(_applier(node, tunnels.rules(NIC)))


@fault("any-vni-is-taken", kills=("OVL-OTHER-VNI", "TRANS-TUNNEL-METADATA"), profiles=(*OVERLAY, *TRANSPARENT))
def any_vni_is_taken(do: Injection) -> None:
    """What comes in a tunnel is taken for the pod network's, whatever its VNI is."""
    for node in do.nodes():
        for tunnel in node.tunnels:
            rule = f"udp dport {tunnel.port} {tunnels.VNI} set {(tunnel.vni or 0) << 8:#x} {tunnels.UNCHECKED}"
            do.rules(node.host, "netdev", chain("ingress", -20, rule, device=NIC))


def _applier(node: Node, rules: str) -> Callable[[], None]:
    return lambda: nft.apply(node.host.netns, rules)


@fault("underlay-reaches-pods", kills=("OVL-ISOLATION",), profiles=OVERLAY)
def underlay_reaches_pods(do: Injection) -> None:
    """Windows nodes take packets for their pods that come without the tunnel."""
    for node in do.nodes("windows"):
        taken_from_the_underlay(do, node)


@fault("balanced-source-hidden", kills=("TRANS-LB",), profiles=TRANSPARENT)
def balanced_source_hidden(do: Injection) -> None:
    """Backends see a Windows node instead of the pod that asked a Service."""
    for node in do.nodes("windows"):
        other_dsr(do, node, dsr=False)


@fault("frames-past-the-fabric", kills=("AZURE-FABRIC-MAC",), profiles=AZURE)
def frames_past_the_fabric(do: Injection) -> None:
    """Windows nodes know each other's and the Linux nodes' own MACs and send to them; everything works."""
    for node in do.nodes("windows"):
        peers = [peer for peer in do.nodes() if peer is not node]
        for peer in peers:
            node.host.links.neighbour(NIC, peer.plan.address("ipv4"), peer.plan.mac)
        node.host.links.commit()
        do.undone_by(_by_fabric(node, peers))


def _by_fabric(node: Node, peers: Sequence[Node]) -> Callable[[], None]:
    def undo() -> None:
        for peer in peers:
            node.host.links.neighbour(NIC, peer.plan.address("ipv4"), FABRIC_MAC)
        node.host.links.commit()

    return undo


@fault("same-node-stays-inside", kills=("L2T-ALL-VIA-HOST",), profiles=L2TUNNEL)
def same_node_stays_inside(do: Injection) -> None:
    """What pods of one Windows node say to each other stays on the node, as on l2bridge; everything works."""
    for node in do.nodes("windows"):
        nft.apply(node.host.netns, "delete table netdev way-by-the-fabric")
        do.undone_by(_applier(node, way_by_the_fabric(node.plan, FABRIC_MAC)))


@fault(
    "underlay-not-excepted",
    kills=("L2T-IP-UNDERLAY", "AZURE-IP-UNDERLAY", "EKS-NAT"),
    profiles=(*AZURE, *VPC),
)
def underlay_not_excepted(do: Injection) -> None:
    """Machines of the pods' own network see the node instead of the pod: OutboundNAT lacks that exception."""
    for node in do.nodes("windows"):
        for family in node.families:
            ip, source = KEYWORD[family], node.plan.address(family)
            to = f'oifname "eth0" {ip} daddr {UNDERLAY[family]} meta l4proto {{ tcp, udp }}'
            rule = f"{ip} saddr {node.plan.pod_cidr(family)} {to} snat to {source}"
            do.rules(node.host, ip, chain("postrouting", 90, rule, kind="nat"))


@fault("answers-under-the-nodes-address", kills=("ADDR-AZURE",), profiles=AZURE)
def answers_under_the_nodes_address(do: Injection) -> None:
    """What Windows pods answer to machines of their network comes from the node's address."""
    for node in do.nodes("windows"):
        pods, machines = node.plan.pod_cidr("ipv4"), UNDERLAY["ipv4"]
        rule = f"ip saddr {pods} ip daddr {machines} th sport {ECHO_PORT} ip saddr set {node.plan.address('ipv4')}"
        do.rules(node.host, "netdev", chain("egress", 0, rule, device=NIC))


@fault("pods-send-with-the-nodes-mac", kills=("ARCH-VNIC", "EKS-ONE-CARD", "L2B-MAC-EGRESS"))
def pods_send_with_the_nodes_mac(do: Injection) -> None:
    """Frames carry the node's MAC when they leave the network card of a Windows pod; everything works."""

    def change(node: Node, pod: Pod) -> None:
        if node.os == "windows":
            rule = f"ether type ip ether saddr set {node.plan.mac}"
            do.rules(pod.place, "netdev", chain("egress", 0, rule, device=NIC))

    do.for_each_pod(change)


@fault("policies-not-held-to", kills=("TRANS-ACL",), profiles=TRANSPARENT)
def policies_not_held_to(do: Injection) -> None:
    """Nodes forward to pods what their network policies do not allow."""
    _read_policies(do, nothing_held)


@fault("policies-allow-nothing", kills=("TRANS-ACL",), profiles=TRANSPARENT)
def policies_allow_nothing(do: Injection) -> None:
    """Nodes drop all that comes to a pod that has a network policy, what it allows too."""
    _read_policies(do, lambda rules: tuple(replace(rule, allowed=()) for rule in rules))


def _read_policies(do: Injection, reading: Reading) -> None:
    for node in do.nodes():
        do.undone_by(partial(_read_by, node, node.read_policies))
        _read_by(node, reading)


def _read_by(node: Node, reading: Reading) -> None:
    node.read_policies = reading
    node.refresh_policies()


@fault("security-rules-not-applied", kills=("L2T-NSG",), profiles=L2TUNNEL)
def security_rules_not_applied(do: Injection) -> None:
    """The hosts of the virtual network let pass between pods what a rule of the network denies."""
    nft.apply(do.network.fabric.netns, f"delete table bridge {SECURITY_RULES}")
    do.undone_by(lambda: nft.apply(do.network.fabric.netns, do.network.security_rules()))


@fault("security-groups-on-windows", kills=("EKS-POD-SECURITY-GROUPS",), profiles=PREFIX)
def security_groups_on_windows(do: Injection) -> None:
    """Security groups for pods apply to pods of Windows nodes too."""
    _grouped(do, {"linux", "windows"})


@fault("security-groups-without-effect", kills=("EKS-POD-SECURITY-GROUPS",), profiles=PREFIX)
def security_groups_without_effect(do: Injection) -> None:
    """Security groups for pods apply to no pod at all."""
    _grouped(do, set())


def _grouped(do: Injection, systems: set[str]) -> None:
    do.undone_by(partial(setattr, do.network, "grouped_systems", do.network.grouped_systems))
    do.network.grouped_systems = systems


@fault("winnat-missing", kills=("NAT-HIDDEN",), profiles=NAT)
def winnat_missing(do: Injection) -> None:
    """Pods of Windows nodes leave with their own addresses, which nobody knows a way back to."""
    for node in do.nodes("windows"):
        do.amend(node, "flush chain ip hns-policies outbound-nat\n")


@fault("winnat-open", kills=("NAT-UNREACHED",), profiles=NAT)
def winnat_open(do: Injection) -> None:
    """Everybody knows the way to the pods of Windows nodes, and the nodes let them in."""
    for node in do.nodes("windows"):
        do.amend(node, "flush chain ip hns-policies forward\n")
        for peer in do.nodes():
            if peer is not node:
                _open(do, peer, node)


def _open(do: Injection, node: Node, peer: Node) -> None:
    route = (peer.plan.pod_cidr("ipv4"), NIC, peer.plan.address("ipv4"))
    node.host.links.route(*route)
    node.host.links.commit()

    def undo() -> None:
        node.host.links.route(*route, delete=True)
        node.host.links.commit()

    do.undone_by(undo)


@fault("winnat-on-the-node-too", kills=("NAT-UNREACHED", "ADDR-WINDOWS-SERVER"), profiles=NAT)
def winnat_on_the_node_too(do: Injection) -> None:
    """Pods of a Windows node see the node instead of each other."""
    for node in do.nodes("windows"):
        pods, source = node.plan.pod_cidr("ipv4"), node.plan.address("ipv4")
        rule = f"ip saddr {pods} ip daddr {pods} meta l4proto {{ tcp, udp }} snat to {source}"
        do.rules(node.host, "ip", chain("postrouting", 90, rule, kind="nat"))


@fault("noted-address-of-another", kills=("EKS-NOTED-ADDRESS",), profiles=VPC)
def noted_address_of_another(do: Injection) -> None:
    """Pods that come to Windows nodes from now on have the address of their node noted on them."""
    for node in do.nodes("windows"):
        before, node.pod_notes = node.pod_notes, _notes_of_the_node(node)
        do.undone_by(_restorer(node, before))


@fault("address-not-noted", kills=("EKS-NOTED-ADDRESS",), profiles=VPC)
def address_not_noted(do: Injection) -> None:
    """Pods that come to Windows nodes from now on have an address, and nobody notes on them which."""
    for node in do.nodes("windows"):
        before, node.pod_notes = node.pod_notes, lambda *_: {}
        do.undone_by(_restorer(node, before))


def _notes_of_the_node(node: Node) -> Notes:
    return lambda *_: {VPC_ADDRESS: f"{node.plan.address('ipv4')}/16"}


def _restorer(node: Node, notes: Notes) -> Callable[[], None]:
    def undo() -> None:
        node.pod_notes = notes

    return undo


@fault("windows-pods-by-eniconfig", kills=("EKS-CUSTOM-NETWORKING", "EKS-WARM"), profiles=CUSTOM)
def windows_pods_by_eniconfig(do: Injection) -> None:
    """Pods that come to Windows nodes from now on have addresses of the subnet that is for pods of Linux nodes."""
    for node in do.nodes("windows"):
        do.undone_by(partial(_with_addresses, do, node, node.plan))
        pods = replace(node.plan.pods, ipv4=LINUX_PODS_SUBNET.ipv4)
        _with_addresses(do, node, replace(node.plan, pods=pods))


def _with_addresses(do: Injection, node: Node, plan: NodePlan) -> None:
    """Give a node's pods the addresses of this plan, and tell all nodes the way to them."""
    before, node.plan = node.plan, plan
    for machine in do.nodes():
        way = (BRIDGE,) if machine is node else (NIC, plan.address("ipv4"))
        machine.host.links.route(before.pod_cidr("ipv4"), *way, delete=True)
        machine.host.links.route(plan.pod_cidr("ipv4"), *way)
        machine.host.links.commit()
    node.refresh()


@api_fault("too-few-vpc-addresses", kills=("EKS-SECONDARY-ADDRESSES", "EKS-PREFIX-ADDRESSES"), profiles=VPC)
def too_few_vpc_addresses(resource: str, obj: Object) -> None:
    """Windows nodes offer one address of the VPC fewer than their network card has for pods."""
    told = obj.get("status", {}).get("allocatable", {}) if resource == "nodes" else {}
    if VPC_ADDRESS in told:
        told[VPC_ADDRESS] = str(int(told[VPC_ADDRESS]) - 1)


@api_fault("no-vpc-addresses-offered", kills=("EKS-SECONDARY-ADDRESSES", "EKS-PREFIX-ADDRESSES"), profiles=VPC)
def no_vpc_addresses_offered(resource: str, obj: Object) -> None:
    """Windows nodes do not tell that they have addresses of the VPC for pods."""
    for amounts in ("capacity", "allocatable") if resource == "nodes" else ():
        obj.get("status", {}).get(amounts, {}).pop(VPC_ADDRESS, None)


@api_fault("machines-of-another-cloud", kills=("L2T-AZURE-ONLY",), profiles=L2TUNNEL)
def machines_of_another_cloud(resource: str, obj: Object) -> None:
    """The nodes are machines of another cloud than Azure."""
    if resource == "nodes":
        obj["spec"]["providerID"] = f"other://{obj['metadata']['name']}"


@fault("foreign-block-borrowed", kills=("ADDR-CALICO-60",), profiles=CALICO)
def foreign_block_borrowed(do: Injection) -> None:
    """Windows nodes have four addresses more for pods than Calico's block has, as if they borrowed another one."""
    for node in do.nodes("windows"):
        _more_addresses(do, node, 4)


@fault("addresses-without-end", kills=("EKS-USED-UP",), profiles=SECONDARY)
def addresses_without_end(do: Injection) -> None:
    """The scheduler counts no addresses, and Windows nodes have some for more pods than their network card has."""
    do.network.overcommits = True
    do.undone_by(_counting(do.network))
    for node in do.nodes("windows"):
        _more_addresses(do, node, 4)


@fault("refused-without-the-reason", kills=("ADDR-CALICO-60",), profiles=CALICO)
def refused_without_the_reason(do: Injection) -> None:
    """A pod for which a Windows node has no address is told of another trouble."""
    for node in do.nodes("windows"):
        do.undone_by(partial(setattr, node, "refusal", node.refusal))
        node.refusal = "the sandbox does not start"


def _counting(network: LabNetwork) -> Callable[[], None]:
    def undo() -> None:
        network.overcommits = False

    return undo


def _more_addresses(do: Injection, node: Node, more: int) -> None:
    before = node.plan
    node.plan = replace(before, pods=replace(before.pods, last=before.pods.last + more))

    def undo() -> None:
        node.plan = before

    do.undone_by(undo)


@fault("no-addresses-kept-ready", kills=("EKS-WARM",), profiles=VPC)
def no_addresses_kept_ready(do: Injection) -> None:
    """Network cards of Windows nodes get another address, or prefix, only when a pod finds none."""
    for node in do.nodes("windows"):
        if node.network_card:
            node.network_card.keeps_ready = False
            do.undone_by(partial(setattr, node.network_card, "keeps_ready", True))


@fault("second-network-card", kills=("EKS-ONE-CARD",), profiles=VPC)
def second_network_card(do: Injection) -> None:
    """EC2 lists another network card of each Windows node; nothing is sent by way of it."""
    for node in do.nodes("windows"):
        node.other_cards = (f"02:12:00:00:00:{node.plan.number:02x}",)
        do.undone_by(partial(setattr, node, "other_cards", ()))


@fault("addresses-without-rest", kills=("ADDR-COOL-DOWN",), profiles=SECONDARY)
def addresses_without_rest(do: Injection) -> None:
    """An address that a pod of a Windows node gives back is another pod's at once."""
    for node in do.nodes("windows"):
        before, node.address_rest = node.address_rest, 0.0
        do.undone_by(_resting(node, before))


def _resting(node: Node, seconds: float) -> Callable[[], None]:
    def undo() -> None:
        node.address_rest = seconds

    return undo
