"""Faults of a share of the packets: clients that try again get their answers, and every single flow looks healthy."""

from __future__ import annotations

from podwire_lab.faults.fault import DNS_PORT, ECHO_PORT, Injection, chain, fault
from podwire_lab.model.addresses import SERVICE_NETWORK
from podwire_lab.network.hosts import Pod
from podwire_lab.network.node import Node

FORWARD = -10
BEFORE_TRANSLATION = -110  # what Services translate is translated at -100


def one_in(number: int) -> str:
    """A match of every so manieth packet that comes to the rule."""
    return f"numgen inc mod {number} == 0"


@fault("one-way-udp-loss", kills=("FLOW-FIRST-TRY",))
def one_way_udp_loss(do: Injection) -> None:
    """Linux nodes lose 3 in 100 of the IPv4 datagrams that their pods send to pods of other nodes; the answers pass."""
    for node in do.nodes("linux"):
        own = node.plan.pod_cidr("ipv4")
        lost = f"ip saddr {own} ip daddr != {own} udp dport {ECHO_PORT} {one_in(33)} drop"
        do.rules(node.host, "ip", chain("forward", FORWARD, lost))


@fault("loss-behind-cluster-ips", kills=("FLOW-FIRST-TRY",))
def loss_behind_cluster_ips(do: Injection) -> None:
    """Of what pods send to cluster IPs over UDP, 5 in 100 datagrams are lost at their node; pod addresses have none."""
    for node in do.nodes():
        lost = f"ip daddr {SERVICE_NETWORK['ipv4']} udp dport 80 {one_in(20)} drop"
        do.rules(node.host, "ip", chain("prerouting", BEFORE_TRANSLATION, lost))


@fault("wrong-checksums-at-one-node", kills=("FLOW-FIRST-TRY",))
def wrong_checksums_at_one_node(do: Injection) -> None:
    """Of the datagrams that reach the pods of the first Linux node, 5 in 100 have a wrong checksum: their system drops
    them where nobody sees it (imitated by a drop in the pod)."""
    node = do.nodes("linux")[0]

    def drops(_: Node, pod: Pod) -> None:
        do.rules(pod.place, "inet", chain("input", 0, f"udp dport {ECHO_PORT} {one_in(20)} drop"))

    for pod in node.pods:
        drops(node, pod)
    do.for_pods_to_come(node, drops)


@fault("udp-answers-lost", kills=("FLOW-FIRST-TRY",))
def udp_answers_lost(do: Injection) -> None:
    """Windows nodes lose 5 in 100 of the datagrams that their pods answer with; the questions pass."""
    for node in do.nodes("windows"):
        lost = f"udp sport {ECHO_PORT} {one_in(20)} drop"
        do.rules(node.host, "inet", chain("forward", FORWARD, lost))


@fault("dns-questions-lost-once", kills=("FLOW-FIRST-TRY",))
def dns_questions_lost_once(do: Injection) -> None:
    """Of the questions that pods ask the cluster's DNS over UDP, 7 in 100 are lost at their node; who asks again gets
    the answer, and every look-up works."""
    for node in do.nodes():
        lost = f"ip daddr {SERVICE_NETWORK['ipv4']} udp dport {DNS_PORT} {one_in(14)} drop"
        do.rules(node.host, "ip", chain("prerouting", BEFORE_TRANSLATION, lost))
