"""Faults that show once kube-proxy or HNS of a Windows node was restarted (`Node.restart`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from podwire_lab.faults.fault import BRIDGED, OVERLAY, PROXIED, Injection, chain, fault
from podwire_lab.faults.over_time.hns import DETACHED
from podwire_lab.model.interfaces import ServiceRule
from podwire_lab.model.profiles import PROFILES
from podwire_lab.network.node import Node

RESTARTABLE = tuple(name for name in PROXIED if name in (*OVERLAY, *BRIDGED))


def _once_restarted(do: Injection, node: Node, program: str, happens: Callable[[], object]) -> None:
    """Do something each time this program of the node was restarted."""
    node.processes.restarted[do.name] = {program: happens}

    def undo() -> None:
        del node.processes.restarted[do.name]

    do.undone_by(undo)


def _programs_none(do: Injection, node: Node, program: str) -> None:
    """Once the program was restarted, the node has no load balancer."""
    gone: list[bool] = []

    def left(services: Sequence[ServiceRule]) -> Sequence[ServiceRule]:
        return [] if gone else services

    do.rewrite(node, left)
    _once_restarted(do, node, program, lambda: gone.append(True))


@fault("windows-restarted-kube-proxy-programs-nothing", kills=("CHURN-KUBEPROXY-RESTART",), profiles=RESTARTABLE)
def restarted_kube_proxy_programs_nothing(do: Injection) -> None:
    """kube-proxy on Windows nodes deletes all load balancers when it starts again, and makes none."""
    for node in do.nodes("windows"):
        _programs_none(do, node, "kube-proxy")


@fault("windows-restarted-kube-proxy-makes-a-second-set", kills=("CHURN-KUBEPROXY-RESTART",), profiles=RESTARTABLE)
def restarted_kube_proxy_makes_a_second_set(do: Injection) -> None:
    """HNS on Windows nodes keeps its load balancers when kube-proxy starts again and makes each of them once more."""
    for node in do.nodes("windows"):
        _once_restarted(do, node, "kube-proxy", partial(node.hns_changes.update, copies=2))
        do.undone_by(partial(node.hns_changes.pop, "copies", None))


@fault("windows-restarted-hns-has-no-load-balancers", kills=("CHURN-HNS-RESTART",), profiles=RESTARTABLE)
def restarted_hns_has_no_load_balancers(do: Injection) -> None:
    """HNS on Windows nodes has no load balancers when it starts again, and kube-proxy does not notice."""
    for node in do.nodes("windows"):
        _programs_none(do, node, "hns")


@fault("windows-restarted-hns-leaves-pods-detached", kills=("CHURN-HNS-RESTART",), profiles=RESTARTABLE)
def restarted_hns_leaves_pods_detached(do: Injection) -> None:
    """HNS on Windows nodes lists the endpoints of pods as detached when it starts again."""

    def detach(node: Node) -> None:
        node.hns_changes["states"] = {address: DETACHED for pod in node.pods for address in pod.addresses}

    for node in do.nodes("windows"):
        _once_restarted(do, node, "hns", partial(detach, node))
        do.undone_by(partial(node.hns_changes.pop, "states", None))


_TUNNELLED = tuple(name for name in OVERLAY if name in RESTARTABLE and PROFILES[name].tunnel)


@fault("windows-restarted-hns-drops-tunnelled-packets", kills=("CHURN-HNS-RESTART",), profiles=_TUNNELLED)
def restarted_hns_drops_tunnelled_packets(do: Injection) -> None:
    """Windows nodes drop what comes through the tunnel once HNS was restarted (Windows-Containers issue 61)."""
    tunnel = do.network.profile.tunnel
    assert tunnel is not None
    for node in do.nodes("windows"):
        drop = chain("prerouting", -350, f"udp dport {tunnel.port} drop")
        _once_restarted(do, node, "hns", partial(do.rules, node.host, "inet", drop))
