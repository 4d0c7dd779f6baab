"""kube-proxy's health check of Services with externalTrafficPolicy Local, on every node, at spec.healthCheckNodePort.

Source: kubernetes.io, "Virtual IPs and Service Proxies", health checks. The answer has the form of kube-proxy's
(pkg/proxy/healthcheck/service_health.go), on Linux and on Windows alike.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping

from podwire.model.facts import Family
from podwire_lab.controllers.controller import Controller
from podwire_lab.controllers.node_http import NodeHttp, response
from podwire_lab.controllers.service_rules import endpoint_rules, slices_by_service
from podwire_lab.model.interfaces import NodeNetwork, Store

Key = tuple[str, str]
"""Namespace and name of a Service."""


class HealthPorts(Controller):
    """Listens on the nodes as long as a Service needs it."""

    watches = ("services",)

    def __init__(self, store: Store, nodes: Mapping[str, NodeNetwork]) -> None:
        super().__init__(store)
        self._nodes = nodes
        self._listening: dict[int, list[socket.socket]] = {}
        self._services: dict[int, Key] = {}
        self._http = NodeHttp()

    def reconcile(self) -> None:
        self._services = {
            service["spec"]["healthCheckNodePort"]: (service["metadata"]["namespace"], service["metadata"]["name"])
            for service in self._store.view("services")
            if service["spec"].get("healthCheckNodePort")
        }
        for port in self._listening.keys() - self._services.keys():
            for server in self._listening.pop(port):
                self._http.close(server)
        for port in self._services.keys() - self._listening.keys():
            self._listening[port] = [self._listen(node, port) for node in self._nodes.values()]

    def _listen(self, node: NodeNetwork, port: int) -> socket.socket:
        return self._http.listen(node.namespace, "::", port, lambda request: self._response(node.name, port))

    def _response(self, node: str, port: int) -> bytes:
        namespace, name = self._services.get(port, ("", ""))
        count = self._ready_endpoints(namespace, name, node)
        body = json.dumps(
            {
                "service": {"namespace": namespace, "name": name},
                "localEndpoints": count,
                "serviceProxyHealthy": True,
            }
        )
        status = "200 OK" if count else "503 Service Unavailable"
        weight = f"X-Load-Balancing-Endpoint-Weight: {count}"
        return response(status, body, weight, kind="application/json")

    def _ready_endpoints(self, namespace: str, name: str, node: str) -> int:
        """The distinct ready endpoints on the node, whatever their port, in the Service's first family."""
        service = self._store.get("services", namespace, name)
        if service is None:
            return 0
        slices = slices_by_service(self._store.view("endpointslices", namespace)).get((namespace, name), [])
        family: Family = "ipv6" if service["spec"]["ipFamilies"][0] == "IPv6" else "ipv4"
        names = {port.get("name", "") for port in service["spec"].get("ports") or ()}
        rules = [rule for name in names for rule in endpoint_rules(slices, family, name)]
        return len({rule.address for rule in rules if rule.ready and rule.node == node})
