"""Nodes of the lab as they are built: cables, addresses, routes and rules, for them and for their pods."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from podwire.model.facts import FAMILIES, OS, Encapsulation, Family
from podwire_lab.kernel import conntrack, nft, tunnels
from podwire_lab.kernel.conntrack import ANYWHERE as ANYWHERE_OF_THE_NODE
from podwire_lab.kernel.netns import plain_frames
from podwire_lab.kernel.rtnetlink import wait_ready
from podwire_lab.linux import data_path as linux_data_path
from podwire_lab.linux import services as linux_services
from podwire_lab.linux.service_tables import Tables
from podwire_lab.model import cni_notes
from podwire_lab.model.addresses import ROUTER, UNDERLAY, NodePlan
from podwire_lab.model.interfaces import Namespace, NoAddressLeft, PodNetwork, PolicyRule, PortMapping, ServiceRule
from podwire_lab.model.network_card import NetworkCard
from podwire_lab.model.profiles import Profile
from podwire_lab.network import policies
from podwire_lab.network.hosts import ANYWHERE, BRIDGE, BRIDGED, FABRIC_MAC, NIC, ROUTING, Host, Pod, alone, stack
from podwire_lab.windows import data_path as windows_data_path
from podwire_lab.windows import hns_listings
from podwire_lab.windows import services as windows_services

Notes = Callable[[OS, Profile, Sequence[str]], Mapping[str, str]]
"""From a node's operating system, its profile and a pod's addresses: what the network notes on the pod."""


class Node:
    """A node: NIC, bridge with its pods, tunnel or routes to its peers, and its rules (`interfaces.NodeNetwork`)."""

    def __init__(self, plan: NodePlan, profile: Profile) -> None:
        self.plan, self.profile = plan, profile
        self._planned = plan  # Its card keeps these addresses, whatever a fault gives to pods.
        self.name, self.os = plan.name, plan.os
        self.addresses, self.pod_cidrs, self.nic = plan.addresses, plan.pod_cidrs, NIC
        self.by_fabric = profile.all_by_fabric and plan.os == "windows"
        bridged = dict.fromkeys(BRIDGED, "0") if self.by_fabric else BRIDGED
        self.host = Host(plan.name, ROUTING, bridged, stack(plan.os))
        self.namespace: Namespace = self.host.netns
        self.pods: dict[str, Pod] = {}
        self.attached: list[Callable[[Node, Pod], None]] = []
        self.amended: dict[str, str] = {}
        self.rewritten: dict[str, Callable[[Sequence[ServiceRule]], Sequence[ServiceRule]]] = {}
        self.containers_apart = False
        self.proxy_log: list[str] = []
        self.pod_notes: Notes = cni_notes.pod_notes
        self.hns_changes: dict[str, Any] = {}  # of what it lists, by faults
        self._services: Sequence[ServiceRule] = ()
        self._applied_rules = self.base_rules  # by the network's build
        self._tables = Tables(self.host.netns)
        self._applied_host_ports: Sequence[PortMapping] = ()
        holds = profile.holds_to_policies
        self.read_policies: policies.Reading = tuple if holds else policies.nothing_held
        self._policies: tuple[PolicyRule, ...] = ()
        self._closed: tuple[str, ...] = ()
        self._applied_policies: tuple[PolicyRule, ...] = ()
        self._preserved: Mapping[str, frozenset[str]] = {}
        self._udp_backends: dict[tuple[str, int], frozenset[str]] = {}
        self._next_pod = plan.pods.first
        self.address_rest = profile.address_rest if plan.os == "windows" else 0.0
        self._given_back: dict[int, float] = {}
        self.refusal = f"no pod address is left on {plan.name}"
        self.network_card = NetworkCard(prefixes=profile.ipam == "vpc-prefix") if self._on_a_card else None
        self.other_cards: tuple[str, ...] = ()  # MACs that EC2 tells, by a fault
        if self.network_card:
            self.network_card.keep_ready(plan.pods, set())
        self._building = threading.RLock()  # Services are written in threads beside the one that attaches pods

    @property
    def families(self) -> tuple[Family, ...]:
        """The families of this node's pods."""
        return self.profile.pod_families(self.os)

    def gateway(self, family: Family) -> str:
        """The address of the node that its pods send to."""
        return self.plan.pod_address(family, self.profile.gateway(self.os))

    @property
    def gateway_mac(self) -> str:
        """The MAC that pods send to: that of the bridge, or the one that Azure CNI answers with."""
        windows_fabric = self.profile.fabric and self.os == "windows"
        return FABRIC_MAC if windows_fabric else f"02:20:00:00:00:{self.plan.number:02x}"

    @property
    def gateways(self) -> tuple[str, ...]:
        """The node's own addresses in its pod networks: bridge, tunnel endpoint, source VIP."""
        numbers = [self.profile.gateway(self.os)]
        numbers += [0] if self.profile.encapsulated else []
        numbers += [self.profile.source_vip] if self.os == "windows" and self.profile.source_vip is not None else []
        return tuple(self.plan.pod_address(family, n) for family in self.families for n in numbers)

    @property
    def hns_listed(self) -> Mapping[str, Any]:
        """See `interfaces.NodeNetwork`."""
        listed = hns_listings.listed(self.plan, self.profile, self._services) if self.os == "windows" else {}
        return {**listed, **self.hns_changes}

    @property
    def _on_a_card(self) -> bool:
        return self.profile.cni == "vpc-cni" and self.os == "windows"

    @property
    def card(self) -> Mapping[str, Any]:
        """See `ec2_metadata.Instance`. Of a Linux node only its own address is told."""
        own, card = self.plan.address("ipv4"), self.network_card
        for_pods = [self._planned.pod_address("ipv4", number) for number in card.assigned] if card else []
        prefixes = [f"{one}/28" for one in for_pods] if card and card.prefixes else []
        single = [own] if prefixes else [own, *for_pods]
        macs = [self.plan.mac, *self.other_cards]
        return {"mac": self.plan.mac, "macs": macs, "local-ipv4": own, "local-ipv4s": single, "ipv4-prefix": prefixes}

    # Building

    def build(self, peers: Sequence[NodePlan], router_mac: str) -> None:
        """Everything of the node but its cable, which is there already."""
        links = self.host.links
        for family in FAMILIES:
            length = UNDERLAY[family].rpartition("/")[2]
            links.address(NIC, f"{self.plan.address(family)}/{length}")
        links.bridge(BRIDGE, self.gateway_mac, mtu=self.profile.mtu)
        links.up(NIC, BRIDGE)
        for family in self.families:
            length = self.plan.pod_cidr(family).rpartition("/")[2]
            if self.profile.shares_the_underlay:
                # The pods' gateway is the network's own; the node knows its pods one by one.
                links.address(BRIDGE, alone(self.plan.address(family)))
                links.route(self.plan.pod_cidr(family), BRIDGE)
                continue
            links.address(BRIDGE, f"{self.gateway(family)}/{length}")
            if self.os == "windows" and self.profile.source_vip is not None:
                links.address(BRIDGE, alone(self.plan.pod_address(family, self.profile.source_vip)))
        for family in FAMILIES:
            links.neighbour(NIC, ROUTER[family], FABRIC_MAC if self.profile.fabric else router_mac)
            links.route(ANYWHERE[family], NIC, ROUTER[family])
        for tunnel in self.tunnels:
            self._add_tunnel(tunnel)
        for peer in peers:
            self.add_peer(peer)
        links.commit()
        if any(tunnel.kind == "geneve" for tunnel in self.tunnels):
            nft.apply(self.host.netns, tunnels.rules(NIC))
        if self.by_fabric:
            nft.apply(self.host.netns, windows_data_path.way_by_the_fabric(self.plan, FABRIC_MAC))

    @property
    def tunnels(self) -> list[Encapsulation]:
        """The tunnels to nodes of either operating system, each once."""
        systems: tuple[OS, ...] = ("linux", "windows")
        found = [self.profile.tunnel_between(self.os, other) for other in systems]
        return list(dict.fromkeys(tunnel for tunnel in found if tunnel))

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

    def add_peer(self, peer: NodePlan) -> None:
        """What the node knows of another one: its MAC, and the way to its pods."""
        links, tunnel = self.host.links, self.tunnel_to(peer)
        for family in FAMILIES:
            links.neighbour(NIC, peer.address(family), FABRIC_MAC if self.profile.fabric else peer.mac)
        if tunnel:
            links.tunnel_peer(tunnel, peer.vtep_mac, peer.address("ipv4"))
        for family in self.common_families(peer) if self.profile.is_reached(peer) else ():
            if tunnel:
                links.neighbour(tunnel, peer.pod_address(family, 0), peer.vtep_mac)
            links.route(peer.pod_cidr(family), *self.way_to(peer, family))

    def common_families(self, peer: NodePlan) -> list[Family]:
        """The families that pods here and pods there both have."""
        return [family for family in self.families if family in self.profile.pod_families(peer.os)]

    def way_to(self, peer: NodePlan, family: Family) -> tuple[str, str]:
        """Device and next hop of the packets to a peer's pods."""
        tunnel = self.tunnel_to(peer)
        if tunnel:
            return tunnel, peer.pod_address(family, 0)
        return NIC, peer.address(family)

    def plain_frames(self) -> None:
        """Offloads off on every device of the node."""
        plain_frames(self.host.netns, NIC, BRIDGE, *map(tunnels.device, self.tunnels))

    # Rules

    @property
    def base_rules(self) -> str:
        """The rules that do not depend on Services, with what faults have put in front of them."""
        rules = windows_data_path.base_rules if self.os == "windows" else linux_data_path.base_rules
        return rules(self.plan, self.profile) + "".join(self.amended.values())

    def refresh(self) -> None:
        """Apply the base rules and the Services anew, e.g. after `amended` or `rewritten` has changed."""
        text = self.base_rules
        if text != self._applied_rules:
            nft.apply(self.host.netns, text)
            self._applied_rules = text
        self.set_services(self._services)

    def set_services(self, services: Sequence[ServiceRule]) -> None:
        """See `interfaces.NodeNetwork`. Doing it again with the same Services costs nothing."""
        self._services = tuple(services)
        for change in self.rewritten.values():
            services = change(services)
        rules = windows_services.service_rules if self.os == "windows" else linux_services.service_rules
        wanted = rules(self.plan, self.profile, services)
        if self.os == "windows":
            self._preserve(windows_services.preserved_addresses(self.plan, self.profile, services))
        if not self._tables.apply(wanted):
            return
        before, self._udp_backends = self._udp_backends, _udp_backends(services)
        lost = {key: before[key] - self._udp_backends.get(key, frozenset()) for key in before}
        if any(lost.values()):
            # kube-proxy: a UDP flow would keep its lost backend as long as the client goes on sending.
            conntrack.forget_backends(self.host.netns, lost, nft.UDP_SERVICE)

    def _preserve(self, wanted: Mapping[str, frozenset[str]]) -> None:
        """Lead addresses to pods untranslated. The pods accept them, which on Windows is their operator's business: a
        loopback adapter in the container with that address."""
        if wanted == self._preserved:
            return
        with self._building:
            links = self.host.links
            for address in self._preserved.keys() - wanted.keys():
                links.route(alone(address), BRIDGE, *self._preserved[address], delete=True)
            for address, backends in wanted.items():
                if self._preserved.get(address) != backends:
                    links.route(alone(address), BRIDGE, *backends)
            links.commit()
            for pod in self.pods.values():
                accepted = {address for address, backends in wanted.items() if not backends.isdisjoint(pod.addresses)}
                for address in pod.accepted ^ accepted:
                    pod.place.links.address("lo", alone(address), delete=address in pod.accepted)
                pod.place.links.commit()
                pod.accepted = accepted
        self._preserved = wanted

    def set_host_ports(self, mappings: Sequence[PortMapping]) -> None:
        """See `interfaces.NodeNetwork`. Doing it again with the same ports costs nothing."""
        if tuple(mappings) == self._applied_host_ports:
            return
        rules = windows_data_path.host_port_rules if self.os == "windows" else linux_data_path.host_port_rules
        nft.apply(self.host.netns, rules(self.profile, mappings))
        self._applied_host_ports = tuple(mappings)

    def set_policies(self, rules: Sequence[PolicyRule]) -> None:
        """See `interfaces.NodeNetwork`. Doing it again with the same rules costs nothing."""
        self._policies = tuple(rules)
        held = self.read_policies(self._policies)
        if held != self._applied_policies:
            nft.apply(self.host.netns, policies.ruleset(held))
            self._applied_policies = held

    def refresh_policies(self) -> None:
        """Apply them anew, after `read_policies` has changed."""
        self.set_policies(self._policies)

    def set_closed(self, addresses: Sequence[str]) -> None:
        """See `interfaces.NodeNetwork`. Doing it again with the same addresses costs nothing."""
        if tuple(addresses) != self._closed:
            rules = [PolicyRule(address=address, side="ingress") for address in addresses]
            nft.apply(self.host.netns, policies.ruleset(rules, "security-groups"))
            self._closed = tuple(addresses)

    # Pods

    def notes_of(self, pod: PodNetwork) -> Mapping[str, str]:
        """See `interfaces.NodeNetwork`."""
        return self.pod_notes(self.os, self.profile, pod.addresses)

    def attach_pod(self, uid: str) -> PodNetwork:
        """See `interfaces.NodeNetwork`.

        Raises:
            ValueError: there is a pod of that uid.
            NoAddressLeft: all addresses are taken, or rest since a pod gave them back.
        """
        with self._building:
            return self._attach(uid)

    def _attach(self, uid: str) -> Pod:
        if uid in self.pods:
            raise ValueError(f"pod {uid} is attached to {self.name} already")
        host = self._free_number()
        addresses = tuple(self.plan.pod_address(family, host) for family in self.families)
        mac, port = self._pod_mac(host), f"pod{host}"
        without_ipv6 = {} if "ipv6" in self.families else {"net/ipv6/conf/default/disable_ipv6": "1"}
        place = Host(f"{self.name}/pod{host}", stack(self.os), without_ipv6)
        node = self.host.links
        try:
            node.veth(
                port,
                f"02:40:00:{host >> 8:02x}:{host & 255:02x}:{self.plan.number:02x}",
                place.links,
                NIC,
                mac,
                mtu=self.profile.mtu,
            )
            node.bridge_port(port, BRIDGE, hairpin=True)
            node.up(port)
            node.station(port, mac)
            place.links.up(NIC)
            for family, address in zip(self.families, addresses, strict=True):
                node.neighbour(BRIDGE, address, mac)
                length = self.plan.pod_cidr(family).rpartition("/")[2]
                place.links.address(NIC, alone(address) if self.by_fabric else f"{address}/{length}")
                place.links.neighbour(NIC, self.gateway(family), self.gateway_mac)
                place.links.route(ANYWHERE[family], NIC, self.gateway(family))
            node.commit()
            place.links.commit()
            plain_frames(self.host.netns, port)
            plain_frames(place.netns, NIC)
            wait_ready(node, place.links, only=frozenset({port, NIC, BRIDGE}))
        except BaseException:
            place.close()
            raise
        pod = Pod(uid, host, place, place.netns, addresses, mac, port)
        self.pods[uid] = pod
        for callback in self.attached:
            callback(self, pod)
        return pod

    def detach_pod(self, uid: str) -> None:
        """Take the cable out and give the namespace up; a uid that is not attached is nothing to do."""
        with self._building:
            pod = self.pods.pop(uid, None)
            if pod is None:
                return
            self._given_back[pod.host] = time.monotonic()
            self.host.links.delete_link(pod.host_interface)
            self.host.links.commit()
            pod.place.close()

    def _free_number(self) -> int:
        """The next number in turn, as host-local does: an address is not used again at once."""
        rested = time.monotonic() - self.address_rest
        self._given_back = {host: when for host, when in self._given_back.items() if when > rested}
        taken = {pod.host for pod in self.pods.values()} | self._given_back.keys()
        pods, card = self.plan.pods, self.network_card
        if card:
            card.prepare(pods, taken)
        for offset in range(pods.last - pods.first + 1):
            number = pods.first + (self._next_pod - pods.first + offset) % (pods.last - pods.first + 1)
            if number not in taken and (card is None or card.has(number)):
                self._next_pod = number + 1
                if card:
                    card.keep_ready(pods, taken | {number})
                return number
        raise NoAddressLeft(self.refusal)

    def _pod_mac(self, host: int) -> str:
        if self.os == "windows" and self.profile.mode == "overlay":
            # win-overlay: the endpoint's MAC is 0E-2A and the IPv4 address in hexadecimal.
            return ":".join(["0e", "2a", *(f"{int(n):02x}" for n in self.plan.pod_address("ipv4", host).split("."))])
        return f"02:30:00:00:{self.plan.number:02x}:{host:02x}"

    def close(self) -> None:
        for pod in self.pods.values():
            pod.place.close()
        self.pods.clear()
        self.host.close()


def _udp_backends(services: Sequence[ServiceRule]) -> dict[tuple[str, int], frozenset[str]]:
    """The ready backends of UDP Services, by every address and port that leads to them; a node port has no address."""
    found: dict[tuple[str, int], frozenset[str]] = {}
    for service in services:
        if service.protocol == "udp":
            backends = frozenset(one.address for one in service.endpoints if one.ready)
            addresses = (service.address, *service.external_ips, *service.ingress_ips)
            found |= {(address, service.port): backends for address in addresses}
            if service.node_port is not None:
                found[ANYWHERE_OF_THE_NODE, service.node_port] = backends
    return found
