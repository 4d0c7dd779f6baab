"""The addresses that the VPC resource controller keeps ready on the network card of a Windows node. Pure.

Sources: amazon-vpc-resource-controller-k8s, docs/windows, configuration options of both modes; Amazon EC2 user guide,
instance metadata categories.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from podwire.model.addressing.instance_types import ADDRESSES_OF_A_PREFIX

_PREFIX_LENGTH = 28
_USUAL_MINIMUM = 3


@dataclass(frozen=True, kw_only=True)
class WarmPool:
    """The controller's setting for each Windows node.

    It keeps `warm` addresses ready in addition to those in use, and at least `minimum` addresses in all. In prefix mode
    with `warm_prefixes`, it keeps this many unused /28 prefixes ready instead.
    """

    prefixes: bool
    warm: int
    minimum: int
    warm_prefixes: int | None = None

    def least(self, in_use: Collection[str], most: int) -> int:
        """The least number of pod addresses on a card, with these addresses in use and room for `most`."""
        addresses = max(len(in_use) + self.warm, self.minimum)
        if self.prefixes:
            started = {ipaddress.ip_network(f"{address}/{_PREFIX_LENGTH}", strict=False) for address in in_use}
            count = -(-addresses // ADDRESSES_OF_A_PREFIX)
            if self.warm_prefixes is not None:
                count = len(started) + self.warm_prefixes
            addresses = max(count, len(started)) * ADDRESSES_OF_A_PREFIX
        return min(addresses, most)


def pool_told_by(settings: Mapping[str, str], *, prefixes: bool) -> WarmPool:
    """The pool by the data of the ConfigMap amazon-vpc-cni.

    A missing or invalid number has its documented default. Names without `windows-` belong to prefix mode, and to older
    versions of the other mode.
    """
    warm, minimum = _number(settings, "warm-ip-target"), _number(settings, "minimum-ip-target")
    whole = _number(settings, "warm-prefix-target") if prefixes else None
    if prefixes and not warm and not minimum:
        if whole:
            return WarmPool(prefixes=True, warm=0, minimum=0, warm_prefixes=whole)
        warm = minimum = None  # The controller does not support all zeros and uses the defaults.
    usual, least = (1, 0) if prefixes else (3, 1)  # With single addresses, the controller raises 0 to 1.
    return WarmPool(
        prefixes=prefixes,
        warm=usual if warm is None else max(warm, least),
        minimum=_USUAL_MINIMUM if minimum is None else minimum,
    )


def _number(settings: Mapping[str, str], name: str) -> int | None:
    setting = settings.get(f"windows-{name}", settings.get(name, "")).strip()
    return int(setting) if setting.isdigit() else None


class NoCard(ValueError):
    """A tool's output is not an EC2 network card. The text says what it is."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """A node's network card in the EC2 metadata: its single addresses and prefixes (CIDRs) for pods.

    `macs` has all cards of the node; the addresses of other cards are not read.
    """

    macs: tuple[str, ...]
    addresses: tuple[str, ...]
    prefixes: tuple[str, ...] = ()

    @property
    def for_pods(self) -> int:
        """The number of its addresses for pods."""
        return len(self.addresses) + len(self.prefixes) * ADDRESSES_OF_A_PREFIX

    def has(self, address: str) -> bool:
        """Whether it has this pod address."""
        within = (ipaddress.ip_network(prefix) for prefix in self.prefixes)
        return address in self.addresses or any(ipaddress.ip_address(address) in network for network in within)

    def __str__(self) -> str:
        return ", ".join((*self.addresses, *self.prefixes)) or "none"


def card_in(printed: str) -> Card:
    """A node's network card in the output of the agent's `ec2_card`.

    The output is a JSON object by metadata category: the lists `local-ipv4s`, `ipv4-prefix` and `macs` (of all cards),
    and `local-ipv4`, the node's own address.

    Raises:
        NoCard: the output is something else.
    """
    try:
        tree = json.loads(printed)
    except ValueError:
        raise NoCard(f"no JSON: {' '.join(printed.split())[:200] or 'nothing'}") from None
    try:
        own = ipaddress.ip_address(tree["local-ipv4"])
        addresses = [ipaddress.ip_address(address) for address in tree["local-ipv4s"]]
        prefixes = [ipaddress.ip_network(prefix) for prefix in tree["ipv4-prefix"]]
        macs = tuple(str(mac).lower() for mac in tree["macs"])
    except (KeyError, TypeError, ValueError):
        raise NoCard("JSON without the addresses of a card") from None
    if not macs:
        raise NoCard("JSON that lists no card")
    for_pods = tuple(str(address) for address in addresses if address != own)
    return Card(macs=macs, addresses=for_pods, prefixes=tuple(map(str, prefixes)))
