"""Faults on the way between nodes: tunnels, routes, and the MACs of frames."""

from __future__ import annotations

from collections.abc import Sequence

from podwire_lab.faults.fault import BRIDGED, HYBRID, OVERLAY, TRANSPARENT, Injection, chain, fault
from podwire_lab.kernel import nft
from podwire_lab.kernel.netns import plain_frames
from podwire_lab.linux.data_path import ADDRESS_TYPE, KEYWORD
from podwire_lab.network.hosts import NIC, Pod, alone
from podwire_lab.network.node import Node

# Offsets in bits from the outer UDP header: its ports, and of the VXLAN header after it the VNI and
# the last eight reserved bits (RFC 7348).
# Raw offsets leave the outer checksum alone; it is 0 here and must stay 0.
SOURCE_PORT_BITS, PORT_BITS, VNI_BITS, RESERVED_BITS = "@th,0,16", "@th,16,16", "@th,96,24", "@th,120,8"
WITHOUT_GENEVE = tuple(profile for profile in OVERLAY if profile not in HYBRID)
NOBODY = "02:de:ad:00:00:01"


def _vni(node: Node) -> int:
    assert node.profile.tunnel is not None
    return node.profile.tunnel.vni or 0


@fault("vni-below-4096", kills=("OVL-VXLAN", "FLANNEL-VNI", "OVNHYB-VXLAN"), profiles=OVERLAY)
def vni_below_4096(do: Injection) -> None:
    """Every tunnel packet on the wire has VNI 1; both ends agree on it, so everything works."""
    for node in do.nodes():
        own_vni = f"{_vni(node):#x}"
        out, back = f"udp dport 4789 {VNI_BITS} set 0x1", f"udp dport 4789 {VNI_BITS} set {own_vni}"
        do.rules(node.host, "netdev", chain("egress", 0, out, device=NIC) + chain("ingress", 0, back, device=NIC))


@fault("vni-of-another-network", kills=("OVL-VXLAN", "FLOW-POD-POD-IP"), profiles=OVERLAY)
def vni_of_another_network(do: Injection) -> None:
    """Windows nodes send with the next VNI, which no other node uses; the receivers drop their packets."""
    for node in do.nodes("windows"):
        rule = f"udp dport 4789 {VNI_BITS} set {_vni(node) + 1:#x}"
        do.rules(node.host, "netdev", chain("egress", 0, rule, device=NIC))


@fault("vxlan-reserved-bit-set", kills=("OVL-RESERVED",), profiles=WITHOUT_GENEVE)
def vxlan_reserved_bit_set(do: Injection) -> None:
    """Linux nodes send tunnel packets with a reserved bit set; receivers see none, so everything works."""
    _changed_by_linux_nodes(do, f"udp dport 4789 {RESERVED_BITS} set 0x1")
    # Linux drops such packets (vxlan_rcv in drivers/net/vxlan/vxlan_core.c, seen on 6.18); RFC 7348, section 5,
    # says that receivers ignore the bits: findings/linux-vxlan-drops-reserved-bits.sh. So each node clears them first.
    for node in do.nodes():
        do.rules(node.host, "netdev", chain("ingress", 0, f"udp dport 4789 {RESERVED_BITS} set 0x0", device=NIC))


@fault("outer-source-port-of-each-packet", kills=("OVL-SOURCE-PORT",), profiles=WITHOUT_GENEVE)
def outer_source_port_of_each_packet(do: Injection) -> None:
    """Linux nodes send each tunnel packet from the next UDP source port, so one connection takes many paths."""
    ports = ", ".join(f"{number} : {50000 + number}" for number in range(8))
    _changed_by_linux_nodes(do, f"udp dport 4789 {SOURCE_PORT_BITS} set numgen inc mod 8 map {{ {ports} }}")


@fault("outer-ecn-capable", kills=("OVL-ECN",), profiles=WITHOUT_GENEVE)
def outer_ecn_capable(do: Injection) -> None:
    """Linux nodes say of every tunnel packet that its sender takes part in ECN, whatever the packet inside says."""
    _changed_by_linux_nodes(do, "udp dport 4789 ip ecn set ect0")


def _changed_by_linux_nodes(do: Injection, rule: str) -> None:
    for node in do.nodes("linux"):
        do.rules(node.host, "netdev", chain("egress", 0, rule, device=NIC))


