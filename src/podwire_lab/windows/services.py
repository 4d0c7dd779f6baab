"""Services on an emulated Windows node: the HNS load balancers that kube-proxy's winkernel mode requests.

Source, where a rule names no other: kube-proxy, pkg/proxy/winkernel/proxier.go. `tests/recordings/winkernel` has what
that code asked for. Only functions, from values to ruleset text; `load_balancers` has what HNS holds over time.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from podwire.model.facts import Family, family_of
from podwire_lab.kernel import nft
from podwire_lab.linux.data_path import ADDRESS_TYPE, KEYWORD
from podwire_lab.linux.service_tables import sharded
from podwire_lab.model.addresses import NodePlan
from podwire_lab.model.interfaces import EndpointRule, ServiceRule
from podwire_lab.model.profile import Profile
from podwire_lab.windows.data_path import translated_to

# Connection marks: the source address that the backend gets to see. See also nft.UDP_SERVICE.
SOURCE_VIP, SOURCE_NODE = 0x1, 0x2


@dataclass(frozen=True, kw_only=True)
class Balancer:
    """One HNS load balancer: the packets that it takes (`head`, as an nft match) and its backends.

    `source` is the mark of the source address, 0 for the client's own. A `preserved` address stays the destination.
    """

    service: ServiceRule
    head: str
    endpoints: tuple[EndpointRule, ...]
    port: int
    source: int
    preserved: str | None = None

    @property
    def address(self) -> str:
        """The address that it takes packets for."""
        return self.head.split(" daddr ")[1].split()[0]

    @property
    def frontend_port(self) -> int:
        """The port that it takes packets for."""
        return int(self.head.rsplit(maxsplit=1)[1])

    @property
    def is_node_port(self) -> bool:
        """Whether it serves a port of the node; HNS has no address for it then."""
        service = self.service
        return self.address not in (service.address, *service.external_ips, *service.ingress_ips)

    @property
    def identity(self) -> Identity:
        """What kube-proxy knows a load balancer by: its addresses and ports, and the addresses of its endpoints
        (hns.go, findLoadBalancerID)."""
        return self.head, self.port, frozenset(endpoint.address for endpoint in self.endpoints)


Identity = tuple[str, int, frozenset[str]]
Held = Mapping[ServiceRule, Sequence[Balancer]]
"""The load balancers that HNS of a node holds, by Service port. A Service port without one may be there or not."""


def service_rules(node: NodePlan, profile: Profile, held: Held) -> dict[str, str]:
    """The load balancers of the node, one for each Service port and address: the bodies of tables, by shards."""
    tables = {}
    for family in profile.pod_families("windows"):
        for number, part in sharded(service for service in held if service.family == family).items():
            made = [balancer for service in part for balancer in held[service]]
            tables[f"{KEYWORD[family]} hns-loadbalancers-{number}"] = _shard(node, profile, family, part, made)
    return tables


def preserved_addresses(held: Held) -> Mapping[str, frozenset[str]]:
    """The networks that reach the node's pods untranslated, and those pods' own addresses."""
    addresses: dict[str, frozenset[str]] = {}
    for balancer in (balancer for made in held.values() for balancer in made):
        if balancer.preserved:
            pods = addresses.get(balancer.preserved, frozenset())
            addresses[balancer.preserved] = pods | {e.address for e in balancer.endpoints}
    return addresses


def candidates(node: NodePlan, profile: Profile, service: ServiceRule) -> tuple[tuple[EndpointRule, ...], bool]:
    """The endpoints of load balancers, and whether node ports and external addresses get a load balancer.

    The code applies KEP-1669 only to Services with an ingress address: terminating endpoints serve if no other does. If
    none serves, it takes all, even those that are not ready: a consequence of the code that no document states.
    """
    only_local = local_traffic(profile, service)
    counted = [e for e in service.endpoints if not only_local or e.node == node.name]
    terminating, unserved = False, False
    if service.ingress_ips:
        terminating = all(e.terminating for e in counted if e.ready or e.terminating)
        unserved = not any(e.serving for e in counted)
    chosen = [
        e
        for e in sorted(service.endpoints, key=partial(_place, service))
        if (e.node == node.name or not (only_local and service.internal_local))
        and (unserved or (e.serving and (e.ready or terminating)))
    ]
    return tuple(chosen), not terminating and not unserved


def _place(service: ServiceRule, endpoint: EndpointRule) -> str:
    """kube-proxy keeps endpoints in the order of their text, `address:port` (Go: net.JoinHostPort)."""
    host = f"[{endpoint.address}]" if ":" in endpoint.address else endpoint.address
    return f"{host}:{service.target(endpoint)}"


def local_traffic(profile: Profile, service: ServiceRule) -> bool:
    """externalTrafficPolicy Local: the system must support DSR; kube-proxy's own DSR setting does not matter."""
    return service.external_local and profile.windows.build.has_dsr


