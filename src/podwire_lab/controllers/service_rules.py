"""The work of each Service port, from Services and EndpointSlices: pure functions."""

from __future__ import annotations

import ipaddress
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from podwire.model.facts import Family, family_of
from podwire_lab.model.interfaces import EndpointRule, Object, ServiceRule

_ADDRESS_TYPE: Mapping[Family, str] = {"ipv4": "IPv4", "ipv6": "IPv6"}
_PROTOCOLS: Mapping[str, Literal["tcp", "udp"]] = {"TCP": "tcp", "UDP": "udp"}


class KnownRules:
    """The rules of Services. Those of a Service are worked out anew when the store has another object of it or of one
    of its slices, for the store changes no object in place."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[tuple[Object, ...], list[ServiceRule]]] = {}

    def of(self, services: Iterable[Object], slices: Iterable[Object]) -> list[ServiceRule]:
        """One rule for each Service, family and port, sorted. Headless and ExternalName Services have none."""
        by_service = slices_by_service(slices)
        before, self._known = self._known, {}
        for service in services:
            key = (service["metadata"]["namespace"], service["metadata"]["name"])
            objects = (service, *by_service.get(key, ()))
            known = before.get(key)
            if known is None or len(known[0]) != len(objects) or any(map(operator.is_not, known[0], objects)):
                known = (objects, list(_of_service(service, objects[1:])))
            self._known[key] = known
        rules = [rule for _, of_service in self._known.values() for rule in of_service]
        return sorted(rules, key=lambda rule: (rule.name, rule.family, rule.protocol, rule.port))


def _of_service(service: Object, slices: Sequence[Object]) -> Iterator[ServiceRule]:
    for address in cluster_addresses(service):
        for port in service["spec"].get("ports") or ():
            if port.get("protocol", "TCP") in _PROTOCOLS:
                yield _rule(service, address, port, slices)


def slices_by_service(slices: Iterable[Object]) -> dict[tuple[str, str], list[Object]]:
    """EndpointSlices by namespace and name of their Service."""
    found: dict[tuple[str, str], list[Object]] = {}
    for slice_ in slices:
        labels = slice_["metadata"].get("labels") or {}
        key = (slice_["metadata"]["namespace"], labels.get("kubernetes.io/service-name", ""))
        found.setdefault(key, []).append(slice_)
    return found


def cluster_addresses(service: Object) -> list[str]:
    """The cluster IPs of a Service; none for a headless or ExternalName Service."""
    spec = service["spec"]
    if spec.get("type") == "ExternalName":
        return []
    return [ip for ip in spec.get("clusterIPs") or [spec.get("clusterIP")] if ip and ip != "None"]


def external_addresses(service: Object) -> tuple[list[str], list[str]]:
    """`spec.externalIPs`, and the ingress addresses that nodes serve (ipMode VIP, kubernetes.io: Service)."""
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    balanced = [entry["ip"] for entry in ingress if entry.get("ip") and entry.get("ipMode", "VIP") == "VIP"]
    return list(service["spec"].get("externalIPs") or ()), balanced


def endpoint_rules(slices: Iterable[Object], family: Family, port_name: str) -> list[EndpointRule]:
    """The endpoints of one port of a Service, by address."""
    rules: dict[str, EndpointRule] = {}
    for slice_ in slices:
        number = next((p["port"] for p in slice_.get("ports") or () if p.get("name", "") == port_name), None)
        if slice_["addressType"] != _ADDRESS_TYPE[family] or number is None:
            continue
        for entry in slice_.get("endpoints") or ():
            # Kubernetes API, EndpointConditions: a condition without a value counts as ready and serving.
            conditions = entry.get("conditions") or {}
            ready = conditions.get("ready") is not False
            serving = conditions.get("serving")
            for ip in entry["addresses"]:
                rules[ip] = EndpointRule(
                    address=ip,
                    node=entry.get("nodeName") or "",
                    port=number,
                    ready=ready,
                    serving=ready if serving is None else serving,
                    terminating=bool(conditions.get("terminating")),
                )
    return sorted(rules.values(), key=lambda endpoint: endpoint.address)


def _rule(service: Object, address: str, port: Object, slices: Sequence[Object]) -> ServiceRule:
    meta, spec = service["metadata"], service["spec"]
    family = family_of(address)
    endpoints = endpoint_rules(slices, family, port.get("name", ""))
    numbers = [port.get("targetPort"), *(endpoint.port for endpoint in endpoints[-1:]), port["port"]]
    external, ingress = external_addresses(service)
    affinity = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
    return ServiceRule(
        name=f"{meta['namespace']}/{meta['name']}" + (f":{port['name']}" if port.get("name") else ""),
        address=address,
        protocol=_PROTOCOLS[port.get("protocol", "TCP")],
        port=port["port"],
        target_port=next(number for number in numbers if isinstance(number, int)),
        endpoints=tuple(endpoints),
        node_port=port.get("nodePort"),
        external_ips=_of_family(external, family),
        ingress_ips=_of_family(ingress, family),
        source_ranges=_ranges(spec.get("loadBalancerSourceRanges") or (), family),
        affinity_seconds=affinity.get("timeoutSeconds", 10800) if spec.get("sessionAffinity") == "ClientIP" else None,
        external_local=spec.get("externalTrafficPolicy") == "Local",
        internal_local=spec.get("internalTrafficPolicy") == "Local",
        preserve_destination=(meta.get("annotations") or {}).get("preserve-destination") == "true",
    )


def _of_family(addresses: Iterable[str], family: Family) -> tuple[str, ...]:
    return tuple(address for address in addresses if family_of(address) == family)


def _ranges(texts: Iterable[str], family: Family) -> tuple[str, ...]:
    """Networks of one family, none inside another."""
    of_family = _of_family(texts, family)
    if not of_family:
        return ()
    four = ipaddress.collapse_addresses(
        ipaddress.IPv4Network(network, strict=False) for network in of_family if ":" not in network
    )
    six = ipaddress.collapse_addresses(
        ipaddress.IPv6Network(network, strict=False) for network in of_family if ":" in network
    )
    return tuple(str(network) for network in (*four, *six))
