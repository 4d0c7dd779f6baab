"""The whole network of a profile: an underlay, nodes, a router and a host outside, with real packets between them.

    outside -- router -- [fabric bridge] -- linux-1, linux-2, windows-1, windows-2 -- their pods

The process must be root of its own user namespace, or of the machine; nothing here touches the namespace it started in.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from podwire.model.facts import DENIED_PORT, FAMILIES, OS, Family, family_of
from podwire_lab.kernel import nft
from podwire_lab.kernel.conntrack import forget_all
from podwire_lab.kernel.netns import plain_frames
from podwire_lab.kernel.rtnetlink import wait_ready
from podwire_lab.linux.data_path import ADDRESS_TYPE
from podwire_lab.model.addresses import (
    METADATA,
    OUTSIDE_HOST,
    OUTSIDE_NETWORK,
    OUTSIDE_ROUTER,
    ROUTER,
    UNDERLAY,
    USUAL_MTU,
)
from podwire_lab.model.interfaces import Namespace
from podwire_lab.model.profile import Profile
from podwire_lab.model.windows_builds import WindowsBuild
from podwire_lab.network.delay import DelayedCables
from podwire_lab.network.hosts import ANYWHERE, BRIDGE, FABRIC_MAC, LINUX, NIC, ROUTING, Host, alone
from podwire_lab.network.node import Node

SWITCH, OUTSIDE_NIC, PORT, FAR = "underlay", "eth1", "-port", "-far"
SECURITY_RULES = "security-rules"
ROUTER_MAC, ROUTER_OUTSIDE_MAC, OUTSIDE_MAC = "02:10:00:00:00:fe", "02:ee:00:00:00:01", "02:ee:00:00:00:0a"


class LabUnsupported(Exception):
    """The kernel of this machine lacks a feature that the lab needs; the text names it and what to do."""


@dataclass
class Quirks:
    """Changes by faults of parts that no packet passes; each part looks here when it works.

    `dns` damages an answer of the lab's DNS servers and gets the arguments of `DnsServer.fault`; `dns_of_node` has what
    damages those of the one on a node. `windows_dns` names the
    mistakes of the emulated Windows DNS clients, `windows_cni` those of the CNI plugins of Windows nodes, `node_cache`
    those of the DNS caches of Linux nodes. With `overcommits` the scheduler counts no addresses. Security groups apply
    to pods of `grouped_systems`. `routes` changes those to external addresses, by the node that gets their packets.
    """

    dns: Callable[..., Any] | None = None
    windows_dns: set[str] = field(default_factory=set)
    windows_cni: set[str] = field(default_factory=set)
    node_cache: set[str] = field(default_factory=set)
    overcommits: bool = False
    grouped_systems: set[OS] = field(default_factory=lambda: {"linux"})
    dns_of_node: dict[str, Callable[..., Any]] = field(default_factory=dict)
    routes: Callable[[Mapping[str, str]], Mapping[str, str]] | None = None

    def of_dns(self, node: str, *question: str) -> Any:
        """What becomes of an answer of the DNS server on a node; None where no fault damages it."""
        damage = self.dns_of_node.get(node, self.dns)
        return damage(*question) if damage else None


class LabNetwork:
    """The network of a profile (`interfaces.Network`). `active_faults` are the injected faults, by name."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.quirks = Quirks()
        self.active_faults: dict[str, Any] = {}
        self._external_routes: dict[str, str] = {}
        self._routing = threading.Lock()
        self.outside_addresses = tuple(OUTSIDE_HOST[family] for family in FAMILIES)
        self._opened = contextlib.ExitStack()
        try:
            self.fabric = self._host("fabric")
            self.router = self._host("router", ROUTING, LINUX)
            self.outside_host = self._host("outside", LINUX)
            self.nodes: dict[str, Node] = {}
            for plan in profile.nodes:
                self.nodes[plan.name] = node = Node(plan, profile)
                self._opened.callback(node.close)
            self._build()
        except BaseException:
            self.close()
            raise
        self.outside: Namespace = self.outside_host.netns

    def _host(self, name: str, *sysctls: Mapping[str, str]) -> Host:
        host = Host(name, *sysctls)
        self._opened.callback(host.close)
        return host

    def _build(self) -> None:
        rules = [nft.Transaction(node.host.netns, node.rules.base) for node in self.nodes.values()]
        self._build_fabric()
        self._build_outside()
        for node in self.nodes.values():
            node.build([peer for peer in self.profile.nodes if peer.name != node.name], ROUTER_MAC)
        for transaction in rules:
            transaction.wait()
        # A bridge without pods has no carrier; it comes up with its first pod.
        wait_ready(*(host.links for host in self._hosts()), without=frozenset({BRIDGE}))

    def _hosts(self) -> list[Host]:
        return [self.fabric, self.router, self.outside_host, *(node.host for node in self.nodes.values())]

    def _build_fabric(self) -> None:
        """Tell the switch of the underlay every station, so that no NIC sees a frame for another one."""
        fabric = self.fabric.links
        fabric.bridge(SWITCH, "02:fa:00:00:00:00", mtu=self.profile.underlay_mtu)
        fabric.up(SWITCH)
        stations = [(node.plan.short_name, node.host, node.plan.mac, node.plan.number) for node in self.nodes.values()]
        for name, host, mac, number in [*stations, ("router", self.router, ROUTER_MAC, 0xFE)]:
            fabric.veth(name, f"02:fa:00:00:00:{number:02x}", host.links, NIC, mac, mtu=self.profile.underlay_mtu)
            port = name
            if self.profile.set_up.delay and host is not self.router:
                port = self._delayed_port(name, number)
            fabric.bridge_port(port, SWITCH, hairpin=self.profile.all_by_fabric)
            fabric.up(name)
            fabric.station(port, mac)
        fabric.commit()
        if self.profile.fabric:
            nft.apply(self.fabric.netns, self._virtual_hosts())
        if self.profile.security_rules:
            nft.apply(self.fabric.netns, self.security_rules())
        plain_frames(self.fabric.netns, SWITCH, *(station[0] for station in stations), "router")
        if self.profile.set_up.delay:
            self._delay([station[0] for station in stations])

    def _delayed_port(self, name: str, number: int) -> str:
        """A port of the switch whose far end is joined with the cable of a station by `DelayedCables`."""
        port, far, mtu = name + PORT, name + FAR, self.profile.underlay_mtu
        links = self.fabric.links
        links.veth(port, f"02:fb:00:00:00:{number:02x}", links, far, f"02:fc:00:00:00:{number:02x}", mtu=mtu)
        links.up(port, far)
        return port

    def _delay(self, stations: Sequence[str]) -> None:
        cables = {name: name + FAR for name in stations}
        plain_frames(self.fabric.netns, *(f"{name}{end}" for name in stations for end in (PORT, FAR)))
        set_up = self.profile.set_up
        delayed = DelayedCables(self.fabric.netns, set_up.delay, self.profile.underlay_mtu, cables)
        self._opened.callback(delayed.close)

    def security_rules(self) -> str:
        """A network security group: the hosts of the virtual network drop TCP between pods to one port, without an
        answer (kubernetes.io: Networking on Windows, L2Tunnel).
        """
        pods = self.profile.pod_network("ipv4")
        rule = f"ip saddr {pods} ip daddr {pods} tcp dport {DENIED_PORT} drop"
        body = f"  chain forward {{\n    type filter hook forward priority 0;\n    {rule}\n  }}\n"
        return nft.table("bridge", SECURITY_RULES, body)

    def _virtual_hosts(self) -> str:
        """Azure's hosts: they deliver frames for their MAC to the machine that has the packet's destination, with their
        own MAC as source.

        No document says what they do with the TTL; the lab leaves it alone, as a switch does.
        """
        owners: dict[Family, dict[str, str]] = {family: {} for family in FAMILIES}
        for plan in self.profile.nodes:
            for family in FAMILIES:
                owners[family][plan.address(family)] = plan.mac
            for family in self.profile.pod_families(plan.os):
                owners[family][plan.pod_cidr(family)] = plan.mac
        body = ""
        for family, macs in owners.items():
            body += f"""
  map owners-{family} {{
    type {ADDRESS_TYPE[family]} : ether_addr; flags interval;
    elements = {{ {", ".join(f"{place} : {mac}" for place, mac in macs.items())} }}
  }}"""
        body += f"""
  chain prerouting {{
    type filter hook prerouting priority -300;
    ether daddr {FABRIC_MAC} ether daddr set ip daddr map @owners-ipv4
    ether daddr {FABRIC_MAC} ether daddr set ip6 daddr map @owners-ipv6
    ether daddr {FABRIC_MAC} ether daddr set {ROUTER_MAC}
  }}
  chain postrouting {{
    type filter hook postrouting priority 300;
    ether saddr set {FABRIC_MAC}
  }}"""
        return nft.table("bridge", "virtual-hosts", body)

    def _build_outside(self) -> None:
        router, outside = self.router.links, self.outside_host.links
        router.veth(OUTSIDE_NIC, ROUTER_OUTSIDE_MAC, outside, NIC, OUTSIDE_MAC, mtu=USUAL_MTU)
        router.up(NIC, OUTSIDE_NIC)
        outside.up(NIC)
        for family in FAMILIES:
            underlay, beyond = UNDERLAY[family].rpartition("/")[2], OUTSIDE_NETWORK[family].rpartition("/")[2]
            router.address(NIC, f"{ROUTER[family]}/{underlay}")
            router.address(OUTSIDE_NIC, f"{OUTSIDE_ROUTER[family]}/{beyond}")
            router.neighbour(OUTSIDE_NIC, OUTSIDE_HOST[family], OUTSIDE_MAC)
            outside.address(NIC, f"{OUTSIDE_HOST[family]}/{beyond}")
            outside.neighbour(NIC, OUTSIDE_ROUTER[family], ROUTER_OUTSIDE_MAC)
            outside.route(ANYWHERE[family], NIC, OUTSIDE_ROUTER[family])
            for plan in self.profile.nodes:
                router.neighbour(NIC, plan.address(family), plan.mac)
                if plan.os == "linux" and family in self.profile.families and not self.profile.set_up.linux_translates:
                    router.route(plan.pod_cidr(family), NIC, plan.address(family))
        if self.profile.cni == "vpc-cni":
            router.address("lo", alone(METADATA))
        router.commit()
        outside.commit()
        hidden = [plan.pod_cidr("ipv4") for plan in self.profile.nodes if not self.profile.is_reached(plan)]
        if hidden:
            nft.apply(self.router.netns, _unannounced(hidden))
        if self.profile.set_up.nat_gateway:
            nft.apply(self.router.netns, _gateway())
        plain_frames(self.router.netns, NIC, OUTSIDE_NIC)
        plain_frames(self.outside_host.netns, NIC)

    def take_down(self, name: str) -> None:
        """See `interfaces.Network`."""
        node = self.nodes[name]
        node.rules.stop()
        node.take_down()

    def rebuild(self, name: str, build: WindowsBuild) -> None:
        """See `interfaces.Network`."""
        node = self.nodes[name]
        node.clear()
        if node.os == "windows":
            node.profile = node.profile.with_build(build)
            node.processes.restart_hns()
            node.processes.restart_proxy()
        node.proxy_log.clear()
        node.build([peer for peer in self.profile.nodes if peer.name != name], ROUTER_MAC)
        node.rules.start()
        node.policies.start()
        node.list_now()
        wait_ready(self.fabric.links, only=frozenset({node.plan.short_name}))
        wait_ready(node.host.links, without=frozenset({BRIDGE}))

    def set_external_routes(self, routes: Mapping[str, str]) -> None:
        """See `interfaces.Network`. A cloud's load balancer does this, or the operator who announces an address."""
        if self.quirks.routes is not None:
            routes = self.quirks.routes(routes)
        with self._routing:
            links = self.router.links
            for address in self._external_routes.keys() - routes.keys():
                links.route(alone(address), NIC, self._next_hop(address, self._external_routes[address]), delete=True)
            for address, node in routes.items():
                if self._external_routes.get(address) != node:
                    links.route(alone(address), NIC, self._next_hop(address, node))
            links.commit()
            self._external_routes = dict(routes)

    def _next_hop(self, address: str, node: str) -> str:
        return self.nodes[node].plan.address(family_of(address))

    def take_effect(self) -> None:
        """Make every node forget its tracked connections, so that a change takes effect with the next packet, and list
        what it has now."""
        for node in self.nodes.values():
            forget_all(node.host.netns)
            node.list_now()

    def close(self) -> None:
        """Release all namespaces; the kernel removes them when the processes in them have ended. Safe to call twice."""
        self._opened.close()


