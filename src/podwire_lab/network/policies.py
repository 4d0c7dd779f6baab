"""Network policies on a node: the rules that hold what it forwards to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from podwire.model.facts import FAMILIES, Family, family_of
from podwire_lab.kernel import nft
from podwire_lab.kernel.netns import NetworkNamespace
from podwire_lab.model.interfaces import Allowance, PolicyRule

_KEYWORD: Mapping[Family, str] = {"ipv4": "ip", "ipv6": "ip6"}
# How neighbours find each other is of no policy: it is IPv6's ARP, and same-node frames cross the bridge as packets.
_NEIGHBOURS = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept"

# How a node understands the rules: those that it applies.
Reading: TypeAlias = Callable[[Sequence[PolicyRule]], tuple[PolicyRule, ...]]


def nothing_held(_rules: Sequence[PolicyRule]) -> tuple[PolicyRule, ...]:
    """What a network plugin applies that has no network policies."""
    return ()


class NodePolicies:
    """Network policies and security groups of one node. `reading` is which of the rules the node applies, and how.

    `held` tells whether the network plugin has network policies at all.
    """

    def __init__(self, netns: NetworkNamespace, *, held: bool) -> None:
        self.reading: Reading = tuple if held else nothing_held
        self._netns = netns
        self._rules: tuple[PolicyRule, ...] = ()
        self._applied: tuple[PolicyRule, ...] = ()
        self._closed: tuple[str, ...] = ()

    def set_rules(self, rules: Sequence[PolicyRule]) -> None:
        """See `interfaces.NodeNetwork`. Doing it again with the same rules costs nothing."""
        self._rules = tuple(rules)
        wanted = self.reading(self._rules)
        if wanted != self._applied:
            nft.apply(self._netns, ruleset(wanted))
            self._applied = wanted

    def read_by(self, reading: Reading) -> None:
        """Apply the rules anew, in this reading."""
        self.reading = reading
        self.set_rules(self._rules)

    def set_closed(self, addresses: Sequence[str]) -> None:
        """See `interfaces.NodeNetwork`. Doing it again with the same addresses costs nothing."""
        if tuple(addresses) != self._closed:
            rules = [PolicyRule(address=address, side="ingress") for address in addresses]
            nft.apply(self._netns, ruleset(rules, "security-groups"))
            self._closed = tuple(addresses)


def ruleset(rules: Sequence[PolicyRule], table: str = "network-policies") -> str:
    """The rules of a node, in a table of that name. What it forwards is held to them, not what it sends itself."""
    text = ""
    for family in FAMILIES:
        own = [rule for rule in rules if family_of(rule.address) == family]
        chains = (_chain(side, 10 + number, own, family) for number, side in enumerate(("ingress", "egress")))
        text += nft.table(_KEYWORD[family], table, "".join(chains))
    return text


def _chain(side: str, priority: int, rules: Sequence[PolicyRule], family: Family) -> str:
    ip = _KEYWORD[family]
    pod, peer = ("daddr", "saddr") if side == "ingress" else ("saddr", "daddr")
    lines = []
    for rule in rules:
        if rule.side == side:
            of_pod = f"{ip} {pod} {rule.address}"
            lines += [f"{of_pod} {_match(one, ip, peer)}accept" for one in rule.allowed]
            lines.append(f"{of_pod} drop")
    if family == "ipv6":
        lines.insert(0, _NEIGHBOURS)
    listed = "\n    ".join(lines)
    return f"""
  chain {side} {{
    type filter hook forward priority {priority};
    ct state established,related accept
    {listed}
  }}"""


def _match(one: Allowance, ip: str, peer: str) -> str:
    text = f"{ip} {peer} {one.network} " if one.network else ""
    text += f"{ip} {peer} != {{ {', '.join(one.excepted)} }} " if one.excepted else ""
    if one.protocol:
        text += f"{one.protocol} dport {one.port} " if one.port else f"meta l4proto {one.protocol} "
    return text
