"""Faults of Services: backends that are dead or wrong, sources that are hidden, rules that are missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from podwire.lab.faulting import DNS_PORT, Injection, fault
from podwire.lab.interfaces import EndpointRule, ServiceRule
from podwire.lab.topology import Node

BY_ADDRESS_AND_NAME = ("FLOW-POD-SVC-CLUSTER-IP", "FLOW-POD-SVC-SHORT-NAME", "FLOW-POD-SVC-FQDN")
NOBODY = 250  # the host number of a pod address that is never given out in a lab this small


@fault("service-with-dead-backend", kills=BY_ADDRESS_AND_NAME)
def service_with_dead_backend(do: Injection) -> None:
    """Every Service but DNS has one more backend, an address that nobody has: a part of the flows gets no answer."""

    def with_dead(service: ServiceRule) -> ServiceRule:
        if service.port == DNS_PORT or not service.endpoints:
            return service
        node = next((n for n in do.nodes() if n.name == service.endpoints[0].node), do.nodes()[0])
        dead = EndpointRule(address=node.plan.pod_address(service.family, NOBODY), node=node.name)
        return replace(service, endpoints=(*service.endpoints, dead))

    for node in do.nodes():
        do.rewrite(node, lambda services: [with_dead(service) for service in services])


@fault("service-with-wrong-backend", kills=BY_ADDRESS_AND_NAME)
def service_with_wrong_backend(do: Injection) -> None:
    """Every Service but DNS leads to the backends of another one, which answers under its own name."""

    def misled(services: Sequence[ServiceRule]) -> list[ServiceRule]:
        kinds: dict[tuple[object, ...], list[ServiceRule]] = {}
        for service in services:
            if service.port != DNS_PORT and service.endpoints:
                kinds.setdefault((service.family, service.protocol, service.target_port), []).append(service)
        return [_with_backends_of_another(service, kinds) for service in services]

    for node in do.nodes():
        do.rewrite(node, misled)


def _with_backends_of_another(
    service: ServiceRule, kinds: Mapping[tuple[object, ...], list[ServiceRule]]
) -> ServiceRule:
    """The Service with the backends of the next one of its kind that has others."""
    group = kinds.get((service.family, service.protocol, service.target_port), [])
    if service not in group:
        return service
    place = group.index(service)
    others = (other for other in group[place:] + group[:place] if other.endpoints != service.endpoints)
    return replace(service, endpoints=next(others, service).endpoints)


@fault("service-not-programmed", kills=BY_ADDRESS_AND_NAME)
def service_not_programmed(do: Injection) -> None:
    """The proxy of the Windows nodes knows DNS and no other Service: the Service address leaves the node as it is."""
    for node in do.nodes("windows"):
        do.rewrite(node, lambda services: [service for service in services if service.port == DNS_PORT])


@fault("service-source-hidden", kills=("DSR-SOURCEIP", "DSR-RETURN", "DSR-ENABLE", "DSR-MINOS"))
def service_source_hidden(do: Injection) -> None:
    """Backends see a Windows node instead of the pod, although the proxy says Direct Server Return."""
    for node in do.nodes("windows"):
        _other_dsr(do, node, dsr=False)


def _other_dsr(do: Injection, node: Node, *, dsr: bool) -> None:
    before, node.profile = node.profile, node.profile.with_dsr(dsr)
    node.refresh()

    def undo() -> None:
        node.profile = before
        node.refresh()

    do.undone_by(undo)


@fault("service-answers-untranslated", kills=("FLOW-POD-SVC-CLUSTER-IP",))
def service_answers_untranslated(do: Injection) -> None:
    """Answers of a backend on the client's own node come from the backend's address, past the translation."""
    for node in do.nodes():
        for family in ("iptables", "ip6tables"):
            do.sysctl(node.host.netns, f"net/bridge/bridge-nf-call-{family}", "0")
