"""`hostPort` of containers: ports of nodes that lead to pods. A node's CNI plugin programs them for each pod."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from podwire.model.facts import family_of
from podwire_lab.controllers.controller import Controller
from podwire_lab.model.interfaces import NodeNetwork, Object, PortMapping, Store

_PROTOCOLS: Mapping[str, Literal["tcp", "udp"]] = {"TCP": "tcp", "UDP": "udp"}


def port_mappings(pods: Iterable[Object]) -> dict[str, list[PortMapping]]:
    """The mappings of each node. Pods on the host network have none: their ports are the node's."""
    mappings: dict[str, list[PortMapping]] = {}
    for pod in pods:
        spec, status = pod["spec"], pod.get("status") or {}
        if spec.get("hostNetwork") or status.get("phase") in ("Succeeded", "Failed"):
            continue
        for container in spec.get("containers") or ():
            for port in container.get("ports") or ():
                if port.get("hostPort") and port.get("protocol", "TCP") in _PROTOCOLS:
                    addresses = [entry["ip"] for entry in status.get("podIPs") or ()]
                    mappings.setdefault(spec.get("nodeName", ""), []).extend(_mappings(port, addresses))
    return mappings


def _mappings(port: Object, addresses: Iterable[str]) -> Iterable[PortMapping]:
    host = port.get("hostIP")
    if host in ("", "0.0.0.0", "::"):
        host = None
    for address in addresses:
        if host is None or family_of(host) == family_of(address):
            yield PortMapping(
                protocol=_PROTOCOLS[port.get("protocol", "TCP")],
                port=port["hostPort"],
                pod=address,
                pod_port=port["containerPort"],
                host_address=host,
            )


class HostPorts(Controller):
    """Gives every node the host ports of its pods."""

    watches = ("pods",)

    def __init__(self, store: Store, nodes: Mapping[str, NodeNetwork]) -> None:
        super().__init__(store)
        self._nodes = nodes

    def reconcile(self) -> None:
        mappings = port_mappings(self._store.view("pods"))
        for name, node in self._nodes.items():
            node.set_host_ports(mappings.get(name, []))
