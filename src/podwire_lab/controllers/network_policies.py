"""Network policies as rules for each pod. `podwire_lab.network.policies` makes a node's nft rules of them.

kubernetes.io, "Network Policies": a selected pod receives (or sends) only what one of its policies allows, and the
answers to it; policies add up; a pod's own node always reaches it. Kubernetes has no rules for ICMP: a rule with ports
does not allow it here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from podwire.model.facts import Family, family_of
from podwire_lab.controllers.controller import Controller
from podwire_lab.kube_api.selectors import Requirement
from podwire_lab.model.interfaces import Allowance, NodeNetwork, Object, PolicyRule, Store

_PROTOCOLS: Mapping[str, Literal["tcp", "udp", "sctp"]] = {"TCP": "tcp", "UDP": "udp", "SCTP": "sctp"}
_SIDES: tuple[tuple[Literal["ingress", "egress"], str], ...] = (("ingress", "from"), ("egress", "to"))
_OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}


def policy_rules(policies: Iterable[Object], pods: Sequence[Object], namespaces: Iterable[Object]) -> list[PolicyRule]:
    """One rule for each address of a selected pod and each direction, sorted."""
    labels = {item["metadata"]["name"]: item["metadata"].get("labels") or {} for item in namespaces}
    allowances: dict[tuple[str, Literal["ingress", "egress"]], set[Allowance]] = {}
    for policy in policies:
        spec, namespace = policy["spec"], policy["metadata"]["namespace"]
        types = spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]
        for pod in pods:
            if pod["metadata"]["namespace"] != namespace or not _selected(pod, spec.get("podSelector") or {}):
                continue
            for address in _addresses(pod):
                for side, peers in _SIDES:
                    if side.capitalize() not in types:
                        continue
                    allowed = allowances.setdefault((address, side), set())
                    for rule in spec.get(side) or ():
                        target = pod if side == "ingress" else None
                        networks = _networks(rule.get(peers), namespace, pods, labels, family_of(address))
                        allowed |= set(_allowances(rule, networks, target))
    return [
        PolicyRule(address=a, side=side, allowed=tuple(sorted(allowed)))
        for (a, side), allowed in sorted(allowances.items())
    ]


def _selected(pod: Object, selector: Object) -> bool:
    return not pod["spec"].get("hostNetwork") and selects(selector, pod["metadata"].get("labels") or {})


def selects(selector: Object, labels: Mapping[str, str]) -> bool:
    """Whether an object's LabelSelector selects these labels; an empty selector selects all."""
    terms = [Requirement(key=k, operator="=", values=(v,)) for k, v in (selector.get("matchLabels") or {}).items()]
    terms += [
        Requirement(key=term["key"], operator=_OPERATORS[term["operator"]], values=tuple(term.get("values") or ()))
        for term in selector.get("matchExpressions") or ()
    ]
    return all(term.matches(labels) for term in terms)


def _addresses(pod: Object) -> list[str]:
    return [address["ip"] for address in (pod.get("status") or {}).get("podIPs") or ()]


def _networks(
    peers: Sequence[Object] | None,
    namespace: str,
    pods: Sequence[Object],
    labels: Mapping[str, Mapping[str, str]],
    family: Family,
) -> list[tuple[str, tuple[str, ...]]]:
    """A rule's peers: networks, each with its exceptions. No peers at all mean everybody."""
    if not peers:
        return [("", ())]
    found: list[tuple[str, tuple[str, ...]]] = []
    for peer in peers:
        if "ipBlock" in peer:
            block = peer["ipBlock"]
            if family_of(block["cidr"]) == family:
                found.append((block["cidr"], tuple(block.get("except") or ())))
            continue
        there = peer.get("namespaceSelector")
        names = {namespace} if there is None else {name for name, own in labels.items() if selects(there, own)}
        for pod in pods:
            if pod["metadata"]["namespace"] in names and _selected(pod, peer.get("podSelector") or {}):
                found += [(address, ()) for address in _addresses(pod) if family_of(address) == family]
    return found


def _allowances(
    rule: Object, networks: Sequence[tuple[str, tuple[str, ...]]], target: Object | None
) -> Iterator[Allowance]:
    """Each network with each port of a rule; no ports at all mean all of them."""
    ports = list(_ports(rule.get("ports") or (), target)) if rule.get("ports") else [("", "")]
    for network, excepted in networks:
        for protocol, port in ports:
            yield Allowance(network=network, excepted=excepted, protocol=protocol, port=port)


def _ports(ports: Iterable[Object], target: Object | None) -> Iterator[tuple[str, str]]:
    for port in ports:
        protocol, number = _PROTOCOLS[port.get("protocol", "TCP")], port.get("port")
        if isinstance(number, str):
            number = _named(number, target)
            if number is None:
                continue  # The pod has no port with that name: the rule allows nothing.
        yield protocol, "" if number is None else f"{number}-{port['endPort']}" if "endPort" in port else str(number)


def _named(name: str, pod: Object | None) -> int | None:
    containers = pod["spec"].get("containers") or () if pod else ()
    return next((p["containerPort"] for c in containers for p in c.get("ports") or () if p.get("name") == name), None)


class NetworkPolicies(Controller):
    """Gives every node the rules of the policies, if the network plugin enforces network policies."""

    watches = ("networkpolicies", "pods", "namespaces")

    def __init__(self, store: Store, nodes: Mapping[str, NodeNetwork]) -> None:
        super().__init__(store)
        self._nodes = nodes

    def reconcile(self) -> None:
        policies = list(self._store.view("networkpolicies"))
        pods = list(self._store.view("pods")) if policies else []
        rules = policy_rules(policies, pods, self._store.view("namespaces"))
        for node in self._nodes.values():
            node.set_policies(rules)
