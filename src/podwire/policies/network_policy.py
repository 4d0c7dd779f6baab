"""NetworkPolicy of networking.k8s.io/v1 as a value, read from the object that the API has. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from podwire.policies.labels import Selector, selector_of

Protocol = Literal["TCP", "UDP", "SCTP"]
Direction = Literal["ingress", "egress"]
DIRECTIONS: tuple[Direction, ...] = ("egress", "ingress")
"""In the order in which a connection meets them: it leaves its source before it reaches its target."""
_PEERS: Mapping[Direction, str] = {"ingress": "from", "egress": "to"}


@dataclass(frozen=True, kw_only=True)
class Ports:
    """One entry of `ports`: a number, a range, a name, or all ports of a protocol."""

    protocol: Protocol = "TCP"
    name: str = ""
    first: int = 0
    last: int = 0
    """Both 0: every port of the protocol, or the one that has the name."""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One entry of `from` or `to`. A selector that is not there is None, one that selects all is an empty one."""

    pods: Selector | None = None
    namespaces: Selector | None = None
    block: str = ""
    excepted: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule: it admits what one of its peers and one of its ports admit. Empty: whatever peer, whatever port."""

    peers: tuple[Peer, ...] = ()
    ports: tuple[Ports, ...] = ()


@dataclass(frozen=True, kw_only=True)
class NetworkPolicy:
    """A policy: the pods of its namespace that it selects, the directions it isolates them in, and what it allows."""

    namespace: str
    name: str
    pods: Selector
    directions: frozenset[Direction]
    ingress: tuple[Rule, ...] = ()
    egress: tuple[Rule, ...] = ()

    def rules(self, direction: Direction) -> tuple[Rule, ...]:
        """The rules of one direction."""
        return self.ingress if direction == "ingress" else self.egress


def policy_of(obj: Mapping[str, Any]) -> NetworkPolicy:
    """The policy in an object of the API.

    Without `policyTypes` a policy is for ingress, and for egress too if it has a rule for it.
    """
    spec = obj["spec"]
    types = spec.get("policyTypes") or ("Ingress", *(("Egress",) if spec.get("egress") else ()))
    return NetworkPolicy(
        namespace=obj["metadata"]["namespace"],
        name=obj["metadata"]["name"],
        pods=selector_of(spec.get("podSelector") or {}),
        directions=frozenset(direction for direction in DIRECTIONS if direction.capitalize() in types),
        ingress=tuple(_rules(spec, "ingress")),
        egress=tuple(_rules(spec, "egress")),
    )


def _rules(spec: Mapping[str, Any], direction: Direction) -> Iterator[Rule]:
    for rule in spec.get(direction) or ():
        yield Rule(peers=tuple(map(_peer, rule.get(_PEERS[direction]) or ())), ports=ports_of(rule.get("ports") or ()))


def _peer(obj: Mapping[str, Any]) -> Peer:
    if "ipBlock" in obj:
        return Peer(block=obj["ipBlock"]["cidr"], excepted=tuple(obj["ipBlock"].get("except") or ()))
    pods, namespaces = obj.get("podSelector"), obj.get("namespaceSelector")
    return Peer(
        pods=None if pods is None else selector_of(pods),
        namespaces=None if namespaces is None else selector_of(namespaces),
    )


def ports_of(entries: Iterable[Mapping[str, Any]]) -> tuple[Ports, ...]:
    """The entries of a rule's `ports`."""
    return tuple(map(_ports, entries))


def _ports(obj: Mapping[str, Any]) -> Ports:
    protocol: Protocol = obj.get("protocol") or "TCP"
    port = obj.get("port")
    if isinstance(port, str):
        return Ports(protocol=protocol, name=port)
    return Ports(protocol=protocol, first=port or 0, last=obj.get("endPort") or port or 0)
