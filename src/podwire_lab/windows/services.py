"""Services on an emulated Windows node: the HNS load balancers that kube-proxy's winkernel mode asks for.

Source, where a rule names no other: kube-proxy, pkg/proxy/winkernel/proxier.go. Functions only: they turn values into
ruleset text.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from podwire.model.facts import Family, family_of
from podwire_lab.kernel import nft
from podwire_lab.linux.data_path import ADDRESS_TYPE, KEYWORD
from podwire_lab.linux.service_tables import sharded
from podwire_lab.model.addresses import NodePlan
from podwire_lab.model.interfaces import EndpointRule, ServiceRule
from podwire_lab.model.profile import Profile
from podwire_lab.windows.data_path import PORTS, bracketed, node_source

# Connection marks: the source that the load balancer wants its backend to see. See also nft.UDP_SERVICE.
SOURCE_VIP, SOURCE_NODE = 0x1, 0x2


@dataclass(frozen=True, kw_only=True)
class Balancer:
    """One HNS load balancer: what it takes (`head`, as nft matches it) and the backends that it leads to.

    `source` is the mark of the source address, 0 where the client's own is kept. A `preserved` address stays the
    destination.
    """

    service: ServiceRule
    head: str
    endpoints: tuple[EndpointRule, ...]
    port: int
    source: int
    preserved: str | None = None


def service_rules(node: NodePlan, profile: Profile, services: Sequence[ServiceRule]) -> dict[str, str]:
    """The load balancers of the node, one for each Service port and address: the bodies of tables, by shards."""
    found = {}
    for family in profile.pod_families("windows"):
        for number, part in sharded(service for service in services if service.family == family).items():
            found[f"{KEYWORD[family]} hns-loadbalancers-{number}"] = _shard(node, profile, family, part)
    return found


def preserved_addresses(
    node: NodePlan, profile: Profile, services: Sequence[ServiceRule]
) -> Mapping[str, frozenset[str]]:
    """The addresses that reach the node's pods as they are, and those pods' own addresses."""
    found: dict[str, frozenset[str]] = {}
    for service in services:
        if service.family in profile.pod_families("windows"):
            for balancer in balancers(node, profile, service):
                if balancer.preserved:
                    pods = found.get(balancer.preserved, frozenset())
                    found[balancer.preserved] = pods | {e.address for e in balancer.endpoints}
    return found


def candidates(node: NodePlan, profile: Profile, service: ServiceRule) -> tuple[tuple[EndpointRule, ...], bool]:
    """The endpoints that load balancers are made of, and whether node ports and external addresses get one.

    KEP-1669 is in the code only for Services with an ingress address: then endpoints that terminate serve on when there
    are no others. Where none of them serves, all are taken, even those that are not ready: a consequence of the code
    that no document states.
    """
    only_local = local_traffic(profile, service)
    counted = [e for e in service.endpoints if not only_local or e.node == node.name]
    terminating, unserved = False, False
    if service.ingress_ips:
        terminating = all(e.terminating for e in counted if e.ready or e.terminating)
        unserved = not any(e.serving for e in counted)
    chosen = [
        e
        for e in service.endpoints
        if (e.node == node.name or not (only_local and service.internal_local))
        and (unserved or (e.serving and (e.ready or terminating)))
    ]
    return tuple(chosen), not terminating and not unserved


def local_traffic(profile: Profile, service: ServiceRule) -> bool:
    """externalTrafficPolicy Local: the system must know DSR; whether kube-proxy was told to use it does not matter."""
    return service.external_local and profile.windows.build.has_dsr


def balancers(node: NodePlan, profile: Profile, service: ServiceRule) -> Iterator[Balancer]:
    """The load balancers of a Service port, in the order in which they are made.

    HNS takes so many destinations and no more; the proxy gives the Service up at the first one that is refused.
    """
    chosen, available = candidates(node, profile, service)
    # A local endpoint that is not in the pod network (a HostProcess pod) is left out.
    own = node.addresses
    usable = tuple(e for e in chosen if e.address not in own)
    if not usable:
        return  # without endpoints no policy at all is made, not even one that refuses
    for balancer in _wanted(node, profile, service, usable, chosen[-1], available=available):
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
            # HNS knows one port for all endpoints: the last endpoint which has another one decides.
            port=service.target(last),
            source=source if hidden else 0,
            preserved=address if preserved else None,
        )

    inside = balancer(service.address, local if service.internal_local else usable, hidden=not profile.windows.dsr)
    yield replace(inside, head=f'iifname "cbr0" {inside.head}')
    # --enable-dsr is not for the balancers below; only externalTrafficPolicy Local keeps the source.
    if service.node_port is not None and available and (only_local or not _loses_node_ports(profile)):
        yield balancer(node.address(service.family), nearby, hidden=not only_local, port=service.node_port)
    for address in service.external_ips if available else ():
        yield balancer(address, local if only_local else usable, hidden=not only_local)
    for address in service.ingress_ips:
        yield balancer(address, nearby, hidden=not (preserve or only_local), preserved=preserve)


def _loses_node_ports(profile: Profile) -> bool:
    """kubernetes.io, "Networking on Windows", warnings: not with externalTrafficPolicy Local."""
    return profile.mode == "overlay" and profile.windows.build.loses_node_ports_on_overlay


def _source(profile: Profile, usable: Sequence[EndpointRule]) -> int:
    """On l2bridge the source VIP is the node's address; so it is on an overlay when a backend elsewhere is no pod."""
    if profile.windows.source_vip is None:
        return SOURCE_NODE
    pods = ipaddress.ip_network(profile.pod_network(family_of(usable[0].address)))
    everywhere = any(ipaddress.ip_address(e.address) not in pods for e in usable)
    return SOURCE_NODE if everywhere else SOURCE_VIP


