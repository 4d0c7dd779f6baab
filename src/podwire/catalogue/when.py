"""The keys of `when`, each in one row: what it is compared with, and the values that it admits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from podwire.platforms.policy_engines import Lack


@dataclass(frozen=True, kw_only=True)
class WhenKey:
    """One key of the `when` of a requirement or a limitation."""

    about: Literal["cluster", "flow"]
    help: str
    values: tuple[Any, ...] = ()
    """All admitted values; empty where names or builds are given."""


def _cluster(help: str, *values: Any) -> WhenKey:  # noqa: A002
    return WhenKey(about="cluster", help=help, values=values)


def _flow(help: str, *values: Any) -> WhenKey:  # noqa: A002
    return WhenKey(about="flow", help=help, values=values)


_OS = ("linux", "windows")
WHEN: Mapping[str, WhenKey] = {
    "mode": _cluster("its network mode", "overlay", "l2bridge", "l2tunnel", "transparent", "nat"),
    "cni": _cluster("its CNI plugin is one of these"),
    "unless_cni": _cluster("its CNI plugin is none of these"),
    "ipam": _cluster("its IPAM (the allocator of pod addresses) is one of these"),
    "dsr": _cluster("the DSR setting of kube-proxy on Windows nodes", True, False),
    "known_instances": _cluster("podwire knows the instance types of all Windows nodes", True),
    "denied_port": _cluster("the network denies pods a port (`--facts`)", True),
    "pod_security_group": _cluster("a stated security group admits nobody (`--facts`)", True),
    "custom_networking": _cluster("pods of Linux nodes have a VPC subnet of their own", True),
    "dual_stack": _cluster("pods of Linux nodes have addresses of both families", True),
    "dns_cache": _cluster("Linux nodes have a DNS cache that their pods ask", True, False),
    "windows_skips": _cluster("the policy engine of its Windows nodes skips rules with this", *get_args(Lack)),
    "kubernetes": _cluster("its version of Kubernetes is this one or a later one: `'1.36'`"),
    "all_builds": _cluster("all its Windows nodes have a build in this range: `['17763.0', '17763.378']`"),
    "client": _flow("the OS of the client", *_OS),
    "server": _flow("the OS of the server, or its kind", *_OS, "outside", "backends"),
    "protocol": _flow("its protocol", "tcp", "udp", "icmp", "http", "sctp", "dns", "tool"),
    "family": _flow("its IP family", "ipv4", "ipv6"),
    "placement": _flow("where its server is", "same-node", "cross-node", "itself"),
    "service": _flow("the kind of its Service, a file of `manifests/services/`"),
    "server_pod": _flow("the special kind of pod that is the server, a file of `manifests/variants/`"),
    "decision": _flow("what the network policies in force say of it", "allowed", "denied"),
    "entry": _flow("the OS of the node where it enters the cluster", *_OS),
    "builds": _flow("the node of the client, of the server or of the entry has a Windows build in this range"),
}