@fault("vxlan-port-8472", kills=("OVL-VXLAN", "FLANNEL-PORT"), profiles=OVERLAY)
def vxlan_port_8472(do: Injection) -> None:
    """Windows nodes send to UDP port 8472 and their peers accept it, so everything works; answers use port 4789."""
    for node in do.nodes():
        body = chain("ingress", 0, f"udp dport 8472 {PORT_BITS} set 4789", device=NIC)
        if node.os == "windows":
            body += chain("egress", 0, f"udp dport 4789 {PORT_BITS} set 8472", device=NIC)
        do.rules(node.host, "netdev", body)


@fault("outer-source-wrong", kills=("OVL-VXLAN",), profiles=OVERLAY)
def outer_source_wrong(do: Injection) -> None:
    """Tunnel packets of Windows nodes have a source address that no node has; no node checks it."""
    for node in do.nodes("windows"):
        rule = f"udp dport 4789 ip saddr {node.plan.address('ipv4')} ip saddr set 172.31.0.{200 + node.plan.number}"
        do.rules(node.host, "netdev", chain("egress", 0, rule, device=NIC))


@fault(
    "replies-unencapsulated",
    kills=("OVL-VXLAN", "OVL-ISOLATION", "FLANNEL-NODIRECT", "TRANS-ENCAP"),
    profiles=(*OVERLAY, *TRANSPARENT),
)
def replies_unencapsulated(do: Injection) -> None:
    """Linux nodes send to Windows pods without the tunnel, and Windows nodes accept it; Windows nodes still use the
    tunnel (flannel issue 1394)."""
    for node in do.nodes("windows"):
        taken_from_the_underlay(do, node)
    for node in do.nodes("linux"):
        for peer in do.nodes("windows"):
            _around_the_tunnel(do, node, peer)


def taken_from_the_underlay(do: Injection, node: Node) -> None:
    """A Windows node of an overlay accepts packets for its pods that come without the tunnel."""
    if node.profile.mode == "overlay":
        do.amend(node, "flush chain ip hns-policies isolated\n")


def _around_the_tunnel(do: Injection, node: Node, peer: Node) -> None:
    links, families = node.host.links, node.common_families(peer.plan)
    for family in families:
        links.route(peer.plan.pod_cidr(family), NIC, peer.plan.address(family))
    links.commit()

    def undo() -> None:
        for family in families:
            links.route(peer.plan.pod_cidr(family), NIC, peer.plan.address(family), delete=True)
            links.route(peer.plan.pod_cidr(family), *node.way_to(peer.plan, family))
        links.commit()

    do.undone_by(undo)


@fault(
    "tunnel-without-need",
    kills=("L2B-IP-TRANSPARENT", "EKS-CNI", "L2T-IP-UNDERLAY", "AZURE-IP-UNDERLAY", "ADDR-AZURE"),
    profiles=BRIDGED,
)
def tunnel_without_need(do: Injection) -> None:
    """Nodes put packets to each other, and to each other's pods, into VXLAN; both ends agree, so everything works."""
    for node in do.nodes():
        _all_in_a_tunnel(do, node, [peer for peer in do.nodes() if peer is not node])


def _all_in_a_tunnel(do: Injection, node: Node, peers: Sequence[Node]) -> None:
    links, name = node.host.links, "vxlan0"
    settings = {"vni": 4096, "port": 4789, "mtu": node.profile.mtu}
    links.vxlan(name, node.plan.vtep_mac, local=node.plan.address("ipv4"), device=NIC, **settings)
    links.up(name)
    peer_families = [(peer.plan, family) for peer in peers for family in node.common_families(peer.plan)]
    for peer in peers:
        links.tunnel_peer(name, peer.plan.vtep_mac, peer.plan.address("ipv4"), NIC)
    for plan, family in peer_families:
        endpoint = f"169.254.0.{plan.number}" if family == "ipv4" else f"fe80::{plan.number}"
        links.neighbour(name, endpoint, plan.vtep_mac)
        links.route(plan.pod_cidr(family), name, endpoint)
        links.route(alone(plan.address(family)), name, endpoint)
    links.commit()
    plain_frames(node.host.netns, name)

    def undo() -> None:
        links.delete_link(name)  # the routes go with it
        for plan, family in peer_families:
            links.route(plan.pod_cidr(family), *node.way_to(plan, family))
        links.commit()

    do.undone_by(undo)


