"""The mode of kube-proxy, told on every node at the port of its metrics, on the loopback only.

Source: kubernetes.io, "kube-proxy Configuration (v1alpha1)", metricsBindAddress (127.0.0.1:10249), and "Virtual IPs and
Service Proxies"; kube-proxy, cmd/kube-proxy/app/server.go: /proxyMode answers with the mode alone. The rules of the
lab's Linux nodes are those of the mode nftables; on Windows there is no other mode than kernelspace.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from podwire.model.facts import OS
from podwire_lab.controllers.node_http import NodeHttp, response
from podwire_lab.model.interfaces import NodeNetwork

LOOPBACK, PORT = "127.0.0.1", 10249
MODES: Mapping[OS, str] = {"linux": "nftables", "windows": "kernelspace"}


class ProxyModes:
    """Listens on all nodes until the lab ends."""

    def __init__(self, nodes: Mapping[str, NodeNetwork]) -> None:
        self._nodes, self._http = nodes, NodeHttp()

    def start(self) -> None:
        for node in self._nodes.values():
            self._http.listen(node.namespace, LOOPBACK, PORT, partial(told, MODES[node.os]))


def told(mode: str, request: bytes) -> bytes:
    """The answer to a request."""
    asked = request.split(b" ", 2)[1:2] == [b"/proxyMode"]
    return response("200 OK", mode) if asked else response("404 Not Found", "404 page not found\n")
