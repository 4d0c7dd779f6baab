"""Machines and pods of the lab: a namespace with its settings and a netlink connection to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from podwire.model.facts import OS, Family, family_of
from podwire_lab.kernel.netns import NetworkNamespace
from podwire_lab.kernel.rtnetlink import Rtnetlink
from podwire_lab.model.interfaces import Namespace
from podwire_lab.windows import data_path

BRIDGE, NIC = "cbr0", "eth0"

# Set before the first interface exists. Addresses are set by hand, so nothing has to be detected, requested or
# announced. ICMP answers are evidence: no rate limit. New namespaces inherit some of these settings from the machine.
QUIET: Mapping[str, str] = {
    "net/ipv6/conf/all/accept_dad": "0",
    "net/ipv6/conf/default/accept_dad": "0",
    "net/ipv6/conf/default/accept_ra": "0",
    "net/ipv6/conf/default/addr_gen_mode": "1",
    "net/ipv6/conf/all/disable_ipv6": "0",
    "net/ipv6/conf/default/disable_ipv6": "0",
    "net/ipv6/icmp/ratelimit": "0",
    "net/ipv4/icmp_ratelimit": "0",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    "net/ipv4/conf/all/send_redirects": "0",
    "net/ipv4/conf/default/send_redirects": "0",
}
ROUTING: Mapping[str, str] = {"net/ipv4/ip_forward": "1", "net/ipv6/conf/all/forwarding": "1"}
# Answers of a Service on the same node cross only the bridge; without this they keep the backend's address.
BRIDGED: Mapping[str, str] = {
    "net/bridge/bridge-nf-call-iptables": "1",
    "net/bridge/bridge-nf-call-ip6tables": "1",
    "net/bridge/bridge-nf-call-arptables": "0",
}
LINUX: Mapping[str, str] = {
    "net/ipv4/ip_default_ttl": "64",
    "net/ipv6/conf/all/hop_limit": "64",
    "net/ipv6/conf/default/hop_limit": "64",
    "net/ipv4/ip_local_port_range": "32768 60999",
}
# Azure's hosts answer ARP for every address with this MAC (azure-container-networking: SDNRemoteArpMacAddress).
FABRIC_MAC = "12:34:56:78:9a:bc"
ANYWHERE: Mapping[Family, str] = {"ipv4": "0.0.0.0/0", "ipv6": "::/0"}


def stack(os: OS) -> Mapping[str, str]:
    """The settings that make a namespace send like the TCP/IP stack of this operating system."""
    return data_path.SYSCTLS if os == "windows" else LINUX


class Host:
    """A namespace and a netlink connection to it."""

    def __init__(self, name: str, *sysctls: Mapping[str, str]) -> None:
        settings: dict[str, str] = dict(QUIET)
        for extra in sysctls:
            settings.update(extra)
        self.name = name
        self.netns = NetworkNamespace(name, settings)
        self.links = Rtnetlink(self.netns)
        self.links.up("lo")

    @property
    def namespace(self) -> Namespace:
        return self.netns

    def close(self) -> None:
        self.links.close()
        self.netns.close()


@dataclass
class Pod:
    """A pod's place in the network (`interfaces.PodNetwork`). `number` is its host number in the node's pod CIDRs;
    `accepted` are addresses of Services that it has beside its own.
    """

    uid: str
    number: int
    place: Host
    namespace: Namespace
    addresses: tuple[str, ...]
    mac: str
    host_interface: str
    accepted: set[str] = field(default_factory=set)

    def address(self, family: Family) -> str | None:
        return next((a for a in self.addresses if family_of(a) == family), None)


def alone(address: str) -> str:
    """An address as a network of one address."""
    return f"{address}/{128 if ':' in address else 32}"
