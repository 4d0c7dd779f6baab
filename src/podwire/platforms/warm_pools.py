"""The addresses that the controller of the VPC keeps ready on the network card of a Windows node. Pure.

Sources: amazon-vpc-resource-controller-k8s, docs/windows, configuration options of both modes; Amazon EC2 user guide,
instance metadata categories.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from podwire.model.instance_types import ADDRESSES_OF_A_PREFIX

_PREFIX_LENGTH = 28
_USUAL_MINIMUM = 3


@dataclass(frozen=True, kw_only=True)
class WarmPool:
    """What the controller is told to keep ready on each Windows node.

    `warm` addresses beside those in use, at least `minimum` in all; or in prefix mode, where `warm_prefixes` is not
    None, that many /28 prefixes of which no address is in use.
    """

    prefixes: bool
    warm: int
    minimum: int
    warm_prefixes: int | None = None

    def least(self, in_use: Collection[str], most: int) -> int:
        """How many addresses a card must have for pods, where these are in use and it can have `most`."""
        wanted = max(len(in_use) + self.warm, self.minimum)
        if self.prefixes:
            started = {ipaddress.ip_network(f"{address}/{_PREFIX_LENGTH}", strict=False) for address in in_use}
            count = -(-wanted // ADDRESSES_OF_A_PREFIX)
            if self.warm_prefixes is not None:
                count = len(started) + self.warm_prefixes
            wanted = max(count, len(started)) * ADDRESSES_OF_A_PREFIX
        return min(wanted, most)


def pool_told_by(settings: Mapping[str, str], *, prefixes: bool) -> WarmPool:
    """The pool by the data of the ConfigMap amazon-vpc-cni. What is missing or is no number has its documented default;
    names without `windows-` are those of prefix mode and older ones of the other."""
    warm, minimum = _number(settings, "warm-ip-target"), _number(settings, "minimum-ip-target")
    whole = _number(settings, "warm-prefix-target") if prefixes else None
    if prefixes and not warm and not minimum:
        if whole:
            return WarmPool(prefixes=True, warm=0, minimum=0, warm_prefixes=whole)
        warm = minimum = None  # Nothing at all is not supported, and taken as not said.
    usual, least = (1, 0) if prefixes else (3, 1)  # With single addresses, none at all is taken as one.
    return WarmPool(
        prefixes=prefixes,
        warm=usual if warm is None else max(warm, least),
        minimum=_USUAL_MINIMUM if minimum is None else minimum,
    )


def _number(settings: Mapping[str, str], name: str) -> int | None:
    found = settings.get(f"windows-{name}", settings.get(name, "")).strip()
    return int(found) if found.isdigit() else None


class NoCard(ValueError):
    """What was printed is no card of EC2; the text says what it is instead."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """A node's network card as EC2 tells it: what it has for pods, single addresses and prefixes (CIDRs).

    `macs` are those of all cards of the node; the others' addresses are not asked for.
    """

    macs: tuple[str, ...]
    addresses: tuple[str, ...]
    prefixes: tuple[str, ...] = ()

    @property
    def for_pods(self) -> int:
        """How many addresses it has for pods."""
        return len(self.addresses) + len(self.prefixes) * ADDRESSES_OF_A_PREFIX

    def has(self, address: str) -> bool:
        """Whether an address of a pod is one of them."""
        within = (ipaddress.ip_network(prefix) for prefix in self.prefixes)
        return address in self.addresses or any(ipaddress.ip_address(address) in one for one in within)

    def __str__(self) -> str:
        return ", ".join((*self.addresses, *self.prefixes)) or "none"


def card_in(printed: str) -> Card:
    """A node's network card, as the agent's `ec2_card` prints it: a JSON object by category of the metadata, the lists
    `local-ipv4s`, of which `local-ipv4` is the node's own address, `ipv4-prefix`, and `macs` of all cards.

    Raises:
        NoCard: it is something else.
    """
    try:
        tree = json.loads(printed)
    except ValueError:
        raise NoCard(f"no JSON: {' '.join(printed.split())[:200] or 'nothing'}") from None
    try:
        own = ipaddress.ip_address(tree["local-ipv4"])
        addresses = [ipaddress.ip_address(one) for one in tree["local-ipv4s"]]
        prefixes = [ipaddress.ip_network(one) for one in tree["ipv4-prefix"]]
        macs = tuple(str(one).lower() for one in tree["macs"])
    except (KeyError, TypeError, ValueError):
        raise NoCard("JSON without the addresses of a card") from None
    if not macs:
        raise NoCard("JSON that lists no card")
    for_pods = tuple(str(one) for one in addresses if one != own)
    return Card(macs=macs, addresses=for_pods, prefixes=tuple(map(str, prefixes)))
