"""The data path of a Linux node: the plugin's masquerading, and Services as kube-proxy's nftables mode makes them.

Source of the Service rules: kubernetes.io "Virtual IPs and Service Proxies", proxy mode nftables, and the chains that
kube-proxy documents in KEP-3866. Functions only: they turn values into ruleset text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from podwire.facts import Family
from podwire.lab import nft
from podwire.lab.interfaces import EndpointRule, ServiceRule
from podwire.lab.profiles import POD_NETWORK, SERVICE_NETWORK, UNDERLAY, NodePlan, Profile

MASQUERADE_MARK = "0x4000"
AFFINITY_TIMEOUT = "3h"  # the default of ClientIPConfig.timeoutSeconds, 10800
KEYWORD: dict[Family, str] = {"ipv4": "ip", "ipv6": "ip6"}
ADDRESS_TYPE: dict[Family, str] = {"ipv4": "ipv4_addr", "ipv6": "ipv6_addr"}


def base_rules(node: NodePlan, profile: Profile) -> str:
    """Pods reach what is not of the cluster with the node's address, whatever the protocol."""
    text = ""
    for family in profile.pod_families("linux"):
        ip = KEYWORD[family]
        kept = [POD_NETWORK[family]] + ([UNDERLAY[family]] if profile.underlay_excepted else [])
        body = f"""
  chain postrouting {{
    type nat hook postrouting priority 101;
    {ip} saddr {node.pod_cidr(family)} oifname "eth0" {ip} daddr != {{ {", ".join(kept)} }} masquerade
  }}"""
        text += nft.table(ip, "pod-masquerade", body)
    return text


def service_rules(node: NodePlan, profile: Profile, services: Sequence[ServiceRule]) -> str:
    """The whole `kube-proxy` table of both families."""
    texts = []
    for family in profile.families:
        own = [service for service in services if service.family == family]
        texts.append(nft.table(KEYWORD[family], "kube-proxy", _table(node, family, own)))
    return "".join(texts)


def _name(service: ServiceRule) -> str:
    return re.sub(r"[^A-Za-z0-9/._-]", ".", f"{service.name}/{service.protocol}/{service.port}")


def _target(service: ServiceRule, endpoint: EndpointRule) -> str:
    address = f"[{endpoint.address}]" if service.family == "ipv6" else endpoint.address
    return f"{address}:{service.target_port}"


def _local(node: NodePlan, service: ServiceRule) -> list[int]:
    return [i for i, endpoint in enumerate(service.endpoints) if endpoint.node == node.name]


def _choice(service: ServiceRule, endpoints: Sequence[int]) -> str:
    """Each of the endpoints with the same chance; a client that the Service knows goes where it went before."""
    name, ip = _name(service), KEYWORD[service.family]
    known = [
        f"    {ip} saddr @affinity-{i}-{name} goto endpoint-{i}-{name}" for i in endpoints if service.session_affinity
    ]
    verdicts = ", ".join(f"{n} : goto endpoint-{i}-{name}" for n, i in enumerate(endpoints))
    return "\n".join([*known, f"    numgen random mod {len(endpoints)} vmap {{ {verdicts} }}"])


