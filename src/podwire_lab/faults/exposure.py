"""Faults of traffic into the cluster: node ports, load balancers, and the client address that a backend sees."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from podwire.model.facts import OS, family_of
from podwire_lab.controllers.load_balancers import INGRESS_NETWORK
from podwire_lab.faults.fault import Injection, chain, fault
from podwire_lab.linux.data_path import KEYWORD
from podwire_lab.model.interfaces import ServiceRule
from podwire_lab.network.hosts import Pod
from podwire_lab.network.network import LabNetwork
from podwire_lab.network.node import Node
from podwire_lab.windows.services import SOURCE_NODE, SOURCE_VIP

# kube-apiserver, --service-node-port-range; health check ports are in it too.
NODE_PORTS = "30000-32767"
HOST_PORT = 18081
LATE = 33.0
"""Seconds: later than a run admits where nobody says otherwise."""


def _each(do: Injection, change: Callable[[ServiceRule], ServiceRule], os: OS | None = None) -> None:
    """Change every Service in the proxies of these nodes."""
    for node in do.nodes(os):
        do.rewrite(node, lambda services: [change(service) for service in services])


@fault(
    "node-ports-unserved",
    kills=("SVC-NODEPORT-REMOTE", "SVC-NODEPORT-LINUXNODE", "SVC-NODEPORT-FROMPOD", "SVC-NODEPORT-EQ-PORT"),
)
def node_ports_unserved(do: Injection) -> None:
    """No proxy serves node ports: no process listens there, and no packet is forwarded."""
    _each(do, lambda service: replace(service, node_port=None))


@fault("node-ports-for-own-pods-only", kills=("SVC-NODEPORT-LINUXNODE", "DSR-NODEPORT-NOT"))
def node_ports_for_own_pods_only(do: Injection) -> None:
    """Windows nodes treat every Service as if externalTrafficPolicy were Local: they do not forward to other nodes."""
    _each(do, lambda service: replace(service, external_local=True), "windows")


@fault("node-port-answers-from-another-port", kills=("SVC-NODEPORT-REMOTE",))
def node_port_answers_from_another_port(do: Injection) -> None:
    """The answer of a node port to another machine comes from another port of the node, where nobody expects it."""
    changes = [
        f'oifname "eth0" {protocol} sport {NODE_PORTS} {protocol} sport set 29999' for protocol in ("tcp", "udp")
    ]
    for node in do.nodes():
        do.rules(node.host, "inet", chain("postrouting", 300, *changes))


@fault("node-ports-closed-to-pods", kills=("SVC-NODEPORT-FROMPOD", "SVC-HAIRPIN-EXTERNAL"))
def node_ports_closed_to_pods(do: Injection) -> None:
    """A node drops the packets of its own pods to node ports; those of other clients pass."""
    for node in do.nodes():
        rule = f'iifname "cbr0" meta l4proto {{ tcp, udp }} th dport {NODE_PORTS} drop'
        do.rules(node.host, "inet", chain("prerouting", -150, rule))


@fault("node-ports-closed-to-the-node", kills=("SVC-NODEPORT-LOCAL-FROM-NODE",))
def node_ports_closed_to_the_node(do: Injection) -> None:
    """A Linux node drops its own packets to node ports at its own address before it translates them."""
    for node in do.nodes("linux"):
        rule = f"fib daddr type local meta l4proto {{ tcp, udp }} th dport {NODE_PORTS} drop"
        do.rules(node.host, "inet", chain("output", -150, rule))


@fault("equal-ports-confused", kills=("SVC-NODEPORT-EQ-PORT",))
def equal_ports_confused(do: Injection) -> None:
    """A node port leads nowhere if it has the same number as the port of the Service."""
    _each(do, without_equal_port)


def without_equal_port(service: ServiceRule) -> ServiceRule:
    return replace(service, node_port=None) if service.node_port == service.port else service


@fault("ingress-unserved", kills=("SVC-LOADBALANCER", "SVC-HAIRPIN-EXTERNAL", "SVC-SRCRANGES", "PRESERVE-DEST"))
def ingress_unserved(do: Injection) -> None:
    """No proxy knows the addresses of load balancers: a node has no receiver for the packets of the load balancer."""
    _each(do, lambda service: replace(service, ingress_ips=()))


@fault("ingress-by-the-balancer", kills=("SVC-LOADBALANCER",))
def ingress_by_the_balancer(do: Injection) -> None:
    """Packets of a Windows pod to a load balancer leave the node untranslated, and come back from the load balancer."""
    for node in do.nodes("windows"):
        for family in node.families:
            rule = f'iifname "cbr0" {KEYWORD[family]} daddr {INGRESS_NETWORK[family]} notrack'
            do.rules(node.host, KEYWORD[family], chain("prerouting", -300, rule))


@fault("external-ips-unserved", kills=("SVC-EXTERNALIPS",))
def external_ips_unserved(do: Injection) -> None:
    """No proxy knows the external IPs of Services: packets for them leave the cluster."""
    _each(do, lambda service: replace(service, external_ips=()))


@fault("source-ranges-ignored", kills=("SVC-SRCRANGES",))
def source_ranges_ignored(do: Injection) -> None:
    """Linux nodes admit every client to the address of a load balancer, whatever loadBalancerSourceRanges says."""
    _each(do, lambda service: replace(service, source_ranges=()), "linux")


@fault("source-ranges-on-windows", kills=("SVC-SRCRANGES",))
def source_ranges_on_windows(do: Injection) -> None:
    """Windows nodes admit no client to the address of a load balancer whose Service has loadBalancerSourceRanges."""
    _each(do, lambda service: replace(service, ingress_ips=()) if service.source_ranges else service, "windows")


@fault("host-ports-closed", kills=("SVC-HOSTPORT",))
def host_ports_closed(do: Injection) -> None:
    """A node drops packets from outside to the host port of one of its pods."""
    for node in do.nodes():
        rule = f'iifname "eth0" meta l4proto {{ tcp, udp }} th dport {HOST_PORT} drop'
        do.rules(node.host, "inet", chain("prerouting", -150, rule))


@fault("outer-hairpin-lost", kills=("SVC-HAIRPIN-EXTERNAL",))
def outer_hairpin_lost(do: Injection) -> None:
    """A node translates and then drops the packets that a pod sends to itself through the node; other packets pass."""

    def lost(node: Node, pod: Pod) -> None:
        matches = [f"{KEYWORD[family_of(ip)]} saddr {ip}" for ip in pod.addresses]
        drops = [f"ct status dnat ct original {match} ct reply {match} drop" for match in matches]
        do.rules(node.host, "inet", chain("forward", 0, *drops))

    do.for_each_pod(lost)


@fault("local-policy-ignored", kills=("CLIENTIP-ETPLOCAL", "CLIENTIP-NOFWD"))
def local_policy_ignored(do: Injection) -> None:
    """Every node forwards to every backend with its own address as source, even if externalTrafficPolicy is Local."""
    _each(do, lambda service: replace(service, external_local=False))


@fault("local-node-ports-lost", kills=("KI-204-ETPLOCAL-WORKAROUND", "CLIENTIP-ETPLOCAL"))
def local_node_ports_lost(do: Injection) -> None:
    """Windows nodes do not serve the node port of a Service with externalTrafficPolicy Local; other ports work."""
    _each(do, lambda service: replace(service, node_port=None) if service.external_local else service, "windows")


@fault("health-ports-closed", kills=("HEALTHNODEPORT",))
def health_ports_closed(do: Injection) -> None:
    """No process listens at the health check ports of Services: the node refuses the connection."""
    for node in do.nodes():
        rule = f"tcp dport {NODE_PORTS} ct status & dnat == 0 reject with tcp reset"
        do.rules(node.host, "inet", chain("input", -150, rule))


@fault("node-port-sources-kept", kills=("DSR-NODEPORT-NOT",))
def node_port_sources_kept(do: Injection) -> None:
    """Windows nodes forward packets to external addresses with the client's own source, as for a cluster IP."""
    for node in do.nodes("windows"):
        unmark = f"ct mark set ct mark & {0xFFFFFFFF ^ (SOURCE_VIP | SOURCE_NODE):#x}"
        do.rules(node.host, "inet", chain("postrouting", 90, unmark))


