"""A profile of the lab: how the packets of one network mode and plugin look. Pure.

`profiles.yaml` has the profiles; `network.build_network` builds the network of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from msgspec import Struct, structs

from podwire.model.addressing.port_ranges import USUAL_OF_WINDOWS
from podwire.model.facts import FAMILIES, OS, Encapsulation, Family, Mode
from podwire_lab.model.addresses import SERVICE_NETWORK, USUAL_MTU, VPC, VXLAN_OVERHEAD, NodePlan, apart
from podwire_lab.model.windows_builds import DEFAULT_BUILD, WindowsBuild

Fabric = Literal["", "answers", "carries"]
"""The part of the underlay's hosts: none; `answers`: they answer ARP for every address with one MAC and rewrite frames;
`carries`: they also carry frames between pods of one Windows node."""


class WindowsNodes(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The properties of a profile's Windows nodes."""

    families: tuple[Family, ...] = FAMILIES
    """Of their pods."""
    gateway: int = 1
    """The host number of the pods' default gateway (1 on Linux)."""
    source_vip: int | None = None
    """The host number of the source of Services without DSR; None for the node's own address."""
    reaches_own_pods_only: bool = False
    """Whether the node itself reaches no pods of other nodes."""
    kube_proxy: bool = True
    """False where the CNI balances Services itself."""
    dsr: bool = True
    build: WindowsBuild = DEFAULT_BUILD
    ports: tuple[str, ...] = USUAL_OF_WINDOWS
    """The ranges of ports that they translate to, in order."""


@dataclass(frozen=True, kw_only=True)
class DnsPlan:
    """The cluster's DNS: the nodes that its pods run on, and whether it may ask another server about other names.

    `cache` is the address of a DNS cache on every Linux node, which pods of these nodes ask; empty for none.
    """

    nodes: tuple[str, ...] = ("linux-1",)
    upstream: bool = True
    cache: str = ""


POLICIES_BESIDE = ("azure-cni", "vpc-cni")
"""The network plugins beside which another engine may enforce policies (AWS: EKS, Calico; AKS: network policies)."""