def _table(node: NodePlan, family: Family, services: Sequence[ServiceRule]) -> str:
    ip, address = KEYWORD[family], ADDRESS_TYPE[family]
    internal, external, rejected, dropped, chains = [], [], [], [], []
    for service in services:
        name = _name(service)
        key = f"{service.address} . {service.protocol} . {service.port}"
        port_key = f"{service.protocol} . {service.node_port}"
        inside = _local(node, service) if service.internal_local else list(range(len(service.endpoints)))
        if not service.endpoints:
            rejected.append(f"{key} : goto reject-chain")
        elif not inside:
            dropped.append(f"{key} : drop")
        else:
            internal.append(f"{key} : goto service-{name}")
        if service.node_port is not None and service.endpoints:
            external.append(f"{port_key} : goto external-{name}")
        chains.append(_chains(node, service, inside))
    type_of_key = f"{address} . inet_proto . inet_service"
    return f"""
  set cluster-ips {{
    type {address};
    {nft.elements(dict.fromkeys(s.address for s in services))}
  }}
  map service-ips {{
    type {type_of_key} : verdict;
    {nft.elements(internal)}
  }}
  map service-nodeports {{
    type inet_proto . inet_service : verdict;
    {nft.elements(external)}
  }}
  map no-endpoint-services {{
    type {type_of_key} : verdict;
    {nft.elements([*rejected, *dropped])}
  }}
  chain reject-chain {{
    reject
  }}
  chain mark-for-masquerade {{
    meta mark set meta mark | {MASQUERADE_MARK}
  }}
{"".join(chains)}
  chain services {{
    {ip} daddr . meta l4proto . th dport vmap @service-ips
    fib daddr type local meta l4proto . th dport vmap @service-nodeports
  }}
  chain cluster-ips-check {{
    {ip} daddr . meta l4proto . th dport vmap @no-endpoint-services
    {ip} daddr @cluster-ips reject
    {ip} daddr {SERVICE_NETWORK[family]} drop
  }}
  chain nat-prerouting {{
    type nat hook prerouting priority -100;
    jump services
  }}
  chain nat-output {{
    type nat hook output priority -100;
    jump services
  }}
  chain nat-postrouting {{
    type nat hook postrouting priority 100;
    meta mark & {MASQUERADE_MARK} == 0 return
    meta mark set meta mark ^ {MASQUERADE_MARK}
    masquerade fully-random
  }}
  chain filter-forward {{
    type filter hook forward priority -110;
    ct state new jump cluster-ips-check
  }}
  chain filter-output {{
    type filter hook output priority -90;
    ct state new jump cluster-ips-check
  }}"""


def _chains(node: NodePlan, service: ServiceRule, inside: Sequence[int]) -> str:
    """A Service's own chains: where it leads from inside, from a node port, and one for each endpoint."""
    name, ip, pods = _name(service), KEYWORD[service.family], POD_NETWORK[service.family]
    everywhere, local = range(len(service.endpoints)), _local(node, service)
    text = ""
    if inside:
        text += f"""
  chain service-{name} {{
    {ip} saddr != {pods} jump mark-for-masquerade
{_choice(service, inside)}
  }}"""
    if service.node_port is not None and service.endpoints:
        if not service.external_local:
            way = f"    jump mark-for-masquerade\n{_choice(service, everywhere)}"
        else:  # clients inside the cluster are served by all endpoints; those outside by the node's own, or not at all
            way = f"    {ip} saddr {pods} goto cluster-{name}\n    fib saddr type local jump mark-for-masquerade\n"
            way += f"    fib saddr type local goto cluster-{name}\n" + (
                _choice(service, local) if local else "    drop"
            )
            text += f"\n  chain cluster-{name} {{\n{_choice(service, everywhere)}\n  }}"
        text += f"\n  chain external-{name} {{\n{way}\n  }}"
    for i, endpoint in enumerate(service.endpoints):
        remember = ""
        if service.session_affinity:
            keys = f"type {ADDRESS_TYPE[service.family]}; flags dynamic, timeout; timeout {AFFINITY_TIMEOUT};"
            text += f"\n  set affinity-{i}-{name} {{\n    {keys}\n  }}"
            remember = f"\n    update @affinity-{i}-{name} {{ {ip} saddr }}"
        # A pod that reaches itself must see a foreign source, or its answer never comes back to the node.
        text += f"""
  chain endpoint-{i}-{name} {{
    {ip} saddr {endpoint.address} jump mark-for-masquerade{remember}
    meta l4proto {service.protocol} dnat to {_target(service, endpoint)}
  }}"""
    return text
