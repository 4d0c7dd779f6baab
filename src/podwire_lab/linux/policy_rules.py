"""Network policies on a Linux node: nftables rules for the packets to and from its pods. Only functions, from values to
ruleset text.

The rules meet a packet between the bridge or a NIC and the pod's cable, after the translation of a Service's address
and before any translation of the source, as Calico's do (projectcalico/calico, felix: filter FORWARD). The node's own
packets are not forwarded, so a node always reaches its pods, and they reach it (kubernetes.io: Network Policies).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from podwire.model.facts import FAMILIES, Family, family_of
from podwire_lab.kernel import nft
from podwire_lab.linux.data_path import ADDRESS_TYPE, KEYWORD
from podwire_lab.model.interfaces import Allowance, PolicyRule

SIDES = ("ingress", "egress")
TABLE = "network-policies"
ANSWERS = "ct state established,related accept"
# No policy applies to neighbour discovery: it is IPv6's ARP, and frames between pods of a node cross the bridge.
_NEIGHBOURS = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept"
_ENDS: Mapping[str, tuple[str, str]] = {"ingress": ("daddr", "saddr"), "egress": ("saddr", "daddr")}


def ruleset(
    rules: Sequence[PolicyRule],
    *,
    table: str = TABLE,
    known: Iterable[str] | None = None,
    closed: Mapping[Family, str] | None = None,
    closed_sides: Sequence[str] = SIDES,
) -> str:
    """The rules of a node, in a table of this name for each family.

    `closed` are the pod networks of the node: a pod there that is not among the `known` ones gets nothing and sends
    nothing, until the engine knows it (felix: packets of a workload interface without an endpoint are dropped). So no
    pod is open before its policies apply. `closed_sides` are the directions of that.
    """
    text = ""
    for family in FAMILIES:
        of_family = [rule for rule in rules if family_of(rule.address) == family]
        body = _known(family, known) if known is not None else ""
        for number, side in enumerate(SIDES):
            network = (closed or {}).get(family, "") if known is not None and side in closed_sides else ""
            body += _side(side, 10 + number, [rule for rule in of_family if rule.side == side], family, network)
        text += nft.table(KEYWORD[family], table, body)
    return text


def removal(table: str = TABLE) -> str:
    """Takes the rules away, whether there are any or not."""
    tables = (f"{KEYWORD[family]} {table}" for family in FAMILIES)
    return "".join(f"add table {name}\ndelete table {name}\n" for name in tables)


def _known(family: Family, known: Iterable[str]) -> str:
    addresses = sorted(address for address in known if family_of(address) == family)
    return f"""
  set known {{
    type {ADDRESS_TYPE[family]};
    {nft.elements(addresses)}
  }}"""


def _side(side: str, priority: int, rules: Sequence[PolicyRule], family: Family, closed: str) -> str:
    """The chain of one direction, and a chain for each pod that it is limited in."""
    ip, (own, peer) = KEYWORD[family], _ENDS[side]
    chains, lines = "", [ANSWERS]
    if family == "ipv6":
        lines.append(_NEIGHBOURS)
    for number, rule in enumerate(rules):
        name = f"{side}-{number}"
        # kubernetes.io, "Network Policies": a pod cannot block access to itself.
        allowed = [f"{ip} {peer} {rule.address} accept", *(f"{match(a, ip, peer)}accept" for a in rule.allowed), "drop"]
        listed = "\n    ".join(allowed)
        chains += f"\n  chain {name} {{\n    {listed}\n  }}"
        lines.append(f"{ip} {own} {rule.address} goto {name}")
    if closed:
        lines.append(f"{ip} {own} {closed} {ip} {own} != @known drop")
    listed = "\n    ".join(lines)
    return f"""{chains}
  chain {side} {{
    type filter hook forward priority {priority};
    {listed}
  }}"""


def match(allowance: Allowance, ip: str, peer: str) -> str:
    """The nft match of an allowance, with a space behind it; empty for one that allows everything."""
    text = f"{ip} {peer} {allowance.network} " if allowance.network else ""
    text += f"{ip} {peer} != {{ {', '.join(allowance.excepted)} }} " if allowance.excepted else ""
    if allowance.protocol:
        text += (
            f"{allowance.protocol} dport {allowance.port} " if allowance.port else f"meta l4proto {allowance.protocol} "
        )
    return text
