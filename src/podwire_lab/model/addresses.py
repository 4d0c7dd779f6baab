"""The address plan of the lab: underlay, outside, Services, and the pods of each node."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from msgspec import Struct

from podwire.model.facts import FAMILIES, OS, Family

UNDERLAY: Mapping[Family, str] = MappingProxyType({"ipv4": "172.31.0.0/24", "ipv6": "fd31::/64"})
ROUTER: Mapping[Family, str] = MappingProxyType({"ipv4": "172.31.0.254", "ipv6": "fd31::fe"})
OUTSIDE_NETWORK: Mapping[Family, str] = MappingProxyType({"ipv4": "203.0.113.0/24", "ipv6": "2001:db8:e::/64"})
OUTSIDE_ROUTER: Mapping[Family, str] = MappingProxyType({"ipv4": "203.0.113.1", "ipv6": "2001:db8:e::1"})
OUTSIDE_HOST: Mapping[Family, str] = MappingProxyType({"ipv4": "203.0.113.10", "ipv6": "2001:db8:e::10"})
VPC = "172.31.0.0/16"  # the VPC: every address of the cluster where pods have addresses of the nodes' network
METADATA = "169.254.169.254"  # the metadata service of EC2, link-local (Amazon EC2 user guide: instance metadata)
SERVICE_NETWORK: Mapping[Family, str] = MappingProxyType({"ipv4": "10.96.0.0/16", "ipv6": "fd10:96::/112"})

USUAL, MOST = 2, 5  # nodes of each OS: without an option, and at most
USUAL_MTU = 1500  # of the underlay, and of the way outside
JUMBO_MTU = 9001  # the largest of pods (AWS, EC2 User Guide: Network MTU for your EC2 instance, jumbo frames)
VXLAN_OVERHEAD = 50  # outer Ethernet 14, IPv4 20, UDP 8, VXLAN 8 (RFC 7348)


class PodNetworks(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The pod networks: one for each family, with an equal pod CIDR for each node.

    Pods get the host numbers `first` to `last` of their node's CIDR, which has at most 256 IPv4 addresses.
    """

    ipv4: str = "10.244.0.0/16"
    ipv6: str = "fd10:244::/48"
    length: int = 24
    first: int = 10
    last: int = 254

    @property
    def size(self) -> int:
        """How many pods of a node can have an address."""
        return self.last - self.first + 1

    def whole(self, family: Family) -> str:
        return self.ipv4 if family == "ipv4" else self.ipv6

    def of_node(self, number: int, family: Family) -> str:
        """The pod CIDR of the node with this number."""
        step, length = (256, self.length) if family == "ipv4" else (1 << 64, 64)
        start = ipaddress.ip_network(self.whole(family)).network_address + number * step
        return f"{start}/{length}"


@dataclass(frozen=True, kw_only=True)
class NodePlan:
    """A node before it is built. `number` is its place in every address range. Addresses are text, IPv4 first.

    `pods` are the networks of its pods, `pool` is the value of its label `podwire.dev/lab-pool`.
    """

    name: str
    os: OS
    number: int
    pods: PodNetworks = field(default_factory=PodNetworks)
    pool: str = "old"

    @property
    def short_name(self) -> str:
        """The first label of the name. Linux takes no interface name of more than 15 bytes."""
        return self.name.partition(".")[0]

    @property
    def addresses(self) -> tuple[str, ...]:
        """The node's own addresses in the underlay."""
        return tuple(self.address(family) for family in FAMILIES)

    @property
    def pod_cidrs(self) -> tuple[str, ...]:
        """The pod CIDRs that the cluster's allocator assigns; pods on a Windows overlay use only the first."""
        return tuple(self.pod_cidr(family) for family in FAMILIES)

    @property
    def mac(self) -> str:
        """The MAC of the node's NIC."""
        return f"02:10:00:00:00:{self.number:02x}"

    @property
    def vtep_mac(self) -> str:
        """The MAC of the tunnel endpoint, the inner destination of encapsulated frames (flannel's `VtepMAC`)."""
        return f"02:50:00:00:00:{self.number:02x}"

    def address(self, family: Family) -> str:
        return _host(UNDERLAY[family], self.number)

    def pod_cidr(self, family: Family) -> str:
        """The node's pod CIDR."""
        return self.pods.of_node(self.number, family)

    def pod_address(self, family: Family, host: int) -> str:
        """The address with host number `host` in the node's pod CIDR; 0 is the tunnel endpoint's."""
        return _host(self.pod_cidr(family), host)


@functools.cache
def _host(network: str, number: int) -> str:
    """The address with this number in a network."""
    return str(ipaddress.ip_network(network)[number])


def nodes_of(pods: PodNetworks, windows: PodNetworks, number: int = USUAL) -> tuple[NodePlan, ...]:
    """So many nodes of each OS; `windows` are the pod networks of Windows nodes."""
    ranges: tuple[tuple[OS, int, PodNetworks], ...] = (("linux", 0, pods), ("windows", 10, windows))
    return tuple(
        NodePlan(name=f"{os}-{at}", os=os, number=first + at, pods=networks, pool="old" if at <= USUAL else "new")
        for os, first, networks in ranges
        for at in range(1, number + 1)
    )


def apart(networks: Iterable[str]) -> tuple[str, ...]:
    """The same addresses as networks that do not overlap, in the order given."""
    parsed = [ipaddress.ip_network(text) for text in dict.fromkeys(networks)]
    inner = [net for net in parsed if any(net != outer and net.subnet_of(outer) for outer in parsed)]  # type: ignore[arg-type]
    return tuple(str(net) for net in parsed if net not in inner)
