"""What is known of the cluster under test: nodes, families, network mode, proxy settings.

Facts are values: `podwire.cluster.discovery` makes them, the plan reads them, the record keeps them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

OS = Literal["linux", "windows"]
Family = Literal["ipv4", "ipv6"]
Mode = Literal["overlay", "l2bridge", "l2tunnel", "transparent", "nat", "unknown"]

FAMILIES: tuple[Family, ...] = ("ipv4", "ipv6")
UNKNOWN = "unknown"
DENIED_PORT = 18998
"""The TCP port of pods that rules of the network are to deny, so that they can be judged; nobody listens there."""


def family_of(address: str) -> Family:
    """The IP family of a textual address."""
    return "ipv6" if ":" in address else "ipv4"


@dataclass(frozen=True, kw_only=True)
class NodeFacts:
    """One node, as the API describes it.

    `kernel_version` is `10.0.<build>.<revision>` on Windows (kubelet's winstats), the kernel release on Linux.
    `judged_as` is the build that a newer one than podwire knows of is taken as, None for all others. `provider` is the
    cloud that the machine is of (`azure`, `aws`, '' for none that is told), `instance_type` its size there.
    `vpc_addresses` is how many addresses of the VPC it offers to pods, None where it offers none.
    """

    name: str
    os: OS
    addresses: tuple[str, ...] = ()
    pod_cidrs: tuple[str, ...] = ()
    ready: bool = True
    schedulable: bool = True
    kernel_version: str = ""
    os_image: str = ""
    kubelet_version: str = ""
    runtime: str = ""
    judged_as: tuple[int, int] | None = None
    provider: str = ""
    instance_type: str = ""
    vpc_addresses: int | None = None

    @property
    def known_build(self) -> tuple[int, int] | None:
        """The build that windows of known issues are held against."""
        return self.judged_as or self.build

    @property
    def build(self) -> tuple[int, int] | None:
        """Windows build and update revision, e.g. `(20348, 2762)`; None on Linux or when unreadable."""
        parts = self.kernel_version.split(".")
        if self.os != "windows" or len(parts) != 4 or not all(p.isdigit() for p in parts):
            return None
        return int(parts[2]), int(parts[3])

    def address(self, family: Family) -> str | None:
        """The node's internal address of that family."""
        return next((a for a in self.addresses if family_of(a) == family), None)


@dataclass(frozen=True, kw_only=True)
class Encapsulation:
    """Tunnel parameters between nodes: `vni` is None when the signals do not tell it."""

    kind: Literal["vxlan", "geneve"] = "vxlan"
    port: int = 4789
    vni: int | None = None


@dataclass(frozen=True, kw_only=True)
class ExternalHost:
    """A host outside the cluster that runs the agent's echo: a name and its addresses (either may be missing).

    `agent` tells whether an agent can be started there too, so that flows can begin outside.
    """

    name: str
    addresses: tuple[str, ...] = ()
    agent: bool = False

    def address(self, family: Family) -> str | None:
        return next((a for a in self.addresses if family_of(a) == family), None)


@dataclass(frozen=True, kw_only=True)
class ClusterFacts:
    """Everything the plan may depend on. Same facts, same case ids.

    `ipam` is what gives pods on Windows nodes their addresses: host-local, calico-ipam, azure-vnet-ipam, azure-cns,
    ovn, vpc-secondary (addresses of the node's network card), vpc-prefix (/28 prefixes of it), hns (Windows itself,
    where a CNI configuration names none), or unknown.
    `families` are those of the pod network on Linux nodes, `windows_families` those of pods on Windows nodes (a pod
    on a Windows overlay network has IPv4 only). `dsr` and `win_dsr`, the feature gate behind it, are None when the
    API does not tell them. `kube_proxy` tells whether Windows nodes have one, None likewise. `domain_told` is False
    where `cluster_domain` is assumed. `cluster_dns` are the addresses of the DNS Service, `dns_nodes` where its pods
    run. `load_balancer` tells whether something gives Services of that type their addresses. `denied_port` tells
    whether rules of the network between the nodes (a cloud's security rules) deny pods `DENIED_PORT` of each other;
    None where nobody states it, for no API of the cluster does.
    `pod_security_group` is the id of a security group of the VPC that lets nobody in, None where nobody states one.
    `custom_networking` tells whether pods of Linux nodes have addresses of another subnet of the VPC than their node's.
    `signals` says in words which facts came from where, in the order they were seen. `components` is what the API tells
    of kube-proxy and the CNI themselves, images and settings, by where it is told; no plan depends on it.
    """

    name: str = ""
    version: str = ""
    nodes: tuple[NodeFacts, ...] = ()
    families: tuple[Family, ...] = ("ipv4",)
    windows_families: tuple[Family, ...] = ("ipv4",)
    mode: Mode = "unknown"
    cni: str = UNKNOWN
    ipam: str = UNKNOWN
    encapsulation: Encapsulation | None = None
    dsr: bool | None = None
    win_dsr: bool | None = None
    kube_proxy: bool | None = None
    cluster_domain: str = "cluster.local"
    domain_told: bool = True
    cluster_dns: tuple[str, ...] = ()
    dns_nodes: tuple[str, ...] = ()
    load_balancer: bool = False
    denied_port: bool | None = None
    pod_security_group: str | None = None
    custom_networking: bool = False
    external: ExternalHost | None = None
    emulated: bool = False
    signals: tuple[str, ...] = field(default=())
    components: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_node_networks(self) -> bool:
        """Whether every node has a part of the pod network: not where pods have addresses of the nodes' own network."""
        return self.ipam not in ("azure-vnet-ipam", "vpc-secondary", "vpc-prefix")

    def usable(self, os: OS) -> tuple[NodeFacts, ...]:
        """Ready, schedulable nodes of one OS in the order of their names."""
        return tuple(sorted((n for n in self.nodes if n.os == os and n.ready and n.schedulable), key=lambda n: n.name))

    def pod_families(self, os: OS) -> tuple[Family, ...]:
        return self.windows_families if os == "windows" else self.families

    def to_dict(self) -> dict[str, Any]:
        """A plain, JSON-ready tree; `from_dict` is its inverse."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ClusterFacts:
        known = dict(data)
        known["nodes"] = tuple(
            NodeFacts(
                **{
                    **n,
                    "addresses": tuple(n["addresses"]),
                    "pod_cidrs": tuple(n["pod_cidrs"]),
                    "judged_as": tuple(n["judged_as"]) if n.get("judged_as") else None,
                }
            )
            for n in data["nodes"]
        )
        for name in ("families", "windows_families", "signals", "cluster_dns", "dns_nodes"):
            known[name] = tuple(data.get(name, ()))
        if data.get("encapsulation"):
            known["encapsulation"] = Encapsulation(**data["encapsulation"])
        if data.get("external"):
            known["external"] = ExternalHost(
                name=data["external"]["name"],
                addresses=tuple(data["external"]["addresses"]),
                agent=bool(data["external"].get("agent", False)),
            )
        return cls(**known)
