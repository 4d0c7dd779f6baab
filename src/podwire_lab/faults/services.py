"""Faults of Services: dead or wrong backends, hidden sources, missing rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from podwire.model.facts import FAMILIES, OS, Family, family_of
from podwire_lab.faults.fault import DNS_PORT, ECHO_PORT, PROXIED, Injection, chain, fault
from podwire_lab.linux.data_path import KEYWORD
from podwire_lab.model.addresses import SERVICE_NETWORK
from podwire_lab.model.interfaces import EndpointRule, ServiceRule
from podwire_lab.network.hosts import Pod
from podwire_lab.network.node import Node

BY_ADDRESS_AND_NAME = ("FLOW-POD-SVC-CLUSTER-IP", "FLOW-POD-SVC-SHORT-NAME", "FLOW-POD-SVC-FQDN")
ECHO_REQUEST: Mapping[Family, str] = {"ipv4": "icmp type echo-request", "ipv6": "icmpv6 type echo-request"}
SECOND_PORT = 81  # the second port of a Service that has two
NOBODY = 250  # the host number of a pod address that a lab of this size never assigns


NOBODYS_PORT = 18997


def change_each(do: Injection, change: Callable[[ServiceRule], ServiceRule], nodes: Sequence[Node] = ()) -> None:
    """Change every Service, on all nodes or on the nodes given."""
    for node in nodes or do.nodes():
        do.rewrite(node, lambda services: [change(service) for service in services])


@fault("service-with-dead-backend", kills=BY_ADDRESS_AND_NAME)
def service_with_dead_backend(do: Injection) -> None:
    """Every Service but DNS has an additional backend, an address that nobody has: some flows get no answer."""

    def with_dead(service: ServiceRule) -> ServiceRule:
        if service.port == DNS_PORT or not service.endpoints:
            return service
        node = next((n for n in do.nodes() if n.name == service.endpoints[0].node), do.nodes()[0])
        dead = EndpointRule(address=node.plan.pod_address(service.family, NOBODY), node=node.name)
        return replace(service, endpoints=(*service.endpoints, dead))

    for node in do.nodes():
        do.rewrite(node, lambda services: [with_dead(service) for service in services])


@fault("udp-stays-with-gone-backend", kills=("SVC-UDP-BACKEND-GONE",))
def udp_stays_with_gone_backend(do: Injection) -> None:
    """No node forgets its tracked UDP flows when their backend is gone: sockets that go on sending keep it."""
    for node in do.nodes():
        node.rules.keeps_backends = True
        do.undone_by(partial(setattr, node.rules, "keeps_backends", False))


@fault("service-with-wrong-backend", kills=BY_ADDRESS_AND_NAME)
def service_with_wrong_backend(do: Injection) -> None:
    """Every Service but DNS leads to the backends of another Service, which answer with their own names."""

    def misled(services: Sequence[ServiceRule]) -> list[ServiceRule]:
        kinds: dict[tuple[object, ...], list[ServiceRule]] = {}
        for service in services:
            if service.port != DNS_PORT and service.endpoints:
                kinds.setdefault((service.family, service.protocol, service.target_port), []).append(service)
        return [_with_backends_of_another(service, kinds) for service in services]

    for node in do.nodes():
        do.rewrite(node, misled)


def _with_backends_of_another(
    service: ServiceRule, kinds: Mapping[tuple[object, ...], list[ServiceRule]]
) -> ServiceRule:
    """The Service with the backends of the next Service of its kind that has different ones."""
    group = kinds.get((service.family, service.protocol, service.target_port), [])
    if service not in group:
        return service
    place = group.index(service)
    candidates = (peer for peer in group[place:] + group[:place] if peer.endpoints != service.endpoints)
    return replace(service, endpoints=next(candidates, service).endpoints)


@fault("service-not-programmed", kills=BY_ADDRESS_AND_NAME)
def service_not_programmed(do: Injection) -> None:
    """kube-proxy on Windows nodes programs DNS and no other Service: packets leave with the Service's address."""
    for node in do.nodes("windows"):
        do.rewrite(node, lambda services: [service for service in services if service.port == DNS_PORT])


@fault("service-source-hidden", kills=("DSR-SOURCEIP", "DSR-RETURN", "DSR-ENABLE", "DSR-MINOS"), profiles=PROXIED)
def service_source_hidden(do: Injection) -> None:
    """Backends see a Windows node instead of the pod, although kube-proxy has DSR enabled."""
    for node in do.nodes("windows"):
        other_dsr(do, node, dsr=False)