def balancers(
    node: NodePlan, profile: Profile, service: ServiceRule, before: Collection[Identity] = ()
) -> Iterator[Balancer]:
    """The load balancers of a Service port, in the order of their creation. `before` are those that HNS holds already.

    HNS accepts a limited number of destinations; kube-proxy gives the Service up at the first refusal.
    """
    chosen, available = candidates(node, profile, service)
    # A local endpoint that is not in the pod network (a HostProcess pod) is left out.
    node_addresses = node.addresses
    usable = tuple(e for e in chosen if e.address not in node_addresses)
    if not usable:
        return  # without endpoints kube-proxy makes no policy, not even one that refuses
    for balancer in _wanted(node, profile, service, usable, chosen[-1], before, available=available):
        if len(balancer.endpoints) > profile.windows.build.backend_limit:
            return
        if balancer.endpoints:
            yield balancer


def _wanted(
    node: NodePlan,
    profile: Profile,
    service: ServiceRule,
    usable: tuple[EndpointRule, ...],
    last: EndpointRule,
    before: Collection[Identity],
    *,
    available: bool,
) -> Iterator[Balancer]:
    only_local = local_traffic(profile, service)
    preserve = service.preserve_destination and profile.windows.build.has_dsr
    local = tuple(e for e in usable if e.node == node.name)
    nearby = local if preserve or only_local else usable
    source = _source(profile, usable)

    def balancer(
        address: str,
        endpoints: tuple[EndpointRule, ...],
        *,
        hidden: bool,
        port: int = service.port,
        preserved: bool = False,
    ) -> Balancer:
        return Balancer(
            service=service,
            head=f"{KEYWORD[service.family]} daddr {address} {service.protocol} dport {port}",
            endpoints=endpoints,
            # HNS has one port for all endpoints: the last endpoint with another port decides.
            port=service.target(last),
            source=source if hidden else 0,
            preserved=address if preserved else None,
        )

    inside = balancer(service.address, local if service.internal_local else usable, hidden=not profile.windows.dsr)
    yield replace(inside, head=f'iifname "cbr0" {inside.head}')
    # --enable-dsr does not apply to the load balancers below; only externalTrafficPolicy Local keeps the source.
    others = []
    if service.node_port is not None and (only_local or not _loses_node_ports(profile)):
        others.append(balancer(node.address(service.family), nearby, hidden=not only_local, port=service.node_port))
    for address in service.external_ips:
        others.append(balancer(address, local if only_local else usable, hidden=not only_local))
    # Without an available endpoint kube-proxy makes none of these, and deletes the old one unless it is the same that
    # it would make: it looks at what HNS has before it looks at whether endpoints are available.
    yield from (other for other in others if available or other.identity in before)
    for address in service.ingress_ips:
        yield balancer(address, nearby, hidden=not (preserve or only_local), preserved=preserve)


def _loses_node_ports(profile: Profile) -> bool:
    """kubernetes.io, "Networking on Windows", warnings: not with externalTrafficPolicy Local."""
    return profile.mode == "overlay" and profile.windows.build.loses_node_ports_on_overlay


