"""What the cases of a plan need in the cluster, beyond the usual probes: special pods, and Services. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from podwire.model.cases import Case, Slot
from podwire.model.controls import ANOTHER_SERVICE
from podwire.model.facts import OS, ClusterFacts
from podwire.model.flows import BY_SERVICE
from podwire.planning.assignment import WITH_OWN_DNS, ready_among, usable

USUAL = ("a", "b", "host")

# Kinds of Services that choose their backends by a label of their own: the special pods, and the OS of their nodes.
CHOSEN: Mapping[str, tuple[tuple[OS, str], ...]] = {
    "mixed-ports": (("linux", "port-first"), ("linux", "port-second")),
    "dns": (("linux", "dns-server"),),
    "empty": (),
}
# Services that say something only beside another one with the same backend.
BESIDE: Mapping[str, str] = {
    "twin-second": "twin-first",
    "many-ports-first": "many-ports-second",
    "many-ports-second": "many-ports-first",
}
# Kinds of Services whose ports are many and led alike; only the first of them is looked for in captures.
MANY_PORTS = ("many-ports-first", "many-ports-second")
CONTROL_KIND = "spread"
"""The kind of Service that the control `another-service` goes to: its backends are there."""
# Kinds of Services whose endpoints are made by hand, and how many each has: the usual Linux pods, and nobody.
CROWDS: Mapping[str, int] = {
    "crowd-64": 64,
    "crowd-65": 65,
    "crowd-headless": 100,
    "crowd-1000": 1000,
    "crowd-1025": 1025,
}
GROUPED = "grouped"
"""The special kind of probe pod that a SecurityGroupPolicy selects."""
# Special pods that cannot do without a Service.
LEANS_ON: Mapping[str, str] = dict.fromkeys(WITH_OWN_DNS, "dns")


@dataclass(frozen=True, order=True, kw_only=True)
class ServiceNeed:
    """A Service: its kind, and the probe behind it (`node` and `probe`; empty for one that has other backends)."""

    kind: str
    node: str = ""
    probe: str = ""


@dataclass(frozen=True, kw_only=True)
class Needs:
    """Special pods as `(node, kind of pod)`, Services, and the changes of the cluster that cases follow."""

    pods: tuple[tuple[str, str], ...] = ()
    services: tuple[ServiceNeed, ...] = ()
    changes: tuple[str, ...] = ()


def needs_of(cases: Iterable[Case], facts: ClusterFacts, nodes_per_os: int = 2) -> Needs:
    """All that these cases need, sorted."""
    pods: set[tuple[str, str]] = set()
    services: set[ServiceNeed] = set()
    changes: set[str] = set()
    for case in cases:
        for slot in (case.client, case.server):
            if slot.is_probe and slot.probe not in USUAL:
                pods.add((slot.node, slot.probe))
                if slot.probe in LEANS_ON:
                    services.add(ServiceNeed(kind=LEANS_ON[slot.probe]))
        # A control may go by a Service that the case itself does not use.
        others = (replace(case, flow=case.flow.but(via=way)) for way in BY_SERVICE if way in case.controls)
        services |= {control for other in others if (control := service_of(other))}
        need = service_of(case)
        if need is not None:
            services.add(need)
            if need.kind in BESIDE:
                services.add(replace(need, kind=BESIDE[need.kind]))
        if ANOTHER_SERVICE in case.controls:
            services.add(ServiceNeed(kind=CONTROL_KIND))
        if case.flow.change.after:
            changes.add(case.flow.change.after)
    for service in services:
        for number, (os, probe) in enumerate(CHOSEN.get(service.kind, ())):
            nodes = ready_among(usable(os, facts, nodes_per_os))
            if nodes:
                pods.add((nodes[number % len(nodes)].name, probe))
    return Needs(pods=tuple(sorted(pods)), services=tuple(sorted(services)), changes=tuple(sorted(changes)))


def with_many_services(cases: Iterable[Case]) -> list[str]:
    """The Windows nodes whose pods are clients of Services of many ports, sorted."""
    return sorted({case.client.node for case in cases if asks_many_services(case)})


def asks_many_services(case: Case) -> bool:
    """Whether a Windows pod is the client of a Service of many ports."""
    return case.client.os == "windows" and case.flow.service.kind in MANY_PORTS


def in_crowd(facts: ClusterFacts, nodes_per_os: int) -> int:
    """How many endpoints of a crowd have a pod behind them: `a` and `b` of every Linux node that takes part."""
    return 2 * len(ready_among(usable("linux", facts, nodes_per_os)))


def service_of(case: Case) -> ServiceNeed | None:
    """The Service that a case goes through, or None."""
    flow = case.flow
    if flow.via not in BY_SERVICE:
        return None
    server: Slot = case.server
    if server.is_probe:
        return ServiceNeed(kind=flow.service.kind, node=server.node, probe=server.probe)
    return ServiceNeed(kind=flow.service.kind)
