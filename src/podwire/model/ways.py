"""The ways to a server (`via`), each with what the client sends to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Via = Literal[
    "loopback",
    "pod-ip",
    "pod-name",
    "short-pod-name",
    "node-ip",
    "cluster-ip",
    "former-cluster-ip",
    "short-name",
    "fqdn",
    "absolute-name",
    "dotted-name",
    "unknown-name",
    "hosts-name",
    "node-port",
    "host-port",
    "health-port",
    "load-balancer",
    "service-external-ip",
    "external-ip",
    "external-name",
    "own-vni",
    "other-vni",
    "no-vni",
]
BY_NAME: tuple[Via, ...] = (
    "pod-name",
    "short-pod-name",
    "short-name",
    "fqdn",
    "absolute-name",
    "dotted-name",
    "unknown-name",
    "hosts-name",
    "external-name",
)
BY_SERVICE: tuple[Via, ...] = (
    "cluster-ip",
    "former-cluster-ip",
    "short-name",
    "fqdn",
    "absolute-name",
    "dotted-name",
    "node-port",
    "health-port",
    "load-balancer",
    "service-external-ip",
)
BY_TUNNEL: tuple[Via, ...] = ("own-vni", "other-vni", "no-vni")
"""To a pod in tunnel packets that the agent on a node makes itself: in the network of the pods, in another one, and as
the same packet without its tunnel."""

WAYS_TO_A_PORT: dict[str, tuple[Via, ...]] = {
    "closed_port": ("pod-ip", "node-ip", "external-ip"),
    "denied_port": ("pod-ip", "node-ip"),
}
"""The ways by which a flow may be sent to another port than that of a server."""

_TUNNELLED = "the pod, in tunnel packets that the agent on a Linux node makes (`client_kind='host'`)"
WAYS: Mapping[Via, str] = {
    "pod-ip": "the address of the pod",
    "node-ip": "the address of the node",
    "loopback": "another container of the same pod",
    "cluster-ip": "the address of the Service",
    "former-cluster-ip": "the address that the Service had before a change",
    "node-port": "the port of the Service, at the entered node",
    "health-port": "the port of its health check, at the entered node",
    "host-port": "the port of the server's node that is its pod's (`hostPort`)",
    "load-balancer": "the address that a cloud gave the Service",
    "service-external-ip": "one of the `externalIPs` of the Service",
    "external-ip": "the address of the host outside",
    "external-name": "the name of the host outside",
    "own-vni": f"{_TUNNELLED}: in the virtual network of the pods",
    "other-vni": f"{_TUNNELLED}: in another virtual network",
    "no-vni": "the pod, in the same packet without its tunnel",
    "pod-name": "the pod's name below its headless Service, in full",
    "short-pod-name": "the same without namespace and domain",
    "short-name": "the name of the Service alone",
    "dotted-name": "the name of the Service with its namespace",
    "fqdn": "the name of the Service in full",
    "absolute-name": "the name of the Service in full, with the final dot",
    "unknown-name": "a name that nobody has, another one each time",
    "hosts-name": "a name in the pod's hosts file",
}
NEEDS: Mapping[Via, tuple[Via, ...]] = {
    "node-port": ("node-ip", "cluster-ip"),
    "health-port": ("node-port",),
    "host-port": ("node-ip", "pod-ip"),
    "load-balancer": ("node-port",),
    "service-external-ip": ("node-port",),
    "cluster-ip": ("pod-ip",),
    "former-cluster-ip": ("cluster-ip",),
    "external-ip": ("node-ip",),
    "own-vni": ("pod-ip",),
    "other-vni": ("own-vni",),
    "no-vni": ("pod-ip",),
    # The cluster's DNS is asked at a cluster IP.
    "external-name": ("external-ip", "cluster-ip"),
    "pod-name": ("cluster-ip",),
    "short-pod-name": ("pod-name",),
    "short-name": ("cluster-ip",),
    "fqdn": ("cluster-ip",),
    "dotted-name": ("fqdn",),
    "absolute-name": ("fqdn",),
    "unknown-name": ("cluster-ip",),
}
"""The ways that must work before another one can; those that are not listed need none."""


def steps(via: Via) -> int:
    """How many ways must work, one after the other, before this one can."""
    return max((steps(needed) + 1 for needed in NEEDS.get(via, ())), default=0)
