"""Faults of whom a rule means: selectors of pods and namespaces, and how peers are put together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from podwire_lab.faults.fault import Injection, fault
from podwire_lab.faults.policies.mistakes import (
    ALL,
    ENGINES,
    SIDES,
    VARIATION,
    misread,
    misread_by_node,
    of_expressions,
    of_peers,
    of_rules,
)
from podwire_lab.model.policy_objects import PolicyObjects

Object = dict[str, Any]
_NOBODY: Object = {"podSelector": {"matchExpressions": [{"key": "podwire.dev/none", "operator": "Exists"}]}}


@fault("policies-selectors-of-a-peer-or", kills=("NP-SELECTORS-AND",), profiles=ENGINES)
def selectors_of_a_peer_or(do: Injection) -> None:
    """A peer with podSelector and namespaceSelector means pods that either of them selects, not both."""
    misread(do, of_peers(_apart))


def _apart(peer: Object) -> Iterable[Object]:
    if {"podSelector", "namespaceSelector"} <= peer.keys():
        return [{"podSelector": peer["podSelector"]}, {"namespaceSelector": peer["namespaceSelector"]}]
    return [peer]


@fault("policies-peers-and", kills=("NP-PEERS-OR",), profiles=ENGINES)
def peers_and(do: Injection) -> None:
    """Of a rule with a podSelector peer and a namespaceSelector peer, only pods that both select are allowed."""
    misread(do, of_rules(_together))


def _together(rule: Object) -> Iterable[Object]:
    for name in SIDES.values():
        peers = rule.get(name) or []
        if len(peers) > 1 and not any("ipBlock" in peer for peer in peers):
            joined: Object = {}
            for peer in peers:
                for part, selector in peer.items():
                    joined[part] = _both(joined.get(part, {}), selector)
            rule = {**rule, name: [joined]}
    yield rule


def _both(first: Object, second: Object) -> Object:
    terms = [*(first.get("matchExpressions") or ()), *(second.get("matchExpressions") or ())]
    terms += [
        {"key": key, "operator": "In", "values": [value]}
        for selector in (first, second)
        for key, value in (selector.get("matchLabels") or {}).items()
    ]
    return {"matchExpressions": terms}


@fault("policies-first-peer-only", kills=("NP-PEERS-OR",), profiles=ENGINES)
def first_peer_only(do: Injection) -> None:
    """Of the peers of a rule, only the first is allowed."""
    misread(do, of_rules(_first_peer))


def _first_peer(rule: Object) -> Iterable[Object]:
    yield {name: value[:1] if name in SIDES.values() else value for name, value in rule.items()}


@fault("policies-pod-selector-in-all-namespaces", kills=("NP-POD-SELECTOR",), profiles=ENGINES)
def pod_selector_in_all_namespaces(do: Injection) -> None:
    """A peer with a podSelector alone means pods of all namespaces, not those of the policy's."""
    misread(do, of_peers(lambda peer: [{"namespaceSelector": {}, **peer} if "podSelector" in peer else peer]))


@fault("policies-pod-selector-ignored", kills=("NP-POD-SELECTOR",), profiles=ENGINES)
def pod_selector_ignored(do: Injection) -> None:
    """A peer with a podSelector means all pods of its namespaces."""
    misread(do, of_peers(lambda peer: [{**peer, "podSelector": {}} if "podSelector" in peer else peer]))


@fault("policies-namespace-selector-ignored", kills=("NP-NAMESPACE-SELECTOR",), profiles=ENGINES)
def namespace_selector_ignored(do: Injection) -> None:
    """A peer with a namespaceSelector means pods of all namespaces."""
    misread(do, of_peers(lambda peer: [{**peer, "namespaceSelector": {}} if "namespaceSelector" in peer else peer]))


@fault("policies-namespace-selector-of-own", kills=("NP-NAMESPACE-SELECTOR",), profiles=ENGINES)
def namespace_selector_of_own(do: Injection) -> None:
    """A peer with a namespaceSelector means pods of the policy's own namespace."""
    misread(do, of_peers(_of_own))


def _of_own(peer: Object) -> Iterable[Object]:
    return [{"podSelector": peer.get("podSelector") or {}}] if "namespaceSelector" in peer else [peer]


@fault("policies-namespace-labels-of-pods", kills=("NP-NAMESPACE-SELECTOR",), profiles=ENGINES)
def namespace_labels_of_pods(do: Injection) -> None:
    """A namespaceSelector is held against the labels of pods, not against those of their namespaces."""
    misread(do, of_peers(_by_pod_labels))


def _by_pod_labels(peer: Object) -> Iterable[Object]:
    if "namespaceSelector" in peer:
        return [
            {"namespaceSelector": {}, "podSelector": _both(peer["namespaceSelector"], peer.get("podSelector") or {})}
        ]
    return [peer]


@fault("policies-empty-pod-selector-of-none", kills=("NP-EMPTY-SELECTOR",), profiles=ENGINES)
def empty_pod_selector_of_none(do: Injection) -> None:
    """An empty podSelector of a peer selects no pod instead of all."""
    misread(do, of_peers(lambda peer: [_NOBODY if peer == {"podSelector": {}} else peer]))


@fault("policies-empty-namespace-selector-of-none", kills=("NP-EMPTY-SELECTOR",), profiles=ENGINES)
def empty_namespace_selector_of_none(do: Injection) -> None:
    """An empty namespaceSelector of a peer selects no namespace instead of all."""
    misread(do, of_peers(lambda peer: [_NOBODY if peer.get("namespaceSelector") == {} else peer]))


