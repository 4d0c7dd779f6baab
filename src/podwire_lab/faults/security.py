"""Faults of who may talk to whom beside network policies: rules of the virtual network, security groups."""

from __future__ import annotations

from functools import partial

from podwire.model.facts import OS
from podwire_lab.faults.fault import (
    L2TUNNEL,
    PREFIX,
    Injection,
    fault,
)
from podwire_lab.kernel import nft
from podwire_lab.network.network import SECURITY_RULES


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
