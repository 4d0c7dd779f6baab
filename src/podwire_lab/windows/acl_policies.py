"""Network policies on an emulated Windows node: the HNS ACL policies that Calico for Windows puts on a pod's endpoint.

Sources: projectcalico/calico, felix/dataplane/windows (policysets.go, endpoint_mgr.go): a rule of priority 900 for the
node's own addresses, allowing rules from 1000 on, and a blocking one behind them, for each direction; the CNI plugin
gives a new endpoint one that blocks inbound with priority 65500 until Felix knows it (shown in Azure/azure-container-
networking, pull request 1752). IPv4 only (policyset_defs.go). Only functions, from values to ruleset text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from podwire.model.facts import family_of
from podwire_lab.kernel import nft
from podwire_lab.linux.policy_rules import ANSWERS, TABLE, match
from podwire_lab.model.addresses import NodePlan
from podwire_lab.model.interfaces import Allowance, PolicyRule

_ANYTHING = Allowance()
NODE, FIRST, STARTING = 900, 1000, 65500
"""Priorities: the node's own addresses, the first rule of a policy, an endpoint that Felix does not know yet."""


@dataclass(frozen=True, kw_only=True)
class Acl:
    """One ACL policy of an endpoint. HNS keeps state: answers to what is allowed pass."""

    direction: Literal["In", "Out"]
    action: Literal["Allow", "Block"]
    priority: int
    remote: Allowance = _ANYTHING


def acls(rule: PolicyRule, node: NodePlan) -> Iterator[Acl]:
    """The ACL policies of an endpoint for one direction, in the order of their priorities."""
    direction: Literal["In", "Out"] = "In" if rule.side == "ingress" else "Out"
    if direction == "In":
        own = Allowance(network=node.address("ipv4"))
        yield Acl(direction=direction, action="Allow", priority=NODE, remote=own)
    for allowance in rule.allowed:
        yield Acl(direction=direction, action="Allow", priority=FIRST, remote=allowance)
    yield Acl(direction=direction, action="Block", priority=FIRST + 1)


def acl_ruleset(rules: Sequence[PolicyRule], node: NodePlan, known: Iterable[str]) -> str:
    """The ACL policies of a node's endpoints."""
    body = f"""
  set known {{
    type ipv4_addr;
    {nft.elements(sorted(address for address in known if family_of(address) == "ipv4"))}
  }}"""
    for number, (side, own, peer) in enumerate((("ingress", "daddr", "saddr"), ("egress", "saddr", "daddr"))):
        lines = [ANSWERS]
        for index, rule in enumerate(r for r in rules if r.side == side and family_of(r.address) == "ipv4"):
            # kubernetes.io, "Network Policies": a pod cannot block access to itself.
            chain = [f"ip {peer} {rule.address} accept", *(_line(acl, peer) for acl in acls(rule, node))]
            listed = "\n    ".join(chain)
            body += f"\n  chain {side}-{index} {{\n    {listed}\n  }}"
            lines.append(f"ip {own} {rule.address} goto {side}-{index}")
        if side == "ingress":
            lines.append(f'ip daddr {node.pod_cidr("ipv4")} ip daddr != @known drop comment "priority {STARTING}"')
        listed = "\n    ".join(lines)
        body += f"\n  chain {side} {{\n    type filter hook forward priority {10 + number};\n    {listed}\n  }}"
    return nft.table("ip", TABLE, body)


def _line(acl: Acl, peer: str) -> str:
    verdict = "accept" if acl.action == "Allow" else "drop"
    return f'{match(acl.remote, "ip", peer)}{verdict} comment "priority {acl.priority}"'
