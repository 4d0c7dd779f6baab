"""Which packets of pods a node translates on their way out of the cluster: in words, and for one destination. Pure.

The words are `all` (every destination outside of the cluster), `all but 10.0.0.0/8, 172.16.0.0/12`, or `none`. What
nobody tells is empty.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

from podwire.model.facts import FAMILIES, OS, Family, family_of

ALL, NONE = "all", "none"
_BUT = "all but "


def all_but(networks: Iterable[str]) -> str:
    """The words for a node that translates to all destinations but those in these networks."""
    named = sorted(set(networks))
    return f"{_BUT}{', '.join(named)}" if named else ALL


def as_words(text: str, family: Family) -> str:
    """What a user states, in the form of this module. ValueError says what is wrong."""
    if text in (ALL, NONE):
        return text
    networks = text.removeprefix(_BUT).split(",") if text.startswith(_BUT) else []
    if not networks:
        raise ValueError(f"{text!r} is neither all, none, nor all but NETWORK, ...")
    return all_but(_network(name.strip(), family) for name in networks)


def _network(text: str, family: Family) -> str:
    try:
        network = str(ipaddress.ip_network(text))
    except ValueError:
        raise ValueError(f"{text!r} is not an IP network; write it as 10.0.0.0/8") from None
    if family_of(network) != family:
        raise ValueError(f"{text} is no network of {family}")
    return network


def by_family(told: Sequence[str]) -> dict[Family, str]:
    """The words of each family in texts such as `ipv4 all but 10.0.0.0/8`."""
    words = dict(text.split(" ", 1) for text in told)
    return {family: words[family] for family in FAMILIES if family in words}


def translates(words: str, destination: str) -> bool | None:
    """Whether packets to an address leave with the node's own; None where nobody tells it."""
    if not words:
        return None
    if words in (ALL, NONE):
        return words == ALL
    address = ipaddress.ip_address(destination)
    return not any(address in ipaddress.ip_network(name) for name in words.removeprefix(_BUT).split(", "))


def leaves_as(os: OS, told: Sequence[str], destination: str, *, pod: str, node: str) -> tuple[str, ...]:
    """The addresses that packets of a pod to a host outside may leave its node with: one where it is known which.

    A Windows node has OutboundNAT (Microsoft: Windows container network drivers). What Linux nodes translate is their
    CNI's choice: `told` has it.
    """
    if os == "windows":
        return (node,)
    translated = translates(by_family(told).get(family_of(destination), ""), destination)
    return (node, pod) if translated is None else (node,) if translated else (pod,)
