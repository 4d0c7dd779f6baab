"""Network policies as rules for each pod of a node.

kubernetes.io, "Network Policies": a selected pod receives (or sends) only what one of its policies allows, and the
answers to it; policies add up; a pod always reaches itself, and its own node. Kubernetes has no rules for ICMP: a rule
with ports does not allow it here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from podwire.model.facts import Family, family_of
from podwire_lab.engines.selecting import selects
from podwire_lab.model.interfaces import Allowance, Object, PolicyRule
from podwire_lab.model.policy_objects import PolicyObjects, PolicyPod

Side = Literal["ingress", "egress"]
_PROTOCOLS: Mapping[str, Literal["tcp", "udp", "sctp"]] = {"TCP": "tcp", "UDP": "udp", "SCTP": "sctp"}
_PEERS: Mapping[Side, str] = {"ingress": "from", "egress": "to"}


@dataclass(frozen=True, kw_only=True)
class _Peer:
    """One peer of a rule: the networks that it stands for, and the pods in them, whose ports may have names."""

    networks: tuple[tuple[str, tuple[str, ...]], ...]
    pods: tuple[PolicyPod, ...]


def policy_rules(objects: PolicyObjects, node: str) -> tuple[PolicyRule, ...]:
    """One rule for each address of a selected pod of the node and each direction, sorted."""
    allowed: dict[tuple[str, Side], set[Allowance]] = {}
    for policy in objects.policies:
        spec, namespace = policy["spec"], policy["metadata"]["namespace"]
        chosen = [pod for pod in _in(objects, {namespace}, spec.get("podSelector") or {}) if pod.node == node]
        for side in _sides(spec) if chosen else ():
            for pod in chosen:
                for address in pod.addresses:
                    allowed.setdefault((address, side), set())
            for rule in spec.get(side) or ():
                for pod, address, allowance in _allowances(objects, namespace, side, rule, chosen):
                    assert address in pod.addresses
                    allowed[address, side].add(allowance)
    return tuple(
        PolicyRule(address=address, side=side, allowed=tuple(sorted(allowances)))
        for (address, side), allowances in sorted(allowed.items())
    )


def _sides(spec: Object) -> tuple[Side, ...]:
    """The directions of a policy. Without `policyTypes` it is one for ingress, and for egress too if it has such
    rules (API reference: NetworkPolicySpec)."""
    types = spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]
    return tuple(side for side in _PEERS if side.capitalize() in types)


def _in(objects: PolicyObjects, namespaces: Iterable[str], selector: Object) -> list[PolicyPod]:
    """The pods of these namespaces that a selector selects. Pods on the node's network are not meant: they have the
    node's address (kubernetes.io: Network Policies, NetworkPolicy and hostNetwork pods)."""
    return [
        pod
        for pod in objects.pods
        if pod.namespace in namespaces and not pod.on_node_network and selects(selector, pod.labels)
    ]


def _allowances(
    objects: PolicyObjects, namespace: str, side: Side, rule: Object, chosen: Sequence[PolicyPod]
) -> Iterator[tuple[PolicyPod, str, Allowance]]:
    """What one rule allows to each address of the pods chosen: each peer with each port."""
    for family in ("ipv4", "ipv6"):
        peers = _peers(objects, namespace, rule.get(_PEERS[side]) or (), family)
        addresses = [(pod, address) for pod in chosen for address in pod.of_family(family)]
        for pod, address in addresses:
            for peer in peers:
                for allowance in _with_ports(side, rule.get("ports") or (), pod, peer, family):
                    yield pod, address, allowance


def _peers(objects: PolicyObjects, namespace: str, peers: Sequence[Object], family: Family) -> list[_Peer]:
    """A rule's peers. No peers at all mean everybody."""
    if not peers:
        return [_Peer(networks=(("", ()),), pods=objects.pods)]
    listed = []
    for peer in peers:
        if "ipBlock" in peer:
            block = peer["ipBlock"]
            if family_of(block["cidr"]) == family:
                excepted = tuple(block.get("except") or ())
                listed.append(_Peer(networks=((block["cidr"], excepted),), pods=_of_block(objects, block, family)))
            continue
        selector = peer.get("namespaceSelector")
        names = (
            {namespace}
            if selector is None
            else {name for name, labels in objects.namespaces.items() if selects(selector, labels)}
        )
        pods = _in(objects, names, peer.get("podSelector") or {})
        networks = tuple((address, ()) for pod in pods for address in pod.of_family(family))
        listed.append(_Peer(networks=networks, pods=tuple(pods)))
    return listed


def _of_block(objects: PolicyObjects, block: Object, family: Family) -> tuple[PolicyPod, ...]:
    network = ipaddress.ip_network(block["cidr"], strict=False)
    excepted = [ipaddress.ip_network(text, strict=False) for text in block.get("except") or ()]
    return tuple(
        pod
        for pod in objects.pods
        for address in map(ipaddress.ip_address, pod.of_family(family))
        if address in network and not any(address in part for part in excepted)
    )


def _with_ports(
    side: Side, ports: Sequence[Object], pod: PolicyPod, peer: _Peer, family: Family
) -> Iterator[Allowance]:
    """One peer with each port of a rule; no ports at all mean all of them."""
    for port in ports or ({},):
        number = port.get("port")
        protocol = _PROTOCOLS[port.get("protocol", "TCP")] if ports else ""
        if isinstance(number, str):
            yield from _with_named(side, number, port.get("protocol", "TCP"), pod, peer, family)
            continue
        text = "" if number is None else f"{number}-{port['endPort']}" if "endPort" in port else str(number)
        for network, excepted in peer.networks:
            yield Allowance(network=network, excepted=excepted, protocol=protocol, port=text)


def _with_named(
    side: Side, name: str, protocol: str, pod: PolicyPod, peer: _Peer, family: Family
) -> Iterator[Allowance]:
    """A port with a name is a port of the pod that receives: of the selected pod for ingress, of the peer for egress,
    where each pod may have another number. A pod without a port of that name and protocol allows nothing."""
    receivers = (pod,) if side == "ingress" else tuple(p for p in peer.pods if not p.on_node_network)
    for receiver in receivers:
        for port in receiver.ports:
            if (port.name, port.protocol) != (name, protocol):
                continue
            networks = peer.networks
            if side == "egress":
                networks = tuple((address, ()) for address in receiver.of_family(family))
            for network, excepted in networks:
                yield Allowance(
                    network=network, excepted=excepted, protocol=_PROTOCOLS[protocol], port=str(port.number)
                )
