"""The data path of a Linux node as its network plugins make it: masquerading, and ports of the node that lead to pods.

Functions only: they turn values into ruleset text.
"""

from __future__ import annotations

from collections.abc import Sequence

from podwire.model.facts import Family, family_of
from podwire_lab.kernel import nft
from podwire_lab.model.addresses import NodePlan
from podwire_lab.model.interfaces import PortMapping
from podwire_lab.model.profile import Profile

KEYWORD: dict[Family, str] = {"ipv4": "ip", "ipv6": "ip6"}
ADDRESS_TYPE: dict[Family, str] = {"ipv4": "ipv4_addr", "ipv6": "ipv6_addr"}


def base_rules(node: NodePlan, profile: Profile) -> str:
    """Pods reach what is not of the cluster with the node's address, whatever the protocol."""
    text = ""
    for family in profile.pod_families("linux"):
        ip = KEYWORD[family]
        kept = profile.kept(family)
        body = f"""
  chain postrouting {{
    type nat hook postrouting priority 101;
    {ip} saddr {node.pod_cidr(family)} oifname "eth0" {ip} daddr != {{ {", ".join(kept)} }} masquerade
  }}"""
        text += nft.table(ip, "pod-masquerade", body)
    return text


def host_port_rules(profile: Profile, mappings: Sequence[PortMapping]) -> str:
    """What the portmap plugin does (containernetworking/plugins): every address of the node, from everywhere."""
    text = ""
    for family in profile.pod_families("linux"):
        ip = KEYWORD[family]
        own = [mapping for mapping in mappings if family_of(mapping.pod) == family]
        ways = "\n    ".join(host_port_rule(ip, mapping) for mapping in own)
        pods = ", ".join(dict.fromkeys(f"{mapping.pod} . {mapping.pod}" for mapping in own))
        hairpin = f"ct status dnat {ip} saddr . {ip} daddr {{ {pods} }} masquerade" if own else ""
        body = f"""
  chain host-ports {{
    {ways}
  }}
  chain prerouting {{
    type nat hook prerouting priority -101;
    fib daddr type local jump host-ports
  }}
  chain output {{
    type nat hook output priority -101;
    fib daddr type local jump host-ports
  }}
  chain postrouting {{
    type nat hook postrouting priority 99;
    {hairpin}
  }}"""
        text += nft.table(ip, "host-ports", body)
    return text


def host_port_rule(ip: str, mapping: PortMapping) -> str:
    """One port of the node, as a rule of a nat chain; a `hostIP` narrows it to that address."""
    at = f"{ip} daddr {mapping.host_address} " if mapping.host_address else ""
    pod = f"[{mapping.pod}]" if ip == "ip6" else mapping.pod
    return f"{at}{mapping.protocol} dport {mapping.port} dnat to {pod}:{mapping.pod_port}"