def _unannounced(networks: Sequence[str]) -> str:
    """Drop packets to networks inside of nodes, to which the router has no route. That it drops silently is the lab's
    choice."""
    body = f"""
  chain prerouting {{
    type filter hook prerouting priority 0;
    ip daddr {{ {", ".join(networks)} }} drop
  }}"""
    return nft.table("ip", "unannounced", body)


def _gateway() -> str:
    """Give flows that begin in the cluster the router's address outside (Amazon VPC: NAT gateways). Flows that begin
    outside, and their answers, keep theirs. IPv6 is not translated, as in both clouds.
    """
    body = f"""
  chain postrouting {{
    type nat hook postrouting priority 100;
    oifname {OUTSIDE_NIC} iifname {NIC} snat to {OUTSIDE_ROUTER["ipv4"]}
  }}"""
    return nft.table("ip", "gateway", body)


def build_network(profile: Profile) -> LabNetwork:
    """Build the network of a profile, without pods, ready for traffic.

    Raises:
        LabUnsupported: the kernel lacks a feature.
        NamespaceError: this process may not make namespaces.
        NftMissing, NftError, RtnetlinkError: see their modules.
    """
    nft.program()
    if not os.path.exists("/proc/sys/net/bridge/bridge-nf-call-iptables"):
        raise LabUnsupported("the kernel has no br_netfilter: run `modprobe br_netfilter` as root")
    if not os.path.exists("/proc/sys/net/ipv6"):
        raise LabUnsupported("the kernel has IPv6 disabled, and the lab is dual stack: boot without ipv6.disable=1")
    return LabNetwork(profile)
