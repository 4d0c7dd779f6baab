"""The facts of a cluster with many nodes for a reader: nodes in groups by what they run, signals once each. Pure.

`facts_form` has all of each node, for files and programs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from podwire.model.facts import NODE_ROW, ClusterFacts, NodeFacts, family_of
from podwire.records.facts_form import tree_of_facts

MOST_LISTED = 10
"""Facts with more nodes than this show groups."""
MOST_GROUPS = 12
_NAMES = 3
_OF_EACH = ("name", "addresses", "pod_cidrs", "zone")
"""What differs from node to node, whatever they run."""
_NETWORK = re.compile(r"[0-9a-fA-F:.]+/[0-9]+")
_NODE = re.compile(r"node (\S+): ")


def tree_of_groups(facts: ClusterFacts) -> dict[str, Any]:
    """The facts as a tree of plain values, as `tree_of_facts`, with `node_groups` in the place of `nodes`.

    Empty lists and texts are left out. A group has the number of its nodes, a few of their names, their zones and all
    that they have in common. The largest groups come first; past `MOST_GROUPS` one entry counts the rest. A signal
    about a node stands for those that say the same of other nodes, and says of how many.
    """
    tree = tree_of_facts(msgspec.structs.replace(facts, nodes=()))
    shown = {name: value for name, value in tree.items() if name == "nodes" or value not in ([], "")}
    groups = {"node_groups": list(_groups(facts.nodes)), "signals": list(_signals(facts.origin.signals))}
    return {("node_groups" if name == "nodes" else name): value for name, value in shown.items()} | groups


def _groups(nodes: Iterable[NodeFacts]) -> Iterator[dict[str, Any]]:
    members: dict[tuple[Any, ...], list[NodeFacts]] = {}
    for node in nodes:
        families = tuple(sorted({family_of(address) for address in node.addresses}))
        same = (node.os, node.ready, node.schedulable, node.software, node.machine.provider)
        machine = (node.machine.instance_type, node.machine.vpc_addresses)
        key = (*same, *machine, node.part, node.told, families, len(node.pod_cidrs))
        members.setdefault(key, []).append(node)
    ordered = sorted(members.values(), key=lambda group: -len(group))
    yield from map(_group, ordered[:MOST_GROUPS])
    rest = ordered[MOST_GROUPS:]
    if rest:
        yield {
            "nodes": sum(map(len, rest)),
            "in_groups": len(rest),
            "names": _listed([group[0].name for group in rest]),
        }


def _group(nodes: Sequence[NodeFacts]) -> dict[str, Any]:
    first = nodes[0]
    row = {
        name: msgspec.to_builtins(value)
        for name, value in NODE_ROW.row(first).items()
        if name not in _OF_EACH and value != _DEFAULTS.get(name)
    }
    zones = Counter(node.machine.zone for node in nodes if node.machine.zone)
    return {
        "nodes": len(nodes),
        "names": _listed([node.name for node in nodes]),
        **row,
        "addresses": ", ".join(dict.fromkeys(map(family_of, first.addresses))) or "none",
        "pod_cidrs": f"{len(first.pod_cidrs)} of each node",
        **({"zones": _counted(zones)} if zones else {}),
    }


_DEFAULTS: Mapping[str, Any] = {
    name: column.default for name, column in NODE_ROW.columns.items() if column.default is not msgspec.NODEFAULT
}


def _counted(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(numbers.items()))


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return ", ".join(names[:_NAMES]) + more


def _signals(signals: Iterable[str]) -> Iterator[str]:
    """Each signal that says something new, with the number of nodes of which others say the same."""
    alike: Counter[str] = Counter()
    firsts: dict[str, str] = {}
    for text in signals:
        node = _NODE.match(text)
        sense = _NETWORK.sub("", text[node.end() :]) if node else text
        key = f"node: {sense}" if node else sense
        firsts.setdefault(key, text)
        alike[key] += 1
    for key, text in firsts.items():
        more = alike[key] - 1
        is_plain = not more or not key.startswith("node: ")
        yield text if is_plain else f"{text} (and likewise of {more} more node{'s' if more > 1 else ''})"
