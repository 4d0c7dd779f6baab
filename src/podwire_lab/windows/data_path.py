"""The data path of an emulated Windows node: the HNS policies of its pods, as documented.

Nothing here was observed on a Windows node. Each rule names its document; undocumented behaviour is not emulated. Only
functions, from values to ruleset text.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from itertools import pairwise

from podwire.model.addressing.port_ranges import bounds
from podwire.model.facts import Family, family_of
from podwire_lab.kernel import nft
from podwire_lab.linux.data_path import ADDRESS_TYPE, KEYWORD, host_port_rule
from podwire_lab.model.addresses import NodePlan
from podwire_lab.model.interfaces import PortMapping
from podwire_lab.model.profile import Profile

# The source of a tunnelled IPv4 packet, in bits from the outer UDP header: after UDP, VXLAN and Ethernet headers.
INNER_SOURCE = "@th,336,32"

BY_THE_FABRIC = 0x40  # the mark of packets that leave by the NIC and come back by it

# The Windows TCP/IP stack starts with a TTL of 128 (from memory, and from traces in Antrea's documents).
SYSCTLS: Mapping[str, str] = {
    "net/ipv4/ip_default_ttl": "128",
    "net/ipv6/conf/all/hop_limit": "128",
    "net/ipv6/conf/default/hop_limit": "128",
}


def local_ports(profile: Profile) -> Mapping[str, str]:
    """The settings by which programs of a node and of its pods get ports of the node's ranges (Microsoft, "Service
    overview and network port requirements for Windows": the dynamic port range; netsh: excludedportrange)."""
    ranges = [bounds(text) for text in profile.windows.ports]
    gaps = ",".join(f"{before[1] + 1}-{after[0] - 1}" for before, after in pairwise(ranges))
    settings = {"net/ipv4/ip_local_port_range": f"{ranges[0][0]} {ranges[-1][1]}"}
    return {**settings, "net/ipv4/ip_local_reserved_ports": gaps} if gaps else settings


def base_rules(node: NodePlan, profile: Profile) -> str:
    """The HNS policies of the node's pods that do not depend on Services."""
    text = ""
    policies = {"transparent": _logical_router, "nat": _winnat}.get(profile.mode, _policies)
    for family in profile.pod_families("windows"):
        text += nft.table(KEYWORD[family], "hns-policies", policies(node, profile, family))
    if profile.all_by_fabric:
        text += nft.table("ip", "way-by-the-fabric", _SENT_BY_THE_FABRIC)
    if profile.windows.reaches_own_pods_only:
        text += nft.table("ip", "node-to-remote-pods", _own_pods_only(node, profile))
    if profile.mode == "overlay" and profile.tunnel and profile.windows.build.loses_tunnels:
        text += nft.table("ip", "lost-tunnels", _lost_tunnels(profile.tunnel.port))
    if "ipv6" not in profile.pod_families("windows"):
        text += nft.table("ip6", "hns-policies", _no_ipv6(node))
    return text


def _policies(node: NodePlan, profile: Profile, family: Family) -> str:
    ip, icmp = KEYWORD[family], "icmp" if family == "ipv4" else "icmpv6"
    echo_and_errors = "icmp" if family == "ipv4" else "ipv6-icmp"
    errors = {
        "ipv4": "destination-unreachable, time-exceeded, parameter-problem",
        "ipv6": "destination-unreachable, packet-too-big, time-exceeded, parameter-problem",
    }[family]
    pods, excepted = node.pod_cidr(family), ", ".join(profile.exceptions(family))
    own = f'{ip} saddr {pods} oifname "eth0" {ip} daddr != @exceptions meta l4proto {{ tcp, udp }}'
    translation = translated_to(own, node.address(family), profile.windows.ports)
    return f"""
  set exceptions {{
    type {ADDRESS_TYPE[family]}; flags interval;
    elements = {{ {excepted} }}
  }}
  chain outbound-nat {{
    type nat hook postrouting priority 100;
    # hcsshim, OutBoundNAT policy: the node's address, but for the Exceptions. kubernetes.io, "Networking on Windows",
    # limitations: TCP and UDP are translated, ICMP is not.
    {translation}
  }}
  chain forward {{
    type filter hook forward priority 0;
    # kubernetes.io, "Networking on Windows", limitations: outbound ICMP gets no answer. Whether the request leaves the
    # node is not documented; the lab drops it here.
    {ip} saddr {pods} oifname "eth0" {ip} daddr != @exceptions meta l4proto {echo_and_errors} drop
    # The same limit the other way (inference): an ICMP error about a translated packet is not translated back.
    iifname "eth0" ct state related ct status snat ct original {ip} daddr != @exceptions {icmp} type {{ {errors} }} drop
    # The host routes nothing between machines: what comes in by the NIC leaves by it only if a balancer sent it there.
    iifname "eth0" oifname "eth0" ct status & dnat == 0 drop
    {_lost_pods(node, profile, family)}
  }}{_isolated(node, family) if profile.mode == "overlay" else ""}"""


