"""Faults of the policies of a node as a whole."""

from __future__ import annotations

from dataclasses import replace

from podwire_lab.faults.fault import Injection, chain, fault
from podwire_lab.faults.policies.mistakes import ALL, ENGINES, VARIATION, misread, misrule, of_policies
from podwire_lab.linux.data_path import KEYWORD

_DENYING = (
    "NP-INGRESS", "NP-EGRESS", "NP-POD-SELECTOR", "NP-NAMESPACE-SELECTOR", "NP-SELECTORS-AND", "NP-EMPTY-SELECTOR",
    "NP-EXPRESSIONS", "NP-IP-BLOCK", "NP-EXCEPT", "NP-PORT", "NP-PROTOCOL", "NP-NAMED-PORT", "NP-PORT-RANGE",
    "NP-BOTH-ENDS", "NP-SERVICE", "NP-CHANGED",
)  # fmt: skip
_ALLOWING = ("NP-PEERS-OR", "NP-ANY-PEER", "NP-ADD-UP", "NP-DIRECTIONS")


@fault("policies-not-held-to", kills=("TRANS-ACL", *_DENYING), profiles=ALL, variations=VARIATION)
def policies_not_held_to(do: Injection) -> None:
    """Nodes forward packets to and from pods that a network policy denies."""
    misread(do, of_policies(lambda _policy: ()))


@fault("policies-allow-nothing", kills=("TRANS-ACL", *_ALLOWING), profiles=ALL, variations=VARIATION)
def policies_allow_nothing(do: Injection) -> None:
    """Nodes drop all packets to and from a pod with a network policy, allowed ones too."""
    misrule(do, lambda rules: tuple(replace(rule, allowed=()) for rule in rules))


@fault("policies-on-linux-only", kills=("NP-INGRESS", "NP-EGRESS"), profiles=ENGINES)
def policies_on_linux_only(do: Injection) -> None:
    """Windows nodes enforce no policy; Linux nodes do."""
    misread(do, of_policies(lambda _policy: ()), "windows")


@fault("policies-on-windows-only", kills=("NP-INGRESS", "NP-EGRESS"), profiles=ENGINES)
def policies_on_windows_only(do: Injection) -> None:
    """Linux nodes enforce no policy; Windows nodes do."""
    misread(do, of_policies(lambda _policy: ()), "linux")


@fault("pods-closed-without-policies", kills=("NP-DEFAULT-OPEN",))
def pods_closed_without_policies(do: Injection) -> None:
    """Nodes drop TCP and UDP from pods of other nodes to pods that no policy selects."""
    for node in do.nodes():
        for family in node.families:
            ip, pods = KEYWORD[family], node.plan.pod_cidr(family)
            rule = f"{ip} daddr {pods} {ip} saddr != {pods} ct state new meta l4proto {{ tcp, udp }} drop"
            do.rules(node.host, ip, chain("forward", 5, rule))
