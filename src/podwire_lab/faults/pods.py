"""Faults between pods, between nodes and pods, and in the agents."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from podwire.model.facts import FAMILIES, OS, Family
from podwire_lab.faults.fault import DNS_PORT, ECHO_PORT, HOST_ECHO_PORT, SAME_NODE_INSIDE, Injection, chain, fault
from podwire_lab.kernel import nft
from podwire_lab.kernel.netns import ETHTOOL_STXCSUM, ethtool
from podwire_lab.linux.data_path import KEYWORD
from podwire_lab.model.addresses import ROUTER, UNDERLAY, VXLAN_OVERHEAD
from podwire_lab.network.hosts import NIC, Pod
from podwire_lab.network.node import Node

ECHO = f"meta l4proto {{ tcp, udp }} th dport {ECHO_PORT}"
ECHO_ANSWER = f"meta l4proto {{ tcp, udp }} th sport {ECHO_PORT}"


def pods_of_all(do: Injection, family: Family) -> str:
    """The pods of all nodes that others reach, as nft has it."""
    return nft.among(do.network.profile.pod_networks(family))


def to_pods(do: Injection) -> list[str]:
    """The match for packets to pods, for each family."""
    return [f"{KEYWORD[family]} daddr {pods_of_all(do, family)}" for family in FAMILIES]


def pods_to_pods(do: Injection) -> list[str]:
    """The match for packets from pods to pods, for each family."""
    networks = [(KEYWORD[family], pods_of_all(do, family)) for family in FAMILIES]
    return [f"{ip} saddr {network} {ip} daddr {network}" for ip, network in networks]


@fault("windows-to-linux-lost", kills=("FLOW-MATRIX-OS", "FLOW-POD-POD-IP", "DUAL-L2B"))
def windows_to_linux_lost(do: Injection) -> None:
    """Linux nodes drop requests of Windows pods to their pods; the other direction works."""
    sources = [(family, node.plan.pod_cidr(family)) for node in do.nodes("windows") for family in node.families]
    drops = [f"{KEYWORD[family]} saddr {cidr} {ECHO} drop" for family, cidr in sources]
    for node in do.nodes("linux"):
        do.rules(node.host, "inet", chain("forward", 0, *drops))


@fault("replies-lost", kills=("FLOW-POD-POD-IP", "FLOW-POD-POD-NAME"))
def replies_lost(do: Injection) -> None:
    """Windows nodes drop the answers of their pods to pods of other nodes; the requests arrive."""
    for node in do.nodes("windows"):
        drops = (f'oifname != "cbr0" {to} {ECHO_ANSWER} drop' for to in to_pods(do))
        do.rules(node.host, "inet", chain("forward", 0, *drops))


@fault("syn-ack-lost", kills=("FLOW-POD-POD-IP",))
def syn_ack_lost(do: Injection) -> None:
    """TCP connections to Windows pods stay half open: the SYN arrives, the SYN-ACK is dropped; UDP works."""
    for node in do.nodes("windows"):
        rule = f"tcp sport {ECHO_PORT} tcp flags & (syn | ack) == (syn | ack) drop"
        do.rules(node.host, "inet", chain("forward", 0, rule))


@fault("large-packets-lost", kills=("FLOW-POD-POD-IP", "FLOW-POD-EXT-IP", "FLOW-POD-SVC-CLUSTER-IP"))
def large_packets_lost(do: Injection) -> None:
    """The underlay drops packets of more than 1300 bytes without an ICMP error: a path MTU black hole."""
    drops = ("ip length > 1300 drop", "ip6 length > 1260 drop")
    do.rules(do.network.fabric, "bridge", chain("forward", 0, *drops))


@fault("path-mtu-below-the-pods", kills=("FLOW-POD-POD-IP", "FLOW-POD-SVC-CLUSTER-IP", "FLOW-UDP-LARGE"))
def path_mtu_below_the_pods(do: Injection) -> None:
    """The underlay drops what is up to 8 bytes shorter than the pods' MTU lets through, without an ICMP error. Nodes
    clamp the segments of TCP to 1200 bytes, so TCP works."""
    profile = do.network.profile
    carried = profile.mtu + (VXLAN_OVERHEAD if profile.encapsulated else 0) - 8
    drops = (f"ip length > {carried} drop", f"ip6 length > {carried - 40} drop")
    do.rules(do.network.fabric, "bridge", chain("forward", 0, *drops))
    for node in do.nodes():
        clamp = "tcp flags & (syn | rst) == syn tcp option maxseg size set 1200"
        do.rules(node.host, "inet", chain("forward", 0, clamp))


@fault("payload-corrupted", kills=("FLOW-POD-POD-IP",))
def payload_corrupted(do: Injection) -> None:
    """The client's node changes a byte of each request; the checksum fits the changed bytes."""
    udp = f"udp dport {ECHO_PORT} @th,96,8 set 0x7e"
    tcp = f"tcp dport {ECHO_PORT} tcp flags & psh != 0 @th,288,8 set 0x7e"  # 32 bytes of header with timestamps, and 4
    unfinished_checksums(do)
    for node in do.nodes():
        fromhere = [f"{KEYWORD[family]} saddr {node.plan.pod_cidr(family)}" for family in node.families]
        rules = [f"{pods} {rule}" for pods in fromhere for rule in (udp, tcp)]
        do.rules(node.host, "inet", chain("forward", 10, *rules))