@dataclass(frozen=True, kw_only=True)
class SetUp:
    """What may differ between clusters of one profile that are all right."""

    pod_mtu: int | None = None
    """In bytes; None for the largest that the underlay carries."""
    dns: DnsPlan = field(default_factory=DnsPlan)
    tells_pod_cidrs: bool = True
    """Whether nodes say in the API which part of the pod network is theirs."""
    node_domain: str = ""
    """What the names of all nodes end in, with a dot before it; empty for names of one label."""
    other_services: bool = False
    """Whether the cluster has the Services of `other_services.py`."""
    nat_gateway: bool = False
    """Whether IPv4 packets to the outside leave with the address of the router (`network.LabNetwork`)."""
    linux_translates: bool = True
    """Whether Linux nodes give packets of pods to the outside their own address; otherwise the router has routes."""
    delay: float = 0.0
    """How many seconds each frame that a node sends is under way (`network.delay`)."""
    pods: str = ""
    """The IPv4 network of pods where it is another one than the profile's; of the same size, and no part of a VPC."""
    policies: str = ""
    """The engine that enforces network policies beside a network plugin of `POLICIES_BESIDE`, which do not."""
    variations: tuple[str, ...] = ()
    """The names of the variations that made it so (`variations.py`)."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A network mode with the plugin that implements it."""

    name: str
    mode: Mode
    cni: str
    ipam: str
    summary: str
    source: str
    """The document that describes it."""
    nodes: tuple[NodePlan, ...]
    families: tuple[Family, ...] = FAMILIES
    tunnel: Encapsulation | None = None
    """Between nodes; None without encapsulation."""
    linux_tunnel: Encapsulation | None = None
    """Between Linux nodes; None for the same as `tunnel`."""
    excepted: Mapping[Family, str] = field(default_factory=dict)
    """Networks beside those of pods and Services to which OutboundNAT does not translate."""
    fabric: Fabric = ""
    windows: WindowsNodes = field(default_factory=WindowsNodes)
    set_up: SetUp = field(default_factory=SetUp)

    @property
    def encapsulated(self) -> bool:
        return self.tunnel is not None

    @property
    def shares_the_underlay(self) -> bool:
        """Whether pods have addresses of the nodes' own network."""
        return VPC in self.excepted.values()

    def policy_engine(self, os: OS) -> str:
        """What enforces network policies on nodes of this operating system; empty for nothing.

        Calico does on both. OVN does where the nodes run it (kubernetes.io: Networking on Windows, network modes,
        Transparent: distributed access control); in a hybrid overlay the Windows nodes do not (ovn-kubernetes,
        hybrid-overlay: their node program makes HNS networks and endpoints, and no ACL policies).
        """
        if self.cni == "calico":
            return "calico"
        if self.cni == "ovn-kubernetes" and (os == "linux" or self.mode == "transparent"):
            return "ovn-kubernetes"
        return self.set_up.policies if self.cni in POLICIES_BESIDE else ""

    @property
    def security_rules(self) -> bool:
        """Whether rules of the virtual network apply to pods (kubernetes.io: Networking on Windows, network modes,
        L2Tunnel: network security groups).
        """
        return self.mode == "l2tunnel"

    @property
    def address_rest(self) -> float:
        """How long, in seconds, no pod gets an address that a pod on a Windows node gave back (amazon-vpc-
        resource-controller-k8s: cool-down of 30 s).
        """
        return 30.0 if self.cni == "vpc-cni" else 0.0

    @property
    def mtu(self) -> int:
        """The MTU of pods, in bytes."""
        return self.set_up.pod_mtu or self.largest_mtu

    @property
    def largest_mtu(self) -> int:
        """The largest MTU of pods, in bytes, that no path between nodes has to fragment where the underlay has the
        usual MTU."""
        return USUAL_MTU - self._overhead

    @property
    def underlay_mtu(self) -> int:
        """The MTU of the nodes' NICs and of the switch between them: the usual one, or what larger pods' MTUs need."""
        return max(USUAL_MTU, self.mtu + self._overhead)

    @property
    def _overhead(self) -> int:
        return VXLAN_OVERHEAD if self.encapsulated else 0

    def pod_families(self, os: OS) -> tuple[Family, ...]:
        return self.windows.families if os == "windows" else self.families

    def gateway(self, os: OS) -> int:
        """The host number of the pods' default gateway."""
        return self.windows.gateway if os == "windows" else 1

    def pod_network(self, family: Family) -> str:
        """The network of the addresses of Linux pods; without custom networking of all pods."""
        return self.nodes[0].pods.whole(family)

    def pod_networks(self, family: Family) -> tuple[str, ...]:
        """The network of the addresses of pods that other machines reach."""
        return apart(node.pods.whole(family) for node in self.nodes if self.is_reached(node))

    @property
    def custom_networking(self) -> bool:
        """Whether pods of Linux nodes have a VPC subnet of their own."""
        return self.cni == "vpc-cni" and len(self.pod_networks("ipv4")) > 1

    def kept(self, family: Family) -> tuple[str, ...]:
        """The destinations that keep a pod's own source address on Linux nodes."""
        node_network = (self.excepted[family],) if family in self.excepted else ()
        return apart((*self.pod_networks(family), *node_network))

    def exceptions(self, family: Family) -> tuple[str, ...]:
        """The destinations that keep a pod's own source address: the ExceptionList of HNS' OutBoundNAT policy."""
        node_network = (self.excepted[family],) if family in self.excepted else ()
        return apart((*self.pod_networks(family), SERVICE_NETWORK[family], *node_network))

    def is_reached(self, node: NodePlan) -> bool:
        """Whether other nodes have a route to the node's pods."""
        return self.mode != "nat" or node.os != "windows"

    def tunnel_between(self, first: OS, second: OS) -> Encapsulation | None:
        """The tunnel between nodes of these operating systems."""
        if self.linux_tunnel and first == second == "linux":
            return self.linux_tunnel
        return self.tunnel

    @property
    def all_by_fabric(self) -> bool:
        """Whether frames between pods of one Windows node also go to the underlay."""
        return self.fabric == "carries"

    def with_set_up(self, set_up: SetUp) -> Profile:
        """The same profile set up so; its nodes, which have names of one label, get the domain."""
        domain = set_up.node_domain and f".{set_up.node_domain}"
        dns = replace(set_up.dns, nodes=tuple(f"{name}{domain}" for name in set_up.dns.nodes))
        nodes = tuple(replace(node, name=f"{node.name}{domain}") for node in self.nodes)
        if set_up.pods and not self.shares_the_underlay:
            nodes = tuple(replace(node, pods=structs.replace(node.pods, ipv4=set_up.pods)) for node in nodes)
        return replace(self, set_up=replace(set_up, dns=dns), nodes=nodes)

    def with_dsr(self, dsr: bool) -> Profile:
        """The same profile with Direct Server Return on or off in kube-proxy of the Windows nodes."""
        return replace(self, windows=structs.replace(self.windows, dsr=dsr))

    def with_ports(self, ports: tuple[str, ...]) -> Profile:
        """The same profile with Windows nodes that translate to other ports."""
        return replace(self, windows=structs.replace(self.windows, ports=ports))

    def with_build(self, build: WindowsBuild) -> Profile:
        """The same profile with another release on the Windows nodes, which may lack IPv6 or Direct Server Return."""
        families = self.windows.families if build.has_dual_stack else ("ipv4",)
        dsr = self.windows.dsr and build.has_dsr
        return replace(self, windows=structs.replace(self.windows, build=build, families=families, dsr=dsr))
