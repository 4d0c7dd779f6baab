"""ClusterNetworkPolicy of policy.networking.k8s.io/v1alpha2 as a value, read from the object that the API has. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from podwire.policies.labels import Labels, Selector, selector_of
from podwire.policies.network_policy import Direction, Ports, Protocol

Tier = Literal["Admin", "Baseline"]
Action = Literal["Accept", "Deny", "Pass"]
_PEERS: Mapping[Direction, str] = {"ingress": "from", "egress": "to"}
_PROTOCOLS: Mapping[str, Protocol] = {"tcp": "TCP", "udp": "UDP", "sctp": "SCTP"}


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Pods by the labels of their namespace and, with `pods`, by their own too."""

    namespaces: Selector
    pods: Selector | None = None

    def selects(self, namespace: Labels, pod: Labels) -> bool:
        """Whether a pod with these labels, in a namespace with those, is meant."""
        return self.namespaces.selects(namespace) and (self.pods is None or self.pods.selects(pod))


@dataclass(frozen=True, kw_only=True)
class ClusterPeer:
    """One entry of `from` or `to`: pods, nodes by their labels or networks. One with nothing is of a kind that this
    model does not know."""

    subject: Subject | None = None
    networks: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """Whether the model knows what it selects."""
        return self.subject is not None or bool(self.networks)


@dataclass(frozen=True, kw_only=True)
class ClusterRule:
    """One rule: what it does with what its peers and protocols match. Without protocols it matches every packet."""

    name: str
    action: Action
    peers: tuple[ClusterPeer, ...]
    ports: tuple[Ports, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ClusterPolicy:
    """A policy: its tier and priority (0 comes first), the pods that it applies to, and its rules in their order."""

    name: str
    tier: Tier
    priority: int
    subject: Subject
    ingress: tuple[ClusterRule, ...] = ()
    egress: tuple[ClusterRule, ...] = ()

    def rules(self, direction: Direction) -> tuple[ClusterRule, ...]:
        """The rules of one direction; without any the policy does not affect that direction."""
        return self.ingress if direction == "ingress" else self.egress


def cluster_policy_of(obj: Mapping[str, Any]) -> ClusterPolicy:
    """The policy in an object of the API."""
    spec = obj["spec"]
    return ClusterPolicy(
        name=obj["metadata"]["name"],
        tier=spec["tier"],
        priority=spec["priority"],
        subject=_subject(spec["subject"]),
        ingress=tuple(_rules(spec, "ingress")),
        egress=tuple(_rules(spec, "egress")),
    )


def _rules(spec: Mapping[str, Any], direction: Direction) -> Iterator[ClusterRule]:
    for number, rule in enumerate(spec.get(direction) or ()):
        yield ClusterRule(
            name=rule.get("name") or f"{direction}[{number}]",
            action=rule["action"],
            peers=tuple(map(_peer, rule[_PEERS[direction]])),
            ports=tuple(port for entry in rule.get("protocols") or () for port in _ports(entry)),
        )


def _peer(obj: Mapping[str, Any]) -> ClusterPeer:
    if "namespaces" in obj or "pods" in obj:
        return ClusterPeer(subject=_subject(obj))
    return ClusterPeer(networks=tuple(obj.get("networks") or ()))


def _subject(obj: Mapping[str, Any]) -> Subject:
    if "pods" in obj:
        pods = obj["pods"]
        return Subject(
            namespaces=selector_of(pods.get("namespaceSelector") or {}),
            pods=selector_of(pods.get("podSelector") or {}),
        )
    return Subject(namespaces=selector_of(obj["namespaces"]))


def _ports(entry: Mapping[str, Any]) -> Iterator[Ports]:
    """An entry of `protocols`: a protocol with or without its destination port, or the name of a port."""
    if "destinationNamedPort" in entry:
        yield from (Ports(protocol=protocol, name=entry["destinationNamedPort"]) for protocol in _PROTOCOLS.values())
    for key, protocol in _PROTOCOLS.items():
        if key in entry:
            port = (entry[key] or {}).get("destinationPort") or {}
            first = port.get("number") or (port.get("range") or {}).get("start") or 0
            last = port.get("number") or (port.get("range") or {}).get("end") or 0
            yield Ports(protocol=protocol, first=first, last=last)
