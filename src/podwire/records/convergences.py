"""How long changes of the cluster took to show, by change and node. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from podwire.model.cases import Case
from podwire.model.observations import Observation
from podwire.records.run import ConvergenceRecord


def convergences(seen: Iterable[tuple[Case, Observation]]) -> tuple[ConvergenceRecord, ...]:
    """What the cases of each change measured on each node, in the order of the cases."""
    by_node: dict[tuple[str, str, str], list[tuple[Case, Observation]]] = {}
    for case, observation in seen:
        if observation.settled:
            by_node.setdefault((case.flow.change.after, *_place(case)), []).append((case, observation))
    return tuple(_record(*key, measured) for key, measured in by_node.items())


def _record(change: str, node: str, os: str, measured: list[tuple[Case, Observation]]) -> ConvergenceRecord:
    slowest, longest = max(measured, key=lambda pair: pair[1].settled)
    return ConvergenceRecord(
        change=change,
        node=node,
        os=os,
        cases=len(measured),
        seconds=round(longest.settled, 3),
        never=sum(observation.unsettled for _, observation in measured),
        slowest=slowest.id,
    )


def _place(case: Case) -> tuple[str, str]:
    """The node whose proxy takes the client's packets first, and its OS."""
    if not case.entry:
        return case.client.node, case.client.os
    peers = {"client-node": case.client.os, "server-node": case.server.os}
    return case.entry, peers.get(case.flow.way.enters, case.flow.way.entry_os)
