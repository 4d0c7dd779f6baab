"""Where mistakes of a policy engine are put, and how policies are rewritten.

A mistake is a change of what the engine reads, of the rules that it makes for each pod, or of its ruleset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from podwire.model.facts import OS
from podwire_lab.faults.fault import AZURE, CALICO, HYBRID, TRANSPARENT, VPC, Injection
from podwire_lab.model.interfaces import PolicyRule
from podwire_lab.model.policy_objects import PolicyObjects
from podwire_lab.network.node import Node
from podwire_lab.network.policies import ObjectsChange, RulesChange, TextChange

Object = dict[str, Any]
ENGINES = (*CALICO, *TRANSPARENT)
"""The profiles whose network plugin enforces policies, on nodes of both operating systems."""
BESIDE = (*AZURE, *VPC)
"""Those whose plugin does not, with Calico beside it (`VARIATION`)."""
ALL = (*ENGINES, *HYBRID, *BESIDE)
"""Those with an engine on nodes of some operating system, if Calico is beside the plugins that enforce nothing."""
VARIATION = ("calico-for-policies",)
SIDES = {"ingress": "from", "egress": "to"}


def misread(do: Injection, change: ObjectsChange, os: OS | None = None) -> None:
    """The engines read other objects than those of the API."""
    _at_each(do, "misread", lambda: change, os)


def misread_by_node(do: Injection, change: Callable[[str, PolicyObjects], PolicyObjects]) -> None:
    """The engines read other objects, which depend on the name of their node."""
    for node in do.nodes():
        node.policies.misread[do.name] = partial(change, node.name)
        do.undone_by(partial(_without, node, "misread", do.name))
        node.policies.refresh()


def misrule(do: Injection, change: RulesChange, os: OS | None = None) -> None:
    """The engines make other rules of the objects."""
    _at_each(do, "misruled", lambda: change, os)


def miswrite(do: Injection, change: TextChange, os: OS | None = None) -> None:
    """The engines write another ruleset."""
    _at_each(do, "miswritten", lambda: change, os)


def misremember(do: Injection, memory: Callable[[], ObjectsChange]) -> None:
    """The engines read objects that depend on what they read before; each has a memory of its own."""
    _at_each(do, "misread", memory, None)


def misjoin(do: Injection, change: Callable[[PolicyObjects, str, Sequence[PolicyRule]], Sequence[PolicyRule]]) -> None:
    """The engines make other rules of the objects, which depend on more than one policy. The change gets what the
    engine reads, the name of its node, and its right rules."""
    for node in do.nodes():
        memory = _Memory()
        for place, part in (("misread", memory.keep), ("misruled", partial(_joined, memory, node.name, change))):
            getattr(node.policies, place)[do.name] = part
            do.undone_by(partial(_without, node, place, do.name))
        node.policies.refresh()


class _Memory:
    """The objects that an engine read last."""

    def __init__(self) -> None:
        self.objects = PolicyObjects()

    def keep(self, objects: PolicyObjects) -> PolicyObjects:
        self.objects = objects
        return objects


def _joined(
    memory: _Memory,
    node: str,
    change: Callable[[PolicyObjects, str, Sequence[PolicyRule]], Sequence[PolicyRule]],
    rules: Sequence[PolicyRule],
) -> Sequence[PolicyRule]:
    return change(memory.objects, node, rules)


def _at_each(do: Injection, place: str, change: Callable[[], Any], os: OS | None) -> None:
    for node in do.nodes(os):
        getattr(node.policies, place)[do.name] = change()
        do.undone_by(partial(_without, node, place, do.name))
        node.policies.refresh()


def _without(node: Node, place: str, name: str) -> None:
    del getattr(node.policies, place)[name]
    node.policies.refresh()


def of_policies(change: Callable[[Object], Iterable[Object]]) -> ObjectsChange:
    """Each policy becomes these."""
    return lambda objects: replace(
        objects, policies=tuple(other for policy in objects.policies for other in change(policy))
    )


def of_specs(change: Callable[[Object], Object]) -> ObjectsChange:
    """Each policy gets another spec."""
    return of_policies(lambda policy: [{**policy, "spec": change(policy["spec"])}])


def of_rules(change: Callable[[Object], Iterable[Object]]) -> ObjectsChange:
    """Each rule, of both directions, becomes these."""

    def spec(before: Object) -> Object:
        sides = {
            side: [other for rule in before[side] or () for other in change(rule)] for side in SIDES if side in before
        }
        return {**before, **sides}

    return of_specs(spec)


def of_peers(change: Callable[[Object], Iterable[Object]]) -> ObjectsChange:
    """Each peer becomes these. A rule that loses all its peers is no rule any more: it never means everybody."""
    return of_rules(partial(_members, tuple(SIDES.values()), change))


def of_ports(change: Callable[[Object], Iterable[Object]]) -> ObjectsChange:
    """Each port becomes these; a rule that loses all its ports is no rule any more."""
    return of_rules(partial(_members, ("ports",), change))


def _members(names: Iterable[str], change: Callable[[Object], Iterable[Object]], rule: Object) -> Iterable[Object]:
    for name in names:
        if rule.get(name):
            rule = {**rule, name: [other for item in rule[name] for other in change(item)]}
            if not rule[name]:
                return
    yield rule


def of_selectors(change: Callable[[Object], Object]) -> ObjectsChange:
    """Each selector of a peer is another one."""

    def peer(before: Object) -> Iterable[Object]:
        yield {name: change(part) if name.endswith("Selector") else part for name, part in before.items()}

    return of_peers(peer)


def of_expressions(change: Callable[[Object], Iterable[Object]]) -> ObjectsChange:
    """Each expression of a peer's selector becomes these."""

    def selector(before: Object) -> Object:
        terms = [other for term in before.get("matchExpressions") or () for other in change(term)]
        return {**before, "matchExpressions": terms}

    return of_selectors(selector)
