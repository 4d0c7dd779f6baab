"""Which nodes a run judges, as the user chose them: noted on the facts, which all else follows. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from msgspec.structs import replace

from podwire.model.facts import ClusterFacts, NodeFacts, NodePart
from podwire.model.node_notes import left_out
from podwire.planning import selectors
from podwire.planning.plan import EVERY, USUAL_NODES, Selection
from podwire.planning.required import Labels
from podwire.planning.selectors import Pool

_MOST = 5
T = TypeVar("T")


class ChoiceError(Exception):
    """A choice of nodes that this cluster cannot follow: one line that names the option."""


def contradiction(selection: Selection) -> str:
    """Why what was chosen cannot be meant, in a line; '' where it can."""
    if selection.nodes and selection.selectors:
        return "--nodes and --node-selector exclude each other: names are the whole choice; leave one of them out"
    if selection.nodes and selection.all_nodes:
        return "--nodes and --all-nodes exclude each other: all nodes, or those with a name; leave one of them out"
    if (selection.nodes or selection.all_nodes) and selection.nodes_per_os != USUAL_NODES:
        option = "--nodes" if selection.nodes else "--all-nodes"
        return f"--nodes-per-os and {option} exclude each other: {option} has no such bound; leave one of them out"
    if selection.pools and len(selection.pools) != 2:
        return f"--pool: given {_times(len(selection.pools))}; give it twice, once for each pool"
    if len({pool.name for pool in selection.pools}) < len(selection.pools):
        return f"--pool {selection.pools[1].text}: both pools have this name; give them two"
    return ""


def with_choice(facts: ClusterFacts, labels: Labels, selection: Selection) -> ClusterFacts:
    """The facts with what was chosen noted on each node: its pool, and whether it may take part.

    Raises `ChoiceError` for a name, a selector or a pool that chooses no node, and for a node that is in two pools.
    """
    if not selection.chooses:
        return facts
    _check_names(facts, selection.nodes or ())
    of_node = {node.name: labels.get(node.name, {}) for node in facts.nodes}
    for selector in selection.selectors:
        _check_matches(
            f"--node-selector {selector.text}", (n for n in facts.nodes if selector.matches(of_node[n.name])), facts
        )
    pools = _pools(facts, of_node, selection.pools)
    pooled_systems = {node.os for node in facts.nodes if pools[node.name]}
    nodes = []
    for node in facts.nodes:
        named = not selection.nodes or node.name in selection.nodes
        selected = not selection.selectors or any(
            selector.matches(of_node[node.name]) for selector in selection.selectors
        )
        pooled = bool(pools[node.name]) or node.os not in pooled_systems
        if selection.nodes and named and not pooled:
            raise ChoiceError(f"--nodes {node.name}: the node is in neither pool; leave it out, or widen a --pool")
        nodes.append(replace(node, part=NodePart(pool=pools[node.name], chosen=named and selected and pooled)))
    chosen = replace(facts, nodes=tuple(nodes))
    _check_some_left(chosen, selection)
    return chosen


def _check_names(facts: ClusterFacts, names: Sequence[str]) -> None:
    nodes = {node.name: node for node in facts.nodes}
    for name in names:
        node = nodes.get(name)
        if node is None:
            near = difflib.get_close_matches(name, nodes, cutoff=0.7)
            listed = ", ".join(list(nodes)[:_MOST]) + (" ..." if len(nodes) > _MOST else "")
            guess = f"did you mean {' or '.join(near)}?" if near else f"use one of: {listed}"
            raise ChoiceError(f"--nodes {name}: the cluster has no such node; {guess}")
        if not node.schedulable:
            remedy = "uncordon it, or leave it out" if left_out(node, facts) == "cordoned" else "leave it out"
            raise ChoiceError(
                f"--nodes {name}: the node is {left_out(node, facts)}, so no probe can run there; {remedy}"
            )


def _check_matches(option: str, matching: Iterable[NodeFacts], facts: ClusterFacts) -> None:
    nodes = list(matching)
    if not nodes:
        raise ChoiceError(f"{option}: no node has such labels; `kubectl get nodes --show-labels` shows them")
    if not any(node.schedulable for node in nodes):
        named = ", ".join(f"{node.name} ({left_out(node, facts)})" for node in nodes[:_MOST])
        raise ChoiceError(
            f"{option}: podwire leaves out every such node: {named}{' ...' if len(nodes) > _MOST else ''}"
        )


def _pools(facts: ClusterFacts, labels: Labels, pools: Sequence[Pool]) -> Mapping[str, str]:
    """The pool of each node by the node's name, '' for a node of none."""
    pool_of = {node.name: "" for node in facts.nodes}
    for pool in pools:
        members = [node for node in facts.nodes if pool.selector.matches(labels[node.name])]
        _check_matches(f"--pool {pool.text}", members, facts)
        for node in members:
            if pool_of[node.name]:
                raise ChoiceError(f"--pool {pool.text}: node {node.name} is in pool {pool_of[node.name]} too")
            pool_of[node.name] = pool.name
    return pool_of


def _check_some_left(facts: ClusterFacts, selection: Selection) -> None:
    """Selectors and pools may leave nothing together, or nothing of a pool."""
    usable = [node for node in facts.nodes if node.schedulable and node.part.chosen]
    for pool in selection.pools:
        if not any(node.part.pool == pool.name for node in usable):
            raise ChoiceError(f"--pool {pool.text}: the other options leave no usable node in this pool")
    if not usable:
        raise ChoiceError("--node-selector: no usable node is left; `podwire facts` lists all nodes")


def described(selection: Selection) -> Iterator[tuple[str, str]]:
    """What was chosen, as options of the record: `read_back` is the inverse."""
    if selection.nodes:
        yield "nodes", ", ".join(selection.nodes)
    if selection.selectors:
        yield "node-selector", "; ".join(selector.text for selector in selection.selectors)
    if selection.pools:
        yield "pool", "; ".join(pool.text for pool in selection.pools)
    if selection.all_nodes:
        yield "all-nodes", "yes"


def read_back(options: Mapping[str, str]) -> Selection:
    """The choice of nodes in the options of a record. ValueError names the option that no run can have written."""

    def several(name: str, separator: str, read: Callable[[str], T]) -> tuple[T, ...]:
        try:
            return tuple(map(read, options[name].split(separator))) if name in options else ()
        except ValueError as problem:
            raise ValueError(f"options: {name}: {problem}") from None

    most = options.get("nodes-per-os", "")
    return Selection(
        nodes_per_os=int(most) if most.isdecimal() and len(most) <= len(str(EVERY)) else USUAL_NODES,
        nodes=several("nodes", ", ", str),
        selectors=several("node-selector", "; ", selectors.selector),
        pools=several("pool", "; ", selectors.pool),
        all_nodes=options.get("all-nodes") == "yes",
    )


def _times(number: int) -> str:
    return {1: "once"}.get(number, f"{number} times")
