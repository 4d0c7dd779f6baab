"""Faults of single network modes: tunnels, Azure's fabric, WinNAT."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from podwire_lab.faults.encapsulation import taken_from_the_underlay
from podwire_lab.faults.fault import (
    AZURE,
    ECHO_PORT,
    HYBRID,
    L2TUNNEL,
    NAT,
    OVERLAY,
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
from podwire_lab.model.addresses import UNDERLAY
from podwire_lab.model.interfaces import Object
from podwire_lab.network.hosts import FABRIC_MAC, NIC, Pod
from podwire_lab.network.node import Node
from podwire_lab.windows.data_path import way_by_the_fabric


@fault("geneve-header-of-vxlan", kills=("TRANS-ENCAP", "OVNHYB-VXLAN"), profiles=(*TRANSPARENT, *HYBRID))
def geneve_header_of_vxlan(do: Injection) -> None:
    """Tunnel packets have a VXLAN header instead of Geneve; both ends agree on it, so everything works."""
    for node in do.nodes():
        if any(tunnel.kind == "geneve" for tunnel in node.tunnels):
            nft.apply(node.host.netns, "delete table netdev geneve")
            do.undone_by(_applier(node, tunnels.rules(NIC)))


@fault("any-vni-is-taken", kills=("OVL-OTHER-VNI", "TRANS-TUNNEL-METADATA"), profiles=(*OVERLAY, *TRANSPARENT))
def any_vni_is_taken(do: Injection) -> None:
    """A node accepts tunnel packets for the pod network with any VNI."""
    for node in do.nodes():
        for tunnel in node.tunnels:
            rule = f"udp dport {tunnel.port} {tunnels.VNI} set {(tunnel.vni or 0) << 8:#x} {tunnels.UNCHECKED}"
            do.rules(node.host, "netdev", chain("ingress", -20, rule, device=NIC))


def _applier(node: Node, rules: str) -> Callable[[], None]:
    return lambda: nft.apply(node.host.netns, rules)


@fault("underlay-reaches-pods", kills=("OVL-ISOLATION",), profiles=OVERLAY)
def underlay_reaches_pods(do: Injection) -> None:
    """Windows nodes accept packets for their pods that come without the tunnel."""
    for node in do.nodes("windows"):
        taken_from_the_underlay(do, node)


@fault("balanced-source-hidden", kills=("TRANS-LB",), profiles=TRANSPARENT)
def balanced_source_hidden(do: Injection) -> None:
    """Backends see the Windows node instead of the client pod of a Service."""
    for node in do.nodes("windows"):
        other_dsr(do, node, dsr=False)


@fault("frames-past-the-fabric", kills=("AZURE-FABRIC-MAC",), profiles=AZURE)
def frames_past_the_fabric(do: Injection) -> None:
    """Windows nodes send to the MACs of other nodes instead of the fabric's; everything works."""
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
    """Packets between pods of one Windows node stay on the node, as with l2bridge; everything works."""
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
    """Answers of Windows pods to machines of their network have the node's address as source."""
    for node in do.nodes("windows"):
        pods, machines = node.plan.pod_cidr("ipv4"), UNDERLAY["ipv4"]
        rule = f"ip saddr {pods} ip daddr {machines} th sport {ECHO_PORT} ip saddr set {node.plan.address('ipv4')}"
        do.rules(node.host, "netdev", chain("egress", 0, rule, device=NIC))


@fault("pods-send-with-the-nodes-mac", kills=("ARCH-VNIC", "EKS-ONE-CARD", "L2B-MAC-EGRESS"))
def pods_send_with_the_nodes_mac(do: Injection) -> None:
    """Frames of a Windows pod leave its network card with the node's MAC as source; everything works."""

    def change(node: Node, pod: Pod) -> None:
        if node.os == "windows":
            rule = f"ether type ip ether saddr set {node.plan.mac}"
            do.rules(pod.place, "netdev", chain("egress", 0, rule, device=NIC))

    do.for_each_pod(change)


@fault("winnat-missing", kills=("NAT-HIDDEN",), profiles=NAT)
def winnat_missing(do: Injection) -> None:
    """Packets of Windows pods leave with the pod's address, to which no machine has a route."""
    for node in do.nodes("windows"):
        do.amend(node, "flush chain ip hns-policies outbound-nat\n")


@fault("winnat-open", kills=("NAT-UNREACHED",), profiles=NAT)
def winnat_open(do: Injection) -> None:
    """All machines have a route to the pods of Windows nodes, and the nodes admit their packets."""
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
    """Pods of a Windows node see the node's address instead of each other's."""
    for node in do.nodes("windows"):
        pods, source = node.plan.pod_cidr("ipv4"), node.plan.address("ipv4")
        rule = f"ip saddr {pods} ip daddr {pods} meta l4proto {{ tcp, udp }} snat to {source}"
        do.rules(node.host, "ip", chain("postrouting", 90, rule, kind="nat"))


@api_fault("machines-of-another-cloud", kills=("L2T-AZURE-ONLY",), profiles=L2TUNNEL)
def machines_of_another_cloud(resource: str, obj: Object) -> None:
    """The cloud of the nodes is not Azure."""
    if resource == "nodes":
        obj["spec"]["providerID"] = f"other://{obj['metadata']['name']}"
