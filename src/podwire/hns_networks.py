"""The networks of HNS on a Windows node, as its own cmdlet tells them: the network mode that follows, and where it
gives addresses. Pure."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from podwire.facts import UNKNOWN, Mode

# hcsshim, hcn: NetworkType; HNS spells them so.
_MODES: Mapping[str, Mode] = {
    "overlay": "overlay",
    "l2bridge": "l2bridge",
    "l2tunnel": "l2tunnel",
    "transparent": "transparent",
    "nat": "nat",
}
_EXTERNAL = "External"  # Made by set-up scripts and by Calico, to bind a switch to the network card; it has no pods.


@dataclass(frozen=True, kw_only=True)
class HnsNetwork:
    """A network: its name, its type as HNS spells it, the VNI (VSID) of its subnets, and these as CIDRs."""

    name: str
    type: str
    vni: int | None = None
    subnets: tuple[str, ...] = ()

    def has_room_for(self, address: str) -> bool:
        """Whether an address is of one of its subnets."""
        return any(ipaddress.ip_address(address) in ipaddress.ip_network(subnet) for subnet in self.subnets)


@dataclass(frozen=True, kw_only=True)
class HnsMode:
    """What the networks of a node tell, in words too; `mode` is unknown where they tell none, or several."""

    mode: Mode
    words: str


class NoNetworks(ValueError):
    """What the command printed is no list of networks; the text says what it is."""


def networks_in(printed: str) -> tuple[HnsNetwork, ...]:
    """The networks of a listing, as the agent's tool `hns-networks` prints it: JSON, one object or a list of them with
    Name, Type, VSID and Subnets (their AddressPrefix); nothing at all is no network.

    Raises:
        NoNetworks: it is something else.
    """
    text = printed.strip()
    if not text:
        return ()
    try:
        tree = json.loads(text)
    except ValueError:
        raise NoNetworks(f"no JSON: {' '.join(text.split())[:80]}") from None
    several = tree if isinstance(tree, list) else [tree]
    if not all(isinstance(one, dict) and isinstance(one.get("Type"), str) for one in several):
        raise NoNetworks("JSON without the type of a network")
    return tuple(
        HnsNetwork(name=str(one.get("Name") or ""), type=one["Type"], vni=_vni(one), subnets=tuple(_subnets(one)))
        for one in several
    )


def _vni(network: Mapping[str, Any]) -> int | None:
    found = network.get("VSID")
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _subnets(network: Mapping[str, Any]) -> Iterator[str]:
    """PowerShell writes null for what a network does not have."""
    for text in network.get("Subnets") or ():
        try:
            yield str(ipaddress.ip_network(text, strict=False))
        except (ValueError, TypeError):
            continue


def mode_told_by(networks: tuple[HnsNetwork, ...]) -> HnsMode:
    """The mode of a node by its networks.

    NAT is there beside others on nodes where Docker was; it counts alone only.
    """
    of_pods = [one for one in networks if one.name != _EXTERNAL] or list(networks)
    of_pods = [one for one in of_pods if one.type.lower() != "nat"] or of_pods
    words = ", ".join(f"{one.name} ({one.type}{f', VNI {one.vni}' if one.vni else ''})" for one in of_pods)
    modes = {_MODES.get(one.type.lower(), UNKNOWN) for one in of_pods}
    mode: Mode = modes.pop() if len(modes) == 1 else UNKNOWN  # type: ignore[assignment]
    return HnsMode(mode=mode, words=f"HNS has {words}" if words else "HNS has no network")
