"""The load balancers that HNS of a Windows node must have, by the Services and EndpointSlices that the API has now.

kube-proxy's Windows code makes one for each address (cluster IP, external and ingress addresses) and for the node port
of each port of a Service, as long as the node has an endpoint to serve it with (pkg/proxy/winkernel/proxier.go,
syncProxyRules). Where the outcome depends on the node's software or on what kube-proxy saw before, the load balancer is
possible and not wanted.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from podwire.cluster.malformed import understood
from podwire.cluster.rest import RestClient
from podwire.errors import Forbidden
from podwire.model.facts import FAMILIES, Family, family_of
from podwire.model.machines import ANY_FRONTEND, NODE_PORT

Object = dict[str, Any]
SETTLED = 60.0
"""Seconds after which a node has followed a change of somebody else's Service; podwire waits for its own changes."""
SURELY_ENOUGH = 64
"""Endpoints that a load balancer of every build can have."""
LAST_CHANGE = "endpoints.kubernetes.io/last-change-trigger-time"
CHANGED = "recreated"
"""The kind of Service that the run makes anew; cases of its own tell whether nodes followed."""


@dataclass(frozen=True, kw_only=True)
class Frontends:
    """Frontends of load balancers as text: `10.96.0.10 udp 53`, and `node-port tcp 30080`.

    `possible` has those that may be there or not, and `ANY_FRONTEND` if podwire may not read all Services.
    """

    wanted: tuple[str, ...] = ()
    possible: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ServedNode:
    """A Windows node: its name, its addresses, and the families of its pods."""

    name: str
    addresses: Collection[str]
    families: Collection[Family]
    node_ports: bool = True
    """False for a build that may have none for node ports."""


def frontends(
    services: Iterable[Object],
    slices: Iterable[Object],
    node: ServedNode,
    *,
    own: str,
    now: float,
    former: Iterable[str] = (),
) -> Frontends:
    """The frontends of a node. `own` is the namespace of the run, `now` the time in seconds since 1970, `former` are
    frontends of Services that the run deleted or changed. Pure."""
    by_service: dict[tuple[str, str], list[Object]] = {}
    for obj in slices:
        meta = obj["metadata"]
        name = (meta.get("labels") or {}).get("kubernetes.io/service-name", "")
        by_service.setdefault((meta["namespace"], name), []).append(obj)
    wanted: dict[str, None] = {}
    possible = dict.fromkeys(former)
    for service in services:
        meta = service["metadata"]
        of_it = by_service.get((meta["namespace"], meta["name"]), [])
        is_own = meta["namespace"] == own
        settled = not meta["name"].startswith(f"{CHANGED}-") if is_own else _age(service, of_it, now) > SETTLED
        for frontend, served in _of_service(service, of_it, node):
            if served == "surely" and settled:
                wanted[frontend] = None
            elif served != "never" or not settled:
                possible[frontend] = None
    return Frontends(wanted=tuple(wanted), possible=tuple(frontend for frontend in possible if frontend not in wanted))


Served = Literal["surely", "perhaps", "never"]


