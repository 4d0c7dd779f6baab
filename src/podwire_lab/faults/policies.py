"""Faults of who may talk to whom: network policies, rules of the virtual network, security groups."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from podwire.model.facts import OS
from podwire_lab.faults.fault import (
    L2TUNNEL,
    PREFIX,
    TRANSPARENT,
    Injection,
    fault,
)
from podwire_lab.kernel import nft
from podwire_lab.network.network import SECURITY_RULES
from podwire_lab.network.node import Node
from podwire_lab.network.policies import RulesChange


@fault("policies-not-held-to", kills=("TRANS-ACL",), profiles=TRANSPARENT)
def policies_not_held_to(do: Injection) -> None:
    """Nodes forward packets to pods that a network policy denies."""
    _misrule(do, lambda _rules: ())


@fault("policies-allow-nothing", kills=("TRANS-ACL",), profiles=TRANSPARENT)
def policies_allow_nothing(do: Injection) -> None:
    """Nodes drop all packets to a pod with a network policy, allowed ones too."""
    _misrule(do, lambda rules: tuple(replace(rule, allowed=()) for rule in rules))


def _misrule(do: Injection, change: RulesChange) -> None:
    for node in do.nodes():
        node.policies.misruled[do.name] = change
        do.undone_by(partial(_rule_again, node, do.name))
        node.policies.refresh()


def _rule_again(node: Node, name: str) -> None:
    del node.policies.misruled[name]
    node.policies.refresh()


@fault("security-rules-not-applied", kills=("L2T-NSG",), profiles=L2TUNNEL)
def security_rules_not_applied(do: Injection) -> None:
    """The hosts of the virtual network forward packets between pods that a network rule denies."""
    nft.apply(do.network.fabric.netns, f"delete table bridge {SECURITY_RULES}")
    do.undone_by(lambda: nft.apply(do.network.fabric.netns, do.network.security_rules()))


@fault("security-groups-on-windows", kills=("EKS-POD-SECURITY-GROUPS",), profiles=PREFIX)
def security_groups_on_windows(do: Injection) -> None:
    """Security groups for pods apply to pods of Windows nodes too."""
    _grouped(do, {"linux", "windows"})


@fault("security-groups-without-effect", kills=("EKS-POD-SECURITY-GROUPS",), profiles=PREFIX)
def security_groups_without_effect(do: Injection) -> None:
    """Security groups for pods apply to no pod."""
    _grouped(do, set())


def _grouped(do: Injection, systems: set[OS]) -> None:
    do.undone_by(partial(setattr, do.network.quirks, "grouped_systems", do.network.quirks.grouped_systems))
    do.network.quirks.grouped_systems = systems
