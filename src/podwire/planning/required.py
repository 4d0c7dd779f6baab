"""The kinds of nodes that a run requires (`--require`), and whether the cases use them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from podwire.model.cases import Case
from podwire.model.facts import OS, ClusterFacts, NodeFacts
from podwire.model.node_notes import left_out
from podwire.planning.assignment import usable

Labels = Mapping[str, Mapping[str, str]]
"""The labels of nodes, by the name of the node."""


@dataclass(frozen=True, kw_only=True)
class NodeKind:
    """A kind of node: an OS, a Windows build (with or without revision), or labels that a node must all have.

    `text` is the user's word for it.
    """

    text: str
    os: OS | None = None
    build: tuple[int, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()

    def has(self, node: NodeFacts, labels: Mapping[str, str]) -> bool:
        """Whether a node with these labels is of this kind."""
        return (
            self.os in (None, node.os)
            and (node.build or ())[: len(self.build)] == self.build
            and all(labels.get(key) == value for key, value in self.labels)
        )


def missing(
    kinds: Iterable[NodeKind], cases: Iterable[Case], facts: ClusterFacts, labels: Labels, nodes_per_os: int
) -> Iterator[str]:
    """A line for each required kind of node that no case uses: why, and what to do.

    An unready node counts as used; its cases are inconclusive.
    """
    kinds = tuple(kinds)
    used = {name for case in cases for name in (case.client.node, case.server.node, case.entry)} if kinds else set()
    for kind in kinds:
        nodes = [node for node in facts.nodes if kind.has(node, labels.get(node.name, {}))]
        if not any(node.name in used for node in nodes):
            yield f"--require {kind.text}: {_why(nodes, facts, nodes_per_os)}"


def _why(nodes: Sequence[NodeFacts], facts: ClusterFacts, nodes_per_os: int) -> str:
    if not nodes:
        return "the cluster has no such node"
    able = [node for node in nodes if node.schedulable]
    if not able:
        named = ", ".join(f"{node.name} ({left_out(node, facts)})" for node in nodes[:5])
        return f"podwire leaves out every such node: {named}{' ...' if len(nodes) > 5 else ''}"
    if not any(node.part.chosen for node in able):
        return f"no such node is chosen, {able[0].name} neither; widen --nodes, --node-selector or --pool"
    taking_part = {node.name for os in ("linux", "windows") for node in usable(os, facts, nodes_per_os)}
    if not any(node.name in taking_part for node in able):
        return (
            f"the cluster has such nodes ({able[0].name}), but none takes part; "
            f"raise --nodes-per-os, which is {nodes_per_os}"
        )
    return (
        f"such nodes take part ({able[0].name}), but no case uses one; "
        "check your selection, and the exclusions that `podwire plan` lists"
    )