def other_dsr(do: Injection, node: Node, *, dsr: bool) -> None:
    """Give the node the opposite of its kube-proxy's DSR setting."""
    before, node.profile = node.profile, node.profile.with_dsr(dsr)
    node.rules.refresh()

    def undo() -> None:
        node.profile = before
        node.rules.refresh()

    do.undone_by(undo)


@fault("service-answers-untranslated", kills=("FLOW-POD-SVC-CLUSTER-IP",))
def service_answers_untranslated(do: Injection) -> None:
    """The answer of a backend on the client's own node comes from the backend's address instead of the Service's."""
    for node in do.nodes():
        for family in ("iptables", "ip6tables"):
            do.sysctl(node.host.netns, f"net/bridge/bridge-nf-call-{family}", "0")


@fault("udp-service-of-one-backend", kills=("SVC-UDP",))
def udp_service_of_one_backend(do: Injection) -> None:
    """All datagrams to a Service reach the first of its backends."""

    def first_only(service: ServiceRule) -> ServiceRule:
        return replace(service, endpoints=service.endpoints[:1]) if service.protocol == "udp" else service

    change_each(do, first_only)


@fault("second-port-to-the-first-target", kills=("SVC-MULTIPORT",))
def second_port_to_the_first_target(do: Injection) -> None:
    """The second port of a Service leads to the first port of the pod."""

    def to_the_first(service: ServiceRule) -> ServiceRule:
        if service.port != SECOND_PORT:
            return service
        ends = tuple(replace(endpoint, port=ECHO_PORT) for endpoint in service.endpoints)
        return replace(service, target_port=ECHO_PORT, endpoints=ends)

    change_each(do, to_the_first)


@fault("one-target-port-for-all", kills=("SVC-HETERO-TARGETPORT",))
def one_target_port_for_all(do: Injection) -> None:
    """A Linux node sends to the same target port in all pods; pods that listen on another port refuse."""

    def alike(service: ServiceRule) -> ServiceRule:
        return replace(service, endpoints=tuple(replace(e, port=service.target_port) for e in service.endpoints))

    change_each(do, alike, nodes=do.nodes("linux"))


@fault("no-endpoints-no-refusal", kills=("SVC-NO-ENDPOINTS", "SVC-LB-ALL-NOTREADY"))
def no_endpoints_no_refusal(do: Injection) -> None:
    """A Linux node stays silent, instead of refusing, for a Service without an endpoint."""
    for node in do.nodes("linux"):
        do.rewrite(node, lambda services: [s for s in services if any(e.ready for e in s.endpoints)])
        do.rules(
            node.host,
            "inet",
            chain("input", -120, "meta l4proto . th dport { tcp . 30000-32767, udp . 30000-32767 } drop"),
        )


@fault("not-ready-counts-as-ready", kills=("SVC-LB-ALL-NOTREADY",))
def not_ready_counts_as_ready(do: Injection) -> None:
    """A Service sends connections to pods that are not ready."""
    change_each(do, all_ready)


def all_ready(service: ServiceRule) -> ServiceRule:
    return replace(service, endpoints=tuple(replace(e, ready=True, serving=True) for e in service.endpoints))


@fault("terminating-pods-left-out", kills=("SVC-TERMINATING-CIP",))
def terminating_pods_left_out(do: Injection) -> None:
    """A terminating pod gets no more connections, although its Service has no other pod."""

    def without(service: ServiceRule) -> ServiceRule:
        return replace(service, endpoints=tuple(e for e in service.endpoints if not e.terminating))

    change_each(do, without)


@fault("windows-serves-terminating-pods", kills=("SVC-TERMINATING-CIP",))
def windows_serves_terminating_pods(do: Injection) -> None:
    """Windows nodes turn to terminating pods that serve, for every Service, as Linux nodes do: a mended kube-proxy."""

    def kept(service: ServiceRule) -> ServiceRule:
        if any(endpoint.ready for endpoint in service.endpoints):
            return service
        ends = tuple(replace(e, ready=e.serving, terminating=False) for e in service.endpoints)
        return replace(service, endpoints=ends)

    change_each(do, kept, do.nodes("windows"))


@fault("windows-leaves-out-pods-not-ready", kills=("SVC-LB-ALL-NOTREADY",))
def windows_leaves_out_pods_not_ready(do: Injection) -> None:
    """Load balancers of Windows nodes have no pods that do not serve, whatever the Service: a mended kube-proxy."""
    change_each(
        do,
        lambda service: replace(service, endpoints=tuple(e for e in service.endpoints if e.serving)),
        do.nodes("windows"),
    )


