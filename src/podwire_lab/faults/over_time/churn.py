"""Faults that show when the endpoints of a Service change: lists that freeze, grow or come late."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from podwire.model.facts import Family
from podwire_lab.faults.fault import Injection, fault
from podwire_lab.model.interfaces import EndpointRule, ServiceRule
from podwire_lab.network.node import Node

WRITTEN_BY_HAND = 2
"""A list with fewer endpoints may be on its way: the endpoints of pods come one by one."""
LATE = 33.0
"""Seconds: later than a run admits where nobody says otherwise."""
ALL = ("CHURN-ADDED", "CHURN-REMOVED", "CHURN-REPLACED", "CHURN-NONE-AND-BACK", "CHURN-UNREADY", "CHURN-LOCAL")
Key = tuple[str, str, int, str]
NOBODY: Mapping[Family, str] = {"ipv4": "192.0.2.80", "ipv6": "2001:db8::80"}
"""Addresses of the documentation, which no packet carries."""


def key_of(service: ServiceRule) -> Key:
    return service.name, service.protocol, service.port, service.family


def with_history(do: Injection, node: Node, change: Callable[[ServiceRule, ServiceRule], ServiceRule]) -> None:
    """Change each Service that had a list of endpoints before; `change` gets what the node has of it, and the new."""
    held: dict[Key, ServiceRule] = {}

    def applied(services: Sequence[ServiceRule]) -> list[ServiceRule]:
        for service in services:
            before = held.get(key_of(service))
            full = before is not None and len(before.endpoints) >= WRITTEN_BY_HAND
            held[key_of(service)] = change(before, service) if before is not None and full else service
        return [held[key_of(service)] for service in services]

    do.rewrite(node, applied)


def frozen(before: ServiceRule, after: ServiceRule) -> ServiceRule:
    return replace(after, endpoints=before.endpoints)


@fault("hns-endpoint-list-frozen", kills=ALL)
def hns_endpoint_list_frozen(do: Injection) -> None:
    """Windows nodes go on with the endpoints that a Service had before it was scaled (kubernetes 131466)."""
    for node in do.nodes("windows"):
        with_history(do, node, frozen)


@fault("one-linux-node-applies-no-change", kills=("CHURN-ADDED", "CHURN-REMOVED", "CHURN-REPLACED"))
def one_linux_node_applies_no_change(do: Injection) -> None:
    """The proxy of one Linux node goes on with the endpoints that a Service had first; all other nodes follow."""
    with_history(do, do.nodes("linux")[1], frozen)


@fault("old-endpoints-kept", kills=("CHURN-REMOVED", "CHURN-REPLACED", "CHURN-UNREADY"))
def old_endpoints_kept(do: Injection) -> None:
    """Windows nodes add new endpoints to a Service and never take one away: some connections go to pods that left."""

    def grown(before: ServiceRule, after: ServiceRule) -> ServiceRule:
        new = {endpoint.address for endpoint in after.endpoints if endpoint.ready}
        return replace(after, endpoints=_together(new, before, after))

    for node in do.nodes("windows"):
        with_history(do, node, grown)


def _together(new: set[str], before: ServiceRule, after: ServiceRule) -> tuple[EndpointRule, ...]:
    left = (endpoint for endpoint in before.endpoints if endpoint.address not in new)
    return (*(endpoint for endpoint in after.endpoints if endpoint.address in new), *left)


@fault("changes-of-one-family-only", kills=("CHURN-ADDED", "CHURN-REPLACED"))
def changes_of_one_family_only(do: Injection) -> None:
    """All nodes apply changes of endpoints to the IPv6 addresses of a Service and not to its IPv4 addresses."""

    def half(before: ServiceRule, after: ServiceRule) -> ServiceRule:
        return after if after.family == "ipv6" else frozen(before, after)

    for node in do.nodes():
        with_history(do, node, half)


@fault("emptied-services-stay-empty", kills=("CHURN-NONE-AND-BACK",))
def emptied_services_stay_empty(do: Injection) -> None:
    """Windows nodes take away the load balancer of a Service that loses all its endpoints, and never make it again."""
    for node in do.nodes("windows"):
        emptied: set[Key] = set()
        full: set[Key] = set()

        def applied(
            services: Sequence[ServiceRule], emptied: set[Key] = emptied, full: set[Key] = full
        ) -> list[ServiceRule]:
            full |= {key_of(service) for service in services if len(service.endpoints) >= WRITTEN_BY_HAND}
            emptied |= {key_of(service) for service in services if not service.endpoints} & full
            return [replace(one, endpoints=()) if key_of(one) in emptied else one for one in services]

        do.rewrite(node, applied)


@fault("unready-endpoints-in-use", kills=("CHURN-UNREADY",))
def unready_endpoints_in_use(do: Injection) -> None:
    """Nodes go on using an endpoint that stops being ready, as long as it is in the list."""

    def trusting(before: ServiceRule, after: ServiceRule) -> ServiceRule:
        known = {endpoint.address: endpoint for endpoint in before.endpoints}
        return replace(after, endpoints=tuple(known.get(one.address, one) for one in after.endpoints))

    for node in do.nodes():
        with_history(do, node, trusting)


@fault("local-policy-forgotten-after-a-change", kills=("CHURN-LOCAL",))
def local_policy_forgotten_after_a_change(do: Injection) -> None:
    """Once endpoints change, the node port of a Service with externalTrafficPolicy Local leads to other nodes too."""

    def forgetful(before: ServiceRule, after: ServiceRule) -> ServiceRule:
        changed = before.endpoints != after.endpoints or not before.external_local
        return replace(after, external_local=False) if changed else after

    for node in do.nodes():
        with_history(do, node, forgetful)


OTHER_WAYS = ("CHURN-ADDED", "CHURN-REMOVED", "CHURN-REPLACED", "CHURN-NONE-AND-BACK", "CHURN-UNREADY", "CHURN-DRAIN")
"""What is asked by each node's own node ports and by the addresses of load balancers too."""


