"""Faults of nodes that cut open connections to endpoints that stay, at some changes of their Service only."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from podwire_lab.faults.fault import ECHO_PORT, Injection, chain, fault
from podwire_lab.faults.losses import FORWARD
from podwire_lab.faults.over_time.churn import Key, key_of
from podwire_lab.kernel import conntrack
from podwire_lab.model.interfaces import ServiceRule
from podwire_lab.network.node import Node

ANY_MARK = 0
Ways = Callable[[ServiceRule], Sequence[tuple[str, int]]]
"""The addresses and ports of a Service whose connections are cut; `conntrack.ANYWHERE` is any address of a node."""
When = Callable[[ServiceRule, ServiceRule], bool]
"""Whether connections are cut, from the Service before a change and after it."""


def _addresses(service: ServiceRule) -> Sequence[tuple[str, int]]:
    return [(service.address, service.port), *_node_port(service), *_ingress(service)]


def _ingress(service: ServiceRule) -> Sequence[tuple[str, int]]:
    return [(address, service.port) for address in service.ingress_ips]


def _node_port(service: ServiceRule) -> Sequence[tuple[str, int]]:
    return [(conntrack.ANYWHERE, service.node_port)] if service.node_port else []


def _all(service: ServiceRule) -> set[str]:
    return {end.address for end in service.endpoints}


def _ready(service: ServiceRule) -> set[str]:
    return {end.address for end in service.endpoints if end.ready}


def _changed(before: ServiceRule, after: ServiceRule) -> bool:
    return bool(_ready(before)) and _ready(before) != _ready(after)


def _grown(before: ServiceRule, after: ServiceRule) -> bool:
    return bool(_all(before)) and _all(before) < _all(after)


def _less_ready(before: ServiceRule, after: ServiceRule) -> bool:
    return _all(before) == _all(after) and set() < _ready(after) < _ready(before)


class _Cutting:
    """Leaves Services as they are, and forgets their connections at some of their changes."""

    def __init__(self, node: Node, when: When, ways: Ways) -> None:
        self._node, self._when, self._ways = node, when, ways
        self._known: dict[Key, ServiceRule] = {}

    def __call__(self, services: Sequence[ServiceRule]) -> Sequence[ServiceRule]:
        lost: dict[tuple[str, int], set[str]] = {}
        for service in services:
            before = self._known.get(key_of(service), service)
            self._known[key_of(service)] = service
            if self._when(before, service):
                for way in self._ways(service):
                    lost.setdefault(way, set()).update(_all(before))
        if lost:
            conntrack.forget_backends(self._node.host.netns, lost, ANY_MARK)
        return services


def _cut(do: Injection, nodes: Sequence[Node], when: When, ways: Ways = _addresses) -> None:
    """Reset the connections that are forgotten: what comes on them belongs to none that the node knows."""
    unknown = f"tcp dport {ECHO_PORT} tcp flags & (syn | rst) == 0 ct state new reject with tcp reset"
    for node in nodes:
        do.rules(node.host, "inet", chain("forward", FORWARD, unknown))
        do.rewrite(node, _Cutting(node, when, ways))


@fault("node-port-connections-cut", kills=("STREAM-OTHER-BACKEND-GONE", "STREAM-OTHER-ENDPOINT"))
def node_port_connections_cut(do: Injection) -> None:
    """When the endpoints of a Service change, nodes cut all connections to its node port; those to its cluster IP live
    on."""
    _cut(do, do.nodes(), _changed, _node_port)


@fault("load-balancer-connections-cut", kills=("STREAM-OTHER-BACKEND-GONE", "STREAM-OTHER-ENDPOINT"))
def load_balancer_connections_cut(do: Injection) -> None:
    """When the endpoints of a Service change, nodes cut all connections to the address of its load balancer; those to
    its cluster IP and node port live on (kubernetes 113842)."""
    _cut(do, do.nodes(), _changed, _ingress)


@fault("an-added-endpoint-cuts-connections", kills=("STREAM-OTHER-ENDPOINT",))
def an_added_endpoint_cuts_connections(do: Injection) -> None:
    """When a Service gains an endpoint, nodes cut the open connections to those that it had."""
    _cut(do, do.nodes(), _grown)


@fault("windows-an-added-endpoint-cuts-connections", kills=("STREAM-OTHER-ENDPOINT",))
def windows_an_added_endpoint_cuts_connections(do: Injection) -> None:
    """When a Service gains an endpoint, Windows nodes cut the open connections to those that it had: HNS before 15.5
    deletes a load balancer and makes another one where newer ones change it (hcsshim, hcnglobals:
    ModifyLoadbalancer)."""
    _cut(do, do.nodes("windows"), _grown)


@fault("an-unready-endpoint-cuts-connections", kills=("STREAM-OTHER-ENDPOINT",))
def an_unready_endpoint_cuts_connections(do: Injection) -> None:
    """When one endpoint of a Service stops being ready, nodes cut the open connections to the others too."""
    _cut(do, do.nodes(), _less_ready)
