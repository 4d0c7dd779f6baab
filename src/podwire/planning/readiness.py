"""Finds the cases that need an unready node. Such a case is planned, not sent, and inconclusive. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from podwire.model.cases import Case
from podwire.model.facts import OS, ClusterFacts, NodeFacts
from podwire.model.flows import ANY_OS
from podwire.model.node_notes import not_ready
from podwire.planning.assignment import CROWDS
from podwire.planning.prerequisites import CHOSEN, LEANS_ON, service_of

REMEDY = "repair the node, or cordon it to leave it out"


def why_no_verdict(case: Case, facts: ClusterFacts) -> str:
    """A sentence about the first unready node that a case needs; '' if all its nodes are ready."""
    for node in _needed(case, facts):
        if not node.ready:
            return f"{not_ready(node, facts)}; {REMEDY}"
    return ""


def is_about_a_node(reason: str) -> bool:
    """Whether the reason of an inconclusive case comes from `why_no_verdict`."""
    return reason.endswith(f"; {REMEDY}")


def _needed(case: Case, facts: ClusterFacts) -> Iterator[NodeFacts]:
    """The nodes of a case, then the first usable node of each OS on which its Service must have a backend."""
    yield from facts.named((case.client.node, case.server.node, case.entry))
    for os in _backend_systems(case):
        yield from facts.usable(os)[:1]


def _backend_systems(case: Case) -> Iterator[OS]:
    """The OS of the backends of a case's Services, if the server is not one probe."""
    if case.client.is_probe and case.client.probe in LEANS_ON:
        yield from (os for os, _ in CHOSEN[LEANS_ON[case.client.probe]])
    if case.server.probe != "backends":
        return
    need = service_of(case)
    if need is None:
        return
    if need.kind in CHOSEN:
        yield from (os for os, _ in CHOSEN[need.kind])
    elif need.kind in CROWDS:
        yield "linux"
    else:
        yield from (os for os in ANY_OS)