def unfinished_checksums(do: Injection) -> None:
    """Pods leave checksums to their NIC, and the node's next device computes them after a change on the node."""

    def leave_to_nic(_: Node, pod: Pod) -> None:
        _set_checksum_offload(pod, 1)
        do.undone_by(lambda: _set_checksum_offload(pod, 0))

    do.for_each_pod(leave_to_nic)


def _set_checksum_offload(pod: Pod, value: int) -> None:
    if pod.place.netns.fd >= 0:
        with pod.place.netns.entered():
            ethtool(NIC, ETHTOOL_STXCSUM, value)


@fault("connections-limited", kills=("FLOW-CONC",))
def connections_limited(do: Injection) -> None:
    """A node admits 20 connections from one client to one pod at a time; it resets further ones."""
    for node in do.nodes():
        body = "  set clients {\n    type ipv4_addr . ipv4_addr; size 4096; flags dynamic;\n  }\n"
        rule = "add @clients { ip saddr . ip daddr ct count over 20 } reject with tcp reset"
        body += chain("forward", 0, f'oifname "cbr0" tcp dport {ECHO_PORT} ct state new {rule}')
        do.rules(node.host, "ip", body)


@fault("ping-between-pods-lost", kills=("ICMP-SAMENET-OK",))
def ping_between_pods_lost(do: Injection) -> None:
    """The client's node drops echo requests between pods; TCP and UDP pass."""
    for node in do.nodes():
        ipv4, ipv6 = pods_to_pods(do)
        drops = (f"{ipv4} icmp type echo-request drop", f"{ipv6} icmpv6 type echo-request drop")
        do.rules(node.host, "inet", chain("forward", 0, *drops))


@fault(
    "pod-source-rewritten",
    kills=(
        "FLOW-POD-POD-IP",
        "FLOW-POD-POD-NAME",
        "OVL-VXLAN",
        "OVL-OWN-SUBNET",
        "L2B-IP-TRANSPARENT",
        "EKS-CNI",
        "ADDR-HOST-LOCAL",
        "ADDR-CALICO-BLOCK",
        "ADDR-OVN",
    ),
)
def pod_source_rewritten(do: Injection) -> None:
    """Windows pods reach pods of other nodes with their node's address: OutboundNAT lacks its exceptions."""
    for node in do.nodes("windows"):
        for family in node.families:
            ip, pods = KEYWORD[family], node.plan.pod_cidr(family)
            to = f"{ip} daddr {pods_of_all(do, family)} {ip} daddr != {pods} {ECHO}"
            rule = f"{ip} saddr {pods} {to} snat to {node.plan.address(family)}"
            do.rules(node.host, ip, chain("postrouting", 90, rule, kind="nat"))


@fault("ping-source-rewritten", kills=("ICMP-SAMENET-OK", "L2B-IP-TRANSPARENT"))
def ping_source_rewritten(do: Injection) -> None:
    """Windows pods ping pods of other nodes with their node's address; TCP and UDP keep the pods' addresses."""
    for node in do.nodes("windows"):
        for family in node.families:
            ip, pods = KEYWORD[family], node.plan.pod_cidr(family)
            echo = f"{'icmp' if family == 'ipv4' else 'icmpv6'} type echo-request"
            rule = f"{ip} saddr {pods} {ip} daddr {pods_of_all(do, family)} {ip} daddr != {pods} {echo}"
            rule += f" snat to {node.plan.address(family)}"
            do.rules(node.host, ip, chain("postrouting", 90, rule, kind="nat"))