def _of_service(service: Object, slices: Sequence[Object], node: ServedNode) -> Iterator[tuple[str, Served]]:
    """Each frontend that it can have, and whether the node serves it."""
    spec, meta = service["spec"], service["metadata"]
    if spec.get("type") == "ExternalName":
        return
    local_outside = spec.get("externalTrafficPolicy") == "Local"
    preserved = (meta.get("annotations") or {}).get("preserve-destination") == "true"
    local_inside = spec.get("internalTrafficPolicy") == "Local"
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    balanced = [entry["ip"] for entry in ingress if entry.get("ip") and entry.get("ipMode", "VIP") == "VIP"]
    cluster_ips = [ip for ip in spec.get("clusterIPs") or [spec.get("clusterIP")] if ip and ip != "None"]
    for family in FAMILIES:
        address = next((ip for ip in cluster_ips if family_of(ip) == family), None)
        if address is None:
            continue
        of_family = [ip for ip in balanced if family_of(ip) == family]
        for port in spec.get("ports") or ():
            ends = _endpoints(slices, family, port.get("name", ""), node)
            able = family in node.families and port.get("protocol", "TCP") in ("TCP", "UDP")
            sure = able and 0 < ends.ready <= SURELY_ENOUGH
            # Only a Service with an ingress address is served by endpoints that are not ready.
            none = not (ends.all if of_family else ends.ready)
            yield _text(address, port), _served(sure and (ends.local > 0 or not local_inside), none)
            outside = sure and (ends.local > 0 or not (local_outside or preserved))
            if port.get("nodePort"):
                number = {**port, "port": port["nodePort"]}
                yield _text(NODE_PORT, number), _served(outside and node.node_ports, none)
            for ip in spec.get("externalIPs") or ():
                if family_of(ip) == family:
                    yield _text(ip, port), _served(outside, none)
            for ip in of_family:
                yield _text(ip, port), _served(outside, none)
                if spec.get("healthCheckNodePort"):  # kube-proxy's --forward-healthcheck-vip
                    yield _text(ip, {**port, "port": spec["healthCheckNodePort"]}), "perhaps"


def _served(sure: bool, none: bool) -> Served:
    return "surely" if sure else "never" if none else "perhaps"


@dataclass(frozen=True, kw_only=True)
class _Endpoints:
    """How many endpoints of a port a node can use: all, the ready ones, and the ready ones of the node itself."""

    all: int
    ready: int
    local: int


def _endpoints(slices: Sequence[Object], family: Family, port: str, node: ServedNode) -> _Endpoints:
    everywhere, ready, local = set(), set(), set()
    for obj in slices:
        if str(obj.get("addressType", "")).lower() != family:
            continue
        if not any(entry.get("name", "") == port for entry in obj.get("ports") or ()):
            continue
        for endpoint in obj.get("endpoints") or ():
            addresses = set(endpoint.get("addresses") or ()) - set(node.addresses)  # HNS has no endpoint for its node.
            everywhere |= addresses
            conditions = endpoint.get("conditions") or {}
            if conditions.get("ready") is False or conditions.get("terminating"):
                continue
            ready |= addresses
            if endpoint.get("nodeName") == node.name:
                local |= addresses
    return _Endpoints(all=len(everywhere), ready=len(ready), local=len(local))


def _text(address: str, port: Mapping[str, Any]) -> str:
    host = address if address == NODE_PORT else str(ipaddress.ip_address(address))
    return f"{host} {port.get('protocol', 'TCP').lower()} {port['port']}"


def _age(service: Object, slices: Sequence[Object], now: float) -> float:
    """Seconds since the last change of a Service's endpoints that the API tells, or since the Service was made."""
    changed = [(obj["metadata"].get("annotations") or {}).get(LAST_CHANGE) for obj in slices]
    times = [service["metadata"].get("creationTimestamp"), *changed]
    return min((now - datetime.fromisoformat(time).timestamp() for time in times if time), default=0.0)


class BalancedServices:
    """Reads the API each time that it is asked: the Services of the whole cluster, or of the run's own namespace where
    podwire may read no others."""

    def __init__(self, rest: RestClient, namespace: str) -> None:
        self._rest, self._namespace = rest, namespace

    def of(self, node: ServedNode, now: float, former: Iterable[str] = ()) -> Frontends:
        """The frontends of the node by what the API has now. Raises `ClusterError`."""
        with understood("the Services"):
            try:
                services, slices = self._rest.list("services"), self._rest.list("endpointslices")
            except Forbidden:
                services = self._rest.list("services", self._namespace)
                slices = self._rest.list("endpointslices", self._namespace)
                own = frontends(services, slices, node, own=self._namespace, now=now, former=former)
                return Frontends(wanted=own.wanted, possible=(*own.possible, ANY_FRONTEND))
            return frontends(services, slices, node, own=self._namespace, now=now, former=former)
        raise AssertionError("not reached")
