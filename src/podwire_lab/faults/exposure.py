"""Faults of the ways in: ports of nodes, addresses of load balancers, and whom a backend sees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from podwire.model.facts import OS, family_of
from podwire_lab.controllers.load_balancers import INGRESS_NETWORK
from podwire_lab.faults.fault import Injection, chain, fault
from podwire_lab.linux.data_path import KEYWORD
from podwire_lab.model.interfaces import ServiceRule
from podwire_lab.network.hosts import Pod
from podwire_lab.network.node import Node
from podwire_lab.windows.services import SOURCE_NODE, SOURCE_VIP

# kube-apiserver, --service-node-port-range; the ports of health checks are of it too.
NODE_PORTS = "30000-32767"
HOST_PORT = 18081


def _each(do: Injection, change: Callable[[ServiceRule], ServiceRule], os: OS | None = None) -> None:
    """What the proxies of these nodes make of every Service."""
    for node in do.nodes(os):
        do.rewrite(node, lambda services: [change(service) for service in services])


@fault(
    "node-ports-unserved",
    kills=("SVC-NODEPORT-REMOTE", "SVC-NODEPORT-LINUXNODE", "SVC-NODEPORT-FROMPOD", "SVC-NODEPORT-EQ-PORT"),
)
def node_ports_unserved(do: Injection) -> None:
    """No proxy knows a port of a node: nobody listens there, and nothing is forwarded."""
    _each(do, lambda service: replace(service, node_port=None))


@fault("node-ports-for-own-pods-only", kills=("SVC-NODEPORT-LINUXNODE", "DSR-NODEPORT-NOT"))
def node_ports_for_own_pods_only(do: Injection) -> None:
    """Windows nodes treat every Service as one of the Local policy: without a pod of their own they send nothing on."""
    _each(do, lambda service: replace(service, external_local=True), "windows")


@fault("node-port-answers-from-another-port", kills=("SVC-NODEPORT-REMOTE",))
def node_port_answers_from_another_port(do: Injection) -> None:
    """What a node port answers to other machines comes from another port of the node: nobody waits for it."""
    changes = [
        f'oifname "eth0" {protocol} sport {NODE_PORTS} {protocol} sport set 29999' for protocol in ("tcp", "udp")
    ]
    for node in do.nodes():
        do.rules(node.host, "inet", chain("postrouting", 300, *changes))


@fault("node-ports-closed-to-pods", kills=("SVC-NODEPORT-FROMPOD", "SVC-HAIRPIN-EXTERNAL"))
def node_ports_closed_to_pods(do: Injection) -> None:
    """A node drops what its own pods send to ports of nodes; others are served."""
    for node in do.nodes():
        rule = f'iifname "cbr0" meta l4proto {{ tcp, udp }} th dport {NODE_PORTS} drop'
        do.rules(node.host, "inet", chain("prerouting", -150, rule))


@fault("node-ports-closed-to-the-node", kills=("SVC-NODEPORT-LOCAL-FROM-NODE",))
def node_ports_closed_to_the_node(do: Injection) -> None:
    """What a Linux node sends to a port of its own address is dropped before it is translated."""
    for node in do.nodes("linux"):
        rule = f"fib daddr type local meta l4proto {{ tcp, udp }} th dport {NODE_PORTS} drop"
        do.rules(node.host, "inet", chain("output", -150, rule))


@fault("equal-ports-confused", kills=("SVC-NODEPORT-EQ-PORT",))
def equal_ports_confused(do: Injection) -> None:
    """Where the port of a Service and its node port are one number, the node port leads nowhere."""
    _each(do, without_equal_port)


def without_equal_port(service: ServiceRule) -> ServiceRule:
    return replace(service, node_port=None) if service.node_port == service.port else service


@fault("ingress-unserved", kills=("SVC-LOADBALANCER", "SVC-HAIRPIN-EXTERNAL", "SVC-SRCRANGES", "PRESERVE-DEST"))
def ingress_unserved(do: Injection) -> None:
    """No proxy knows the addresses of load balancers: what the balancer sends to a node is for nobody there."""
    _each(do, lambda service: replace(service, ingress_ips=()))


@fault("ingress-by-the-balancer", kills=("SVC-LOADBALANCER",))
def ingress_by_the_balancer(do: Injection) -> None:
    """A Windows pod's packets to a load balancer leave its node untranslated, and come back from the balancer."""
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
    """Linux nodes let every client in to the address of a load balancer, whatever ranges its Service names."""
    _each(do, lambda service: replace(service, source_ranges=()), "linux")