def _isolated(node: NodePlan, family: Family) -> str:
    """kubernetes.io, "Networking on Windows", network modes, Overlay: container networks are isolated from the underlay
    of the hosts. A packet from the NIC reaches a pod through the tunnel, or where the node itself translates it.
    """
    ip = KEYWORD[family]
    return f"""
  chain isolated {{
    type filter hook forward priority -10;
    iifname "eth0" {ip} daddr {node.pod_cidr(family)} ct direction original ct status & dnat == 0 drop
  }}"""


def _logical_router(node: NodePlan, profile: Profile, family: Family) -> str:
    """kubernetes.io, "Networking on Windows", network modes, Transparent: OVN does NAT north to south.

    A gateway router of OVN translates every protocol (ovn-northd: lr_nat), ICMP too.
    """
    ip, pods = KEYWORD[family], node.pod_cidr(family)
    untranslated = ", ".join(profile.exceptions(family))
    return f"""
  chain outbound-nat {{
    type nat hook postrouting priority 100;
    {ip} saddr {pods} oifname "eth0" {ip} daddr != {{ {untranslated} }} snat to {node.address(family)}
  }}
  chain forward {{
    type filter hook forward priority 0;
    iifname "eth0" oifname "eth0" ct status & dnat == 0 drop
  }}"""


def _winnat(node: NodePlan, profile: Profile, family: Family) -> str:
    """Microsoft, "Network drivers", NAT: the node's address for every destination, and no way in but mapped ports.

    No document describes ICMP; in the lab it ends at the node.
    """
    ip, pods = KEYWORD[family], node.pod_cidr(family)
    own = f'{ip} saddr {pods} oifname "eth0" meta l4proto {{ tcp, udp }}'
    icmp = "icmp" if family == "ipv4" else "ipv6-icmp"
    return f"""
  chain outbound-nat {{
    type nat hook postrouting priority 100;
    {translated_to(own, node.address(family), profile.windows.ports)}
  }}
  chain forward {{
    type filter hook forward priority 0;
    {ip} saddr {pods} oifname "eth0" meta l4proto {icmp} drop
    iifname "eth0" ct state new ct status & dnat == 0 drop
  }}"""


# A packet that way_by_the_fabric sends out and gets back belongs to one connection, and must be tracked once.
_SENT_BY_THE_FABRIC = f"""
  set sent {{
    type ipv4_addr . inet_service . ipv4_addr . inet_service . inet_proto; size 65535; flags dynamic, timeout;
    timeout 60s;
  }}
  chain forward {{
    type filter hook forward priority 200;
    iifname "cbr0" oifname "cbr0" ct status & dnat != 0 ct direction original meta mark set {BY_THE_FABRIC}
  }}
  chain postrouting {{
    type filter hook postrouting priority 200;
    # With the node's own address as source it could not come back by the NIC: without DSR, and to the client itself.
    meta mark {BY_THE_FABRIC} fib saddr type local meta mark set 0
    meta mark {BY_THE_FABRIC} update @sent {{ ip saddr . th sport . ip daddr . th dport . meta l4proto }}
  }}
  chain prerouting {{
    type filter hook prerouting priority -300;
    iifname "eth0" ip saddr . th sport . ip daddr . th dport . meta l4proto @sent notrack
  }}"""


