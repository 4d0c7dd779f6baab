"""Addresses that no host has, chosen beside everything that is known to be the cluster's own. Pure.

Benchmarks and documentation have networks that no host should have (RFC 2544, 5737, 3849, 9637, 6666). Clusters use
some of them all the same: AWS recommends 198.19.0.0/16 for pods (EKS best practices, custom networking). So a network
that holds any known address of the cluster is none of nobody's, and who knows a better one states it
(`unused_networks`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, islice

from podwire.model.derived import derived
from podwire.model.facts import FAMILIES, ClusterFacts, Family, family_of

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

CANDIDATES: Mapping[Family, tuple[str, ...]] = {
    "ipv4": ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15"),
    "ipv6": ("2001:db8:77::/64", "3fff:77::/64", "100::/64"),
}
SMALLEST: Mapping[Family, int] = {"ipv4": 24, "ipv6": 64}
"""The longest prefix of a network that can be stated."""
SHOWN = 3


class TooFew(Exception):
    """There are fewer addresses of nobody than a case needs. The text says why, and which fact would help."""


@dataclass(frozen=True, kw_only=True)
class Nobody:
    """The networks whose addresses no host has, in the order of `CANDIDATES`, and why others are none of them."""

    networks: tuple[Network, ...]
    taken: tuple[str, ...] = ()
    """The known networks of the cluster that lie in a candidate."""

    def without(self, addresses: Iterable[str]) -> Nobody:
        """The same without the networks that hold one of these addresses."""
        known = [one for one in map(_network, dict.fromkeys(addresses)) if self._holds_part_of(one)]
        taken = tuple(map(str, known))
        left = tuple(one for one in self.networks if not any(_overlap(one, other) for other in known))
        return replace(self, networks=left, taken=tuple(dict.fromkeys((*self.taken, *taken))))

    def _holds_part_of(self, known: Network) -> bool:
        return any(_overlap(known, network) for network in self.networks)

    def addresses(self, number: int) -> tuple[str, ...]:
        """So many IPv4 addresses, of the largest network first. Raises `TooFew`."""
        found = tuple(islice(chain.from_iterable(map(_hosts, self._by_size())), number))
        if len(found) < number:
            raise TooFew(self._too_few(f"{number} IPv4 addresses of no host", str(len(found))))
        return found

    def large(self, offset: int) -> str:
        """One IPv4 address of the largest network. Raises `TooFew`."""
        networks = self._by_size()
        if not networks:
            raise TooFew(self._too_few("an IPv4 address of no host", "none"))
        return str(networks[0][offset])

    def network(self, family: Family) -> Network:
        """The first network of a family: /24 for IPv4, /64 for IPv6. Raises `TooFew`."""
        for one in self.networks:
            if one.version == _VERSION[family]:
                return ipaddress.ip_network(f"{one.network_address}/{SMALLEST[family]}")
        raise TooFew(self._too_few(f"an {_NAME[family]} network of no host", "none"))

    def _by_size(self) -> list[Network]:
        networks = [one for one in self.networks if one.version == 4]
        return sorted(networks, key=lambda one: one.prefixlen)  # It is stable: equal ones keep their order.

    def _too_few(self, needed: str, there: str) -> str:
        own = ", ".join(self.taken[:SHOWN]) + (", ..." if len(self.taken) > SHOWN else "")
        beside = f"beside the cluster's own networks ({own}) " if own else ""
        return (
            f"needs {needed}; {beside}podwire knows {there}: state a network that nobody uses, large enough, as "
            "`unused_networks: [NETWORK]` in --facts"
        )


_VERSION: Mapping[Family, int] = {"ipv4": 4, "ipv6": 6}
_NAME: Mapping[Family, str] = {"ipv4": "IPv4", "ipv6": "IPv6"}


@derived
def nobody_of(facts: ClusterFacts) -> Nobody:
    """The networks of nobody for a cluster: of a family with a stated one only that, else the candidates that hold
    nothing of the cluster."""
    stated = facts.outside.unused
    candidates = tuple(
        _network(text)
        for family in FAMILIES
        for text in ([one for one in stated if family_of(one) == family] or CANDIDATES[family])
    )
    return Nobody(networks=candidates).without(known_networks(facts))


def known_networks(facts: ClusterFacts) -> Iterator[str]:
    """The networks and addresses that are known to be the cluster's own, or the host's outside."""
    for node in facts.nodes:
        yield from (*node.addresses, *node.pod_cidrs)
    yield from (*facts.network.own, *facts.dns.addresses, *facts.dns.caches)
    if facts.outside.host is not None:
        yield from facts.outside.host.addresses


def candidate_around(address: str) -> str:
    """The candidate that holds an address, or ''."""
    parsed = _network(address)
    return next((text for text in CANDIDATES[family_of(address)] if _overlap(parsed, _network(text))), "")


def overlapping(text: str, others: Iterable[str]) -> str:
    """The first of these networks and addresses that overlaps a network, or ''."""
    return next((one for one in others if _overlap(_network(text), _network(one))), "")


def _network(text: str) -> Network:
    return ipaddress.ip_network(text.partition("%")[0], strict=False)


def _overlap(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)


def _hosts(network: Network) -> Iterator[str]:
    """Its addresses without the first and the last one."""
    return (str(network[at]) for at in range(1, network.num_addresses - 1))
