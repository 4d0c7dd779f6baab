"""What the agent's own DNS client asks (`asks`): the questions of a flow, by the names that stand behind it. Pure.

The system's resolver asks for addresses only. The agent's client sends what a program with a DNS library sends, as
plain datagrams to the address of the cluster's DNS, from Linux and from Windows pods alike: on Windows the DNS Client
service, with its cache and its suffixes, is not part of it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from podwire.model.facts import Family
from podwire.model.flows import Asks

ADDRESS_TYPES: Mapping[Family, str] = {"ipv4": "A", "ipv6": "AAAA"}
ASKS: Mapping[Asks, str] = {
    "": "nothing: the system's resolver is asked",
    "srv": "the SRV record of each named port of the Service",
    "srv-and-targets": "the same, and then the address of each target",
    "ptr": "the PTR record of the address that the flow is sent to",
    "both-families": "A and AAAA of the name, at once and from one socket, as glibc does",
    "missing-names": "A and AAAA of the name, and of a name beside it that nobody has",
    "capitals": "the address of the name, every second letter of it a capital",
    "edns": "the address of the name, with an OPT record (EDNS)",
    "each-pod": "the address of the name, of each ready pod of the cluster's DNS at the pod's own address",
    "each-pod-by-tcp": "the same over TCP",
}
DNS_PORT = 53
OF_PODS: tuple[Asks, ...] = ("each-pod", "each-pod-by-tcp")
"""What is asked of pods, and not of the DNS Service."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One question: the name as it is spelled, without the final dot, its type, and whether it has an OPT record."""

    name: str
    type: str
    edns: bool = False


@dataclass(frozen=True, kw_only=True)
class Names:
    """What questions are made of: the full name that a flow leads to, a name beside it that nobody has, the address
    that it is sent to ('' for none), and the ports of its Service as `(name, protocol)`."""

    fqdn: str
    nobody: str
    ip: str
    ports: Sequence[tuple[str, str]] = ()


def questions(asks: Asks, names: Names, family: Family) -> Iterator[Asked]:
    """The questions of one socket, in the order in which they are sent."""
    kind = ADDRESS_TYPES[family]
    if asks in ("srv", "srv-and-targets"):
        # The records of many endpoints do not fit into 512 bytes.
        yield from (Asked(name=f"_{port}._{of}.{names.fqdn}", type="SRV", edns=True) for port, of in names.ports)
    elif asks == "ptr":
        yield Asked(name=ipaddress.ip_address(names.ip).reverse_pointer, type="PTR", edns=True)
    elif asks in ("both-families", "missing-names"):
        asked_names = (names.fqdn, names.nobody) if asks == "missing-names" else (names.fqdn,)
        yield from (Asked(name=name, type=of) for name in asked_names for of in ADDRESS_TYPES.values())
    elif asks:
        name = with_capitals(names.fqdn) if asks == "capitals" else names.fqdn
        yield Asked(name=name, type=kind, edns=asks == "edns")


def with_capitals(name: str) -> str:
    """The name with every second character as a capital letter, if it is one."""
    return "".join(letter.upper() if at % 2 else letter for at, letter in enumerate(name))
