"""Faults of the ruleset: answers, the node's own packets, a pod and itself, Services."""

from __future__ import annotations

from podwire_lab.faults.fault import Injection, chain, fault
from podwire_lab.faults.policies.mistakes import ALL, ENGINES, VARIATION, miswrite
from podwire_lab.linux.data_path import KEYWORD
from podwire_lab.linux.policy_rules import ANSWERS


@fault("policies-drop-answers", kills=("NP-DIRECTIONS",), profiles=ENGINES)
def drop_answers(do: Injection) -> None:
    """Answers to allowed connections are dropped where no rule allows them by themselves."""
    miswrite(do, lambda text: text.replace(f"{ANSWERS}\n", "ct state related accept\n"))


@fault("policies-drop-answers-on-windows", kills=("NP-DIRECTIONS",), profiles=ENGINES)
def drop_answers_on_windows(do: Injection) -> None:
    """Windows nodes keep no state: answers to allowed connections are dropped where no rule allows them."""
    miswrite(do, lambda text: text.replace(f"{ANSWERS}\n", "ct state related accept\n"), "windows")


@fault("policies-udp-passes", kills=("NP-PROTOCOL", "NP-INGRESS"), profiles=ENGINES)
def udp_passes(do: Injection) -> None:
    """Policies are enforced for TCP only: UDP passes."""
    miswrite(do, lambda text: text.replace(ANSWERS, f"{ANSWERS}\n    meta l4proto udp accept"))


@fault("policies-within-a-node-pass", kills=("NP-INGRESS",), profiles=ENGINES)
def within_a_node_pass(do: Injection) -> None:
    """Packets between pods of one node pass, whatever the policies say."""
    miswrite(do, lambda text: text.replace(ANSWERS, f'{ANSWERS}\n    iifname "cbr0" oifname "cbr0" accept'))


@fault("policies-from-other-nodes-pass", kills=("NP-INGRESS",), profiles=ENGINES)
def from_other_nodes_pass(do: Injection) -> None:
    """Packets from other nodes pass, whatever the policies say."""
    miswrite(do, lambda text: text.replace(ANSWERS, f'{ANSWERS}\n    iifname != "cbr0" accept'))


@fault("policies-deny-the-own-node", kills=("NP-NODE",), profiles=ALL, variations=VARIATION)
def deny_the_own_node(do: Injection) -> None:
    """The node itself does not reach those of its pods that a policy selects."""
    miswrite(do, lambda text: text + _own_node(text))


def _own_node(text: str) -> str:
    """A chain for the node's own packets beside that for forwarded ones."""
    added = ""
    for family in ("ipv4", "ipv6"):
        ip = KEYWORD[family]
        pods = [
            line.split()[2] for line in text.splitlines() if line.strip().startswith(f"{ip} daddr") and "goto" in line
        ]
        if pods:
            body = chain("output", 10, ANSWERS, f"{ip} daddr {{ {', '.join(dict.fromkeys(pods))} }} drop")
            added += f"table {ip} network-policies {{\n{body}}}\n"
    return added


@fault("policies-deny-a-pod-itself", kills=("NP-ITSELF",), profiles=ALL, variations=VARIATION)
def deny_a_pod_itself(do: Injection) -> None:
    """A pod does not reach itself by a Service where its policies do not allow it."""
    miswrite(do, _without_itself)


def _without_itself(text: str) -> str:
    """The chains of pods without their first rule, which is about the pod itself."""
    lines, kept, first = text.splitlines(), [], False
    for line in lines:
        if not first:
            kept.append(line)
        first = line.strip().startswith(("chain ingress-", "chain egress-"))
    return "\n".join(kept) + "\n"


@fault("policies-before-services", kills=("NP-SERVICE",), profiles=ENGINES)
def before_services(do: Injection) -> None:
    """What a pod sends is judged by the address of the Service, before a backend is chosen."""
    miswrite(
        do,
        lambda text: text.replace(
            "type filter hook forward priority 11;",
            "type filter hook prerouting priority -150;\n    fib daddr type local accept",
        ),
    )


@fault("policies-source-hidden-for-services", kills=("NP-SERVICE",), profiles=ENGINES)
def source_hidden_for_services(do: Injection) -> None:
    """Packets to a Service leave with their node's address, so rules about pods do not fit them."""
    for node in do.nodes():
        for family in node.families:
            ip = KEYWORD[family]
            rule = f'ct status dnat iifname "cbr0" oifname != "cbr0" snat to {node.plan.address(family)}'
            do.rules(node.host, ip, chain("postrouting", 98, rule, kind="nat"))
