"""Services on a Linux node, as kube-proxy's nftables mode makes them.

Source of the rules: kubernetes.io "Virtual IPs and Service Proxies", proxy mode nftables; the chains that kube-proxy
documents in KEP-3866 (pkg/proxy/nftables/proxier.go); KEP-1669 for endpoints that terminate. Functions only: they turn
values into ruleset text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from podwire.facts import Family, family_of
from podwire.lab import nft
from podwire.lab.interfaces import EndpointRule, ServiceRule
from podwire.lab.linux_node import ADDRESS_TYPE, KEYWORD
from podwire.lab.profiles import POD_NETWORK, SERVICE_NETWORK, NodePlan, Profile

MASQUERADE_MARK = "0x4000"

# A table that is loaded anew has forgotten its clients. Where no run sees the end of an affinity, the first choice goes
# by the client's address and comes out the same again; kube-proxy chooses at random and keeps what it knows.
SECONDS_BEYOND_A_RUN = 600


def service_rules(node: NodePlan, profile: Profile, services: Sequence[ServiceRule]) -> str:
    """The whole `kube-proxy` table of both families."""
    texts = []
    for family in profile.families:
        own = [service for service in services if service.family == family]
        texts.append(nft.table(KEYWORD[family], "kube-proxy", _table(node, family, own)))
    return "".join(texts)


@dataclass(frozen=True, kw_only=True)
class Backends:
    """What a node's proxy uses of a Service: for either traffic policy, and whether there is anything at all."""

    cluster: tuple[int, ...]
    local: tuple[int, ...]

    @property
    def anywhere(self) -> bool:
        return bool(self.cluster)


def backends(service: ServiceRule, node: str) -> Backends:
    """The numbers of the endpoints to use. KEP-1669: the ready ones, else those that terminate and still serve."""

    def usable(numbers: Sequence[int]) -> tuple[int, ...]:
        ready = tuple(i for i in numbers if service.endpoints[i].ready)
        return ready or tuple(i for i in numbers if _still_serves(service.endpoints[i]))

    everything = range(len(service.endpoints))
    local = [i for i in everything if service.endpoints[i].node == node]
    return Backends(cluster=usable(everything), local=usable(local))


def _still_serves(endpoint: EndpointRule) -> bool:
    return endpoint.serving and endpoint.terminating


@dataclass(frozen=True, kw_only=True)
class _Entries:
    """The elements of the table's maps, and the chains that they lead to."""

    services: list[str] = field(default_factory=list)
    node_ports: list[str] = field(default_factory=list)
    without_endpoints: list[str] = field(default_factory=list)
    ports_without_endpoints: list[str] = field(default_factory=list)
    firewalls: list[str] = field(default_factory=list)
    chains: list[str] = field(default_factory=list)


def _name(service: ServiceRule) -> str:
    return re.sub(r"[^A-Za-z0-9/._-]", ".", f"{service.name}/{service.protocol}/{service.port}")


def _enter(service: ServiceRule, found: Backends, entries: _Entries) -> None:
    """Where each address of a Service leads; without a backend, packets are refused, or dropped if one is elsewhere."""
    name = _name(service)
    inside = found.local if service.internal_local else found.cluster
    outside = found.local if service.external_local else found.cluster
    refusal = "drop" if found.anywhere else "goto reject-chain"
    key = f"{service.address} . {service.protocol} . {service.port}"
    if inside:
        entries.services.append(f"{key} : goto {'local' if service.internal_local else 'cluster'}-{name}")
    else:
        entries.without_endpoints.append(f"{key} : {refusal}")
    for address in dict.fromkeys((*service.external_ips, *service.ingress_ips)):
        key = f"{address} . {service.protocol} . {service.port}"
        if found.anywhere:
            entries.services.append(f"{key} : goto external-{name}")
        if not outside:
            entries.without_endpoints.append(f"{key} : {refusal}")
        if service.source_ranges and address in service.ingress_ips:
            entries.firewalls.append(f"{key} : goto firewall-{name}")
    if service.node_port is not None:
        key = f"{service.protocol} . {service.node_port}"
        if found.anywhere:
            entries.node_ports.append(f"{key} : goto external-{name}")
        if not outside:
            entries.ports_without_endpoints.append(f"{key} : {refusal}")


