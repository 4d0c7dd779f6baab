"""The cloud around the lab: addresses for Services of type LoadBalancer, and routes from the outside to nodes.

It does the work of a cloud's controller and load balancer as kubernetes.io describes it ("Service", type LoadBalancer).
The load balancer forwards packets unchanged, all of one address to one node. External IPs are routed to nodes in the
same way; in a real network that is the operator's task.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

from podwire.model.facts import Family, family_of
from podwire_lab.controllers.controller import Controller
from podwire_lab.controllers.scheduler import ready
from podwire_lab.controllers.service_rules import endpoint_rules, external_addresses, slices_by_service
from podwire_lab.model.addresses import OUTSIDE_NETWORK, SERVICE_NETWORK, UNDERLAY
from podwire_lab.model.interfaces import EndpointRule, Network, Object, Store

# Documentation ranges (RFC 5737 TEST-NET-2, RFC 3849) that no other part of the lab uses.
INGRESS_NETWORK: Mapping[Family, str] = MappingProxyType({"ipv4": "198.51.100.0/24", "ipv6": "2001:db8:1b::/120"})
LAST_HOST = 254
EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"


class LoadBalancers(Controller):
    """Gives every LoadBalancer Service its ingress addresses, and updates the router's routes to nodes."""

    watches = ("services", "endpointslices", "nodes")

    def __init__(self, store: Store, network: Network) -> None:
        super().__init__(store)
        self._network = network
        self._last = 0

    def reconcile(self) -> None:
        for service in self._store.view("services"):
            self._equip(service)
        services = self._store.view("services")
        slices = slices_by_service(self._store.view("endpointslices"))
        admitted = [n for n in self._store.view("nodes") if EXCLUDED not in (n["metadata"].get("labels") or {})]
        # The health check of a node that is away fails; a load balancer whose checks all fail sends to all.
        nodes = [node["metadata"]["name"] for node in [n for n in admitted if ready(n)] or admitted]
        routes: dict[str, str] = {}
        for service in services:
            meta = service["metadata"]
            external, ingress = external_addresses(service)
            for address in (*external, *ingress):
                # A load balancer's health check of a node fails if its proxy does not serve the family.
                serving = [name for name in nodes if family_of(address) in self._network.nodes[name].families]
                if serving and self._is_led(address):
                    service_slices = slices.get((meta["namespace"], meta["name"]), [])
                    routes.setdefault(address, node_for(address, service, service_slices, serving))
        self._network.set_external_routes(routes)

    def _equip(self, service: Object) -> None:
        """Assign addresses to a new LoadBalancer Service; remove those of a Service that changed its type."""
        spec, status = service["spec"], service.get("status") or {}
        present = (status.get("loadBalancer") or {}).get("ingress")
        balanced = spec.get("type") == "LoadBalancer"
        if (balanced and (present or spec.get("loadBalancerClass"))) or not (balanced or present):
            return
        ingress: list[Object] = []
        if balanced:
            number = self._free_number(self._store.view("services"))
            for family in spec.get("ipFamilies") or ["IPv4"]:
                network = ipaddress.ip_network(INGRESS_NETWORK["ipv6" if family == "IPv6" else "ipv4"])
                ingress.append({"ip": str(network[number]), "ipMode": "VIP"})
        status = {**status, "loadBalancer": {"ingress": ingress} if ingress else {}}
        self._store.update("services", {**service, "status": status})

    def _is_led(self, address: str) -> bool:
        """Whether the router needs a route: not for addresses of the lab's own networks."""
        family = family_of(address)
        lab_networks = (UNDERLAY[family], SERVICE_NETWORK[family], OUTSIDE_NETWORK[family])
        return not _within(address, (*lab_networks, *self._network.profile.pod_networks(family)))

    def _free_number(self, services: Iterable[Object]) -> int:
        """The next number in turn that no Service has."""
        taken = {address for service in services for address in external_addresses(service)[1]}
        networks = [ipaddress.ip_network(text) for text in INGRESS_NETWORK.values()]
        for offset in range(LAST_HOST):
            number = 1 + (self._last + offset) % LAST_HOST
            if not any(str(network[number]) in taken for network in networks):
                self._last = number
                return number
        raise RuntimeError("no address left for a load balancer; delete a Service of type LoadBalancer")


@functools.cache
def _within(address: str, networks: tuple[str, ...]) -> bool:
    return any(ipaddress.ip_address(address) in ipaddress.ip_network(network) for network in networks)


def node_for(address: str, service: Object, slices: Iterable[Object], nodes: Sequence[str]) -> str:
    """The node that gets the packets for an external address of a Service.

    With externalTrafficPolicy Local it is one that passes the health check: it has a ready endpoint, or else endpoints
    that still serve. A Service that preserves its destination is checked at its node port, with the same result
    (winkernel/proxier.go). If no node passes, any node gets them: a load balancer that fails open.
    """
    annotations, spec = service["metadata"].get("annotations") or {}, service["spec"]
    good: Sequence[str] = ()
    if spec.get("externalTrafficPolicy") == "Local" or annotations.get("preserve-destination") == "true":
        slices = tuple(slices)
        names = {port.get("name", "") for port in spec.get("ports") or ()}
        endpoints = [e for name in names for e in endpoint_rules(slices, family_of(address), name)]
        good = _with(endpoints, nodes, lambda e: e.ready) or _with(
            endpoints, nodes, lambda e: e.serving and e.terminating
        )
    chosen = good or nodes
    return chosen[int(ipaddress.ip_address(address)) % len(chosen)]


def _with(
    endpoints: Iterable[EndpointRule], nodes: Sequence[str], wanted: Callable[[EndpointRule], bool]
) -> Sequence[str]:
    having = {endpoint.node for endpoint in endpoints if wanted(endpoint)}
    return [node for node in nodes if node in having]
