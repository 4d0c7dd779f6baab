"""Counts messages in the kube-proxy log of a Windows node: HNS refused a load balancer because its port exists.

kube-proxy is a pod of a DaemonSet, whose log the API has, or a service of the node, whose log the kubelet serves if
node log queries are on (kubernetes.io: "System Logs", log query).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from urllib.parse import quote

from podwire.cluster.rest import RestClient
from podwire.errors import ClusterError

# AWS: EKS best practices, Windows, networking, names the message. kube-proxy quotes the answer of HNS.
MESSAGE = re.compile(r"hcnCreateLoadBalancer failed in Win32: The specified port already exists")
SYSTEM = "kube-system"
NAME = "kube-proxy"


def port_messages(rest: RestClient, node: str) -> int | None:
    """How often the log of kube-proxy on a node has the message; None if podwire cannot read the log."""
    for read in (_logs_of_pods, _log_of_node):
        text = _read(lambda read=read: read(rest, node))  # type: ignore[misc]
        if text is not None:
            return len(MESSAGE.findall(text))
    return None


def _read(read: Callable[[], str | None]) -> str | None:
    """The text of a log, or None. The right to read logs is optional, and many nodes serve none."""
    try:
        return read()
    except ClusterError:
        return None


def _logs_of_pods(rest: RestClient, node: str) -> str | None:
    pods = [
        pod["metadata"]["name"]
        for pod in rest.list("pods", SYSTEM, fields=f"spec.nodeName={node}")
        if pod["metadata"]["name"].startswith(NAME)
    ]
    return "".join(rest.log(SYSTEM, pod) for pod in pods) if pods else None


def _log_of_node(rest: RestClient, node: str) -> str | None:
    path = f"/api/v1/nodes/{quote(node, safe='')}/proxy/logs/"
    return rest.text("get", path, {"query": NAME}, what=f"logs of node {node}")


class PortMessages:
    """Counts the messages of some nodes since its creation."""

    def __init__(self, rest: RestClient, nodes: Iterable[str]) -> None:
        self._rest = rest
        self._before = {node: port_messages(rest, node) for node in nodes}

    def __call__(self, node: str) -> int | None:
        """How many messages a node has more than at the start; None if unknown."""
        before = self._before.get(node)
        count = port_messages(self._rest, node) if before is not None else None
        return None if count is None or before is None else max(0, count - before)
