"""Faults of HNS over time: the states of endpoints, MACs of the virtual switch, load balancers left over, restarts."""

from __future__ import annotations

from functools import partial

from podwire_lab.faults.fault import PROXIED, Injection, fault
from podwire_lab.faults.listings import list_differently
from podwire_lab.faults.over_time.proxy_history import CREATED, Services, at_the_first_loss
from podwire_lab.network.hosts import Pod
from podwire_lab.network.node import Node

DETACHED = 4  # hcsshim, hnsendpoint.go: EndpointState


def _in_state(do: Injection, state: int, *, later_only: bool) -> None:
    """HNS lists the endpoints of pods on Windows nodes in this state; `later_only` leaves out each node's first pod."""

    def listed(node: Node, pod: Pod) -> None:
        if node.os == "windows" and not (later_only and pod is next(iter(node.pods))):
            node.hns_changes.setdefault("states", {}).update(dict.fromkeys(pod.addresses, state))

    for node in do.nodes("windows"):
        do.undone_by(partial(node.hns_changes.pop, "states", None))
    do.for_each_pod(listed)


@fault("hns-endpoints-detached", kills=("HNS-ENDPOINT-STATE",))
def endpoints_detached(do: Injection) -> None:
    """HNS on Windows nodes lists the endpoints of pods as detached."""
    _in_state(do, DETACHED, later_only=False)


@fault("hns-endpoints-of-later-pods-in-another-state", kills=("HNS-ENDPOINT-STATE",))
def later_endpoints_in_another_state(do: Injection) -> None:
    """HNS on Windows nodes lists the endpoint of the first pod in another state than those of later pods."""
    _in_state(do, CREATED, later_only=True)


@fault("vmswitch-mac-twice", kills=("HNS-MAC-UNIQUE",))
def mac_twice(do: Injection) -> None:
    """The virtual switch of Windows nodes has a second port with the MAC of a pod."""
    list_differently(do, more_ports=1)


@fault("hns-load-balancers-twice", kills=("HNS-LB-COUNT",), profiles=PROXIED)
def load_balancers_twice(do: Injection) -> None:
    """HNS on Windows nodes lists a second load balancer for each address and port."""
    list_differently(do, copies=2)


@fault("windows-kube-proxy-restarts", kills=("HNS-RESTART",), profiles=PROXIED)
def kube_proxy_restarts(do: Injection) -> None:
    """kube-proxy on Windows nodes ends when an endpoint goes, and is started again."""
    for node in do.nodes("windows"):
        at_the_first_loss(do, node, partial(_restart_proxy, node), _as_they_are)


@fault("windows-hns-restarts", kills=("HNS-RESTART",))
def hns_restarts(do: Injection) -> None:
    """HNS on Windows nodes ends when an endpoint goes, and starts again; kube-proxy makes its load balancers anew."""
    for node in do.nodes("windows"):
        at_the_first_loss(do, node, partial(_restart_hns, node), _as_they_are)


def _restart_proxy(node: Node) -> None:
    node.processes.restart_proxy()
    node.rules.load_balancers.forget()


def _restart_hns(node: Node) -> None:
    node.processes.restart_hns()
    node.rules.load_balancers.forget()


def _as_they_are(before: Services, services: Services) -> Services:
    return services
