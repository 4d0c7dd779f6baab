"""Facts from nodes and from the wire (`podwire facts --wire`): probes list what HNS has and send two flows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from podwire.model.cases import Case, Slot
from podwire.model.facts import ClusterFacts
from podwire.model.flows import Flow, Peer
from podwire.model.observations import Observation
from podwire.planning.readiness import why_no_verdict
from podwire.platforms.hns import HnsDsr, HnsMode, NoListing, dsr_told_by, load_balancers_in, mode_told_by, networks_in
from podwire.platforms.mode_on_the_wire import WireMode, told_by_wire, with_dsr, with_hns, with_wire
from podwire.probing.requests import HNS_LOAD_BALANCERS, HNS_NETWORKS
from podwire.running.run_options import RunOptions
from podwire.running.runner import Runner
from podwire.running.scope import Scope
from podwire.running.target import Say

REQUIREMENT = "FLOW-POD-POD-IP"
"""The requirement whose cases are sent: a pod reaches a pod by its address."""


def facts_from_wire(options: RunOptions, say: Say = lambda text: None) -> ClusterFacts:
    """The facts that the API, HNS and the wire show, in this order. Removes its probes at the end.

    HNS is asked on each Windows node that takes part. The wire shows one flow between two Windows nodes and one within
    a node. `say` takes lines for the user. Raises `PodwireError` as a run does.
    """
    chosen = replace(options.selection, areas=(), requirements=(REQUIREMENT,), families=("ipv4",))
    runner = Runner(replace(options, selection=chosen), say)
    scope = runner.scope
    try:
        across, same_node = _case(scope, "cross-node"), _case(scope, "same-node")
        listings = list(_listings(scope.facts, chosen.nodes_per_os))
        flows = [case for case in (across, same_node) if case]
        rounds = runner.observe([*listings, *flows]) if listings else {}
        facts = scope.facts
        for case in listings:
            observation, node = rounds[case.id][0], case.client.node
            if case.flow.load.tool == HNS_NETWORKS:
                facts = with_hns(facts, _mode_told(observation), node)
            else:
                facts = with_dsr(facts, _dsr_told(observation, facts.dns.addresses), node)
        if across is None:
            words = "the cluster has no two ready Windows nodes, so no flow between them was sent"
            return with_wire(facts, WireMode(mode="unknown", words=words), "no node")
        wire = told_by_wire(rounds[across.id][0], rounds[same_node.id][0] if same_node else None)
        return with_wire(facts, wire, f"{across.client.node} to {across.server.node}")
    finally:
        for line in runner.close():
            say(line)


def _listings(facts: ClusterFacts, nodes_per_os: int) -> Iterator[Case]:
    """Two cases for each ready Windows node: its host probe lists the networks of HNS, and its load balancers."""
    for tool in (HNS_NETWORKS, HNS_LOAD_BALANCERS):
        for node in filter(lambda node: node.ready, facts.usable("windows")[:nodes_per_os]):
            yield _listing(tool, node.name)


def _listing(tool: str, node: str) -> Case:
    flow = Flow.of(
        client=Peer(role="client", kind="host", os="windows"),
        server=Peer(role="server", kind="host", os="windows"),
        via="node-ip",
        protocol="tool",
        family="ipv4",
        placement="itself",
        tool=tool,
    )
    host = Slot(os="windows", node=node, probe="host")
    identity = f"facts/HNS[{tool}-{node}]"
    return Case(
        id=identity, area="facts", requirement="HNS", test=identity, flow=flow, client=host, server=host, points=()
    )


def _mode_told(observation: Observation) -> HnsMode:
    if observation.problem:
        return HnsMode(mode="unknown", words=f"podwire could not list its networks: {observation.problem}")
    try:
        return mode_told_by(networks_in(observation.output))
    except NoListing as problem:
        return HnsMode(mode="unknown", words=f"its list of networks cannot be read: {problem}")


def _dsr_told(observation: Observation, addresses: Sequence[str]) -> HnsDsr:
    if observation.problem:
        return HnsDsr(dsr=None, words=f"podwire could not list its load balancers: {observation.problem}")
    try:
        return dsr_told_by(load_balancers_in(observation.output), addresses)
    except NoListing as problem:
        return HnsDsr(dsr=None, words=f"its list of load balancers cannot be read: {problem}")


def _case(scope: Scope, placement: str) -> Case | None:
    """The first TCP case with this placement between pods on ready Windows nodes, or None."""
    return next(
        (
            case
            for case in scope.plan.cases.values()
            if case.flow.placement == placement
            and case.flow.protocol == "tcp"
            and {case.flow.client.os, case.flow.server.os} == {"windows"}
            and not why_no_verdict(case, scope.facts)
        ),
        None,
    )
