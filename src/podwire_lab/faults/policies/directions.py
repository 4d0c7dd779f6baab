"""Faults of directions, and of how several policies and both ends count together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from podwire_lab.engines.rules import policy_rules
from podwire_lab.faults.fault import Injection, fault
from podwire_lab.faults.policies.mistakes import ENGINES, misjoin, misread, misrule, of_policies, of_specs
from podwire_lab.model.interfaces import Allowance, PolicyRule
from podwire_lab.model.policy_objects import PolicyObjects


@fault("policies-ingress-only", kills=("NP-EGRESS", "NP-BOTH-ENDS"), profiles=ENGINES)
def ingress_only(do: Injection) -> None:
    """Nodes enforce what pods receive, and not what they send."""
    misrule(do, lambda rules: [rule for rule in rules if rule.side == "ingress"])


@fault("policies-egress-only", kills=("NP-INGRESS", "NP-BOTH-ENDS"), profiles=ENGINES)
def egress_only(do: Injection) -> None:
    """Nodes enforce what pods send, and not what they receive."""
    misrule(do, lambda rules: [rule for rule in rules if rule.side == "egress"])


@fault("policies-isolate-both-directions", kills=("NP-DIRECTIONS",), profiles=ENGINES)
def isolate_both_directions(do: Injection) -> None:
    """A policy for one direction closes its pods in both."""
    misread(do, of_specs(lambda spec: {**spec, "policyTypes": ["Ingress", "Egress"]}))


@fault("policies-empty-direction-is-open", kills=("NP-INGRESS",), profiles=ENGINES)
def empty_direction_is_open(do: Injection) -> None:
    """A direction without rules is open instead of closed."""
    misread(do, of_policies(lambda policy: [policy] if _has_rules(policy["spec"]) else []))


def _has_rules(spec: dict[str, object]) -> bool:
    return bool(spec.get("ingress") or spec.get("egress"))


@fault("policies-directions-swapped", kills=("NP-INGRESS", "NP-EGRESS"), profiles=ENGINES)
def directions_swapped(do: Injection) -> None:
    """What policies say of packets to a pod is applied to packets from it, and the other way round."""
    misrule(do, lambda rules: [replace(r, side="egress" if r.side == "ingress" else "ingress") for r in rules])


@fault("policies-add-up-as-and", kills=("NP-ADD-UP",), profiles=ENGINES)
def add_up_as_and(do: Injection) -> None:
    """Where several policies select a pod, only what all of them allow passes."""
    misjoin(do, partial(_joined, all_of_them=True))


@fault("policies-last-one-counts", kills=("NP-ADD-UP",), profiles=ENGINES)
def last_one_counts(do: Injection) -> None:
    """Where several policies select a pod, only the last by name counts."""
    misjoin(do, partial(_joined, all_of_them=False))


def _joined(
    objects: PolicyObjects, node: str, rules: Sequence[PolicyRule], *, all_of_them: bool
) -> Sequence[PolicyRule]:
    by_policy = [policy_rules(replace(objects, policies=(policy,)), node) for policy in objects.policies]
    joined = []
    for rule in rules:
        same = [
            frozenset(other.allowed)
            for alone in by_policy
            for other in alone
            if (other.address, other.side) == (rule.address, rule.side)
        ]
        allowed = frozenset.intersection(*same) if all_of_them else same[-1]
        # What the engine does not hold stays left out: Calico for Windows skips rules.
        joined.append(replace(rule, allowed=tuple(a for a in rule.allowed if a in allowed)))
    return joined


@fault("policies-first-rule-only", kills=("NP-PORT",), profiles=ENGINES)
def first_rule_only(do: Injection) -> None:
    """Of the rules of a policy, only the first of each direction counts."""
    misread(do, of_specs(lambda spec: {**spec, **{s: spec[s][:1] for s in ("ingress", "egress") if spec.get(s)}}))


@fault("policies-one-end-is-enough", kills=("NP-BOTH-ENDS",), profiles=ENGINES)
def one_end_is_enough(do: Injection) -> None:
    """A pod lets in whatever comes from a pod with a policy for egress, which allowed it there."""
    misjoin(do, _from_the_allowed)


def _from_the_allowed(objects: PolicyObjects, _node: str, rules: Sequence[PolicyRule]) -> Sequence[PolicyRule]:
    nodes = sorted({pod.node for pod in objects.pods})
    senders = {rule.address for name in nodes for rule in policy_rules(objects, name) if rule.side == "egress"}
    added = tuple(Allowance(network=address) for address in sorted(senders))

    def opened(rule: PolicyRule) -> PolicyRule:
        family = [a for a in added if (":" in a.network) == (":" in rule.address)]
        return replace(rule, allowed=tuple(sorted({*rule.allowed, *family}))) if rule.side == "ingress" else rule

    return [opened(rule) for rule in rules]