def _shard(node: NodePlan, profile: Profile, family: Family, services: Sequence[ServiceRule]) -> str:
    ip, address = KEYWORD[family], ADDRESS_TYPE[family]
    made = [balancer for service in services for balancer in balancers(node, profile, service)]
    own_backends = {e.address for balancer in made for e in balancer.endpoints if e.node == node.name}
    hairpins = nft.elements(f"{a} . {a}" for a in sorted(own_backends))
    pools: dict[str, str] = {}
    listed = "\n    ".join(_rule(profile, balancer, pools) for balancer in made if not balancer.preserved)
    chains = "".join(f"\n  chain {name} {{\n    {body}\n  }}" for body, name in pools.items())
    ports = nft.elements(dict.fromkeys(f"{s.protocol} . {s.node_port}" for s in services if s.node_port is not None))
    vip = (
        ""
        if profile.windows.source_vip is None
        else f"""
    ct mark & {SOURCE_VIP} != 0 meta l4proto {{ tcp, udp }} \
      snat to {bracketed(node.pod_address(family, profile.windows.source_vip))}:{PORTS}"""
    )
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
    ct status dnat {ip} saddr . {ip} daddr @hairpins meta l4proto {{ tcp, udp }} snat to {node_source(node, family)}
    # Without DSR the source is --source-vip, an address of the node's pod network, or the node's own.{vip}
    ct mark & {SOURCE_NODE} != 0 meta l4proto {{ tcp, udp }} snat to {node_source(node, family)}
  }}
  chain input {{
    type filter hook input priority 0;
    # A node port that no load balancer takes: nobody listens, and Windows Firewall's stealth mode keeps the refusal
    # back (Microsoft: "Disable stealth mode"). For the node itself no load balancer takes any: kubernetes.io,
    # "Networking on Windows", limitations.
    {ip} daddr {node.address(family)} meta l4proto . th dport @node-ports ct status & dnat == 0 drop
  }}"""


def _rule(profile: Profile, balancer: Balancer, pools: dict[str, str]) -> str:
    """The rule of a load balancer; `pools` are the chains that choose a backend, by what is in them."""
    service, ip = balancer.service, KEYWORD[balancer.service.family]
    # hcsshim, LoadBalancerDistribution: by the five-tuple, or by the source address with session affinity, which has no
    # timeout. Systems before Windows Server 2022 do not know the latter, and kube-proxy only logs it.
    by_source = service.affinity_seconds is not None and profile.windows.build.has_session_affinity
    tuple_ = f"{ip} saddr" if by_source else f"{ip} saddr . {ip} daddr . th sport"
    backends = ", ".join(f"{i} : {e.address}" for i, e in enumerate(balancer.endpoints))
    choice = f"jhash {tuple_} mod {len(balancer.endpoints)} seed {nft.SEED} map {{ {backends} }}"
    body = f"meta l4proto {{ tcp, udp }} dnat to {choice}:{balancer.port}"
    pool = pools.setdefault(body, f"backends-{len(pools)}")
    mark = balancer.source | (nft.UDP_SERVICE if service.protocol == "udp" else 0)
    return f"{balancer.head} ct mark set {mark:#x} goto {pool}"
