"""What a profile of the lab is: how the packets of one network mode and plugin look. Pure.

`profiles.yaml` has the profiles; `network.build_network` makes packets move as one says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from msgspec import Struct, structs

from podwire.model.facts import FAMILIES, OS, Encapsulation, Family, Mode
from podwire_lab.model.addresses import SERVICE_NETWORK, UNDERLAY_MTU, VPC, VXLAN_OVERHEAD, NodePlan, apart
from podwire_lab.model.windows_builds import DEFAULT_BUILD, WindowsBuild

Fabric = Literal["", "answers", "carries"]
"""What the hosts of the underlay do: nothing of their own; `answers`: they answer for every address with one MAC and
rewrite frames; `carries`: frames between pods of one Windows node go to them, too."""


class WindowsNodes(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is peculiar to the Windows nodes of a profile.

    `families` are those of their pods. `gateway` is the host number of the pods' default gateway (1 on Linux), and
    `source_vip` that of the address that Services without DSR use as source, None when that is the node's own address.
    `reaches_own_pods_only` tells that a node itself gets no farther than its own pods. `kube_proxy` is False where the
    CNI balances Services itself. `build` is the release of Windows Server that they run.
    """

    families: tuple[Family, ...] = FAMILIES
    gateway: int = 1
    source_vip: int | None = None
    reaches_own_pods_only: bool = False
    kube_proxy: bool = True
    dsr: bool = True
    build: WindowsBuild = DEFAULT_BUILD


@dataclass(frozen=True, kw_only=True)
class DnsPlan:
    """The cluster's DNS: the nodes that its pods run on, and whether it may ask another server about other names.

    `cache` is the address of a DNS cache on every Linux node, which pods of these nodes ask; empty for none.
    """

    nodes: tuple[str, ...] = ("linux-1",)
    upstream: bool = True
    cache: str = ""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A network mode with the plugin that makes it.

    `source` names the document that it was read from. `tunnel` is between nodes, None where nothing is encapsulated;
    `linux_tunnel` is between Linux nodes, None for the same. `excepted` are networks beside those of pods and Services
    that OutboundNAT leaves packets to alone. `pod_mtu` is in bytes, None for the largest that the underlay carries.
    `tells_pod_cidrs` is whether nodes say in the API which part of the pod network is theirs. `variations` are the
    names of those that were asked for (`variations.py`).
    """

    name: str
    mode: Mode
    cni: str
    ipam: str
    summary: str
    source: str
    nodes: tuple[NodePlan, ...]
    families: tuple[Family, ...] = FAMILIES
    tunnel: Encapsulation | None = None
    linux_tunnel: Encapsulation | None = None
    excepted: Mapping[Family, str] = field(default_factory=dict)
    fabric: Fabric = ""
    windows: WindowsNodes = field(default_factory=WindowsNodes)
    pod_mtu: int | None = None
    dns: DnsPlan = field(default_factory=DnsPlan)
    tells_pod_cidrs: bool = True
    variations: tuple[str, ...] = ()

    @property
    def encapsulated(self) -> bool:
        return self.tunnel is not None

    @property
    def shares_the_underlay(self) -> bool:
        """Whether pods have addresses of the nodes' own network."""
        return VPC in self.excepted.values()

    @property
    def holds_to_policies(self) -> bool:
        """Whether the network plugin does what network policies say (kubernetes.io: Networking on Windows, network
        modes, Transparent: OVN has distributed access control for them). To the others of the lab they say nothing."""
        return self.mode == "transparent"

    @property
    def security_rules(self) -> bool:
        """Whether rules of the virtual network apply to pods (kubernetes.io: Networking on Windows, network modes,
        L2Tunnel: network security groups)."""
        return self.mode == "l2tunnel"

    @property
    def address_rest(self) -> float:
        """Seconds that an address of a pod on a Windows node is nobody's before another pod gets it (amazon-vpc-
        resource-controller-k8s: cool-down of 30 s)."""
        return 30.0 if self.cni == "vpc-cni" else 0.0

    @property
    def mtu(self) -> int:
        """The MTU of pods, in bytes."""
        return self.pod_mtu or self.largest_mtu

    @property
    def largest_mtu(self) -> int:
        """The largest MTU of pods, in bytes, with which no packet between nodes is cut."""
        return UNDERLAY_MTU - VXLAN_OVERHEAD if self.encapsulated else UNDERLAY_MTU

    def pod_families(self, os: OS) -> tuple[Family, ...]:
        return self.windows.families if os == "windows" else self.families

    def gateway(self, os: OS) -> int:
        """The host number of the pods' default gateway."""
        return self.windows.gateway if os == "windows" else 1

    def pod_network(self, family: Family) -> str:
        """What pods of Linux nodes have their addresses in, and but for custom networking all pods."""
        return self.nodes[0].pods.whole(family)

    def pod_networks(self, family: Family) -> tuple[str, ...]:
        """What pods that others reach have their addresses in."""
        return apart(node.pods.whole(family) for node in self.nodes if self.is_reached(node))

    @property
    def custom_networking(self) -> bool:
        """Whether pods of Linux nodes have a subnet of the VPC for themselves."""
        return self.cni == "vpc-cni" and len(self.pod_networks("ipv4")) > 1

    def kept(self, family: Family) -> tuple[str, ...]:
        """The destinations that keep a pod's own source address on Linux nodes."""
        more = (self.excepted[family],) if family in self.excepted else ()
        return apart((*self.pod_networks(family), *more))

    def exceptions(self, family: Family) -> tuple[str, ...]:
        """The destinations that keep a pod's own source address: the ExceptionList of HNS' OutBoundNAT policy."""
        more = (self.excepted[family],) if family in self.excepted else ()
        return apart((*self.pod_networks(family), SERVICE_NETWORK[family], *more))

    def is_reached(self, node: NodePlan) -> bool:
        """Whether other nodes have a way to the node's pods."""
        return self.mode != "nat" or node.os != "windows"

    def tunnel_between(self, one: OS, other: OS) -> Encapsulation | None:
        """The tunnel between nodes of these operating systems."""
        if self.linux_tunnel and one == other == "linux":
            return self.linux_tunnel
        return self.tunnel

    @property
    def all_by_fabric(self) -> bool:
        """Whether frames between pods of one Windows node go to the underlay too."""
        return self.fabric == "carries"

    def with_dsr(self, dsr: bool) -> Profile:
        """The same profile with Direct Server Return on or off in the kube-proxy of the Windows nodes."""
        return replace(self, windows=structs.replace(self.windows, dsr=dsr))

    def with_build(self, build: WindowsBuild) -> Profile:
        """The same profile with another release on the Windows nodes, which may lack IPv6 or Direct Server Return."""
        own = self.windows
        families = own.families if build.has_dual_stack else ("ipv4",)
        windows = structs.replace(own, build=build, families=families, dsr=own.dsr and build.has_dsr)
        return replace(self, windows=windows)
