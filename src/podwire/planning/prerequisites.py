"""The objects that the cases of a plan need besides the usual probes: special pods, Services, changes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from podwire.model.addressing.inherited import FORMER, HEIR
from podwire.model.cases import Case, Slot
from podwire.model.controls import ANOTHER_SERVICE
from podwire.model.facts import OS, ClusterFacts
from podwire.model.symbols import ServiceSymbols
from podwire.model.ways import BY_SERVICE
from podwire.planning.assignment import WITH_OWN_DNS, ready_among, usable

USUAL = ("a", "b", "host")

# Kinds of Services that select special pods as their backends: the OS of the nodes, and the kind of pod.
_DRAINING: tuple[tuple[OS, str], ...] = (("linux", "leaving"), ("windows", "leaving"), ("linux", "outlived-left"))
CHOSEN: Mapping[str, tuple[tuple[OS, str], ...]] = {
    "mixed-ports": (("linux", "port-first"), ("linux", "port-second")),
    "outlived": (("linux", "outlived-gone"), ("linux", "outlived-left")),
    "draining": _DRAINING,
    "draining-load-balancer": _DRAINING,
    "dns": (("linux", "dns-server"),),
    "empty": (),
}
# Kinds of Services of one probe pod whose EndpointSlices podwire writes, in the order in which it changes them; and the
# kind by which a client sees that its node has followed such a change, where its own Service may look as before.
OWN_SLICES = ("no-longer-ready-balanced", "no-longer-ready")
ALL_NOT_READY = "all-endpoints-not-ready"
SHOWN_BY: Mapping[str, str] = {"no-longer-ready-balanced": "no-longer-ready"}
# Services that are tested together with another Service with the same backend.
BESIDE: Mapping[str, str] = {
    **SHOWN_BY,
    "twin-second": "twin-first",
    "many-ports-first": "many-ports-second",
    "many-ports-second": "many-ports-first",
}
# Kinds of Services with many ports that all behave alike; captures are searched for the first port only.
MANY_PORTS = ("many-ports-first", "many-ports-second")
CONTROL_KIND = "spread"
"""The kind of Service that the control `another-service` uses. It always has backends."""
GROUPED = "grouped"
"""The special kind of probe pod that a SecurityGroupPolicy selects."""
# Special pods that need a Service.
LEANS_ON: Mapping[str, str] = dict.fromkeys(WITH_OWN_DNS, "dns")


@dataclass(frozen=True, order=True, kw_only=True)
class ServiceNeed:
    """A Service: its kind, and the probe behind it (`node` and `probe`; both empty if it has other backends)."""

    kind: str
    node: str = ""
    probe: str = ""


@dataclass(frozen=True, kw_only=True)
class Needs:
    """Special pods as `(node, kind of pod)`, Services, and changes of the cluster by name."""

    pods: tuple[tuple[str, str], ...] = ()
    services: tuple[ServiceNeed, ...] = ()
    changes: tuple[str, ...] = ()


def needs_of(cases: Iterable[Case], facts: ClusterFacts, nodes_per_os: int = 2) -> Needs:
    """The needs of these cases, sorted."""
    pods: set[tuple[str, str]] = set()
    services: set[ServiceNeed] = set()
    changes: set[str] = set()
    for case in cases:
        for slot in (case.client, case.server):
            if slot.is_probe and slot.probe not in USUAL:
                pods.add((slot.node, slot.probe))
                if slot.probe in LEANS_ON:
                    services.add(ServiceNeed(kind=LEANS_ON[slot.probe]))
        # A control may use a Service that the case itself does not use.
        by_controls = (replace(case, flow=case.flow.but(via=way)) for way in BY_SERVICE if way in case.controls)
        services |= {control for by_control in by_controls if (control := service_of(by_control))}
        need = service_of(case)
        if need is not None:
            services.add(need)
            if need.kind in BESIDE:
                services.add(replace(need, kind=BESIDE[need.kind]))
        if ANOTHER_SERVICE in case.controls:
            services.add(ServiceNeed(kind=CONTROL_KIND))
        if case.flow.change.after:
            changes.add(case.flow.change.after)
        if _reads_after_not_ready(case):
            services.add(ServiceNeed(kind=OWN_SLICES[-1], node=case.server.node, probe=case.server.probe))
    pods |= {(node, FORMER) for node, probe in pods if probe == HEIR}
    for service in services:
        for number, (os, probe) in enumerate(CHOSEN.get(service.kind, ())):
            nodes = ready_among(usable(os, facts, nodes_per_os))
            if nodes:
                pods.add((nodes[number % len(nodes)].name, probe))
    return Needs(pods=tuple(sorted(pods)), services=tuple(sorted(services)), changes=tuple(sorted(changes)))


def with_many_services(cases: Iterable[Case]) -> list[str]:
    """The names of the Windows nodes with clients of a many-port Service, sorted."""
    return sorted({case.client.node for case in cases if asks_many_services(case)})


def asks_many_services(case: Case) -> bool:
    """Whether the client is a Windows pod and the Service has many ports."""
    return case.client.os == "windows" and case.flow.service.kind in MANY_PORTS


def shown_by(case: Case) -> Case:
    """The case by whose answers a client sees that its node has followed a change: nearly always the case itself.

    A listing shows it by no answer: a pod of that node asks the Service that lost its endpoints.
    """
    if _reads_after_not_ready(case):
        flow = case.flow.but(
            via="cluster-ip", protocol="tcp", service=ServiceSymbols(OWN_SLICES[-1]), settles="unanswered"
        )
        return replace(case, flow=flow, client=case.server)
    kind = SHOWN_BY.get(case.flow.service.kind)
    return replace(case, flow=case.flow.but(service=ServiceSymbols(kind))) if kind else case


def _reads_after_not_ready(case: Case) -> bool:
    """Whether it is a listing of a node, read when the endpoints of Services have stopped being ready."""
    return case.flow.protocol == "tool" and case.flow.change.after == ALL_NOT_READY


def service_of(case: Case) -> ServiceNeed | None:
    """The Service of a case, or None."""
    flow = case.flow
    if flow.via not in BY_SERVICE:
        return None
    server: Slot = case.server
    if server.is_probe:
        return ServiceNeed(kind=flow.service.kind, node=server.node, probe=server.probe)
    return ServiceNeed(kind=flow.service.kind)
