"""A node as a machine: its network card, the bridge of its pods, and tunnels or routes to its peers."""

from __future__ import annotations

from collections.abc import Sequence

from podwire.model.facts import FAMILIES, OS, Encapsulation, Family
from podwire_lab.kernel import nft, tunnels
from podwire_lab.kernel.conntrack import forget_all
from podwire_lab.kernel.netns import plain_frames
from podwire_lab.model.addresses import ROUTER, UNDERLAY, NodePlan
from podwire_lab.model.interfaces import Namespace
from podwire_lab.model.profile import Profile
from podwire_lab.network.hosts import ANYWHERE, BRIDGE, BRIDGED, FABRIC_MAC, NIC, ROUTING, Host, alone, stack
from podwire_lab.windows.data_path import way_by_the_fabric

FAULT_TABLE = "fault-"
"""How the names of faults' own tables begin (`faults.fault.Injection.rules`)."""


class Machine:
    """Cables, addresses and routes of a node. A fault may replace `plan` or `profile` later."""

    def __init__(self, plan: NodePlan, profile: Profile) -> None:
        self.plan, self.profile = plan, profile
        self.by_fabric = profile.all_by_fabric and plan.os == "windows"
        bridged = dict.fromkeys(BRIDGED, "0") if self.by_fabric else BRIDGED
        self.host = Host(plan.name, ROUTING, bridged, stack(plan.os, profile))

    @property
    def name(self) -> str:
        return self.plan.name

    @property
    def os(self) -> OS:
        return self.plan.os

    @property
    def addresses(self) -> tuple[str, ...]:
        """The node's addresses in the underlay."""
        return self.plan.addresses

    @property
    def namespace(self) -> Namespace:
        return self.host.netns

    @property
    def families(self) -> tuple[Family, ...]:
        """The families of this node's pods."""
        return self.profile.pod_families(self.os)

    def gateway(self, family: Family) -> str:
        """The node's address that its pods use as gateway."""
        return self.plan.pod_address(family, self.profile.gateway(self.os))

    @property
    def _source_vip(self) -> int | None:
        return self.profile.windows.source_vip if self.os == "windows" else None

    @property
    def gateway_mac(self) -> str:
        """The MAC that pods send to: that of the bridge, or the one in Azure CNI's ARP answers."""
        windows_fabric = self.profile.fabric and self.os == "windows"
        return FABRIC_MAC if windows_fabric else f"02:20:00:00:00:{self.plan.number:02x}"

    @property
    def gateways(self) -> tuple[str, ...]:
        """The node's own addresses in its pod networks: bridge, tunnel endpoint, source VIP."""
        numbers = [self.profile.gateway(self.os)]
        numbers += [0] if self.profile.encapsulated else []
        numbers += [] if self._source_vip is None else [self._source_vip]
        return tuple(self.plan.pod_address(family, n) for family in self.families for n in numbers)

    def build(self, peers: Sequence[NodePlan], router_mac: str) -> None:
        """Set up the whole machine but its cable, which exists."""
        links = self.host.links
        for family in FAMILIES:
            length = UNDERLAY[family].rpartition("/")[2]
            links.address(NIC, f"{self.plan.address(family)}/{length}")
        links.bridge(BRIDGE, self.gateway_mac, mtu=self.profile.mtu)
        links.up(NIC, BRIDGE)
        for family in self.families:
            length = self.plan.pod_cidr(family).rpartition("/")[2]
            if self.profile.shares_the_underlay:
                # The pods' gateway belongs to the virtual network; the node has a route to each of its pods.
                links.address(BRIDGE, alone(self.plan.address(family)))
                links.route(self.plan.pod_cidr(family), BRIDGE)
                continue
            links.address(BRIDGE, f"{self.gateway(family)}/{length}")
            if self._source_vip is not None:
                links.address(BRIDGE, alone(self.plan.pod_address(family, self._source_vip)))
        for family in FAMILIES:
            links.neighbour(NIC, ROUTER[family], FABRIC_MAC if self.profile.fabric else router_mac)
            links.route(ANYWHERE[family], NIC, ROUTER[family])
        if self.profile.set_up.dns.cache and self.os == "linux":
            links.address("lo", alone(self.profile.set_up.dns.cache))
        for tunnel in self.tunnels:
            self._add_tunnel(tunnel)
        for peer in peers:
            self._add_peer(peer)
        links.commit()
        if any(tunnel.kind == "geneve" for tunnel in self.tunnels):
            nft.apply(self.host.netns, tunnels.rules(NIC))
        if self.by_fabric:
            nft.apply(self.host.netns, way_by_the_fabric(self.plan, FABRIC_MAC))
        plain_frames(self.host.netns, NIC, BRIDGE, *map(tunnels.device, self.tunnels))

    def take_down(self) -> None:
        """Cut the machine off, as when its power goes: its card is down and forgets its addresses."""
        links = self.host.links
        for family in FAMILIES:
            links.address(NIC, f"{self.plan.address(family)}/{UNDERLAY[family].rpartition('/')[2]}", delete=True)
        links.down(NIC)
        links.commit()

    def clear(self) -> None:
        """Remove what `build` has made, and all rules but those of faults; the machine must be down."""
        links, netns = self.host.links, self.host.netns
        for name in (BRIDGE, *map(tunnels.device, self.tunnels)):
            links.delete_link(name)
        if self.profile.set_up.dns.cache and self.os == "linux":
            links.address("lo", alone(self.profile.set_up.dns.cache), delete=True)
        links.commit()
        names = (name for name in nft.tables(netns) if not name.split()[-1].startswith(FAULT_TABLE))
        nft.apply(netns, "".join(f"delete table {name}\n" for name in names))
        forget_all(netns)

    @property
    def tunnels(self) -> list[Encapsulation]:
        """The tunnels to nodes of either operating system, each once."""
        systems: tuple[OS, ...] = ("linux", "windows")
        between = [self.profile.tunnel_between(self.os, system) for system in systems]
        return list(dict.fromkeys(tunnel for tunnel in between if tunnel))

    def tunnel_to(self, peer: NodePlan) -> str:
        """The device of the tunnel to a node; '' without one."""
        tunnel = self.profile.tunnel_between(self.os, peer.os)
        return tunnels.device(tunnel) if tunnel else ""

    def _add_tunnel(self, tunnel: Encapsulation) -> None:
        links, name = self.host.links, tunnels.device(tunnel)
        settings = {"vni": tunnel.vni or 0, "port": tunnel.port, "mtu": self.profile.mtu}
        links.vxlan(name, self.plan.vtep_mac, local=self.plan.address("ipv4"), device=NIC, **settings)
        links.up(name)
        for family in self.families:
            links.address(name, alone(self.plan.pod_address(family, 0)))

    def _add_peer(self, peer: NodePlan) -> None:
        """Add a peer: its MAC, and the route to its pods."""
        links, tunnel = self.host.links, self.tunnel_to(peer)
        for family in FAMILIES:
            links.neighbour(NIC, peer.address(family), FABRIC_MAC if self.profile.fabric else peer.mac)
        if tunnel:
            links.tunnel_peer(tunnel, peer.vtep_mac, peer.address("ipv4"))
        for family in self.common_families(peer) if self.profile.is_reached(peer) else ():
            if tunnel:
                links.neighbour(tunnel, peer.pod_address(family, 0), peer.vtep_mac)
            # A bridge whose packets are tracked puts fragments of IPv6 together and forgets their size.
            links.route(peer.pod_cidr(family), *self.way_to(peer, family), mtu=self.profile.mtu)

    def common_families(self, peer: NodePlan) -> list[Family]:
        """The families that pods of both nodes have."""
        return [family for family in self.families if family in self.profile.pod_families(peer.os)]

    def way_to(self, peer: NodePlan, family: Family) -> tuple[str, str]:
        """Device and next hop of packets to a peer's pods."""
        tunnel = self.tunnel_to(peer)
        if tunnel:
            return tunnel, peer.pod_address(family, 0)
        return NIC, peer.address(family)
