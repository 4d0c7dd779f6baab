"""The lab's profiles: each is a row of the documentation, a network mode with the plugin that makes it.

A profile is a value; `network.build_network` makes packets move as it says. To add one, write its row into `_ROWS`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from podwire.facts import FAMILIES, OS, Family, Mode
from podwire.lab.windows_builds import DEFAULT_BUILD, UnknownBuild, WindowsBuild, windows_build

UNDERLAY: Mapping[Family, str] = MappingProxyType({"ipv4": "172.31.0.0/24", "ipv6": "fd31::/64"})
ROUTER: Mapping[Family, str] = MappingProxyType({"ipv4": "172.31.0.254", "ipv6": "fd31::fe"})
OUTSIDE_NETWORK: Mapping[Family, str] = MappingProxyType({"ipv4": "203.0.113.0/24", "ipv6": "2001:db8:e::/64"})
OUTSIDE_ROUTER: Mapping[Family, str] = MappingProxyType({"ipv4": "203.0.113.1", "ipv6": "2001:db8:e::1"})
OUTSIDE_HOST: Mapping[Family, str] = MappingProxyType({"ipv4": "203.0.113.10", "ipv6": "2001:db8:e::10"})
POD_NETWORK: Mapping[Family, str] = MappingProxyType({"ipv4": "10.244.0.0/16", "ipv6": "fd10:244::/48"})
SERVICE_NETWORK: Mapping[Family, str] = MappingProxyType({"ipv4": "10.96.0.0/16", "ipv6": "fd10:96::/112"})

UNDERLAY_MTU = 1500
VXLAN_OVERHEAD = 50  # outer Ethernet 14, IPv4 20, UDP 8, VXLAN 8 (RFC 7348)


class UnknownProfile(Exception):
    """A profile that the lab does not have: its name, its Windows build, or both options together."""


@dataclass(frozen=True, kw_only=True)
class NodePlan:
    """A node before it is built. `number` is its place in every address range. Addresses are text, IPv4 first."""

    name: str
    os: OS
    number: int

    @property
    def addresses(self) -> tuple[str, ...]:
        """The node's own addresses in the underlay."""
        return tuple(self.address(family) for family in FAMILIES)

    @property
    def pod_cidrs(self) -> tuple[str, ...]:
        """What the cluster's allocator gives to the node; pods on a Windows overlay use only the first."""
        return tuple(self.pod_cidr(family) for family in FAMILIES)

    @property
    def mac(self) -> str:
        """The MAC of the node's NIC."""
        return f"02:10:00:00:00:{self.number:02x}"

    @property
    def vtep_mac(self) -> str:
        """The MAC of the tunnel endpoint, the inner destination of encapsulated frames (`VtepMAC` at flannel)."""
        return f"02:50:00:00:00:{self.number:02x}"

    def address(self, family: Family) -> str:
        return str(ipaddress.ip_network(UNDERLAY[family])[self.number])

    def pod_cidr(self, family: Family) -> str:
        return f"10.244.{self.number}.0/24" if family == "ipv4" else f"fd10:244:0:{self.number:x}::/64"

    def pod_address(self, family: Family, host: int) -> str:
        """The address number `host` of the node's pod network; 0 is the tunnel endpoint's."""
        return str(ipaddress.ip_network(self.pod_cidr(family))[host])


DEFAULT_NODES = (
    NodePlan(name="linux-1", os="linux", number=1),
    NodePlan(name="linux-2", os="linux", number=2),
    NodePlan(name="windows-1", os="windows", number=11),
    NodePlan(name="windows-2", os="windows", number=12),
)


@dataclass(frozen=True, kw_only=True)
class Profile:
    """How the packets of one mode and plugin look.

    `vni` and `port` are None where nothing is encapsulated. `windows_gateway` is the host number of the pods' default
    gateway on a Windows node (1 on Linux). `source_vip` is the host number of the address that Windows Services without
    DSR use as source, None when that is the node's own address. `underlay_excepted` tells whether OutboundNAT leaves
    packets to the nodes' own network alone, `node_reaches_own_pods_only` whether a Windows node itself gets no farther
    than its own pods. `build` is what all Windows nodes run. `source` names the document that the row was read from.
    """

    name: str
    mode: Mode
    cni: str
    summary: str
    source: str
    families: tuple[Family, ...] = FAMILIES
    windows_families: tuple[Family, ...] = FAMILIES
    vni: int | None = None
    port: int | None = None
    dsr: bool = True
    windows_gateway: int = 1
    source_vip: int | None = None
    underlay_excepted: bool = False
    node_reaches_own_pods_only: bool = False
    build: WindowsBuild = DEFAULT_BUILD
    nodes: tuple[NodePlan, ...] = field(default=DEFAULT_NODES)

    @property
    def encapsulated(self) -> bool:
        return self.vni is not None

    @property
    def mtu(self) -> int:
        """The MTU of pods, in bytes."""
        return UNDERLAY_MTU - VXLAN_OVERHEAD if self.encapsulated else UNDERLAY_MTU

    def pod_families(self, os: OS) -> tuple[Family, ...]:
        return self.windows_families if os == "windows" else self.families

    def gateway(self, os: OS) -> int:
        """The host number of the pods' default gateway."""
        return self.windows_gateway if os == "windows" else 1

    def exceptions(self, family: Family) -> tuple[str, ...]:
        """The destinations that keep a pod's own source address: the ExceptionList of HNS' OutBoundNAT policy."""
        inside = (POD_NETWORK[family], SERVICE_NETWORK[family])
        return (*inside, UNDERLAY[family]) if self.underlay_excepted else inside

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
        summary="VXLAN between all nodes; pods on Windows nodes have IPv4 only",
        source="kubernetes.io: Networking on Windows, network modes, Overlay; flannel: backends, VXLAN on Windows",
        windows_families=("ipv4",),
        vni=4096,
        port=4789,
        source_vip=2,
    ),
    Profile(
        name="l2bridge-win-bridge",
        mode="l2bridge",
        cni="win-bridge",
        summary="a route per node, no encapsulation, frames carry the nodes' MACs; dual stack",
        source="kubernetes.io: Networking on Windows, network modes, L2bridge; Microsoft: Network drivers, l2bridge",
        windows_gateway=2,
        underlay_excepted=True,
    ),
    Profile(
        name="overlay-flannel-vxlan",
        mode="overlay",
        cni="flannel",
        summary="as overlay-win-overlay, by flannel; a Windows node reaches its own pods only",
        source="kubernetes.io: Networking on Windows, limitations, Flannel; flannel: backends, VXLAN on Windows",
        windows_families=("ipv4",),
        vni=4096,
        port=4789,
        source_vip=2,
        node_reaches_own_pods_only=True,
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
    if dsr and not row.build.has_dsr:
        # hcn's DSRSupported fails there, and kube-proxy with --enable-dsr does not start (winkernel/proxier.go).
        raise UnknownProfile(
            f"Windows build {row.build} has no Direct Server Return: 17763.1554 is the first one with it"
        )
    return row if dsr is None else row.with_dsr(dsr)