def _source(profile: Profile, usable: Sequence[EndpointRule]) -> int:
    """On l2bridge the source VIP is the node's address; on an overlay too, if a backend on another node is no pod."""
    if profile.windows.source_vip is None:
        return SOURCE_NODE
    pods = ipaddress.ip_network(profile.pod_network(family_of(usable[0].address)))
    everywhere = any(ipaddress.ip_address(e.address) not in pods for e in usable)
    return SOURCE_NODE if everywhere else SOURCE_VIP


def _shard(
    node: NodePlan, profile: Profile, family: Family, services: Sequence[ServiceRule], made: Sequence[Balancer]
) -> str:
    ip, address = KEYWORD[family], ADDRESS_TYPE[family]
    own_backends = {e.address for balancer in made for e in balancer.endpoints if e.node == node.name}
    hairpins = nft.elements(f"{a} . {a}" for a in sorted(own_backends))
    pools: dict[str, str] = {}
    listed = "\n    ".join(_rule(profile, balancer, pools) for balancer in made if not balancer.preserved)
    chains = "".join(f"\n  chain {name} {{\n    {body}\n  }}" for body, name in pools.items())
    ports = nft.elements(dict.fromkeys(f"{s.protocol} . {s.node_port}" for s in services if s.node_port is not None))
    own, ranges, l4 = node.address(family), profile.windows.ports, "meta l4proto { tcp, udp }"
    vip = ""
    if profile.windows.source_vip is not None:
        source_vip = node.pod_address(family, profile.windows.source_vip)
        vip = "\n    " + translated_to(f"ct mark & {SOURCE_VIP} != 0 {l4}", source_vip, ranges)
    return f"""
  set hairpins {{
    type {address} . {address};
    {hairpins}
  }}
  set node-ports {{
    type inet_proto . inet_service;
    {ports}
  }}{chains}
  chain lbnat {{
    type nat hook prerouting priority -100;
    {listed}
  }}
  chain source-nat {{
    type nat hook postrouting priority 99;
    # win-bridge and win-overlay, loopbackDSR: an OutBoundNAT policy whose Destinations are the pod's own address.
    {translated_to(f"ct status dnat {ip} saddr . {ip} daddr @hairpins {l4}", own, ranges)}
    # Without DSR the source is --source-vip, an address of the node's pod network, or the node's own.{vip}
    {translated_to(f"ct mark & {SOURCE_NODE} != 0 {l4}", own, ranges)}
  }}
  chain input {{
    type filter hook input priority 0;
    # A node port that no load balancer takes: nobody listens, and Windows Firewall's stealth mode keeps the refusal
    # back (Microsoft: "Disable stealth mode"). For the node itself no load balancer takes any: kubernetes.io,
    # "Networking on Windows", limitations.
    {ip} daddr {node.address(family)} meta l4proto . th dport @node-ports ct status & dnat == 0 drop
  }}"""


def _rule(profile: Profile, balancer: Balancer, pools: dict[str, str]) -> str:
    """The rule of a load balancer; `pools` are the chains that choose a backend, by their content."""
    service, ip = balancer.service, KEYWORD[balancer.service.family]
    # hcsshim, LoadBalancerDistribution: by the five-tuple, or by the source address with session affinity, which has no
    # timeout. Releases before Windows Server 2022 do not support the latter; kube-proxy only logs that.
    by_source = service.affinity_seconds is not None and profile.windows.build.has_session_affinity
    tuple_ = f"{ip} saddr" if by_source else f"{ip} saddr . {ip} daddr . th sport"
    backends = ", ".join(f"{i} : {e.address}" for i, e in enumerate(balancer.endpoints))
    choice = f"jhash {tuple_} mod {len(balancer.endpoints)} seed {nft.SEED} map {{ {backends} }}"
    body = f"meta l4proto {{ tcp, udp }} dnat to {choice}:{balancer.port}"
    pool = pools.setdefault(body, f"backends-{len(pools)}")
    mark = balancer.source | (nft.UDP_SERVICE if service.protocol == "udp" else 0)
    return f"{balancer.head} ct mark set {mark:#x} goto {pool}"
