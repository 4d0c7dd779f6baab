"""Rules that Calico for Windows skips, without a word to the user, because HNS ACL policies cannot hold them.

Source: projectcalico/calico, felix/dataplane/windows/policysets/policysets.go (protoRuleToHnsRules returns
ErrNotSupported, and its caller logs and goes on), libcalico-go/lib/backend/k8s/conversion (k8sRuleToCalico: one rule
for each peer and each protocol, with all its ports). Kubernetes' policies have no ICMP types and no Log, which
are skipped likewise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from podwire_lab.model.interfaces import Object
from podwire_lab.model.policy_objects import PolicyObjects


def as_hns_takes_them(objects: PolicyObjects) -> PolicyObjects:
    """The policies without the rules that are skipped. Their pods stay isolated."""
    return replace(objects, policies=tuple(_policy(policy) for policy in objects.policies))


def _policy(policy: Object) -> Object:
    spec = dict(policy["spec"])
    # The types are read before rules are skipped: a policy whose only egress rule is skipped isolates for egress.
    spec.setdefault("policyTypes", ["Ingress", *(["Egress"] if spec.get("egress") else [])])
    for side, peers in (("ingress", "from"), ("egress", "to")):
        if side in spec:
            spec[side] = list(_rules(spec[side] or (), peers))
    return {**policy, "spec": spec}


def _rules(rules: Any, peers: str) -> Iterator[Object]:
    for rule in rules:
        if not _has_named(rule):
            kept = [peer for peer in rule.get(peers) or () if not (peer.get("ipBlock") or {}).get("except")]
            if kept or not rule.get(peers):
                yield {**rule, peers: kept}
            continue
        # A rule with the ports of one protocol is one to Felix: a named port among them skips all of these ports.
        named = {port.get("protocol", "TCP") for port in rule["ports"] if isinstance(port.get("port"), str)}
        ports = [port for port in rule["ports"] if port.get("protocol", "TCP") not in named]
        if ports:
            yield from _rules([{**rule, "ports": ports}], peers)


def _has_named(rule: Object) -> bool:
    return any(isinstance(port.get("port"), str) for port in rule.get("ports") or ())
