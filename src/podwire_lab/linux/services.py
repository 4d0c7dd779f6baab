"""Services on a Linux node, as kube-proxy's nftables mode programs them.

Sources: kubernetes.io "Virtual IPs and Service Proxies", proxy mode nftables; the chains in KEP-3866
(pkg/proxy/nftables/proxier.go); KEP-1669 for terminating endpoints. Only functions, from values to ruleset text.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from podwire.model.facts import Family
from podwire_lab.kernel import nft
from podwire_lab.linux.data_path import ADDRESS_TYPE, KEYWORD
from podwire_lab.linux.service_tables import sharded
from podwire_lab.model.addresses import SERVICE_NETWORK, NodePlan
from podwire_lab.model.interfaces import EndpointRule, ServiceRule
from podwire_lab.model.profile import Profile

MASQUERADE_MARK = "0x4000"

# A reloaded table has forgotten its clients, those of the shard's other Services too. Where no run sees the end of an
# affinity, the first choice depends on the client's address and is the same after a reload; kube-proxy chooses at
# random and keeps its state.
SECONDS_BEYOND_A_RUN = 600


def service_rules(node: NodePlan, profile: Profile, services: Sequence[ServiceRule]) -> dict[str, str]:
    """The bodies of the `kube-proxy` tables: in each family one for all Services, and their shards."""
    backends_by_service = {}
    for family in profile.families:
        of_family = [service for service in services if service.family == family]
        backends_by_service[f"{KEYWORD[family]} kube-proxy"] = _shared(node, family, of_family)
        pods = nft.among(profile.pod_networks(family))
        for number, part in sharded(of_family).items():
            backends_by_service[f"{KEYWORD[family]} kube-proxy-{number}"] = _shard(node, pods, family, part)
    return backends_by_service


@dataclass(frozen=True, kw_only=True)
class Backends:
    """What a node's proxy uses of a Service: for either traffic policy, and whether it has any endpoint."""

    cluster: tuple[EndpointRule, ...]
    local: tuple[EndpointRule, ...]

    @property
    def anywhere(self) -> bool:
        return bool(self.cluster)


def backends(service: ServiceRule, node: str) -> Backends:
    """The endpoints to use. KEP-1669: those that are ready, else those that terminate and still serve."""

    def usable(endpoints: Sequence[EndpointRule]) -> tuple[EndpointRule, ...]:
        ready = tuple(e for e in endpoints if e.ready)
        return ready or tuple(e for e in endpoints if e.serving and e.terminating)

    local = [e for e in service.endpoints if e.node == node]
    return Backends(cluster=usable(service.endpoints), local=usable(local))


@dataclass(frozen=True, kw_only=True)
class _Entries:
    """The elements of a table's maps, and the chains that they lead to. Of two Services with one address the first has
    it.

    `pools` are the chains that choose a backend, by their content: Services with the same backends share one. `pods`
    are the addresses inside the cluster.
    """

    pods: str

    services: dict[str, str] = field(default_factory=dict)
    node_ports: dict[str, str] = field(default_factory=dict)
    without_endpoints: dict[str, str] = field(default_factory=dict)
    ports_without_endpoints: dict[str, str] = field(default_factory=dict)
    firewalls: dict[str, str] = field(default_factory=dict)
    chains: list[str] = field(default_factory=list)
    pools: dict[str, str] = field(default_factory=dict)


def _name(service: ServiceRule) -> str:
    return re.sub(r"[^A-Za-z0-9/._-]", ".", f"{service.name}/{service.protocol}/{service.port}")


