"""Facts from the wire: probes are put into the cluster, two flows are sent, and their packets are looked at."""

from __future__ import annotations

from dataclasses import replace

from podwire.cases import Case
from podwire.facts import ClusterFacts
from podwire.planning import Plan
from podwire.runner import Runner, RunOptions, Say
from podwire.wire_mode import WireMode, told_by_wire, with_wire

REQUIREMENT = "FLOW-POD-POD-IP"
"""Whose cases are sent: the plainest flow that there is."""


def facts_from_wire(options: RunOptions, say: Say = lambda text: None) -> ClusterFacts:
    """The facts of the API, and of one flow between Windows nodes and one on a node. Probes are removed afterwards."""
    chosen = replace(options.selection, areas=(), requirements=(REQUIREMENT,), families=("ipv4",))
    runner = Runner(replace(options, selection=chosen), say)
    try:
        across, same_node = _case(runner.plan, "cross-node"), _case(runner.plan, "same-node")
        if across is None:
            words = "no flow between Windows nodes is possible here"
            return with_wire(runner.facts, WireMode(mode="unknown", words=words), "no node")
        wanted = [case for case in (across, same_node) if case]
        seen = runner.observe(wanted)
        wire = told_by_wire(seen[across.id].observation, seen[same_node.id].observation if same_node else None)
        return with_wire(runner.facts, wire, f"{across.client.node} to {across.server.node}")
    finally:
        runner.close()


def _case(plan: Plan, placement: str) -> Case | None:
    """A small TCP flow between pods of Windows nodes; a cluster with one such node has none between nodes."""
    return next(
        (
            case
            for case in plan.cases.values()
            if case.flow.placement == placement
            and case.flow.protocol == "tcp"
            and {case.flow.client.os, case.flow.server.os} == {"windows"}
        ),
        None,
    )