def _table(node: NodePlan, family: Family, services: Sequence[ServiceRule]) -> str:
    ip, address = KEYWORD[family], ADDRESS_TYPE[family]
    entries = _Entries()
    for service in services:
        found = backends(service, node.name)
        _enter(service, found, entries)
        entries.chains.append(_chains(service, found))
    of_address = f"type {address} . inet_proto . inet_service : verdict;"
    of_port = "type inet_proto . inet_service : verdict;"
    to_service, to_port = f"{ip} daddr . meta l4proto . th dport", "meta l4proto . th dport"
    return f"""
  set cluster-ips {{
    type {address};
    {nft.elements(dict.fromkeys(s.address for s in services))}
  }}
  map service-ips {{
    {of_address}
    {nft.elements(entries.services)}
  }}
  map service-nodeports {{
    {of_port}
    {nft.elements(entries.node_ports)}
  }}
  map no-endpoint-services {{
    {of_address}
    {nft.elements(entries.without_endpoints)}
  }}
  map no-endpoint-nodeports {{
    {of_port}
    {nft.elements(entries.ports_without_endpoints)}
  }}
  map firewall-ips {{
    {of_address}
    {nft.elements(entries.firewalls)}
  }}
  chain reject-chain {{
    reject
  }}
  chain mark-for-masquerade {{
    meta mark set meta mark | {MASQUERADE_MARK}
  }}
{"".join(entries.chains)}
  chain services {{
    {to_service} vmap @service-ips
    fib daddr type local {to_port} vmap @service-nodeports
  }}
  chain endpoints-check {{
    {to_service} vmap @no-endpoint-services
  }}
  chain cluster-ips-check {{
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
  chain filter-prerouting {{
    type filter hook prerouting priority -110;
    ct state new {to_service} vmap @firewall-ips
  }}
  chain filter-input {{
    type filter hook input priority -110;
    ct state new {to_port} vmap @no-endpoint-nodeports
    ct state new jump endpoints-check
  }}
  chain filter-forward {{
    type filter hook forward priority -110;
    ct state new jump endpoints-check
    ct state new jump cluster-ips-check
  }}
  chain filter-output {{
    type filter hook output priority -110;
    ct state new {to_service} vmap @firewall-ips
    ct state new jump endpoints-check
  }}
  chain filter-output-post-dnat {{
    type filter hook output priority -90;
    ct state new jump cluster-ips-check
  }}"""


def _chains(service: ServiceRule, found: Backends) -> str:
    """A Service's own chains: its backends by policy, the way from outside, who may come, and one chain an endpoint."""
    name, ip = _name(service), KEYWORD[service.family]
    text = ""
    for policy, numbers in (("cluster", found.cluster), ("local", found.local)):
        if numbers:
            text += f"\n  chain {policy}-{name} {{\n{_from_nodes(service)}\n{_choice(service, numbers)}\n  }}"
    if found.anywhere and (service.node_port is not None or service.external_ips or service.ingress_ips):
        text += f"\n  chain external-{name} {{\n{_external(service, found)}\n  }}"
    if service.source_ranges and service.ingress_ips:
        text += f"\n  chain firewall-{name} {{\n    {ip} saddr != {{ {', '.join(service.source_ranges)} }} drop\n  }}"
    for i in sorted({*found.cluster, *found.local}):
        text += _endpoint(service, i)
    return text


def _from_nodes(service: ServiceRule) -> str:
    """Who comes to the cluster IP and is not a pod may be led to another node: the answer must come back here."""
    ip = KEYWORD[service.family]
    return f"    {ip} daddr {service.address} {ip} saddr != {POD_NETWORK[service.family]} jump mark-for-masquerade"


def _external(service: ServiceRule, found: Backends) -> str:
    """The way from node ports, external and ingress addresses, which are all treated alike."""
    name = _name(service)
    if not service.external_local:
        return f"    jump mark-for-masquerade\n    goto cluster-{name}"
    # Clients inside the cluster are served by all endpoints; those outside by the node's own, or not at all.
    lines = [
        f"{KEYWORD[service.family]} saddr {POD_NETWORK[service.family]} goto cluster-{name}",
        "fib saddr type local jump mark-for-masquerade",
        f"fib saddr type local goto cluster-{name}",
        *([f"goto local-{name}"] if found.local else []),
    ]
    return "\n".join(f"    {line}" for line in lines)


def _choice(service: ServiceRule, numbers: Sequence[int]) -> str:
    """Each of the endpoints with the same chance; a client that the Service knows goes where it went before."""
    name, ip = _name(service), KEYWORD[service.family]
    lines = [f"{ip} saddr @affinity-{i}-{name} goto endpoint-{i}-{name}" for i in numbers if service.session_affinity]
    chance = "numgen random"
    if service.session_affinity and service.affinity_seconds >= SECONDS_BEYOND_A_RUN:
        chance = f"jhash {ip} saddr"
    verdicts = ", ".join(f"{n} : goto endpoint-{i}-{name}" for n, i in enumerate(numbers))
    return "\n".join(f"    {line}" for line in [*lines, f"{chance} mod {len(numbers)} vmap {{ {verdicts} }}"])


def _endpoint(service: ServiceRule, number: int) -> str:
    endpoint, name, ip = service.endpoints[number], _name(service), KEYWORD[service.family]
    text, further = "", ""
    if service.session_affinity:
        keys = f"type {ADDRESS_TYPE[service.family]}; flags dynamic, timeout; timeout {service.affinity_seconds}s;"
        text += f"\n  set affinity-{number}-{name} {{\n    {keys}\n  }}"
        further += f"\n    update @affinity-{number}-{name} {{ {ip} saddr }}"
    if service.protocol == "udp":
        further += f"\n    ct mark set {nft.UDP_SERVICE:#x}"
    address = f"[{endpoint.address}]" if family_of(endpoint.address) == "ipv6" else endpoint.address
    # A pod that reaches itself must see a foreign source, or its answer never comes back to the node.
    return f"""{text}
  chain endpoint-{number}-{name} {{
    {ip} saddr {endpoint.address} jump mark-for-masquerade{further}
    meta l4proto {service.protocol} dnat to {address}:{service.target(endpoint)}
  }}"""
