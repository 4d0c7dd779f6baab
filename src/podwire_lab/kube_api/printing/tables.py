"""Tables as `kubectl get` shows them: columns and cells of each kind (kubernetes: pkg/printers/internalversion)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from podwire_lab.kube_api.objects.fields import at
from podwire_lab.kube_api.objects.resources import Resource
from podwire_lab.kube_api.printing import workloads
from podwire_lab.kube_api.printing.cells import NONE, age, pairs, selector
from podwire_lab.kube_api.printing.pods import pod_cells, pod_conditions
from podwire_lab.model.interfaces import Object

Cells = Callable[[Object], list[Any]]


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column; priority 1 is shown with `-o wide` only."""

    name: str
    priority: int = 0
    type: str = "string"
    format: str = ""

    def definition(self) -> Object:
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": "",
            "priority": self.priority,
        }


def _columns(names: str, wide: str = "") -> tuple[Column, ...]:
    return (
        Column(name="Name", format="name"),
        *(Column(name=name, type="integer" if name in _INTEGERS else "string") for name in names.split(",") if name),
        *(Column(name=name, priority=1) for name in wide.split(",") if name),
    )


_INTEGERS: Final = frozenset({"Data", "Desired", "Current", "Up-to-date", "Available", "Revision", "Secrets"})


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def _age(obj: Object) -> str:
    return age(obj["metadata"].get("creationTimestamp"))


def _node(obj: Object) -> list[Any]:
    status = obj.get("status") or {}
    conditions = {condition.get("type"): condition.get("status") for condition in status.get("conditions") or ()}
    ready = {"True": "Ready", "False": "NotReady"}.get(
        str(conditions.get("Ready")), "NotReady" if "Ready" in conditions else "Unknown"
    )
    if at(obj, "spec", "unschedulable"):
        ready += ",SchedulingDisabled"
    prefix = "node-role.kubernetes.io/"
    labels = obj["metadata"].get("labels") or {}
    roles = sorted(key.removeprefix(prefix) for key in labels if key.startswith(prefix))
    addresses = {address["type"]: address["address"] for address in reversed(status.get("addresses") or ())}
    info = status.get("nodeInfo") or {}
    return [
        _name(obj),
        ready,
        ",".join(roles) or NONE,
        _age(obj),
        info.get("kubeletVersion", ""),
        addresses.get("InternalIP", NONE),
        addresses.get("ExternalIP", NONE),
        info.get("osImage") or "<unknown>",
        info.get("kernelVersion") or "<unknown>",
        info.get("containerRuntimeVersion") or "<unknown>",
    ]


def _service(obj: Object) -> list[Any]:
    spec = obj.get("spec") or {}
    ports = []
    for port in spec.get("ports") or ():
        node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
        ports.append(f"{port.get('port')}{node_port}/{port.get('protocol', 'TCP')}")
    external = list(spec.get("externalIPs") or ())
    if spec.get("type") == "ExternalName":
        external = [spec.get("externalName", "")]
    elif spec.get("type") == "LoadBalancer":
        ingress = at(obj, "status", "loadBalancer", "ingress") or ()
        external = [address.get("ip") or address.get("hostname", "") for address in ingress] + external or ["<pending>"]
    return [
        _name(obj),
        spec.get("type", ""),
        spec.get("clusterIP") or NONE,
        ",".join(external) or NONE,
        ",".join(ports) or NONE,
        _age(obj),
        pairs(spec.get("selector")),
    ]


def _namespace(obj: Object) -> list[Any]:
    return [_name(obj), at(obj, "status", "phase") or "", _age(obj)]


def _data(obj: Object) -> int:
    return len(obj.get("data") or ()) + len(obj.get("binaryData") or ())


def _event(obj: Object) -> list[Any]:
    involved = obj.get("involvedObject") or {}
    last = obj.get("lastTimestamp") or obj.get("eventTime") or obj["metadata"].get("creationTimestamp")
    first = obj.get("firstTimestamp") or last
    source = obj.get("source") or {}
    shown = ", ".join(
        part for part in (source.get("component") or obj.get("reportingComponent"), source.get("host")) if part
    )
    return [
        age(last),
        obj.get("type", ""),
        obj.get("reason", ""),
        f"{str(involved.get('kind', '')).lower()}/{involved.get('name', '')}",
        str(obj.get("message", "")).strip(),
        involved.get("fieldPath", ""),
        shown,
        age(first),
        obj.get("count") or 1,
        _name(obj),
    ]


