"""Services that a cluster has beside those of a test: forty of eight kinds. Pure.

Forms as in kubernetes.io: "Service" and "EndpointSlices", with the defaults that an API server fills in.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from podwire.model.facts import FAMILIES, Family
from podwire_lab.model.addresses import OUTSIDE_HOST, SERVICE_NETWORK
from podwire_lab.model.cni_notes import Seed
from podwire_lab.model.interfaces import Object

NAMESPACE = "shop"
OF_EACH_KIND = 5
_SYSTEM = "kube-system"
_NAMES: Mapping[Family, str] = MappingProxyType({"ipv4": "IPv4", "ipv6": "IPv6"})
_FIRST_HOST, _FIRST_NODE_PORT = 0xE000, 32100
"""The host number of the first cluster IP, and the first node port; the lab gives its own from the start of both."""
_ELSEWHERE = "example.com/other-controller"


def services() -> Iterator[Seed]:
    """The Services, and the EndpointSlices of those without selector. Their namespace has to exist."""
    for number in range(OF_EACH_KIND):
        hosts = iter(range(_FIRST_HOST + number * 8, _FIRST_HOST + number * 8 + 8))
        ports = iter(range(_FIRST_NODE_PORT + number * 8, _FIRST_NODE_PORT + number * 8 + 8))
        yield _service(f"idle-{number}", _at(next(hosts)), selector={"app": f"idle-{number}"})
        yield _service(f"metrics-{number}", ("None",), namespace=_SYSTEM, selector={"k8s-app": "kube-dns"})
        yield "services", _external_name(f"partner-{number}", f"www-{number}.example.com")
        yield _service(f"of-somebody-{number}", _at(next(hosts)), kind="LoadBalancer", ports=ports, by=_ELSEWHERE)
        for name, addresses, kind in (
            (f"legacy-{number}", _at(next(hosts)), "ClusterIP"),
            (f"members-{number}", ("None",), "ClusterIP"),
            (f"door-{number}", _at(next(hosts)), "NodePort"),
            (f"front-{number}", _at(next(hosts)), "LoadBalancer"),
        ):
            yield _service(name, addresses, kind=kind, ports=ports)
            yield from _slices(name)


def _at(host: int) -> tuple[str, ...]:
    """The cluster IPs with this host number, IPv4 first."""
    return tuple(str(ipaddress.ip_network(SERVICE_NETWORK[family])[host]) for family in FAMILIES)


def _service(
    name: str,
    addresses: Sequence[str],
    *,
    namespace: str = NAMESPACE,
    kind: str = "ClusterIP",
    selector: Mapping[str, str] | None = None,
    ports: Iterator[int] | None = None,
    by: str = "",
) -> Seed:
    port: Object = {"name": "http", "protocol": "TCP", "port": 80, "targetPort": 8080}
    spec: Object = {
        "type": kind,
        "clusterIP": addresses[0],
        "clusterIPs": list(addresses),
        "ipFamilies": [_NAMES[family] for family in FAMILIES],
        "ipFamilyPolicy": "PreferDualStack",
        "internalTrafficPolicy": "Cluster",
        "sessionAffinity": "None",
        "ports": [port],
    }
    if ports is not None and kind != "ClusterIP":
        port["nodePort"] = next(ports)
        spec["externalTrafficPolicy"] = "Cluster"
    if selector is not None:
        spec["selector"] = dict(selector)
    service: Object = {"metadata": {"name": name, "namespace": namespace, "labels": {"app": name}}, "spec": spec}
    if by:
        # The load balancer of another controller has a name and no address, as those of AWS.
        spec["loadBalancerClass"] = by
        service["status"] = {"loadBalancer": {"ingress": [{"hostname": f"{name}.example.com"}]}}
    return "services", service


def _external_name(name: str, target: str) -> Object:
    spec = {"type": "ExternalName", "externalName": target, "sessionAffinity": "None"}
    return {"metadata": {"name": name, "namespace": NAMESPACE, "labels": {"app": name}}, "spec": spec}


def _slices(name: str) -> Iterator[Seed]:
    """What an operator writes for a Service without selector: its one backend is the host outside."""
    for family in FAMILIES:
        labels = {"kubernetes.io/service-name": name, "endpointslice.kubernetes.io/managed-by": "operator.example.com"}
        yield (
            "endpointslices",
            {
                "metadata": {"name": f"{name}-{family}", "namespace": NAMESPACE, "labels": labels},
                "addressType": _NAMES[family],
                "endpoints": [{"addresses": [OUTSIDE_HOST[family]], "conditions": {"ready": True}}],
                "ports": [{"name": "http", "protocol": "TCP", "port": 8080}],
            },
        )
