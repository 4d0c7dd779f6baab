"""Faults of HNS over time: the states of endpoints, MACs of the virtual switch, load balancers left over, restarts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from podwire_lab.faults.fault import PROXIED, Injection, fault
from podwire_lab.faults.listings import list_differently
from podwire_lab.model.interfaces import ServiceRule
from podwire_lab.model.profiles import PROFILES
from podwire_lab.network.hosts import Pod
from podwire_lab.network.node import Node

CREATED, DETACHED = 1, 4  # hcsshim, hnsendpoint.go: EndpointState


def _in_state(do: Injection, state: int, *, later_only: bool) -> None:
    """HNS lists the endpoints of pods on Windows nodes in this state; `later_only` leaves out each node's first pod."""

    def listed(node: Node, pod: Pod) -> None:
        if node.os == "windows" and not (later_only and pod is next(iter(node.pods))):
            node.hns_changes.setdefault("states", {}).update(dict.fromkeys(pod.addresses, state))

    for node in do.nodes("windows"):
        do.undone_by(partial(node.hns_changes.pop, "states", None))
    do.for_each_pod(listed)


@fault("hns-endpoints-detached", kills=("HNS-ENDPOINT-STATE",), profiles=tuple(PROFILES))
def endpoints_detached(do: Injection) -> None:
    """HNS on Windows nodes lists the endpoints of pods as detached."""
    _in_state(do, DETACHED, later_only=False)


@fault("hns-endpoints-of-later-pods-in-another-state", kills=("HNS-ENDPOINT-STATE",), profiles=tuple(PROFILES))
def later_endpoints_in_another_state(do: Injection) -> None:
    """HNS on Windows nodes lists the endpoint of the first pod in another state than those of later pods."""
    _in_state(do, CREATED, later_only=True)


@fault("vmswitch-mac-twice", kills=("HNS-MAC-UNIQUE",), profiles=tuple(PROFILES))
def mac_twice(do: Injection) -> None:
    """The virtual switch of Windows nodes has a second port with the MAC of a pod."""
    list_differently(do, more_ports=1)


@fault("hns-load-balancers-twice", kills=("HNS-LB-COUNT",), profiles=PROXIED)
def load_balancers_twice(do: Injection) -> None:
    """HNS on Windows nodes lists a second load balancer for each address and port."""
    list_differently(do, copies=2)


@fault("hns-load-balancers-stay-without-endpoints", kills=("HNS-LB-COUNT", "SVC-LB-ALL-NOTREADY"), profiles=PROXIED)
def load_balancers_stay_without_endpoints(do: Injection) -> None:
    """On Windows nodes the load balancers of a Service stay when its last endpoint goes or stops being ready."""
    for node in do.nodes("windows"):
        last: dict[str, ServiceRule] = {}

        def kept(services: Sequence[ServiceRule], last: dict[str, ServiceRule] = last) -> list[ServiceRule]:
            for service in services:
                if any(endpoint.ready for endpoint in service.endpoints):
                    last[_key(service)] = service
            return [
                service if any(endpoint.ready for endpoint in service.endpoints) else last.get(_key(service), service)
                for service in services
            ]

        do.rewrite(node, kept)


def _key(service: ServiceRule) -> str:
    return f"{service.name} {service.address} {service.protocol} {service.port}"


def _at_the_first_loss(do: Injection, node: Node, happens: partial[None]) -> None:
    """Do something, once, when a ready endpoint of any Service is gone or not ready any more."""
    known: set[str] = set()
    done: list[bool] = []

    def watched(services: Sequence[ServiceRule]) -> Sequence[ServiceRule]:
        ready = {f"{_key(service)} {end.address}" for service in services for end in service.endpoints if end.ready}
        if known - ready and not done:
            done.append(True)
            happens()
        known.update(ready)
        return services

    do.rewrite(node, watched)


@fault("windows-kube-proxy-restarts", kills=("HNS-RESTART",), profiles=PROXIED)
def kube_proxy_restarts(do: Injection) -> None:
    """kube-proxy on Windows nodes ends when an endpoint goes, and is started again."""
    for node in do.nodes("windows"):
        _at_the_first_loss(do, node, partial(_restart_proxy, node))


def _restart_proxy(node: Node) -> None:
    node.processes.restart_proxy()
    node.rules.load_balancers.forget()


@fault("windows-hns-restarts", kills=("HNS-RESTART",), profiles=PROXIED)
def hns_restarts(do: Injection) -> None:
    """HNS on Windows nodes ends when an endpoint goes, and starts again; kube-proxy makes its load balancers anew."""
    for node in do.nodes("windows"):
        _at_the_first_loss(do, node, partial(_restart_hns, node))


def _restart_hns(node: Node) -> None:
    node.processes.restart_hns()
    node.rules.load_balancers.forget()
