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


def _programs_less(do: Injection, node: Node, program: str, kept: Callable[[ServiceRule], bool]) -> None:
    """Once the program was restarted, the node has load balancers for some Services only."""
    gone: list[bool] = []

    def left(services: Sequence[ServiceRule]) -> Sequence[ServiceRule]:
        return [service for service in services if kept(service)] if gone else services

    do.rewrite(node, left)
    _once_restarted(do, node, program, lambda: gone.append(True))


def _none(_: ServiceRule) -> bool:
    return False


@fault("windows-restarted-kube-proxy-programs-nothing", kills=("CHURN-KUBEPROXY-RESTART",), profiles=RESTARTABLE)
def restarted_kube_proxy_programs_nothing(do: Injection) -> None:
    """kube-proxy on Windows nodes deletes all load balancers when it starts again, and makes none."""
    for node in do.nodes("windows"):
        _programs_less(do, node, "kube-proxy", _none)


@fault("windows-restarted-kube-proxy-serves-tcp-only", kills=("CHURN-KUBEPROXY-RESTART",), profiles=RESTARTABLE)
def restarted_kube_proxy_serves_tcp_only(do: Injection) -> None:
    """kube-proxy on Windows nodes makes the load balancers of TCP ports and none of UDP ports when it starts again."""
    for node in do.nodes("windows"):
        _programs_less(do, node, "kube-proxy", lambda service: service.protocol == "tcp")


@fault("restarted-kube-proxy-of-one-node-programs-nothing", kills=("CHURN-KUBEPROXY-RESTART",), profiles=RESTARTABLE)
def restarted_kube_proxy_of_one_node_programs_nothing(do: Injection) -> None:
    """kube-proxy on one Windows node deletes all load balancers when it starts again, and makes none; all other nodes
    have theirs again."""
    _programs_less(do, do.nodes("windows")[-1], "kube-proxy", _none)


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
        _programs_less(do, node, "hns", _none)


@fault("windows-restarted-hns-makes-a-second-set", kills=("CHURN-HNS-RESTART",), profiles=RESTARTABLE)
def restarted_hns_makes_a_second_set(do: Injection) -> None:
    """HNS on Windows nodes restores its load balancers when it starts again, and kube-proxy makes each of them once
    more."""
    for node in do.nodes("windows"):
        _once_restarted(do, node, "hns", partial(node.hns_changes.update, copies=2))
        do.undone_by(partial(node.hns_changes.pop, "copies", None))


@fault("windows-restarted-hns-leads-nothing-to-pods", kills=("CHURN-HNS-RESTART",), profiles=RESTARTABLE)
def restarted_hns_leads_nothing_to_pods(do: Injection) -> None:
    """Windows nodes drop what comes from other nodes for their pods once HNS was restarted, though it lists the
    endpoints as attached."""
    for node in do.nodes("windows"):
        drop = chain("forward", -300, 'iifname != "cbr0" oifname "cbr0" drop')
        _once_restarted(do, node, "hns", partial(do.rules, node.host, "inet", drop))


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