# Where it shows, clients go on asking node ports for half a minute, and a capture of that may be too full for the case
# in which nobody answers; `last-windows-node-port-keeps-old-endpoints` has that case.
@fault(
    "node-ports-keep-old-endpoints",
    kills=("CHURN-ADDED", "CHURN-REMOVED", "CHURN-REPLACED", "CHURN-UNREADY", "CHURN-DRAIN"),
)
def node_ports_keep_old_endpoints(do: Injection) -> None:
    """On Linux nodes the cluster IP of a Service follows its endpoints, and its node port leads to the first ones."""
    _apart(do.nodes("linux"), do, _without_node_port, _without_balancer)


@fault("last-windows-node-port-keeps-old-endpoints", kills=OTHER_WAYS)
def last_windows_node_port_keeps_old_endpoints(do: Injection) -> None:
    """On the last Windows node the node port of a Service leads to its first endpoints; all else there follows, and so
    do the node ports of other nodes."""
    _apart(do.nodes("windows")[-1:], do, _without_node_port, _without_balancer)


@fault("load-balancers-keep-old-endpoints", kills=OTHER_WAYS)
def load_balancers_keep_old_endpoints(do: Injection) -> None:
    """On Linux nodes the cluster IP of a Service follows its endpoints, and the addresses of its load balancer lead to
    the first ones."""
    _apart(do.nodes("linux"), do, _without_balancer, _without_node_port)


@fault("last-windows-load-balancer-keeps-old-endpoints", kills=OTHER_WAYS)
def last_windows_load_balancer_keeps_old_endpoints(do: Injection) -> None:
    """On the last Windows node the addresses of a Service's load balancer lead to its first endpoints; all else there
    follows, and so do other nodes."""
    _apart(do.nodes("windows")[-1:], do, _without_balancer, _without_node_port)


@fault("cloud-load-balancers-skip-health-checks", kills=("CHURN-LOCAL", "CLIENTIP-ETPLOCAL"))
def cloud_load_balancers_skip_health_checks(do: Injection) -> None:
    """A load balancer of the cloud sends to one node all the time, also when the Service has no endpoint there any
    more and externalTrafficPolicy is Local."""
    first = next(iter(do.network.nodes))
    do.network.quirks.routes = lambda routes: dict.fromkeys(routes, first)

    def undo() -> None:
        do.network.quirks.routes = None

    do.undone_by(undo)


def _without_node_port(service: ServiceRule) -> ServiceRule:
    return replace(service, node_port=None)


def _without_balancer(service: ServiceRule) -> ServiceRule:
    return replace(service, ingress_ips=())


def _apart(
    nodes: Sequence[Node],
    do: Injection,
    follows: Callable[[ServiceRule], ServiceRule],
    stays: Callable[[ServiceRule], ServiceRule],
) -> None:
    """Let one part of each Service follow its endpoints; the other part keeps the first full list."""
    for node in nodes:
        held: dict[Key, ServiceRule] = {}

        def applied(services: Sequence[ServiceRule], held: dict[Key, ServiceRule] = held) -> list[ServiceRule]:
            for service in services:
                if len(service.endpoints) >= WRITTEN_BY_HAND:
                    held.setdefault(key_of(service), service)
            kept = {
                key: replace(stays(first), name=f"{first.name}-first", address=NOBODY[first.family])
                for key, first in held.items()
            }
            return [follows(one) if key_of(one) in kept else one for one in services] + list(kept.values())

        do.rewrite(node, applied)


@fault("one-node-applies-changes-late", kills=("CHURN-ADDED", "CHURN-REPLACED"))
def one_node_applies_changes_late(do: Injection) -> None:
    """The proxy of one Windows node applies a change of endpoints 33 seconds after the API shows it; then all works."""
    node = do.nodes("windows")[0]
    due: dict[Key, tuple[ServiceRule, float]] = {}
    timers: list[threading.Timer] = []

    def late(before: ServiceRule, after: ServiceRule) -> ServiceRule:
        if before.endpoints == after.endpoints:
            due.pop(key_of(after), None)
            return after
        wanted, at = due.get(key_of(after), (None, 0.0))
        if wanted is None or wanted.endpoints != after.endpoints:
            due[key_of(after)] = (after, time.monotonic() + LATE)
            timer = threading.Timer(LATE + 0.1, node.rules.refresh)
            timer.daemon = True
            timers.append(timer)
            timer.start()
            return replace(after, endpoints=before.endpoints)
        return after if time.monotonic() >= at else replace(after, endpoints=before.endpoints)

    with_history(do, node, late)
    do.undone_by(lambda: _cancel(timers))


def _cancel(timers: Sequence[threading.Timer]) -> None:
    for timer in timers:
        timer.cancel()
