"""The data path of a Linux node as its network plugins build it: masquerading and host ports.

Only functions, from values to ruleset text.
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
    """Pods reach destinations outside the cluster with the node's address, with any protocol."""
    text = ""
    if not profile.set_up.linux_translates:
        return text
    for family in profile.pod_families("linux"):
        ip = KEYWORD[family]
        untranslated = profile.kept(family)
        body = f"""
  chain postrouting {{
    type nat hook postrouting priority 101;
    {ip} saddr {node.pod_cidr(family)} oifname "eth0" {ip} daddr != {{ {", ".join(untranslated)} }} masquerade
  }}"""
        text += nft.table(ip, "pod-masquerade", body)
    return text


def host_port_rules(profile: Profile, mappings: Sequence[PortMapping]) -> str:
    """The rules of the portmap plugin (containernetworking/plugins): every address of the node, for every client."""
    text = ""
    for family in profile.pod_families("linux"):
        ip = KEYWORD[family]
        of_family = [mapping for mapping in mappings if family_of(mapping.pod) == family]
        rules = "\n    ".join(host_port_rule(ip, mapping) for mapping in of_family)
        pods = ", ".join(dict.fromkeys(f"{mapping.pod} . {mapping.pod}" for mapping in of_family))
        hairpin = f"ct status dnat {ip} saddr . {ip} daddr {{ {pods} }} masquerade" if of_family else ""
        body = f"""
  chain host-ports {{
    {rules}
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
    """One host port, as a rule of a nat chain; a `hostIP` restricts it to that address."""
    at = f"{ip} daddr {mapping.host_address} " if mapping.host_address else ""
    pod = f"[{mapping.pod}]" if ip == "ip6" else mapping.pod
    return f"{at}{mapping.protocol} dport {mapping.port} dnat to {pod}:{mapping.pod_port}"
