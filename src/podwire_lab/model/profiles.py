"""The lab's profiles: each is a row of the documentation, a network mode with the plugin that makes it.

A profile is a value; `network.build_network` makes packets move as it says. To add one, write its row into `_ROWS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from podwire.model.facts import FAMILIES, OS, Encapsulation, Family, Mode
from podwire_lab.model.addresses import (
    CALICO_BLOCKS,
    CARD_ADDRESSES,
    CARD_PREFIXES,
    LINUX_PODS_SUBNET,
    NODE_NETWORKS,
    SERVICE_NETWORK,
    UNDERLAY,
    UNDERLAY_IPV4,
    UNDERLAY_MTU,
    VPC,
    VPC_ADDRESSES,
    VPC_IPV4,
    VXLAN_OVERHEAD,
    WINNAT,
    NodePlan,
    apart,
    four_nodes,
)
from podwire_lab.model.windows_builds import DEFAULT_BUILD, UnknownBuild, WindowsBuild, windows_build

VXLAN_4096 = Encapsulation(kind="vxlan", port=4789, vni=4096)
GENEVE = Encapsulation(kind="geneve", port=6081, vni=1)


class UnknownProfile(Exception):
    """A profile that the lab does not have: its name, its Windows build, or both options together."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """How the packets of one mode and plugin look.

    `tunnel` is between nodes, None where nothing is encapsulated; `linux_tunnel` is between Linux nodes, None for the
    same. `windows_gateway` is the host number of the pods' default gateway on a Windows node (1 on Linux). `source_vip`
    is the host number of the address that Windows Services without DSR use as source, None when that is the node's own
    address. `excepted` are networks beside those of pods and Services that OutboundNAT leaves packets to alone.
    `node_reaches_own_pods_only` tells that a Windows node itself gets no farther than its own pods, `fabric` that the
    underlay answers for every address with a MAC of its own and rewrites frames, `all_by_fabric` that frames between
    pods of one node go there too. `kube_proxy` is False where the CNI balances Services itself. `build` is what all
    Windows nodes run. `source` names the document that the row was read from.
    """

    name: str
    mode: Mode
    cni: str
    ipam: str
    summary: str
    source: str
    families: tuple[Family, ...] = FAMILIES
    windows_families: tuple[Family, ...] = FAMILIES
    tunnel: Encapsulation | None = None
    linux_tunnel: Encapsulation | None = None
    dsr: bool = True
    windows_gateway: int = 1
    source_vip: int | None = None
    excepted: Mapping[Family, str] = field(default_factory=dict)
    node_reaches_own_pods_only: bool = False
    fabric: bool = False
    all_by_fabric: bool = False
    kube_proxy: bool = True
    build: WindowsBuild = DEFAULT_BUILD
    nodes: tuple[NodePlan, ...] = four_nodes(NODE_NETWORKS)

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
        return UNDERLAY_MTU - VXLAN_OVERHEAD if self.encapsulated else UNDERLAY_MTU

    def pod_families(self, os: OS) -> tuple[Family, ...]:
        return self.windows_families if os == "windows" else self.families

    def gateway(self, os: OS) -> int:
        """The host number of the pods' default gateway."""
        return self.windows_gateway if os == "windows" else 1

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

    def with_dsr(self, dsr: bool) -> Profile:
        """The same profile with Direct Server Return on or off in the kube-proxy of the Windows nodes."""
        return replace(self, dsr=dsr)

    def with_build(self, build: WindowsBuild) -> Profile:
        """The same profile with another release on the Windows nodes, which may lack IPv6 or Direct Server Return."""
        families = self.windows_families if build.has_dual_stack else ("ipv4",)
        return replace(self, build=build, windows_families=families, dsr=self.dsr and build.has_dsr)