def _enter(service: ServiceRule, targets: Backends, entries: _Entries) -> None:
    """Add the targets of a Service's addresses. Without a backend the node refuses packets, or drops them if another
    node has one.
    """
    name = _name(service)
    inside = targets.local if service.internal_local else targets.cluster
    outside = targets.local if service.external_local else targets.cluster
    refusal = "drop" if targets.anywhere else "goto reject-chain"
    key = f"{service.address} . {service.protocol} . {service.port}"
    if inside:
        policy = "local" if service.internal_local else "cluster"
        entries.services.setdefault(key, f"goto {_pool(service, policy, inside, entries)}")
    else:
        entries.without_endpoints.setdefault(key, refusal)
    for address in dict.fromkeys((*service.external_ips, *service.ingress_ips)):
        key = f"{address} . {service.protocol} . {service.port}"
        if targets.anywhere:
            entries.services.setdefault(key, f"goto external-{name}")
        if not outside:
            entries.without_endpoints.setdefault(key, refusal)
        if service.source_ranges and address in service.ingress_ips:
            entries.firewalls.setdefault(key, f"goto firewall-{name}")
    if service.node_port is not None:
        key = f"{service.protocol} . {service.node_port}"
        if targets.anywhere:
            entries.node_ports.setdefault(key, f"goto external-{name}")
        if not outside:
            entries.ports_without_endpoints.setdefault(key, refusal)


