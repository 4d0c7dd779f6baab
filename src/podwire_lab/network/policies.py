"""Network policies on a node: the rules for the packets that it forwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from podwire.model.facts import FAMILIES, Family, family_of
from podwire_lab.kernel import nft
from podwire_lab.kernel.netns import NetworkNamespace
from podwire_lab.model.interfaces import Allowance, PolicyRule

_KEYWORD: Mapping[Family, str] = {"ipv4": "ip", "ipv6": "ip6"}
# No policy applies to neighbour discovery: it is IPv6's ARP, and frames between pods of a node cross the bridge.
_NEIGHBOURS = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept"

# How a node reads the rules: those that it applies.
Reading: TypeAlias = Callable[[Sequence[PolicyRule]], tuple[PolicyRule, ...]]


def ignored(_rules: Sequence[PolicyRule]) -> tuple[PolicyRule, ...]:
    """The reading of a network plugin without network policies: no rule."""
    return ()


class NodePolicies:
    """Network policies and security groups of one node. `reading` says which rules the node applies, and how.

    `enforced` says whether the network plugin enforces network policies at all.
    """

    def __init__(self, netns: NetworkNamespace, *, enforced: bool) -> None:
        self.reading: Reading = tuple if enforced else ignored
        self._netns = netns
        self._rules: tuple[PolicyRule, ...] = ()
        self._applied: tuple[PolicyRule, ...] = ()
        self._closed: tuple[str, ...] = ()

    def start(self) -> None:
        """The machine has booted without any rule: write those of now."""
        closed, self._applied, self._closed = self._closed, (), ()
        self.set_rules(self._rules)
        self.set_closed(closed)

    def set_rules(self, rules: Sequence[PolicyRule]) -> None:
        """See `interfaces.NodeNetwork`. A call with the same rules costs nothing."""
        self._rules = tuple(rules)
        rules_read = self.reading(self._rules)
        if rules_read != self._applied:
            nft.apply(self._netns, ruleset(rules_read))
            self._applied = rules_read

    def read_by(self, reading: Reading) -> None:
        """Apply the rules again, in this reading."""
        self.reading = reading
        self.set_rules(self._rules)

    def set_closed(self, addresses: Sequence[str]) -> None:
        """See `interfaces.NodeNetwork`. A call with the same addresses costs nothing."""
        if tuple(addresses) != self._closed:
            rules = [PolicyRule(address=address, side="ingress") for address in addresses]
            nft.apply(self._netns, ruleset(rules, "security-groups"))
            self._closed = tuple(addresses)


def ruleset(rules: Sequence[PolicyRule], table: str = "network-policies") -> str:
    """The rules of a node, in a table of this name, for forwarded packets; the node's own packets pass."""
    text = ""
    for family in FAMILIES:
        of_family = [rule for rule in rules if family_of(rule.address) == family]
        chains = (_chain(side, 10 + number, of_family, family) for number, side in enumerate(("ingress", "egress")))
        text += nft.table(_KEYWORD[family], table, "".join(chains))
    return text


def _chain(side: str, priority: int, rules: Sequence[PolicyRule], family: Family) -> str:
    ip = _KEYWORD[family]
    pod, peer = ("daddr", "saddr") if side == "ingress" else ("saddr", "daddr")
    lines = []
    for rule in rules:
        if rule.side == side:
            of_pod = f"{ip} {pod} {rule.address}"
            lines += [f"{of_pod} {_match(allowance, ip, peer)}accept" for allowance in rule.allowed]
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


def _match(allowance: Allowance, ip: str, peer: str) -> str:
    text = f"{ip} {peer} {allowance.network} " if allowance.network else ""
    text += f"{ip} {peer} != {{ {', '.join(allowance.excepted)} }} " if allowance.excepted else ""
    if allowance.protocol:
        text += (
            f"{allowance.protocol} dport {allowance.port} " if allowance.port else f"meta l4proto {allowance.protocol} "
        )
    return text