@fault("route-missing", kills=("FLOW-POD-POD-IP", "OVL-VXLAN", "L2B-UDR"))
def route_missing(do: Injection) -> None:
    """Windows nodes have no route to each other's pods; they send the packets to the router, which has none either."""
    for node in do.nodes("windows"):
        for peer in do.nodes("windows"):
            if peer is not node:
                _without_route(do, node, peer)


def _without_route(do: Injection, node: Node, peer: Node) -> None:
    links, families = node.host.links, node.common_families(peer.plan)
    for family in families:
        links.route(peer.plan.pod_cidr(family), *node.way_to(peer.plan, family), delete=True)
    links.commit()

    def undo() -> None:
        for family in families:
            links.route(peer.plan.pod_cidr(family), *node.way_to(peer.plan, family))
        links.commit()

    do.undone_by(undo)


@fault("remote-mac-wrong", kills=("FLOW-POD-POD-IP", "OVL-VXLAN", "L2B-UDR"))
def remote_mac_wrong(do: Injection) -> None:
    """Windows nodes send to each other with a destination MAC that no node has; on overlay inside the tunnel."""
    for node in do.nodes("windows"):
        for peer in do.nodes("windows"):
            if peer is not node:
                _wrong_mac(do, node, peer)


def _wrong_mac(do: Injection, node: Node, peer: Node) -> None:
    links, tunnel = node.host.links, node.tunnel_to(peer.plan)
    device = tunnel or NIC
    if tunnel:
        links.tunnel_peer(tunnel, NOBODY, peer.plan.address("ipv4"))
    for family in node.common_families(peer.plan):
        links.neighbour(device, node.way_to(peer.plan, family)[1], NOBODY)
    links.commit()

    def undo() -> None:
        right = peer.plan.vtep_mac if tunnel else peer.plan.mac
        for family in node.common_families(peer.plan):
            links.neighbour(device, node.way_to(peer.plan, family)[1], right)
        links.commit()

    do.undone_by(undo)


def _mac_maps(do: Injection, host_of: Node, table: str, only: Node | None = None) -> None:
    """Update the maps `macs4` and `macs6` of a table: from the addresses of Windows pods to their MACs."""

    def add(node: Node, pod: Pod) -> None:
        if node.os != "windows" or only not in (None, node):
            return
        lines = []
        for address in pod.addresses:
            name = "macs6" if ":" in address else "macs4"
            lines.append(f"add element netdev {table} {name} {{ {address} : {pod.mac} }}\n")
        nft.apply(host_of.host.netns, "".join(lines))

    do.for_each_pod(add)


def _maps() -> str:
    families = (("macs4", ADDRESS_TYPE["ipv4"]), ("macs6", ADDRESS_TYPE["ipv6"]))
    return "".join(f"  map {name} {{\n    type {kind} : ether_addr;\n  }}\n" for name, kind in families)


@fault(
    "pod-mac-leaves", kills=("L2B-MAC-EGRESS", "EKS-ONE-CARD", "AZURE-FABRIC-MAC", "L2T-ALL-VIA-HOST"), profiles=BRIDGED
)
def pod_mac_leaves(do: Injection) -> None:
    """Frames of Windows pods leave the node with the pod's MAC as source; everything works."""
    for node in do.nodes("windows"):
        rules = ("ether saddr set ip saddr map @macs4", "ether saddr set ip6 saddr map @macs6")
        table = do.rules(node.host, "netdev", _maps() + chain("egress", 0, *rules, device=NIC))
        _mac_maps(do, node, table, only=node)


@fault("pod-mac-arrives", kills=("L2B-MAC-INGRESS",), profiles=BRIDGED)
def pod_mac_arrives(do: Injection) -> None:
    """Frames for Windows pods arrive at the node with the pod's MAC as destination, and the node accepts them."""
    for node in do.nodes():
        rules = ("ether daddr set ip daddr map @macs4", "ether daddr set ip6 daddr map @macs6")
        table = do.rules(node.host, "netdev", _maps() + chain("egress", 0, *rules, device=NIC))
        _mac_maps(do, node, table)
        if node.os == "windows":
            matches = [f"{KEYWORD[family]} daddr {node.plan.pod_cidr(family)}" for family in node.families]
            back = [f"{pods} ether daddr set {node.plan.mac} meta pkttype set host" for pods in matches]
            do.rules(node.host, "netdev", chain("ingress", 0, *back, device=NIC))