def _is_of(node: NodePlan, endpoint: EndpointRule, pods: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    """Whether an endpoint is on the node; a hand-written endpoint need not name its node."""
    if endpoint.node:
        return endpoint.node == node.name
    return ipaddress.ip_address(endpoint.address) in pods


def _shared(node: NodePlan, family: Family, services: Sequence[ServiceRule]) -> str:
    """Masquerading, and the rules for cluster IPs that no Service's rules matched."""
    ip, address = KEYWORD[family], ADDRESS_TYPE[family]
    pods = ipaddress.ip_network(node.pod_cidr(family))
    local_addresses = sorted({e.address for s in services for e in s.endpoints if _is_of(node, e, pods)})
    return f"""
  set cluster-ips {{
    type {address};
    {nft.elements(sorted({s.address for s in services}))}
  }}
  set hairpins {{
    type {address} . {address};
    {nft.elements(f"{a} . {a}" for a in local_addresses)}
  }}
  chain cluster-ips-check {{
    {ip} daddr @cluster-ips reject
    {ip} daddr {SERVICE_NETWORK[family]} drop
  }}
  chain nat-postrouting {{
    type nat hook postrouting priority 100;
    ct status dnat meta l4proto udp ct mark set ct mark | {nft.UDP_SERVICE:#x}
    # A pod that reaches itself must see a foreign source, or its answer never comes back to the node.
    ct status dnat {ip} saddr . {ip} daddr @hairpins masquerade fully-random
    meta mark & {MASQUERADE_MARK} == 0 return
    meta mark set meta mark ^ {MASQUERADE_MARK}
    masquerade fully-random
  }}
  chain filter-forward {{
    type filter hook forward priority -110;
    ct state new jump cluster-ips-check
  }}
  chain filter-output-post-dnat {{
    type filter hook output priority -90;
    ct state new jump cluster-ips-check
  }}"""


def _shard(node: NodePlan, pods: str, family: Family, services: Sequence[ServiceRule]) -> str:
    """The targets of the addresses and ports of some Services."""
    ip, address = KEYWORD[family], ADDRESS_TYPE[family]
    entries = _Entries(pods=pods)
    for service in services:
        targets = backends(service, node.name)
        _enter(service, targets, entries)
        _add_chains(service, targets, entries)
    entries.chains.extend(f"\n  chain {name} {{{body}\n  }}" for body, name in entries.pools.items())
    of_address = f"type {address} . inet_proto . inet_service : verdict;"
    of_port = "type inet_proto . inet_service : verdict;"
    to_service, to_port = f"{ip} daddr . meta l4proto . th dport", "meta l4proto . th dport"
    return f"""
  set cluster-ips {{
    type {address};
    {nft.elements(sorted({s.address for s in services}))}
  }}
  map service-ips {{
    {of_address}
    {nft.verdicts(entries.services)}
  }}
  map service-nodeports {{
    {of_port}
    {nft.verdicts(entries.node_ports)}
  }}
  map no-endpoint-services {{
    {of_address}
    {nft.verdicts(entries.without_endpoints)}
  }}
  map no-endpoint-nodeports {{
    {of_port}
    {nft.verdicts(entries.ports_without_endpoints)}
  }}
  map firewall-ips {{
    {of_address}
    {nft.verdicts(entries.firewalls)}
  }}
  chain reject-chain {{
    reject
  }}
  chain mark-for-masquerade {{
    meta mark set meta mark | {MASQUERADE_MARK}
  }}
{"".join(entries.chains)}
  chain services {{
    # Who comes to a cluster IP and is no pod may be led to another node: the answer must come back here.
    {ip} daddr @cluster-ips {ip} saddr != {pods} jump mark-for-masquerade
    {to_service} vmap @service-ips
    fib daddr type local {to_port} vmap @service-nodeports
  }}
  chain endpoints-check {{
    {to_service} vmap @no-endpoint-services
  }}
  chain nat-prerouting {{
    type nat hook prerouting priority -100;
    jump services
  }}
  chain nat-output {{
    type nat hook output priority -100;
    jump services
  }}
  chain filter-prerouting {{
    type filter hook prerouting priority -110;
    ct state new {to_service} vmap @firewall-ips
  }}
  chain filter-input {{
    type filter hook input priority -111;
    ct state new {to_port} vmap @no-endpoint-nodeports
    ct state new jump endpoints-check
  }}
  chain filter-forward {{
    type filter hook forward priority -111;
    ct state new jump endpoints-check
  }}
  chain filter-output {{
    type filter hook output priority -110;
    ct state new {to_service} vmap @firewall-ips
    ct state new jump endpoints-check
  }}"""


def _add_chains(service: ServiceRule, targets: Backends, entries: _Entries) -> None:
    """A Service's own chains: one for all external addresses, and one for the clients that may use them."""
    name = _name(service)
    if targets.anywhere and (service.node_port is not None or service.external_ips or service.ingress_ips):
        lines = "\n    ".join(_external(service, targets, entries))
        entries.chains.append(f"\n  chain external-{name} {{\n    {lines}\n  }}")
    if service.source_ranges and service.ingress_ips:
        rule = f"{KEYWORD[service.family]} saddr != {{ {', '.join(service.source_ranges)} }} drop"
        entries.chains.append(f"\n  chain firewall-{name} {{\n    {rule}\n  }}")


def _external(service: ServiceRule, targets: Backends, entries: _Entries) -> list[str]:
    everywhere = _pool(service, "cluster", targets.cluster, entries)
    if not service.external_local:
        return ["jump mark-for-masquerade", f"goto {everywhere}"]
    # All endpoints serve clients inside the cluster; those outside get the node's own endpoints or none.
    return [
        f"{KEYWORD[service.family]} saddr {entries.pods} goto {everywhere}",
        "fib saddr type local jump mark-for-masquerade",
        f"fib saddr type local goto {everywhere}",
        *([f"goto {_pool(service, 'local', targets.local, entries)}"] if targets.local else []),
    ]


def _pool(service: ServiceRule, policy: str, endpoints: Sequence[EndpointRule], entries: _Entries) -> str:
    """The name of the chain that leads to each endpoint with the same probability."""
    ip = KEYWORD[service.family]
    targets = ", ".join(f"{i} : {e.address} . {service.target(e)}" for i, e in enumerate(endpoints))
    if service.affinity_seconds is None:
        body = f"\n    meta l4proto {{ tcp, udp }} dnat {ip} to numgen random mod {len(endpoints)} map {{ {targets} }}"
        return entries.pools.setdefault(body, f"pool-{len(entries.pools)}")
    # A client with an affinity goes to the same backend again: the map holds the number of each client's endpoint.
    name = f"affinity-{policy}-{_name(service)}"
    chance = f"numgen random mod {len(endpoints)}"
    if service.affinity_seconds >= SECONDS_BEYOND_A_RUN:
        chance = f"jhash {ip} saddr mod {len(endpoints)} seed {nft.SEED}"
    body = f"""
    update @{name} {{ {ip} saddr : {chance} }}
    ct mark set {ip} saddr map @{name}
    meta l4proto {{ tcp, udp }} dnat {ip} to ct mark map {{ {targets} }}"""
    if body not in entries.pools:
        keys = f"type {ADDRESS_TYPE[service.family]} : mark; size 65535; flags dynamic, timeout;"
        entries.chains.append(f"\n  map {name} {{\n    {keys} timeout {service.affinity_seconds}s;\n  }}")
    return entries.pools.setdefault(body, name)
