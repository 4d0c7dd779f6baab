"""Which of the usable nodes the cases of a run use, in which roles, and how many pairs of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from podwire.model.cases import Case
from podwire.model.facts import OS, ClusterFacts
from podwire.model.flows import ANY_OS
from podwire.planning.assignment import on_a_node

Ends = tuple[str, str]
"""The names of the nodes of client and server, empty where an end is no probe on a node."""
_MOST = 5
_NAMED: dict[OS, str] = {"linux": "Linux", "windows": "Windows"}


def ends_of(case: Case) -> Ends:
    """The nodes of a case."""
    flow = case.flow
    return (case.client.node if on_a_node(flow.client) else "", case.server.node if on_a_node(flow.server) else "")


def coverage(ends: Iterable[Ends], facts: ClusterFacts) -> Iterator[str]:
    """How much of the cluster cases with these ends judge: a line of numbers, and a line of what they leave out."""
    usable = {node.name: node.os for os in ANY_OS for node in facts.usable(os)}
    pairs_of_cases = set(ends)
    used = {name for pair in pairs_of_cases for name in pair} & usable.keys()
    if not used:
        return
    pairs = {pair for pair in pairs_of_cases if set(pair) <= usable.keys() and pair[0] != pair[1]}
    possible = len(usable) * (len(usable) - 1)
    between = (
        f"cases go between {len(pairs)} of their {possible} ordered pairs" if pairs else "no case goes between two"
    )
    yield f"{len(used)} of {len(usable)} usable nodes take part; {between}"
    idle = [name for name in usable if name not in used]
    if idle:
        yield f"in no case: {_listed(idle)}; --all-nodes judges every node, --nodes those that you name"
    if not pairs:
        return  # Cases that go between no two nodes leave every pair out.
    gaps = list(_gaps(pairs, {name: usable[name] for name in usable if name in used}))
    if gaps:
        yield f"never {_listed(gaps)}"


def _gaps(pairs: set[Ends], systems: dict[str, OS]) -> Iterator[str]:
    """Each node that is never client or never server with a node of an OS, though there is another such node."""
    for name in systems:
        for os in ANY_OS:
            if not any(node != name and system == os for node, system in systems.items()):
                continue
            if not any(client == name and systems.get(server) == os for client, server in pairs):
                yield f"{name} as client of a {_NAMED[os]} node"
            if not any(server == name and systems.get(client) == os for client, server in pairs):
                yield f"{name} as server of a {_NAMED[os]} node"


def _listed(texts: list[str]) -> str:
    more = f" and {len(texts) - _MOST} more" if len(texts) > _MOST else ""
    return ", ".join(texts[:_MOST]) + more
