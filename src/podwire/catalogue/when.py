"""The keys of `when`, each in one row: what it is held against, and what it admits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class WhenKey:
    """One key of the `when` of a requirement or a limitation."""

    about: Literal["cluster", "flow"]
    help: str
    values: tuple[Any, ...] = ()
    """All values that it admits; empty where names or builds are given."""


def _cluster(help: str, *values: Any) -> WhenKey:  # noqa: A002
    return WhenKey(about="cluster", help=help, values=values)


def _flow(help: str, *values: Any) -> WhenKey:  # noqa: A002
    return WhenKey(about="flow", help=help, values=values)


_OS = ("linux", "windows")
WHEN: Mapping[str, WhenKey] = {
    "mode": _cluster("its network mode", "overlay", "l2bridge", "l2tunnel", "transparent", "nat"),
    "cni": _cluster("its CNI plugin is one of these"),
    "unless_cni": _cluster("its CNI plugin is none of these"),
    "ipam": _cluster("what gives addresses to pods is one of these"),
    "dsr": _cluster("Direct Server Return on Windows nodes, as kube-proxy is told", True, False),
    "known_instances": _cluster("the instance types of all Windows nodes are known to podwire", True),
    "denied_port": _cluster("the network is known to deny pods a port (`--facts`)", True),
    "pod_security_group": _cluster("a security group that lets nobody in is stated (`--facts`)", True),
    "custom_networking": _cluster("pods of Linux nodes have a subnet of the VPC for themselves", True),
    "dual_stack": _cluster("pods of Linux nodes have addresses of both families", True),
    "dns_cache": _cluster("Linux nodes have a DNS cache that their pods ask", True, False),
    "all_builds": _cluster("all its Windows nodes have a build in this range: `['17763.0', '17763.378']`"),
    "client": _flow("the OS of the client", *_OS),
    "server": _flow("the OS of the server, or its kind", *_OS, "outside", "backends"),
    "protocol": _flow("its protocol", "tcp", "udp", "icmp", "http", "sctp", "dns", "tool"),
    "family": _flow("its IP family", "ipv4", "ipv6"),
    "placement": _flow("where its server is", "same-node", "cross-node", "itself"),
    "entry": _flow("the OS of the node that it enters the cluster by", *_OS),
    "builds": _flow("the node of the client, of the server or of the entry has a Windows build in this range"),
}
