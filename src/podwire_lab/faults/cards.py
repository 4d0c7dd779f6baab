"""Faults of the network cards of Windows pods: the MACs in the frames that they send and receive."""

from __future__ import annotations

from podwire_lab.faults.fault import AZURE, Injection, chain, fault
from podwire_lab.network.hosts import NIC, Pod
from podwire_lab.network.node import Node


@fault("pods-are-sent-the-nodes-mac", kills=("ARCH-VNIC", "L2B-MAC-INGRESS"))
def pods_are_sent_the_nodes_mac(do: Injection) -> None:
    """Frames reach the network card of a Windows pod with the node's MAC as destination; everything works."""

    def change(node: Node, pod: Pod) -> None:
        if node.os == "windows":
            away = f"ether daddr {pod.mac} ether daddr set {node.plan.mac}"
            do.rules(node.host, "netdev", chain("egress", 0, away, device=pod.host_interface))
            taken = f"ether daddr {node.plan.mac} ether daddr set {pod.mac} meta pkttype set host"
            do.rules(pod.place, "netdev", chain("ingress", 0, taken, device=NIC))

    do.for_each_pod(change)


@fault("pods-have-the-nodes-mac", kills=("ARCH-VNIC",))
def pods_have_the_nodes_mac(do: Injection) -> None:
    """The network card of a Windows pod has the node's MAC; the switch sees another one. Everything works."""

    def change(node: Node, pod: Pod) -> None:
        if node.os == "windows":
            _with_mac(node, pod, node.plan.mac)
            do.undone_by(lambda: _with_mac(node, pod, pod.mac))
            asks = f"ether type arp arp saddr ether {node.plan.mac} arp saddr ether set {pod.mac}"
            sent = f"ether saddr {node.plan.mac} ether saddr set {pod.mac}"
            body = chain("ingress", 0, asks, sent, device=pod.host_interface)
            arrives = f"ether daddr {pod.mac} ether daddr set {node.plan.mac}"
            do.rules(node.host, "netdev", body + chain("egress", 0, arrives, device=pod.host_interface))

    do.for_each_pod(change)


def _with_mac(node: Node, pod: Pod, mac: str) -> None:
    if pod.place.netns.fd < 0:
        return  # the pod is gone
    links = pod.place.links
    links.mac(NIC, mac)
    for family in node.families:
        links.neighbour(NIC, node.gateway(family), node.gateway_mac)
    links.commit()


@fault("pods-send-past-the-fabric", kills=("AZURE-FABRIC-MAC",), profiles=AZURE)
def pods_send_past_the_fabric(do: Injection) -> None:
    """Windows pods send frames to their node's MAC instead of the fabric's; the node accepts them: everything works."""

    def change(node: Node, pod: Pod) -> None:
        if node.os == "windows":
            taken = f"ether daddr {node.plan.mac} ether daddr set {node.gateway_mac}"
            do.rules(node.host, "netdev", chain("ingress", 0, taken, device=pod.host_interface))
            _sends_to(node, pod, node.plan.mac)
            do.undone_by(lambda: _sends_to(node, pod, node.gateway_mac))

    do.for_each_pod(change)


def _sends_to(node: Node, pod: Pod, mac: str) -> None:
    if pod.place.netns.fd >= 0:
        for family in node.families:
            pod.place.links.neighbour(NIC, node.gateway(family), mac)
        pod.place.links.commit()