@fault("policies-empty-selector-as-missing", kills=("NP-EMPTY-SELECTOR",), profiles=ENGINES)
def empty_selector_as_missing(do: Injection) -> None:
    """An empty namespaceSelector counts as none: its peer means pods of the policy's own namespace."""
    misread(do, of_peers(lambda peer: _of_own(peer) if peer.get("namespaceSelector") == {} else [peer]))


@fault("policies-missing-peers-mean-nobody", kills=("NP-ANY-PEER",), profiles=ENGINES)
def missing_peers_mean_nobody(do: Injection) -> None:
    """A rule without `from` or `to` allows nobody instead of everybody."""
    misread(do, of_rules(lambda rule: [rule] if rule.get("from") or rule.get("to") else []))


@fault("policies-missing-peers-mean-pods", kills=("NP-ANY-PEER",), profiles=ENGINES)
def missing_peers_mean_pods(do: Injection) -> None:
    """A rule without `from` or `to` allows pods of its policy's namespace only."""
    own: list[Object] = [{"podSelector": {}}]
    misread(
        do, of_rules(lambda rule: [rule if rule.get("from") or rule.get("to") else {**rule, "from": own, "to": own}])
    )


@fault("policies-expressions-ignored", kills=("NP-EXPRESSIONS",), profiles=ENGINES)
def expressions_ignored(do: Injection) -> None:
    """The matchExpressions of selectors do not count."""
    misread(do, of_expressions(lambda _term: []))


@fault("policies-in-first-value-only", kills=("NP-EMPTY-SELECTOR",), profiles=ENGINES)
def in_first_value_only(do: Injection) -> None:
    """Of the values of an In expression, only the first counts."""
    misread(do, of_expressions(lambda term: [{**term, "values": term["values"][:1]} if _is(term, "In") else term]))


@fault("policies-not-in-needs-the-label", kills=("NP-EXPRESSIONS",), profiles=ENGINES)
def not_in_needs_the_label(do: Injection) -> None:
    """A NotIn expression does not select objects without the label."""
    misread(do, of_expressions(lambda term: [term, _with(term, "Exists")] if _is(term, "NotIn") else [term]))


@fault("policies-not-in-as-in", kills=("NP-EXPRESSIONS",), profiles=ENGINES)
def not_in_as_in(do: Injection) -> None:
    """A NotIn expression selects what In would."""
    misread(do, of_expressions(lambda term: [{**term, "operator": "In"} if _is(term, "NotIn") else term]))


@fault("policies-exists-by-empty-value", kills=("NP-EXPRESSIONS",), profiles=ENGINES)
def exists_by_empty_value(do: Injection) -> None:
    """An Exists expression selects only objects whose label is empty."""
    misread(
        do, of_expressions(lambda term: [{**term, "operator": "In", "values": [""]} if _is(term, "Exists") else term])
    )


@fault("policies-does-not-exist-as-exists", kills=("NP-EXPRESSIONS",), profiles=ENGINES)
def does_not_exist_as_exists(do: Injection) -> None:
    """A DoesNotExist expression selects what Exists would."""
    misread(do, of_expressions(lambda term: [_with(term, "Exists") if _is(term, "DoesNotExist") else term]))


def _is(term: Object, operator: str) -> bool:
    return bool(term["operator"] == operator)


def _with(term: Object, operator: str) -> Object:
    return {"key": term["key"], "operator": operator}


@fault("policies-labels-or", kills=("NP-EXPRESSIONS",), profiles=ENGINES)
def labels_or(do: Injection) -> None:
    """A selector with several labels or expressions selects what meets one of them."""
    misread(do, of_peers(_each_term))


def _each_term(peer: Object) -> Iterable[Object]:
    selector = peer.get("podSelector") or {}
    labels = selector.get("matchLabels") or {}
    terms: list[Object] = [{"matchLabels": {key: value}} for key, value in labels.items()]
    terms += [{"matchExpressions": [term]} for term in selector.get("matchExpressions") or ()]
    return [{**peer, "podSelector": term} for term in terms] if len(terms) > 1 else [peer]


@fault("policies-in-all-namespaces", kills=("NP-OWN-NAMESPACE",), profiles=ALL, variations=VARIATION)
def in_all_namespaces(do: Injection) -> None:
    """A policy applies to pods with its labels in every namespace."""
    misread(do, _everywhere)


def _everywhere(objects: PolicyObjects) -> PolicyObjects:
    policies = [
        {**policy, "metadata": {**policy["metadata"], "namespace": name}}
        for policy in objects.policies
        for name in sorted(objects.namespaces)
    ]
    return replace(objects, policies=tuple(policies))


@fault("policies-select-all-pods", kills=("NP-POD-SELECTOR",), profiles=ENGINES)
def select_all_pods(do: Injection) -> None:
    """A policy applies to all pods of its namespace, whatever it selects."""
    misread(do, _of_all_pods)


def _of_all_pods(objects: PolicyObjects) -> PolicyObjects:
    policies = [{**policy, "spec": {**policy["spec"], "podSelector": {}}} for policy in objects.policies]
    return replace(objects, policies=tuple(policies))


@fault("policies-know-pods-of-own-node-only", kills=("NP-POD-SELECTOR",), profiles=ENGINES)
def know_pods_of_own_node_only(do: Injection) -> None:
    """A selector selects only pods of the node that enforces the policy."""
    misread_by_node(do, lambda name, objects: replace(objects, pods=tuple(p for p in objects.pods if p.node == name)))
