"""Faults of kube-proxy on Windows nodes that show when something changes: what it forgets, keeps or never programs.

`suites/regressions.yaml` names release, date and report of those that were reported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from podwire_lab.faults.fault import PROXIED, Injection, chain, fault
from podwire_lab.model.interfaces import ServiceRule
from podwire_lab.network.hosts import Pod
from podwire_lab.network.node import Node

CREATED = 1  # hcsshim, hnsendpoint.go: EndpointState
Services = Sequence[ServiceRule]


def key(service: ServiceRule) -> str:
    """What stays the same of a Service port when its endpoints change."""
    return f"{service.name} {service.address} {service.protocol} {service.port}"


def at_the_first_loss(
    do: Injection, node: Node, happens: Callable[[], object], then: Callable[[Services, Services], Services]
) -> None:
    """Do something when a ready endpoint of any Service is gone, or not ready any more, for the first time.

    From then on the node's proxy programs what `then` makes of the Services at that moment, before the loss, and of the
    Services of each sync.
    """
    before: list[ServiceRule] = []
    done: list[bool] = []

    def changed(services: Services) -> Services:
        if not done and _ready(before) - _ready(services):
            done.append(True)
            happens()
        if not done:
            before[:] = services
        return then(tuple(before), services) if done else services

    do.rewrite(node, changed)


def _ready(services: Services) -> set[str]:
    return {f"{key(service)} {end.address}" for service in services for end in service.endpoints if end.ready}


@fault("windows-node-ports-end-with-readiness", kills=("SVC-LB-ALL-NOTREADY",), profiles=PROXIED)
def node_ports_end_with_readiness(do: Injection) -> None:
    """The node port of a LoadBalancer Service on a Windows node ends when all its pods stop being ready at once."""
    for node in do.nodes("windows"):
        node.rules.load_balancers.remembers = False
        do.undone_by(partial(setattr, node.rules.load_balancers, "remembers", True))


@fault("windows-load-balancers-stay-without-endpoints", kills=("HNS-LB-COUNT", "SVC-LB-ALL-NOTREADY"), profiles=PROXIED)
def load_balancers_stay_without_endpoints(do: Injection) -> None:
    """On Windows nodes the load balancers of a Service stay when its last endpoint goes or stops being ready."""
    for node in do.nodes("windows"):
        last: dict[str, ServiceRule] = {}

        def kept(services: Services, last: dict[str, ServiceRule] = last) -> Services:
            served = [service for service in services if any(end.ready for end in service.endpoints)]
            last.update((key(service), service) for service in served)
            return [service if service in served else last.get(key(service), service) for service in services]

        do.rewrite(node, kept)


@fault("windows-lost-load-balancers-stay-lost", kills=("HNS-LB-COUNT", "SVC-SHARED-ENDPOINTS"), profiles=PROXIED)
def lost_load_balancers_stay_lost(do: Injection) -> None:
    """HNS on Windows nodes loses its load balancers once, and kube-proxy makes only those of changed Services anew."""

    def unchanged_left_out(before: Services, services: Services) -> Services:
        return [service for service in services if service not in before]

    for node in do.nodes("windows"):
        at_the_first_loss(do, node, lambda: None, unchanged_left_out)


@fault(
    "windows-load-balancers-cannot-be-replaced",
    kills=("HNS-RESTART", "HNS-LB-COUNT", "SVC-SHARED-ENDPOINTS"),
    profiles=PROXIED,
)
def load_balancers_cannot_be_replaced(do: Injection) -> None:
    """HNS on Windows nodes restarts, and the load balancers of then stay: kube-proxy cannot delete or replace them."""

    def with_the_old(before: Services, services: Services) -> Services:
        old = {key(service) for service in before}
        return [*before, *(service for service in services if key(service) not in old)]

    for node in do.nodes("windows"):
        at_the_first_loss(do, node, node.processes.restart_hns, with_the_old)


@fault("windows-kube-proxy-panics", kills=("HNS-RESTART", "HNS-LB-COUNT", "SVC-RECREATE"), profiles=PROXIED)
def kube_proxy_panics(do: Injection) -> None:
    """kube-proxy on Windows nodes ends and starts again at each change of Services, and programs none of them."""

    def as_before(node: Node, before: Services, services: Services) -> Services:
        node.processes.restart_proxy()
        return before

    for node in do.nodes("windows"):
        at_the_first_loss(do, node, lambda: None, partial(as_before, node))


@fault("windows-kube-proxy-does-not-start", kills=("HNS-LB-COUNT", "FLOW-POD-SVC-CLUSTER-IP"), profiles=PROXIED)
def kube_proxy_does_not_start(do: Injection) -> None:
    """kube-proxy on Windows nodes ends when it starts: there is no such process, and no Service has a load balancer."""
    for node in do.nodes("windows"):
        node.processes.without_proxy = True
        do.undone_by(partial(setattr, node.processes, "without_proxy", False))
        do.rewrite(node, lambda services: [])


@fault("windows-later-pods-not-attached", kills=("HNS-ENDPOINT-STATE", "FLOW-POD-POD-IP"))
def later_pods_not_attached(do: Injection) -> None:
    """Pods of a Windows node, except for its first, have no network: HNS made their endpoints and attached none."""

    def cut_off(node: Node, pod: Pod) -> None:
        if node.os == "windows" and pod is not next(iter(node.pods)):
            node.hns_changes.setdefault("states", {}).update(dict.fromkeys(pod.addresses, CREATED))
            do.rules(pod.place, "inet", chain("input", -200, 'iifname != "lo" drop'))
            do.rules(pod.place, "inet", chain("output", -200, 'oifname != "lo" drop'))

    for node in do.nodes("windows"):
        do.undone_by(partial(node.hns_changes.pop, "states", None))
    do.for_each_pod(cut_off)


@fault("windows-remote-endpoint-shadows-a-pod", kills=("ARCH-HNS-RESOURCES", "FLOW-POD-SVC-SHORT-NAME"))
def remote_endpoint_shadows_a_pod(do: Injection) -> None:
    """HNS on Windows nodes has a remote endpoint with the address of each pod, and answers of DNS to them get lost."""

    def astray(node: Node, pod: Pod) -> None:
        if node.os == "windows":
            do.rules(
                pod.place, "inet", chain("input", -200, 'iifname != "lo" meta l4proto { tcp, udp } th sport 53 drop')
            )

    for node in do.nodes("windows"):
        node.hns_changes["endpoints"] = "remote-too"
        do.undone_by(partial(node.hns_changes.pop, "endpoints", None))
    do.for_each_pod(astray)
