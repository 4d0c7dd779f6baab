"""Faults of nodes that apply a part of a change of endpoints: one protocol, one direction, one kind of traffic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from podwire_lab.faults.fault import Injection, fault
from podwire_lab.faults.over_time.churn import NOBODY, Key, frozen, key_of, with_history
from podwire_lab.model.interfaces import EndpointRule, ServiceRule


@fault("changes-of-tcp-only", kills=("CHURN-ADDED", "CHURN-REMOVED", "CHURN-REPLACED", "CHURN-UNREADY"))
def changes_of_tcp_only(do: Injection) -> None:
    """All nodes apply changes of endpoints to the TCP ports of a Service and not to its UDP ports."""
    _one_protocol(do, "tcp")


@fault("changes-of-udp-only", kills=("CHURN-REPLACED",))
def changes_of_udp_only(do: Injection) -> None:
    """All nodes apply changes of endpoints to the UDP ports of a Service and not to its TCP ports."""
    _one_protocol(do, "udp")


def _one_protocol(do: Injection, protocol: str) -> None:
    def half(before: ServiceRule, after: ServiceRule) -> ServiceRule:
        return after if after.protocol == protocol else frozen(before, after)

    for node in do.nodes():
        with_history(do, node, half)


@fault("removed-endpoints-leave-a-hole", kills=("CHURN-REMOVED", "CHURN-UNREADY"))
def removed_endpoints_leave_a_hole(do: Injection) -> None:
    """When a Service loses one of its endpoints, nodes keep its place: the connections that it would have got are lost,
    all others work."""

    def holed(before: ServiceRule, after: ServiceRule) -> ServiceRule:
        ready = [end for end in after.endpoints if end.ready]
        missing = len([end for end in before.endpoints if end.ready]) - len(ready)
        if missing <= 0 or not ready:
            return after
        hole = EndpointRule(address=NOBODY[after.family], node="")
        return replace(after, endpoints=(*after.endpoints, *(hole for _ in range(missing))))

    for node in do.nodes():
        with_history(do, node, holed)


@fault("endpoints-never-ready-again", kills=("CHURN-UNREADY",))
def endpoints_never_ready_again(do: Injection) -> None:
    """An endpoint that has stopped being ready gets no connections on any node once it is ready again."""
    for node in do.nodes():
        do.rewrite(node, _NeverAgain())


class _NeverAgain:
    """Takes the endpoints out of Services that were ready, and then not, for good."""

    def __init__(self) -> None:
        self._ready: set[tuple[Key, str]] = set()
        self._fallen: set[tuple[Key, str]] = set()

    def __call__(self, services: Sequence[ServiceRule]) -> Sequence[ServiceRule]:
        return [self._without(service) for service in services]

    def _without(self, service: ServiceRule) -> ServiceRule:
        ready = {(key_of(service), end.address) for end in service.endpoints if end.ready}
        listed = {(key_of(service), end.address) for end in service.endpoints}
        self._fallen |= (listed - ready) & self._ready
        self._ready |= ready
        left = tuple(end for end in service.endpoints if (key_of(service), end.address) not in self._fallen)
        return replace(service, endpoints=left)


@fault("cluster-ips-local-after-a-change", kills=("CHURN-LOCAL",))
def cluster_ips_local_after_a_change(do: Injection) -> None:
    """Once endpoints of a Service with externalTrafficPolicy Local change, its cluster IP leads to endpoints of the
    client's node only, and to nobody where the node has none."""

    def inside_too(before: ServiceRule, after: ServiceRule) -> ServiceRule:
        changed = before.endpoints != after.endpoints or before.internal_local
        return replace(after, internal_local=after.internal_local or (changed and after.external_local))

    for node in do.nodes():
        with_history(do, node, inside_too)