def _some(values: Sequence[str], limit: int = 3) -> str:
    """The first values; how many there are more."""
    more = f" + {len(values) - limit} more..." if len(values) > limit else ""
    return ",".join(values[:limit]) + more


def _slice(obj: Object) -> list[Any]:
    ports = [str(port["port"]) if port.get("port") else "*" for port in obj.get("ports") or ()]
    addresses = [address for endpoint in obj.get("endpoints") or () for address in endpoint.get("addresses") or ()]
    return [
        _name(obj),
        obj.get("addressType", ""),
        _some(ports) or "<unset>",
        _some(addresses) or "<unset>",
        _age(obj),
    ]


def _endpoints(obj: Object) -> list[Any]:
    addresses_and_ports = []
    for subset in obj.get("subsets") or ():
        addresses = [address["ip"] for address in subset.get("addresses") or ()]
        ports = [port["port"] for port in subset.get("ports") or ()] or [None]
        addresses_and_ports += [f"{address}:{port}" if port else address for port in ports for address in addresses]
    return [_name(obj), _some(addresses_and_ports) or NONE, _age(obj)]


_EVENT_COLUMNS = (
    *(Column(name=name) for name in ("Last Seen", "Type", "Reason", "Object", "Message")),
    *(Column(name=name, priority=1) for name in ("Subobject", "Source", "First Seen", "Count", "Name")),
)
_TABLES: Mapping[str, tuple[tuple[Column, ...], Cells]] = {
    "pods": (
        _columns("Ready,Status,Restarts,Age", "IP,Node,Nominated Node,Readiness Gates"),
        lambda obj: [*pod_cells(obj, age)],
    ),
    "nodes": (
        _columns("Status,Roles,Age,Version", "Internal-IP,External-IP,OS-Image,Kernel-Version,Container-Runtime"),
        _node,
    ),
    "services": (_columns("Type,Cluster-IP,External-IP,Port(s),Age", "Selector"), _service),
    "namespaces": (_columns("Status,Age"), _namespace),
    "configmaps": (_columns("Data,Age"), lambda obj: [_name(obj), _data(obj), _age(obj)]),
    "secrets": (_columns("Type,Data,Age"), lambda obj: [_name(obj), obj.get("type", ""), _data(obj), _age(obj)]),
    "events": (_EVENT_COLUMNS, _event),
    "endpointslices": (_columns("AddressType,Ports,Endpoints,Age"), _slice),
    "endpoints": (_columns("Endpoints,Age"), _endpoints),
    "leases": (_columns("Holder,Age"), lambda obj: [_name(obj), at(obj, "spec", "holderIdentity") or "", _age(obj)]),
    "networkpolicies": (
        _columns("Pod-Selector,Age"),
        lambda obj: [_name(obj), selector(at(obj, "spec", "podSelector")), _age(obj)],
    ),
    "daemonsets": (
        _columns("Desired,Current,Ready,Up-to-date,Available,Node Selector,Age", "Containers,Images,Selector"),
        workloads.daemon_set,
    ),
    "deployments": (
        _columns("Ready,Up-to-date,Available,Age", "Containers,Images,Selector"),
        workloads.deployment,
    ),
    "replicasets": (_columns("Desired,Current,Ready,Age", "Containers,Images,Selector"), workloads.replica_set),
    "statefulsets": (_columns("Ready,Age", "Containers,Images"), workloads.stateful_set),
    "jobs": (_columns("Status,Completions,Duration,Age", "Containers,Images,Selector"), workloads.job),
    "controllerrevisions": (_columns("Controller,Revision,Age"), workloads.controller_revision),
    "serviceaccounts": (_columns("Secrets,Age"), lambda obj: [_name(obj), len(obj.get("secrets") or ()), _age(obj)]),
}
_OTHER: Final = (_columns("Age"), lambda obj: [_name(obj), _age(obj)])


@cache
def _definitions(plural: str) -> tuple[Object, ...]:
    return tuple(column.definition() for column in _TABLES.get(plural, _OTHER)[0])


def columns_of(resource: Resource) -> tuple[Object, ...]:
    """The column definitions."""
    return _definitions(resource.plural)


def row_of(resource: Resource, obj: Object) -> Object:
    """One row, without its object."""
    row: Object = {"cells": _TABLES.get(resource.plural, _OTHER)[1](obj)}
    if resource.plural == "pods":
        conditions = pod_conditions(obj)
        if conditions:
            row["conditions"] = conditions
    return row