@fault("destinations-translated", kills=("PRESERVE-DEST", "PRESERVE-DEST-NOFWD"))
def destinations_translated(do: Injection) -> None:
    """Windows nodes ignore the annotation preserve-destination: they translate the address, and nodes forward."""
    _each(do, lambda service: replace(service, preserve_destination=False), "windows")


@fault("load-balancers-serve-late", kills=("SVC-LOADBALANCER", "CLIENTIP-ETPLOCAL"))
def load_balancers_serve_late(do: Injection) -> None:
    """A load balancer of the cloud has its address at once, and passes packets on 33 seconds later; then all works."""
    do.network.quirks.routes = late = _Late(do.network)

    def undo() -> None:
        do.network.quirks.routes = None
        for timer in late.timers:
            timer.cancel()

    do.undone_by(undo)


class _Late:
    """The routes of the cloud to nodes without those to load balancers whose time has not come."""

    def __init__(self, network: LabNetwork) -> None:
        self._network, self._due = network, dict[str, float]()
        self._latest: Mapping[str, str] = {}
        self.timers: list[threading.Timer] = []

    def __call__(self, routes: Mapping[str, str]) -> Mapping[str, str]:
        self._latest = dict(routes)
        now, balanced = time.monotonic(), {address for address in routes if _is_balancer(address)}
        if balanced - self._due.keys():
            timer = threading.Timer(LATE + 0.1, lambda: self._network.set_external_routes(self._latest))
            timer.daemon = True
            self.timers.append(timer)
            timer.start()
        self._due |= dict.fromkeys(balanced - self._due.keys(), now + LATE)
        return {address: node for address, node in routes.items() if self._due.get(address, now) <= now}


def _is_balancer(address: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(INGRESS_NETWORK[family_of(address)])
