"""Faults of ipBlocks and of families."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from podwire.model.facts import family_of
from podwire_lab.faults.fault import CALICO, Injection, fault
from podwire_lab.faults.policies.mistakes import ENGINES, misjoin, misread, misrule, of_peers
from podwire_lab.model.interfaces import Allowance, PolicyRule
from podwire_lab.model.policy_objects import PolicyObjects

Object = dict[str, Any]


@fault("policies-except-ignored", kills=("NP-EXCEPT",), profiles=ENGINES)
def except_ignored(do: Injection) -> None:
    """The exceptions of an ipBlock are allowed, too."""
    misread(do, of_peers(_whole))


def _whole(peer: Object) -> Iterable[Object]:
    yield {"ipBlock": {"cidr": peer["ipBlock"]["cidr"]}} if "ipBlock" in peer else peer


@fault("policies-except-skips-the-rule-on-linux", kills=("NP-EXCEPT",), profiles=ENGINES)
def except_skips_the_rule_on_linux(do: Injection) -> None:
    """Linux nodes skip an ipBlock that has exceptions, as Calico for Windows does: it allows nobody."""
    misread(do, of_peers(lambda peer: [] if (peer.get("ipBlock") or {}).get("except") else [peer]), "linux")


@fault("policies-first-exception-only", kills=("NP-EXCEPT",), profiles=ENGINES)
def first_exception_only(do: Injection) -> None:
    """Of the exceptions of an ipBlock, only the first is denied."""
    misread(do, of_peers(_first_exception))


def _first_exception(peer: Object) -> Iterable[Object]:
    block = peer.get("ipBlock") or {}
    yield {"ipBlock": {**block, "except": block["except"][:1]}} if block.get("except") else peer


@fault("policies-except-denies-in-all-rules", kills=("NP-EMPTY-SELECTOR",), profiles=ENGINES)
def except_denies_in_all_rules(do: Injection) -> None:
    """An exception of an ipBlock is denied even where another rule allows it."""
    misjoin(do, _denied_everywhere)


def _denied_everywhere(objects: PolicyObjects, _node: str, rules: Sequence[PolicyRule]) -> Sequence[PolicyRule]:
    excepted = [
        ipaddress.ip_network(text)
        for policy in objects.policies
        for side, peers in (("ingress", "from"), ("egress", "to"))
        for rule in policy["spec"].get(side) or ()
        for peer in rule.get(peers) or ()
        for text in (peer.get("ipBlock") or {}).get("except") or ()
    ]

    def kept(allowance: Allowance) -> bool:
        if not allowance.network or "/" in allowance.network:
            return True
        return not any(ipaddress.ip_address(allowance.network) in network for network in excepted)

    return [replace(rule, allowed=tuple(a for a in rule.allowed if kept(a))) for rule in rules]


@fault("policies-blocks-skipped", kills=("NP-IP-BLOCK",), profiles=ENGINES)
def blocks_skipped(do: Injection) -> None:
    """An ipBlock allows nobody."""
    misread(do, of_peers(lambda peer: [] if "ipBlock" in peer else [peer]))


@fault("policies-blocks-mean-everybody", kills=("NP-IP-BLOCK",), profiles=ENGINES)
def blocks_mean_everybody(do: Injection) -> None:
    """An ipBlock allows every address of its family."""
    misread(do, of_peers(_everybody))


def _everybody(peer: Object) -> Iterable[Object]:
    if "ipBlock" in peer:
        everybody = "::/0" if family_of(peer["ipBlock"]["cidr"]) == "ipv6" else "0.0.0.0/0"
        return [{"ipBlock": {**peer["ipBlock"], "cidr": everybody}}]
    return [peer]


@fault("policies-blocks-mean-one-address", kills=("NP-EXCEPT",), profiles=CALICO)
def blocks_mean_one_address(do: Injection) -> None:
    """An ipBlock allows its first address only."""
    misread(do, of_peers(_first_address))


def _first_address(peer: Object) -> Iterable[Object]:
    if "ipBlock" in peer:
        address = str(ipaddress.ip_network(peer["ipBlock"]["cidr"], strict=False).network_address)
        return [{"ipBlock": {"cidr": f"{address}/{128 if ':' in address else 32}"}}]
    return [peer]


@fault("policies-on-ipv4-only", kills=("NP-INGRESS",), profiles=ENGINES)
def on_ipv4_only(do: Injection) -> None:
    """Packets over IPv6 pass, whatever the policies say."""
    misrule(do, lambda rules: [rule for rule in rules if family_of(rule.address) == "ipv4"])


@fault("policies-allow-nothing-over-ipv6", kills=("NP-ANY-PEER",), profiles=ENGINES)
def allow_nothing_over_ipv6(do: Injection) -> None:
    """Pods with a policy get nothing over IPv6, allowed or not."""
    misrule(do, lambda rules: [replace(r, allowed=r.allowed if ":" not in r.address else ()) for r in rules])