@fault("source-ranges-on-windows", kills=("SVC-SRCRANGES",))
def source_ranges_on_windows(do: Injection) -> None:
    """Windows nodes keep everybody from the address of a load balancer whose Service names ranges of sources."""
    _each(do, lambda one: replace(one, ingress_ips=()) if one.source_ranges else one, "windows")


@fault("host-ports-closed", kills=("SVC-HOSTPORT",))
def host_ports_closed(do: Injection) -> None:
    """A node drops what comes in for the port that leads to one of its pods."""
    for node in do.nodes():
        rule = f'iifname "eth0" meta l4proto {{ tcp, udp }} th dport {HOST_PORT} drop'
        do.rules(node.host, "inet", chain("prerouting", -150, rule))


@fault("outer-hairpin-lost", kills=("SVC-HAIRPIN-EXTERNAL",))
def outer_hairpin_lost(do: Injection) -> None:
    """What a pod sends to itself by way of its own node is dropped once it is translated; others are served."""

    def lost(node: Node, pod: Pod) -> None:
        own = [f"{KEYWORD[family_of(ip)]} saddr {ip}" for ip in pod.addresses]
        drops = [f"ct status dnat ct original {one} ct reply {one} drop" for one in own]
        do.rules(node.host, "inet", chain("forward", 0, *drops))

    do.for_each_pod(lost)


@fault("local-policy-ignored", kills=("CLIENTIP-ETPLOCAL", "CLIENTIP-NOFWD"))
def local_policy_ignored(do: Injection) -> None:
    """Every node forwards to every backend with its own source, also where externalTrafficPolicy is Local."""
    _each(do, lambda service: replace(service, external_local=False))


@fault("local-node-ports-lost", kills=("KI-204-ETPLOCAL-WORKAROUND", "CLIENTIP-ETPLOCAL"))
def local_node_ports_lost(do: Injection) -> None:
    """Windows nodes serve no node port of a Service whose externalTrafficPolicy is Local; others work."""
    _each(do, lambda one: replace(one, node_port=None) if one.external_local else one, "windows")


@fault("health-ports-closed", kills=("HEALTHNODEPORT",))
def health_ports_closed(do: Injection) -> None:
    """Nobody listens at the health check ports of Services: the connection is refused."""
    for node in do.nodes():
        rule = f"tcp dport {NODE_PORTS} ct status & dnat == 0 reject with tcp reset"
        do.rules(node.host, "inet", chain("input", -150, rule))


@fault("node-port-sources-kept", kills=("DSR-NODEPORT-NOT",))
def node_port_sources_kept(do: Injection) -> None:
    """Windows nodes send on what comes to outer addresses with the client's own source, as for a cluster IP."""
    for node in do.nodes("windows"):
        kept = f"ct mark set ct mark & {0xFFFFFFFF ^ (SOURCE_VIP | SOURCE_NODE):#x}"
        do.rules(node.host, "inet", chain("postrouting", 90, kept))


@fault("destinations-translated", kills=("PRESERVE-DEST", "PRESERVE-DEST-NOFWD"))
def destinations_translated(do: Injection) -> None:
    """Windows nodes do not know the annotation preserve-destination: the address is translated, and nodes forward."""
    _each(do, lambda service: replace(service, preserve_destination=False), "windows")
