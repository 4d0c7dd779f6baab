"""Kinds of nodes that a run must not do without, and whether a plan has them. Pure."""

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
    """A kind of node as the user named it: an OS, a Windows build (or its revision too), or labels that all hold."""

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
    """Why the cases do without a kind of node: a line each for the user. A node that is not ready is there: its cases
    are inconclusive."""
    kinds = tuple(kinds)
    used = {name for case in cases for name in (case.client.node, case.server.node, case.entry)} if kinds else set()
    for kind in kinds:
        found = [node for node in facts.nodes if kind.has(node, labels.get(node.name, {}))]
        if not any(node.name in used for node in found):
            yield f"--require {kind.text}: {_why(found, facts, nodes_per_os)}"


def _why(found: Sequence[NodeFacts], facts: ClusterFacts, nodes_per_os: int) -> str:
    if not found:
        return "the cluster has no such node"
    able = [node for node in found if node.schedulable]
    if not able:
        named = ", ".join(f"{node.name} ({left_out(node, facts)})" for node in found[:5])
        return f"every such node is left out: {named}{' ...' if len(found) > 5 else ''}"
    taking_part = {node.name for os in ("linux", "windows") for node in usable(os, facts, nodes_per_os)}
    if not any(node.name in taking_part for node in able):
        return f"no such node takes part, {able[0].name} neither; raise --nodes-per-os, which is {nodes_per_os}"
    return f"no case uses such a node, {able[0].name} neither; look at the selection and the exclusions (podwire plan)"
