"""Faults that show when pods behind a Service are deleted and serve until their grace period ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from podwire_lab.faults.fault import Injection, fault
from podwire_lab.faults.services import change_each
from podwire_lab.kernel import conntrack
from podwire_lab.model.interfaces import ServiceRule
from podwire_lab.network.node import Node

ANY_MARK = 0


def _as_ready(service: ServiceRule) -> ServiceRule:
    ends = tuple(replace(end, ready=end.ready or end.serving, terminating=False) for end in service.endpoints)
    return replace(service, endpoints=ends)


@fault("leaving-pods-get-new-connections", kills=("CHURN-DRAIN",))
def leaving_pods_get_new_connections(do: Injection) -> None:
    """Linux nodes go on to lead new connections to pods that terminate, though another pod is ready."""
    change_each(do, _as_ready, do.nodes("linux"))


@fault("windows-leaving-pods-get-new-connections", kills=("CHURN-DRAIN",))
def windows_leaving_pods_get_new_connections(do: Injection) -> None:
    """Windows nodes go on to lead new connections to pods that terminate, though another pod is ready."""
    change_each(do, _as_ready, do.nodes("windows"))


@fault("connections-to-leaving-pods-cut", kills=("CHURN-DRAIN",))
def connections_to_leaving_pods_cut(do: Injection) -> None:
    """Linux nodes forget the open connections to a pod as soon as it terminates."""
    _forget_leaving(do, do.nodes("linux"))


@fault("windows-connections-to-leaving-pods-cut", kills=("CHURN-DRAIN",))
def windows_connections_to_leaving_pods_cut(do: Injection) -> None:
    """Windows nodes forget the open connections to a pod as soon as it terminates: HNS before 15.5 deletes a load
    balancer and makes another one where newer ones change it (hcsshim, hcnglobals: ModifyLoadbalancer)."""
    _forget_leaving(do, do.nodes("windows"))


def _forget_leaving(do: Injection, nodes: Sequence[Node]) -> None:
    for node in nodes:
        do.rewrite(node, _Forgetting(node))


class _Forgetting:
    """Leaves Services as they are, and forgets the connections to pods that terminate, once each."""

    def __init__(self, node: Node) -> None:
        self._node, self._done = node, set[tuple[str, int, str]]()

    def __call__(self, services: Sequence[ServiceRule]) -> Sequence[ServiceRule]:
        leaving: dict[tuple[str, int], set[str]] = {}
        for service in services:
            for end in service.endpoints:
                entry = (service.address, service.port, end.address)
                if end.terminating and entry not in self._done:
                    self._done.add(entry)
                    leaving.setdefault((service.address, service.port), set()).add(end.address)
        if leaving:
            conntrack.forget_backends(self._node.host.netns, leaving, ANY_MARK)
        return services
