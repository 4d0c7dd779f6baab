"""What the API says of a node that cannot be used, as signals of the facts, and as sentences for a reader. Pure.

A node is *not ready* when its Ready condition is not True: its kubelet says so, or is not heard of (status Unknown,
kubernetes.io: Node Status). It takes part, and its cases are inconclusive. A node that is *cordoned* or *virtual* takes
no part: somebody decided that.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwire.model.facts import ClusterFacts, NodeFacts

NOT_READY = "not ready: "
CORDONED = "cordoned (unschedulable)"
VIRTUAL = "a virtual node, which cannot run host probes; left out"
SILENT = "the API does not tell why"
_MOST = 5


def signal(node: str, words: str) -> str:
    """A signal about the node of that name."""
    return f"node {node}: {words}"


def not_ready(node: NodeFacts, facts: ClusterFacts) -> str:
    """`node w is not ready: <the API's message>`; '' for a node that is ready."""
    return "" if node.ready else f"node {node.name} is not ready: {_told(node, facts)}"


def left_out(node: NodeFacts, facts: ClusterFacts) -> str:
    """`cordoned` or `virtual`; '' for a node that pods may be put on."""
    if node.schedulable:
        return ""
    return "virtual" if signal(node.name, VIRTUAL) in facts.origin.signals else "cordoned"


def remarks(facts: ClusterFacts) -> Iterator[str]:
    """A line for the head of a report for each reason why nodes cannot be used, with the names of the nodes."""
    unready: dict[str, list[str]] = {}
    left_out_by_kind: dict[str, list[str]] = {}
    for node in facts.nodes:
        if not node.schedulable:
            left_out_by_kind.setdefault(left_out(node, facts), []).append(node.name)
        elif not node.ready:
            unready.setdefault(_told(node, facts), []).append(node.name)
    for why, names in unready.items():
        yield f"{_named(names)} not ready: {why}"
    for kind, names in left_out_by_kind.items():
        yield f"{_named(names)} {kind}: left out"


def _told(node: NodeFacts, facts: ClusterFacts) -> str:
    """Why a node is not ready, in the API's words."""
    head = signal(node.name, NOT_READY)
    reasons = (note.removeprefix(head) for note in facts.origin.signals if note.startswith(head))
    return next(reasons, SILENT).rstrip(". ") or SILENT


def _named(names: list[str]) -> str:
    """`node w1 is`, `nodes w1, w2 are`, or the first few and how many more."""
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return f"node{'s' if len(names) > 1 else ''} {', '.join(names[:_MOST])}{more} {'are' if len(names) > 1 else 'is'}"