def way_by_the_fabric(node: NodePlan, fabric_mac: str) -> str:
    """Packets between pods of one node leave by the NIC and come back by it (kubernetes.io: Networking on Windows,
    network modes, L2Tunnel: all packets go to the virtualization host).
    """
    pods = node.pod_cidr("ipv4")
    send = f'ether saddr set {node.mac} ether daddr set {fabric_mac} fwd to "eth0"'
    body = f"""
  chain ingress {{
    type filter hook ingress device "cbr0" priority 0;
    ip saddr {pods} ip daddr {pods} {send}
  }}
  chain egress {{
    type filter hook egress device "cbr0" priority 0;
    meta mark {BY_THE_FABRIC} {send}
  }}"""
    return nft.table("netdev", "way-by-the-fabric", body)


def _lost_pods(node: NodePlan, profile: Profile, family: Family) -> str:
    """kubernetes.io, "Networking on Windows", warnings: pod to pod on l2bridge with DSR fails on some builds.

    No document says which pods. Inference: the client's node drops connections between pods of Windows nodes, by
    address or through a Service.
    """
    if profile.mode != "l2bridge" or not profile.windows.dsr or not profile.windows.build.loses_pods_on_l2bridge:
        return ""
    ip, pods = KEYWORD[family], ", ".join(plan.pod_cidr(family) for plan in profile.nodes if plan.os == "windows")
    return f"{ip} saddr {node.pod_cidr(family)} {ip} daddr {{ {pods} }} meta l4proto {{ tcp, udp }} ct state new drop"


def _lost_tunnels(port: int) -> str:
    """kubernetes.io, "Networking on Windows", network modes: overlay needs KB4489899 on Windows Server 2019.

    No document says what happens to packets without it. Inference: packets from the tunnel end at the node.
    """
    return f"""
  chain input {{
    type filter hook input priority 0;
    iifname "eth0" udp dport {port} drop
  }}"""


def _own_pods_only(node: NodePlan, profile: Profile) -> str:
    """kubernetes.io, "Networking on Windows", limitations of Flannel: node to pod works for local pods only.

    Where the packets get lost is not documented (flannel pull request 1096: hosts have no connectivity with pods of
    remote hosts). In the lab no packet leaves through the tunnel whose inner source is the node's own address.
    """
    source = int(ipaddress.IPv4Address(node.pod_address("ipv4", 0)))
    return f"""
  chain output {{
    type filter hook output priority 0;
    udp dport {profile.tunnel.port if profile.tunnel else 0} {INNER_SOURCE} {source:#x} drop
  }}"""


def _no_ipv6(node: NodePlan) -> str:
    # kubernetes.io, "IPv4/IPv6 dual-stack", Windows support: not for overlay (VXLAN) networks, and for no network
    # before Windows Server 2022 (WindowsBuild.has_dual_stack).
    pods = node.pod_cidr("ipv6")
    return f"""
  chain forward {{
    type filter hook forward priority 0;
    ip6 saddr {pods} drop
    ip6 daddr {pods} drop
  }}"""


def host_port_rules(profile: Profile, mappings: Sequence[PortMapping]) -> str:
    """HNS PortMapping policies (win-bridge, win-overlay: the `portMappings` capability) for packets from the NIC."""
    text = ""
    for family in profile.pod_families("windows"):
        ip = KEYWORD[family]
        rules = "\n    ".join(host_port_rule(ip, mapping) for mapping in mappings if family_of(mapping.pod) == family)
        body = f"""
  chain port-mappings {{
    {rules}
  }}
  chain prerouting {{
    type nat hook prerouting priority -101;
    iifname "eth0" fib daddr type local jump port-mappings
  }}"""
        text += nft.table(ip, "hns-port-mappings", body)
    return text


def bracketed(address: str) -> str:
    """An address in the form that stands before a port."""
    return f"[{address}]" if ":" in address else address


def translated_to(matching: str, address: str, ranges: Sequence[str]) -> str:
    """Rules of a nat chain that give matching packets this source address and a port of one of these ranges."""
    left = range(len(ranges), 0, -1)
    by_chance = (f"numgen random mod {number} == 0 " if number > 1 else "" for number in left)
    source = bracketed(address)
    rules = (f"{matching} {chance}snat to {source}:{ports}" for chance, ports in zip(by_chance, ranges, strict=True))
    return "\n    ".join(rules)