@fault("windows-target-port-of-nobody", kills=("SVC-HETERO-TARGETPORT",))
def windows_target_port_of_nobody(do: Injection) -> None:
    """On Windows nodes a named port leads to a number at which no pod listens, where pods have several for it."""

    def to_nobody(service: ServiceRule) -> ServiceRule:
        if len({endpoint.port for endpoint in service.endpoints}) < 2:
            return service
        ends = tuple(replace(endpoint, port=NOBODYS_PORT) for endpoint in service.endpoints)
        return replace(service, target_port=NOBODYS_PORT, endpoints=ends)

    change_each(do, to_nobody, do.nodes("windows"))


@fault("host-backends-left-out", kills=("SVC-HOSTNET-BACKEND-SAMENODE",))
def host_backends_left_out(do: Injection) -> None:
    """No connection to a Service reaches a pod on the host network, on any node."""
    hosts = {address for node in do.nodes() for address in node.addresses}

    def without(service: ServiceRule) -> ServiceRule:
        return replace(service, endpoints=tuple(e for e in service.endpoints if e.address not in hosts))

    change_each(do, without)


@fault("cluster-ip-answers-ping", kills=("SVC-VIP-ICMP",))
def cluster_ip_answers_ping(do: Injection) -> None:
    """A Windows node answers echo requests to cluster IPs itself, with the Service's address."""
    for node in do.nodes("windows"):
        rules = [
            f"{KEYWORD[family]} daddr {SERVICE_NETWORK[family]} {ECHO_REQUEST[family]} redirect" for family in FAMILIES
        ]
        do.rules(node.host, "inet", chain("prerouting", -101, *rules, kind="nat"))


@fault("cluster-ip-not-for-nodes", kills=("SVC-NODE-VIP",))
def cluster_ip_not_for_nodes(do: Injection) -> None:
    """A Linux node drops its own packets to cluster IPs."""
    for node in do.nodes("linux"):
        rules = [f"{KEYWORD[family]} daddr {SERVICE_NETWORK[family]} drop" for family in FAMILIES]
        do.rules(node.host, "inet", chain("output", -150, *rules))


@fault("hairpin-without-its-source", kills=("SVC-HAIRPIN",))
def hairpin_without_its_source(do: Injection) -> None:
    """A pod gets no packet from a Service that leads back to itself: the node drops it before translation."""
    drop_hairpins(do, ("linux", "windows"))


def drop_hairpins(do: Injection, systems: Sequence[OS]) -> None:
    """Drop hairpin packets of the pods on nodes of these systems."""

    def drop(node: Node, pod: Pod) -> None:
        rules = [
            f"{KEYWORD[family_of(ip)]} saddr {ip} {KEYWORD[family_of(ip)]} daddr {ip} drop" for ip in pod.addresses
        ]
        if node.os in systems:
            do.rules(node.host, "inet", chain("forward", -1, *rules))

    do.for_each_pod(drop)


@fault("twin-loses-its-endpoints", kills=("SVC-SHARED-ENDPOINTS",))
def twin_loses_its_endpoints(do: Injection) -> None:
    """When a Service is deleted, another Service with the same backends leads nowhere."""
    for node in do.nodes():
        known: dict[tuple[object, ...], ServiceRule] = {}

        def lost(
            services: Sequence[ServiceRule], known: dict[tuple[object, ...], ServiceRule] = known
        ) -> list[ServiceRule]:
            present = {_key(service) for service in services}
            deleted = {known[key].endpoints for key in known.keys() - present if known[key].endpoints}
            known.update((_key(service), service) for service in services)
            return [replace(s, endpoints=()) if s.endpoints in deleted else s for s in services]

        do.rewrite(node, lost)


@fault("deleted-services-stay", kills=("SVC-SHARED-ENDPOINTS", "SVC-RECREATE"))
def deleted_services_stay(do: Injection) -> None:
    """The address of a deleted Service still leads to its backends."""
    keep_deleted(do, do.nodes())


def keep_deleted(do: Injection, nodes: Sequence[Node]) -> None:
    """The proxies of these nodes keep every deleted Service."""
    for node in nodes:
        known: dict[tuple[object, ...], ServiceRule] = {}

        def stale(
            services: Sequence[ServiceRule], known: dict[tuple[object, ...], ServiceRule] = known
        ) -> list[ServiceRule]:
            known.update((_key(service), service) for service in services)
            return list(known.values())

        do.rewrite(node, stale)


def _key(service: ServiceRule) -> tuple[object, ...]:
    return service.name, service.address, service.protocol, service.port