_ROWS = (
    Profile(
        name="overlay-win-overlay",
        mode="overlay",
        cni="win-overlay",
        ipam="host-local",
        summary="VXLAN between all nodes; pods on Windows nodes have IPv4 only",
        source="kubernetes.io: Networking on Windows, network modes, Overlay; flannel: backends, VXLAN on Windows",
        windows_families=("ipv4",),
        tunnel=VXLAN_4096,
        source_vip=2,
    ),
    Profile(
        name="l2bridge-win-bridge",
        mode="l2bridge",
        cni="win-bridge",
        ipam="host-local",
        summary="a route per node, no encapsulation, frames carry the nodes' MACs; dual stack",
        source="kubernetes.io: Networking on Windows, network modes, L2bridge; Microsoft: Network drivers, l2bridge",
        windows_gateway=2,
        excepted=UNDERLAY,
    ),
    Profile(
        name="overlay-flannel-vxlan",
        mode="overlay",
        cni="flannel",
        ipam="host-local",
        summary="as overlay-win-overlay, by flannel; a Windows node reaches its own pods only",
        source="kubernetes.io: Networking on Windows, limitations, Flannel; flannel: backends, VXLAN on Windows",
        windows_families=("ipv4",),
        tunnel=VXLAN_4096,
        source_vip=2,
        node_reaches_own_pods_only=True,
    ),
    Profile(
        name="l2bridge-flannel-host-gw",
        mode="l2bridge",
        cni="flannel",
        ipam="host-local",
        summary="as l2bridge-win-bridge, by flannel's host-gw backend; pods on Windows nodes have IPv4 only",
        source="flannel: backends, host-gw; kubernetes.io: Networking on Windows, network modes, L2bridge",
        windows_families=("ipv4",),
        windows_gateway=2,
        excepted=UNDERLAY_IPV4,
    ),
    Profile(
        name="overlay-calico-vxlan",
        mode="overlay",
        cni="calico",
        ipam="calico-ipam",
        summary="VXLAN between all nodes, a block of 64 addresses for each; pods on Windows nodes have IPv4 only",
        source="Tigera: Calico for Windows, networking and limitations",
        windows_families=("ipv4",),
        tunnel=VXLAN_4096,
        source_vip=2,
        nodes=four_nodes(CALICO_BLOCKS),
    ),
    Profile(
        name="l2bridge-calico-bgp",
        mode="l2bridge",
        cni="calico",
        ipam="calico-ipam",
        summary="routes that nodes tell each other, no encapsulation, a block of 64 addresses for each node",
        source="Tigera: Calico for Windows, networking and limitations",
        windows_families=("ipv4",),
        windows_gateway=2,
        excepted=UNDERLAY_IPV4,
        nodes=four_nodes(CALICO_BLOCKS),
    ),
    Profile(
        name="overlay-ovn-hybrid",
        mode="overlay",
        cni="ovn-kubernetes",
        ipam="host-local",
        summary="VXLAN with VNI 4097 to and from Windows nodes, Geneve between Linux nodes",
        source="ovn-kubernetes: hybrid overlay; OpenShift: Windows Machine Config Operator",
        windows_families=("ipv4",),
        tunnel=Encapsulation(kind="vxlan", port=4789, vni=4097),
        linux_tunnel=GENEVE,
        source_vip=2,
    ),
    Profile(
        name="transparent-ovn",
        mode="transparent",
        cni="ovn-kubernetes",
        ipam="ovn",
        summary="Geneve between all nodes, Services and NAT by OVN, no kube-proxy on Windows nodes",
        source="kubernetes.io: Networking on Windows, network modes, Transparent",
        tunnel=GENEVE,
        kube_proxy=False,
    ),
    Profile(
        name="l2bridge-azure-cni",
        mode="l2bridge",
        cni="azure-cni",
        ipam="azure-vnet-ipam",
        summary="pods with addresses of the virtual network, whose hosts answer for every one with a MAC of their own",
        source="Azure: container networking, CNI plugin for Windows; Microsoft: Network drivers, l2bridge",
        windows_families=("ipv4",),
        windows_gateway=2,
        excepted=VPC_IPV4,
        fabric=True,
        nodes=four_nodes(VPC_ADDRESSES),
    ),
    Profile(
        name="l2tunnel-azure-cni",
        mode="l2tunnel",
        cni="azure-cni",
        ipam="azure-vnet-ipam",
        summary="as l2bridge-azure-cni, and what pods of one node say to each other goes to the host and back too",
        source="kubernetes.io: Networking on Windows, network modes, L2Tunnel; Microsoft: Network drivers, l2tunnel",
        windows_families=("ipv4",),
        windows_gateway=2,
        excepted=VPC_IPV4,
        fabric=True,
        all_by_fabric=True,
        nodes=four_nodes(VPC_ADDRESSES),
    ),
    Profile(
        name="awsvpc",
        mode="l2bridge",
        cni="vpc-cni",
        ipam="vpc-secondary",
        summary="pods with secondary addresses of the node's one network card; NAT for what is outside of the VPC",
        source="AWS: EKS best practices, Windows networking; amazon-vpc-cni-plugins, vpc-bridge",
        windows_families=("ipv4",),
        windows_gateway=2,
        excepted=VPC_IPV4,
        nodes=four_nodes(VPC_ADDRESSES, windows=CARD_ADDRESSES),
    ),
    Profile(
        name="awsvpc-prefix",
        mode="l2bridge",
        cni="vpc-cni",
        ipam="vpc-prefix",
        summary="as awsvpc, with addresses of /28 prefixes of the network card; Linux pods have a subnet of their own",
        source="AWS: EKS best practices, Windows networking, prefix mode, custom networking; resource controller",
        windows_families=("ipv4",),
        windows_gateway=2,
        excepted=VPC_IPV4,
        nodes=four_nodes(LINUX_PODS_SUBNET, windows=CARD_PREFIXES),
    ),
    Profile(
        name="nat",
        mode="nat",
        cni="nat",
        ipam="hns",
        summary="no network for Kubernetes: pods of Windows nodes hide behind their node and are not reached",
        source="kubernetes.io: Networking on Windows, network modes, NAT; Microsoft: Network drivers, NAT",
        windows_families=("ipv4",),
        nodes=four_nodes(NODE_NETWORKS, windows=WINNAT),
    ),
)

PROFILES: Mapping[str, Profile] = MappingProxyType({row.name: row for row in _ROWS})
DEFAULT_PROFILE = "overlay-win-overlay"


def profile_named(name: str, *, dsr: bool | None = None, build: str | None = None) -> Profile:
    """The profile of that name, with DSR and the Windows build as asked for (None: as the row has it).

    Raises:
        UnknownProfile: no such name, no such build, or a build without the DSR that was asked for; the text tells what
            there is.
    """
    if name not in PROFILES:
        raise UnknownProfile(f"unknown lab profile {name!r}; there are: {', '.join(PROFILES)}")
    row = PROFILES[name]
    if build is not None:
        try:
            row = row.with_build(windows_build(build))
        except UnknownBuild as error:
            raise UnknownProfile(str(error)) from error
    if dsr is not None and not row.kube_proxy:
        raise UnknownProfile(f"profile {name} has no kube-proxy on Windows nodes: --dsr says nothing there")
    if dsr and not row.build.has_dsr:
        # hcn's DSRSupported fails there, and kube-proxy with --enable-dsr does not start (winkernel/proxier.go).
        raise UnknownProfile(
            f"Windows build {row.build} has no Direct Server Return: 17763.1554 is the first one with it"
        )
    return row if dsr is None else row.with_dsr(dsr)