@fault("containers-apart", kills=("ARCH-SHARED-NETNS",))
def containers_apart(do: Injection) -> None:
    """The second container of a new pod on a Windows node is on the node's network."""
    for node in do.nodes("windows"):
        node.containers_apart = True
        do.undone_by(_together(node))


def _together(node: Node) -> Callable[[], None]:
    def undo() -> None:
        node.containers_apart = False

    return undo


@fault("same-node-mirrored", kills=("SAME-NODE-LOCAL",), profiles=SAME_NODE_INSIDE)
def same_node_mirrored(do: Injection) -> None:
    """A Windows node also sends packets between its own pods out of its NIC."""
    for node in do.nodes("windows"):
        for family in node.families:
            ip, pods = KEYWORD[family], node.plan.pod_cidr(family)
            rule = f'{ip} saddr {pods} {ip} daddr {pods} dup to {ROUTER[family]} device "eth0"'
            do.rules(node.host, ip, chain("forward", 0, rule))


@fault("node-to-pod-lost", kills=("FLOW-NODE-POD",))
def node_to_pod_lost(do: Injection) -> None:
    """Windows nodes drop their own packets to pods; packets from pods pass."""
    for node in do.nodes("windows"):
        do.rules(node.host, "inet", chain("output", 0, *(f"{to} {ECHO} drop" for to in to_pods(do))))


@fault("node-to-pod-source-hidden", kills=("FLOW-NODE-POD",))
def node_to_pod_source_hidden(do: Injection) -> None:
    """A pod sees its node under an address that is not the node's: neither its own nor its bridge's."""
    for node in do.nodes():
        for family in node.families:
            ip, foreign = KEYWORD[family], foreign_address(do, node, family)
            rule = f"fib saddr type local {ip} daddr {pods_of_all(do, family)} {ECHO} snat to {foreign}"
            do.rules(node.host, ip, chain("postrouting", 90, rule, kind="nat"))


def foreign_address(do: Injection, node: Node, family: Family) -> str:
    """An additional address on the node's NIC, so that answers to the wrong source address come back."""
    network = ipaddress.ip_network(UNDERLAY[family])
    address = str(network[100 + node.plan.number])
    do.address(node, NIC, f"{address}/{network.prefixlen}")
    return address


@fault("pod-to-node-lost", kills=("FLOW-POD-NODE",))
def pod_to_node_lost(do: Injection) -> None:
    """Nodes drop packets from other machines to their own echo port."""
    for node in do.nodes():
        rule = f'iifname != "lo" meta l4proto {{ tcp, udp }} th dport {HOST_ECHO_PORT} drop'
        do.rules(node.host, "inet", chain("input", 0, rule))


@fault(
    "dns-lost",
    kills=(
        "DNS-PQDN-DOT",
        "FLOW-POD-POD-NAME",
        "FLOW-POD-SVC-SHORT-NAME",
        "FLOW-POD-SVC-FQDN",
        "FLOW-POD-EXT-DNS",
    ),
)
def dns_lost(do: Injection) -> None:
    """Windows nodes drop the DNS queries of their pods to the cluster's DNS server: no answer comes."""
    for node in do.nodes("windows"):
        rule = f'iifname "cbr0" meta l4proto {{ tcp, udp }} th dport {DNS_PORT} drop'
        do.rules(node.host, "inet", chain("prerouting", -300, rule))


def _hops(do: Injection, os: OS, hops: int) -> None:
    def change(node: Node, pod: Pod) -> None:
        if node.os != os:
            return
        do.sysctl(pod.place.netns, "net/ipv4/ip_default_ttl", str(hops))
        for name in ("all", NIC):
            do.sysctl(pod.place.netns, f"net/ipv6/conf/{name}/hop_limit", str(hops))

    do.for_each_pod(change)


@fault("ttl-of-linux-on-windows", kills=("TTL-CLASS", "FLOW-MATRIX-OS"))
def ttl_of_linux_on_windows(do: Injection) -> None:
    """Windows pods send with a TTL of 64."""
    _hops(do, "windows", 64)


@fault("ttl-of-windows-on-linux", kills=("TTL-CLASS", "FLOW-MATRIX-OS"))
def ttl_of_windows_on_linux(do: Injection) -> None:
    """Linux pods send with a TTL of 128."""
    _hops(do, "linux", 128)
