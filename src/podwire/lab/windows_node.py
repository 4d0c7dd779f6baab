"""The data path of an emulated Windows node: HNS policies and kube-proxy's winkernel mode, as the documents say.

Nothing here was seen on a Windows node. Each rule names the document that it was taken from; what no document tells is
not imitated. Functions only: they turn values into ruleset text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from podwire.facts import Family
from podwire.lab import nft
from podwire.lab.interfaces import EndpointRule, ServiceRule
from podwire.lab.linux_node import ADDRESS_TYPE, KEYWORD
from podwire.lab.profiles import POD_NETWORK, NodePlan, Profile

# Microsoft, "Service overview and network port requirements for Windows": the dynamic port range.
PORTS = "49152-65535"

# The Windows TCP/IP stack starts with 128 hops (recollection, and traces in Antrea's documents: 128 at the sender).
SYSCTLS: Mapping[str, str] = {
    "net/ipv4/ip_default_ttl": "128",
    "net/ipv6/conf/all/hop_limit": "128",
    "net/ipv6/conf/default/hop_limit": "128",
    "net/ipv4/ip_local_port_range": "49152 65535",
}

# Connection marks: what the load balancer wants done after routing, and which entries a changed Service makes stale.
SOURCE_NAT, UDP_SERVICE = 0x1, 0x4


def base_rules(node: NodePlan, profile: Profile) -> str:
    """The HNS policies of the node's pods that do not depend on Services."""
    text = ""
    for family in profile.pod_families("windows"):
        text += nft.table(KEYWORD[family], "hns-policies", _policies(node, profile, family))
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
    return f"""
  set exceptions {{
    type {ADDRESS_TYPE[family]}; flags interval;
    elements = {{ {excepted} }}
  }}
  chain outbound-nat {{
    type nat hook postrouting priority 100;
    # hcsshim, OutBoundNAT policy: the node's address, but for the Exceptions. kubernetes.io, "Networking on Windows",
    # limitations: TCP and UDP are translated, ICMP is not.
    {ip} saddr {pods} oifname "eth0" {ip} daddr != @exceptions meta l4proto {{ tcp, udp }} snat to {_node(node, family)}
  }}
  chain forward {{
    type filter hook forward priority 0;
    # kubernetes.io, "Networking on Windows", limitations: outbound ICMP gets no answer. Whether the request leaves the
    # node is not documented; the lab drops it here.
    {ip} saddr {pods} oifname "eth0" {ip} daddr != @exceptions meta l4proto {echo_and_errors} drop
    # The same limit the other way (inference): an ICMP error about a translated packet is not translated back.
    iifname "eth0" ct state related ct status snat ct original {ip} daddr != @exceptions {icmp} type {{ {errors} }} drop
  }}"""


def _no_ipv6(node: NodePlan) -> str:
    # kubernetes.io, "IPv4/IPv6 dual-stack", Windows support: overlay (VXLAN) networks do not have it; no network has it
    # before Windows Server 2022 (WindowsBuild.has_dual_stack).
    pods = node.pod_cidr("ipv6")
    return f"""
  chain forward {{
    type filter hook forward priority 0;
    ip6 saddr {pods} drop
    ip6 daddr {pods} drop
  }}"""


def service_rules(node: NodePlan, profile: Profile, services: Sequence[ServiceRule]) -> str:
    """The HNS load balancers of the node: one for each Service port and address (kube-proxy, winkernel/proxier.go)."""
    text = ""
    for family in profile.pod_families("windows"):
        own = [service for service in services if service.family == family]
        text += nft.table(KEYWORD[family], "hns-loadbalancers", _loadbalancers(node, profile, family, own))
    return text


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _node(node: NodePlan, family: Family) -> str:
    return f"{_host(node.address(family))}:{PORTS}"


def _usable(node: NodePlan, service: ServiceRule) -> tuple[EndpointRule, ...]:
    # winkernel/proxier.go: a local endpoint that is not in the pod network (a HostProcess pod) is left out.
    return tuple(e for e in service.endpoints if e.address not in node.addresses)


def _loadbalancers(node: NodePlan, profile: Profile, family: Family, services: Sequence[ServiceRule]) -> str:
    ip, address = KEYWORD[family], ADDRESS_TYPE[family]
    balancers: list[str] = []
    own_backends: set[str] = set()
    for service in services:
        everywhere = _usable(node, service)
        local = tuple(e for e in everywhere if e.node == node.name)
        own_backends.update(e.address for e in local)
        inside = local if service.internal_local else everywhere
        # winkernel/proxier.go: without endpoints no policy at all is made, not even one that refuses.
        if inside:
            head = f'iifname "cbr0" {ip} daddr {service.address} {service.protocol} dport {service.port}'
            balancers.append(_balancer(head, service, inside, source_nat=not profile.dsr))
        # winkernel/proxier.go: --enable-dsr is not for node ports; only ExternalTrafficPolicy Local keeps the source.
        outside = local if service.external_local else everywhere
        if service.node_port is not None and outside:
            head = f"{ip} daddr {node.address(family)} {service.protocol} dport {service.node_port}"
            balancers.append(_balancer(head, service, outside, source_nat=not service.external_local))
    hairpins = nft.elements(f"{a} . {a}" for a in sorted(own_backends))
    source = node.address(family) if profile.source_vip is None else node.pod_address(family, profile.source_vip)
    listed = "\n    ".join(balancers)
    return f"""
  set hairpins {{
    type {address} . {address};
    {hairpins}
  }}
  chain lbnat {{
    type nat hook prerouting priority -100;
    {listed}
  }}
  chain source-nat {{
    type nat hook postrouting priority 99;
    # win-bridge and win-overlay, loopbackDSR: an OutBoundNAT policy whose Destinations are the pod's own address.
    ct status dnat {ip} saddr . {ip} daddr @hairpins meta l4proto {{ tcp, udp }} snat to {_node(node, family)}
    # winkernel/proxier.go: without DSR the source is the SourceVIP (overlay: --source-vip, of the node's pod network;
    # elsewhere the node's address), or the node's address for a backend that is not a pod.
    ct mark & {SOURCE_NAT} != 0 {ip} daddr {POD_NETWORK[family]} meta l4proto {{ tcp, udp }} \\
      snat to {_host(source)}:{PORTS}
    ct mark & {SOURCE_NAT} != 0 meta l4proto {{ tcp, udp }} snat to {_node(node, family)}
  }}"""


def _balancer(head: str, service: ServiceRule, endpoints: Sequence[EndpointRule], *, source_nat: bool) -> str:
    ip = KEYWORD[service.family]
    # hcsshim, LoadBalancerDistribution: by the five-tuple, or by the source address with session affinity.
    tuple_ = f"{ip} saddr" if service.session_affinity else f"{ip} saddr . {ip} daddr . {service.protocol} sport"
    backends = ", ".join(f"{i} : {e.address}" for i, e in enumerate(endpoints))
    mark = (SOURCE_NAT if source_nat else 0) | (UDP_SERVICE if service.protocol == "udp" else 0)
    choice = f"jhash {tuple_} mod {len(endpoints)} seed 0x706f6477 map {{ {backends} }}"
    return f"{head} ct mark set {mark:#x} dnat to {choice}:{service.target_port}"
