"""Faults of load balancing: uneven distribution, session affinity and traffic policies that do not hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from podwire_lab.faults.fault import PROXIED, Injection, fault
from podwire_lab.faults.services import change_each, other_dsr
from podwire_lab.model.interfaces import ServiceRule

LONG_AFTER_A_RUN = 86400
"""Seconds: the most that the API admits."""
OFTEN = 12  # how often the favoured backend is in the list


@fault("spread-lopsided", kills=("SVC-SPREAD",))
def spread_lopsided(do: Injection) -> None:
    """The first backend of a Service gets almost all connections; each other backend gets about one in ten."""

    def lopsided(service: ServiceRule) -> ServiceRule:
        if len(service.endpoints) < 2 or service.affinity_seconds is not None:
            return service
        return replace(service, endpoints=(*service.endpoints[:1] * OFTEN, *service.endpoints[1:]))

    change_each(do, lopsided)


@fault("one-backend-gets-40-percent", kills=("SVC-SPREAD",))
def one_backend_gets_40_percent(do: Injection) -> None:
    """Of four backends the first one gets 40 in 100 connections, the others 20 each."""

    def favoured(service: ServiceRule) -> ServiceRule:
        if len(service.endpoints) != 4 or service.affinity_seconds is not None:
            return service
        return replace(service, endpoints=(*service.endpoints[:1], *service.endpoints))

    change_each(do, favoured)


@fault("tcp-spread-70-30", kills=("SVC-SPREAD",))
def tcp_spread_70_30(do: Injection) -> None:
    """Of four backends the first two get 70 in 100 TCP connections, the others 30; datagrams are shared out evenly."""

    def favoured(service: ServiceRule) -> ServiceRule:
        if len(service.endpoints) != 4 or service.affinity_seconds is not None or service.protocol != "tcp":
            return service
        return replace(service, endpoints=(*service.endpoints[:2] * 7, *service.endpoints[2:] * 3))

    change_each(do, favoured)


@fault("nearest-backend-only", kills=("SVC-TOPOLOGY",))
def nearest_backend_only(do: Injection) -> None:
    """A Windows node sends connections to its own backends only, if the Service has any there."""
    for node in do.nodes("windows"):

        def near(service: ServiceRule, name: str = node.name) -> ServiceRule:
            local = tuple(endpoint for endpoint in service.endpoints if endpoint.node == name)
            return replace(service, endpoints=local or service.endpoints)

        change_each(do, near, nodes=[node])


@fault("affinity-not-kept", kills=("AFF-CLIENTIP", "AFF-TIMEOUT"))
def affinity_not_kept(do: Injection) -> None:
    """Connections of one client go to any backend, although the Service asks for session affinity."""
    change_each(do, lambda service: replace(service, affinity_seconds=None))


@fault("affinity-lapses-after-a-second", kills=("AFF-LASTS",))
def affinity_lapses_after_a_second(do: Injection) -> None:
    """Linux nodes forget a client one second after its last connection, whatever timeoutSeconds says."""

    def short(service: ServiceRule) -> ServiceRule:
        return service if service.affinity_seconds is None else replace(service, affinity_seconds=1)

    change_each(do, short, nodes=do.nodes("linux"))


@fault("affinity-never-lapses", kills=("AFF-LAPSES",))
def affinity_never_lapses(do: Injection) -> None:
    """Linux nodes never forget a client of a Service with session affinity, whatever timeoutSeconds says."""

    def lasting(service: ServiceRule) -> ServiceRule:
        return service if service.affinity_seconds is None else replace(service, affinity_seconds=LONG_AFTER_A_RUN)

    change_each(do, lasting, nodes=do.nodes("linux"))


@fault("dsr-unasked", kills=("DSR-OFF-SOURCEIP", "DSR-ENABLE"), profiles=PROXIED, dsr=False)
def dsr_unasked(do: Injection) -> None:
    """Backends see the pod's address and port, although kube-proxy on the Windows nodes has DSR disabled."""
    for node in do.nodes("windows"):
        other_dsr(do, node, dsr=True)


@fault("internal-policy-ignored", kills=("ITP-LOCAL",))
def internal_policy_ignored(do: Injection) -> None:
    """A cluster IP leads to backends on all nodes, although internalTrafficPolicy is Local."""
    change_each(do, lambda service: replace(service, internal_local=False))


@fault("cluster-ip-missing-with-external-policy", kills=("ETPLOCAL-CIP",))
def cluster_ip_missing_with_external_policy(do: Injection) -> None:
    """A Windows node has no load balancer for a Service with externalTrafficPolicy Local and no backend on the node."""
    for node in do.nodes("windows"):

        def without(services: Sequence[ServiceRule], name: str = node.name) -> list[ServiceRule]:
            return [s for s in services if not s.external_local or any(e.node == name for e in s.endpoints)]

        do.rewrite(node, without)
