"""Services: their defaults, and the allocation of cluster IPs and node ports (kubernetes.io: "Service")."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Sequence
from typing import Any, Final, Protocol

from podwire_lab.kube_api.objects.resources import BY_PLURAL
from podwire_lab.kube_api.objects.status import FieldError, invalid, invalid_value
from podwire_lab.model.interfaces import Object

RANGES: Final = {
    "IPv4": ipaddress.ip_network("10.96.0.0/16"),
    "IPv6": ipaddress.ip_network("fd10:96::/112"),
}
NODE_PORTS: Final = range(30000, 32768)
_BY_CHANCE: Final = NODE_PORTS[86:]
"""The lower part is kept for ports that are asked for (Kubernetes blog, 11 May 2023: node ports since 1.27)."""
_RESERVED: Final = 256
"""The lower part of a range is kept for addresses that are asked for ("Service ClusterIP allocation")."""
_ALLOCATING: Final = ("ClusterIP", "NodePort", "LoadBalancer")


class Existing(Protocol):
    """What an allocation must know: the Services that there are."""

    def view(self, resource: str, namespace: str | None = None) -> Sequence[Object]: ...


def fill_service(obj: Object, existing: Existing) -> None:
    """Fill a Service in place. Raises `Invalid` when an address or port that it asks for is not to be had."""
    spec = obj.setdefault("spec", {})
    if not isinstance(spec, dict):
        return
    kind = spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    if spec["sessionAffinity"] == "ClientIP":
        config = spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {})
        config.setdefault("timeoutSeconds", 10800)
    obj.setdefault("status", {}).setdefault("loadBalancer", {})
    for port in spec.get("ports") or ():
        if isinstance(port, dict) and isinstance(port.get("port"), int):
            port.setdefault("protocol", "TCP")
            if port.get("targetPort") in (None, "", 0):
                port["targetPort"] = port["port"]
    _drop_fields_of_other_types(spec)
    if kind not in _ALLOCATING:
        return
    spec.setdefault("internalTrafficPolicy", "Cluster")
    if kind != "ClusterIP" or spec.get("externalIPs"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if kind == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    errors = [*_families(spec), *_addresses(obj, spec, existing)]
    if kind in ("NodePort", "LoadBalancer"):
        errors += _node_ports(obj, spec, existing, allocate=spec.get("allocateLoadBalancerNodePorts") is not False)
    if errors:
        raise invalid(BY_PLURAL["services"], obj["metadata"].get("name"), errors)


def _drop_fields_of_other_types(spec: Object) -> None:
    """What a Service keeps from the type that it had before, and its type does not have, is taken away."""
    kind = spec["type"]
    if kind == "ExternalName":
        for field in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"):
            spec.pop(field, None)
    if kind not in ("NodePort", "LoadBalancer"):
        for port in spec.get("ports") or ():
            if isinstance(port, dict):
                port.pop("nodePort", None)
        if not spec.get("externalIPs"):
            spec.pop("externalTrafficPolicy", None)
    if kind != "LoadBalancer":
        for field in ("allocateLoadBalancerNodePorts", "loadBalancerClass"):
            spec.pop(field, None)
    if kind != "LoadBalancer" or spec.get("externalTrafficPolicy") != "Local":
        spec.pop("healthCheckNodePort", None)


def _family(address: str) -> str:
    return "IPv6" if ":" in address else "IPv4"


def _families(spec: Object) -> list[FieldError]:
    addresses = spec.get("clusterIPs") or ([spec["clusterIP"]] if spec.get("clusterIP") else [])
    free_headless = addresses == ["None"] and not spec.get("selector") and not spec.get("ipFamilies")
    dual = free_headless or len(addresses) > 1 or len(spec.get("ipFamilies") or ()) > 1
    spec["ipFamilyPolicy"] = policy = spec.get("ipFamilyPolicy") or ("RequireDualStack" if dual else "SingleStack")
    families = list(spec.get("ipFamilies") or [])
    if not families:
        families = [_family(address) for address in addresses if address != "None"]
    if not families:
        families = ["IPv4"]
    if policy != "SingleStack" and len(families) == 1:
        families.append("IPv6" if families[0] == "IPv4" else "IPv4")
    if policy == "SingleStack":
        families = families[:1]
    spec["ipFamilies"] = families
    return [
        invalid_value(f"spec.ipFamilies[{index}]", family, "must be IPv4 or IPv6")
        for index, family in enumerate(families)
        if family not in RANGES
    ]


def _addresses(obj: Object, spec: Object, existing: Existing) -> list[FieldError]:
    if spec.get("clusterIP") == "None" or spec.get("clusterIPs") == ["None"]:
        spec["clusterIP"], spec["clusterIPs"] = "None", ["None"]
        return []
    requested = list(spec.get("clusterIPs") or ([spec["clusterIP"]] if spec.get("clusterIP") else []))
    used = {address for spec_of_other in _others(obj, existing) for address in spec_of_other.get("clusterIPs") or ()}
    addresses: list[str] = []
    for family in spec["ipFamilies"]:
        if family not in RANGES:
            continue
        requested_address = next((address for address in requested if _family(str(address)) == family), None)
        if requested_address is None:
            addresses.append(_allocated(family, used))
            continue
        problem = _problem(requested_address, family, used)
        if problem:
            return [invalid_value("spec.clusterIPs", requested, problem)]
        addresses.append(str(requested_address))
    if addresses:
        spec["clusterIP"], spec["clusterIPs"] = addresses[0], addresses
    return []


def _problem(address: Any, family: str, used: set[str]) -> str | None:
    try:
        inside = ipaddress.ip_address(str(address)) in RANGES[family]
    except ValueError:
        return "must be a valid IP address"
    if not inside:
        return (
            f"failed to allocate IP {address}: the provided IP ({address}) is not in the valid range. "
            f"The range of valid IPs is {RANGES[family]}"
        )
    if address in used:
        return f"failed to allocate IP {address}: provided IP is already allocated"
    return None


def _allocated(family: str, used: set[str]) -> str:
    network = RANGES[family]
    while True:
        address = str(network[random.randrange(_RESERVED, network.num_addresses - 1)])
        if address not in used:
            return address


def _others(obj: Object, existing: Existing) -> list[Object]:
    meta = obj["metadata"]
    return [
        service["spec"]
        for service in existing.view("services")
        if (service["metadata"].get("namespace"), service["metadata"]["name"])
        != (meta.get("namespace"), meta.get("name"))
    ]


def _node_ports(obj: Object, spec: Object, existing: Existing, *, allocate: bool) -> list[FieldError]:
    """Node ports of a Service's ports where it asks for some or `allocate` is set, and the port of its health check."""
    other_specs = _others(obj, existing)
    used = {
        (port.get("protocol", "TCP"), port["nodePort"])
        for other_spec in other_specs
        for port in other_spec.get("ports") or ()
        if port.get("nodePort")
    }
    used |= {
        ("TCP", other_spec["healthCheckNodePort"])
        for other_spec in other_specs
        if other_spec.get("healthCheckNodePort")
    }
    errors = []
    for index, port in enumerate(spec.get("ports") or ()):
        if isinstance(port, dict) and (allocate or port.get("nodePort")):
            protocol, field = port.get("protocol", "TCP"), f"spec.ports[{index}].nodePort"
            errors += _node_port(port, "nodePort", protocol, field, used)
    if spec["type"] == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local":
        errors += _node_port(spec, "healthCheckNodePort", "TCP", "spec.healthCheckNodePort", used)
    return errors


def _node_port(holder: Object, key: str, protocol: str, field: str, used: set[tuple[str, int]]) -> list[FieldError]:
    """Take the port that `holder` asks for, or give it one."""
    wanted, errors = holder.get(key), []
    if not wanted:
        wanted = holder[key] = random.choice([number for number in _BY_CHANCE if (protocol, number) not in used])
    elif wanted not in NODE_PORTS:
        range_ = f"{NODE_PORTS.start}-{NODE_PORTS.stop - 1}"
        why = f"provided port is not in the valid range. The range of valid ports is {range_}"
        errors.append(invalid_value(field, wanted, why))
    elif (protocol, wanted) in used:
        errors.append(invalid_value(field, wanted, "provided port is already allocated"))
    used.add((protocol, wanted))
    return errors
