"""What the API says of a node that cannot be used, as signals of the facts, and as sentences for a reader. Pure.

A node is *not ready* when its Ready condition is not True: its kubelet says so, or is not heard of (status Unknown,
kubernetes.io: Node Status). It takes part, and its cases are inconclusive. A node that is *cordoned* or *virtual* takes
no part: somebody decided that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from podwire.model.derived import derived
from podwire.model.facts import ClusterFacts, NodeFacts

NOT_READY = "not ready: "
CORDONED = "cordoned (unschedulable)"
VIRTUAL = "a virtual node, which cannot run host probes; left out"
SILENT = "the API does not tell why"
_NODE = "node "
_MOST = 5


def signal(node: str, words: str) -> str:
    """A signal about the node of that name."""
    return f"{_NODE}{node}: {words}"


def not_ready(node: NodeFacts, facts: ClusterFacts) -> str:
    """`node w is not ready: <the API's message>`; '' for a node that is ready."""
    return "" if node.ready else f"node {node.name} is not ready: {_told(node, facts)}"


def left_out(node: NodeFacts, facts: ClusterFacts) -> str:
    """`cordoned` or `virtual`; '' for a node that pods may be put on."""
    if node.schedulable:
        return ""
    return "virtual" if VIRTUAL in notes_by_node(facts).get(node.name, ()) else "cordoned"


@derived
def notes_by_node(facts: ClusterFacts) -> Mapping[str, Sequence[str]]:
    """What the signals say of each node, in their order, by its name."""
    notes: dict[str, list[str]] = {}
    for text in facts.origin.signals:
        name, colon, words = text.removeprefix(_NODE).partition(": ")
        if colon and text.startswith(_NODE):
            notes.setdefault(name, []).append(words)
    return notes


def remarks(facts: ClusterFacts) -> Iterator[str]:
    """Lines for the head of a report: the pools, and each reason why nodes cannot be used or are left out."""
    unready: dict[str, list[str]] = {}
    left_out_by_kind: dict[str, list[str]] = {}
    pools: dict[str, list[str]] = {}
    for node in facts.nodes:
        if not node.part.chosen:
            left_out_by_kind.setdefault("not chosen", []).append(node.name)
            continue
        if node.part.pool:
            pools.setdefault(node.part.pool, []).append(node.name)
        if not node.schedulable:
            left_out_by_kind.setdefault(left_out(node, facts), []).append(node.name)
        elif not node.ready:
            unready.setdefault(_told(node, facts), []).append(node.name)
    for pool, names in sorted(pools.items()):
        yield f"pool {pool}: {_listed(names)}"
    for system, shown in (("linux", "Linux"), ("windows", "Windows")):
        known = [node for node in facts.nodes if node.os == system]
        if known and not any(node.part.chosen for node in known):
            yield f"no {shown} node is chosen: flows to and from {shown} are left out"
    for why, names in unready.items():
        yield f"{_named(names)} not ready: {why}"
    for kind, names in left_out_by_kind.items():
        yield f"{_named(names)} {kind}: left out"


def _told(node: NodeFacts, facts: ClusterFacts) -> str:
    """Why a node is not ready, in the API's words."""
    notes = notes_by_node(facts).get(node.name, ())
    reasons = (note.removeprefix(NOT_READY) for note in notes if note.startswith(NOT_READY))
    return next(reasons, SILENT).rstrip(". ") or SILENT


def _named(names: list[str]) -> str:
    """`node w1 is`, `nodes w1, w2 are`, or the first few and how many more."""
    return f"node{'s' if len(names) > 1 else ''} {_listed(names)} {'are' if len(names) > 1 else 'is'}"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return ", ".join(names[:_MOST]) + more
