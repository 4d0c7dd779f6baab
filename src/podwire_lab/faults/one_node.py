"""Faults of one node or of one way to it: much turns red at once, and all of it has one cause."""

from __future__ import annotations

from podwire_lab.faults.fault import DNS_PORT, OVERLAY, ROUTED, Injection, chain, fault
from podwire_lab.linux.data_path import KEYWORD
from podwire_lab.network.hosts import NIC

LARGE = ("ip length > 1300", "ip6 length > 1260")
"""What an MTU of 1300 does not let pass; the length of IPv6 leaves out its own 40 bytes."""


@fault("pods-of-one-node-cut-off", kills=("FLOW-POD-POD-IP", "FLOW-POD-POD-NAME"))
def pods_of_one_node_cut_off(do: Injection) -> None:
    """What comes from other machines for the pods of one Windows node reaches its NIC and none of its pods."""
    node = do.nodes("windows")[0]
    networks = [f"{KEYWORD[family]} daddr {node.plan.pod_cidr(family)}" for family in node.families]
    drops = (f'iifname != "cbr0" {network} drop' for network in networks)
    do.rules(node.host, "inet", chain("forward", -10, *drops))


@fault("one-node-unreachable-from-another", kills=("FLOW-POD-POD-IP",))
def one_node_unreachable_from_another(do: Injection) -> None:
    """One Windows node drops what the pods of another one send to its pods; all other pairs of nodes work."""
    node, peer = do.nodes("windows")[:2]
    networks = [(KEYWORD[family], peer.plan.pod_cidr(family), node.plan.pod_cidr(family)) for family in node.families]
    drops = (f"{ip} saddr {source} {ip} daddr {target} drop" for ip, source, target in networks)
    do.rules(node.host, "inet", chain("forward", -10, *drops))


@fault("routes-of-one-node-missing", kills=("FLOW-POD-POD-IP",), profiles=ROUTED)
def routes_of_one_node_missing(do: Injection) -> None:
    """One Windows node has no route to the pods of other nodes; the packets leave by its default route and are lost."""
    node = do.nodes("windows")[0]
    peers = [
        peer for peer in do.network.nodes.values() if peer is not node and do.network.profile.is_reached(peer.plan)
    ]
    ways = [
        (peer.plan.pod_cidr(f), node.way_to(peer.plan, f)) for peer in peers for f in node.common_families(peer.plan)
    ]
    links = node.host.links
    for network, way in ways:
        links.route(network, *way, delete=True)
    links.commit()

    def undo() -> None:
        for network, way in ways:
            links.route(network, *way, mtu=node.profile.mtu)
        links.commit()

    do.undone_by(undo)


@fault("kube-proxy-stopped-on-one-node", kills=("FLOW-POD-SVC-CLUSTER-IP",))
def kube_proxy_stopped_on_one_node(do: Injection) -> None:
    """The proxy of one Linux node stopped before the run: it knows DNS, and no Service that came later."""
    do.rewrite(do.nodes("linux")[0], lambda services: [service for service in services if service.port == DNS_PORT])


@fault("ipv6-not-forwarded-by-one-node", kills=("FLOW-POD-POD-IP",))
def ipv6_not_forwarded_by_one_node(do: Injection) -> None:
    """One Linux node forwards no IPv6: its pods reach each other, and nobody else but the node; IPv4 works."""
    drops = ('iifname != "cbr0" drop', 'oifname != "cbr0" drop')
    do.rules(do.nodes("linux")[0].host, "ip6", chain("forward", -10, *drops))


@fault("small-mtu-of-one-nic", kills=("FLOW-POD-POD-IP", "FLOW-POD-SVC-CLUSTER-IP"))
def small_mtu_of_one_nic(do: Injection) -> None:
    """The NIC of one Windows node carries no packet of more than 1300 bytes, and nobody is told."""
    node, drops = do.nodes("windows")[0], [f"{large} drop" for large in LARGE]
    body = chain("ingress", -10, *drops, device=NIC) + chain("egress", -10, *drops, device=NIC)
    do.rules(node.host, "netdev", body)


@fault("outer-checksum-wrong", kills=("FLOW-POD-POD-IP", "OVL-VXLAN", "OVL-CHECKSUM"), profiles=OVERLAY)
def outer_checksum_wrong(do: Injection) -> None:
    """Tunnel packets of Windows nodes have a wrong UDP checksum, and the nodes that get them drop them."""
    for node in do.nodes("windows"):
        rule = "udp dport 4789 @th,48,16 set 0x0bad"
        do.rules(node.host, "netdev", chain("egress", 20, rule, device=NIC))
