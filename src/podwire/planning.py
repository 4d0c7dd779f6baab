"""Plan: requirements × flows × facts → cases, each with its slots, and every exclusion with its reason. Pure."""

from __future__ import annotations

import itertools
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from podwire.cases import Case, Exclusion, Slot, pod_point, wire_points
from podwire.facts import FAMILIES, OS, ClusterFacts, Family, NodeFacts
from podwire.flows import Flow, Matrix, Peer, Placement
from podwire.observations import POINTS
from podwire.requirements import Catalogue, Condition, Requirement
from podwire.suite import SuiteTest


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What the user asked for; empty means all. `nodes_per_os` bounds how many nodes of each OS take part."""

    areas: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    families: tuple[Family, ...] = FAMILIES
    nodes_per_os: int = 2


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Every case of a run by id, in the order of the suites, and what the facts ruled out."""

    cases: Mapping[str, Case] = field(default_factory=dict)
    exclusions: tuple[Exclusion, ...] = ()

    def of(self, test: str) -> list[Case]:
        """The cases of one test function, `<module>::<name>`."""
        return [case for case in self.cases.values() if case.test == test]


class PlanError(Exception):
    """The suites contradict themselves, e.g. two tests make a case of the same id."""


def make_plan(catalogue: Catalogue, tests: Iterable[SuiteTest], facts: ClusterFacts, selection: Selection) -> Plan:
    """All cases that these facts admit. The same catalogue, facts and selection give the same ids in the same order."""
    cases: dict[str, Case] = {}
    ruled_out: Counter[Exclusion] = Counter()
    for test in tests:
        rule = catalogue.requirements[test.requirement]
        if selection.areas and rule.area not in selection.areas:
            continue
        if selection.requirements and rule.id not in selection.requirements:
            continue
        for made in _cases_of(test, rule, catalogue, facts, selection):
            if isinstance(made, Exclusion):
                ruled_out[made] += 1
            elif made.id in cases:
                raise PlanError(
                    f"{test.module}: {test.name}: case id {made.id} is already taken by {cases[made.id].test}"
                )
            else:
                cases[made.id] = made
    return Plan(cases=cases, exclusions=tuple(ruled_out))


def _cases_of(
    test: SuiteTest, rule: Requirement, catalogue: Catalogue, facts: ClusterFacts, selection: Selection
) -> Iterator[Case | Exclusion]:
    unmet = rule.when.unmet_by_cluster(facts)
    if unmet:
        yield Exclusion(requirement=rule.id, cases="all", reason=unmet)
        return
    for matrix in test.matrices:
        given = Condition() if matrix.given_dsr is None else Condition(dsr=(matrix.given_dsr,))
        unmet = given.unmet_by_cluster(facts)
        if unmet:
            yield Exclusion(requirement=rule.id, cases=matrix.aspect or "some", reason=unmet)
            continue
        for flow in _flows(matrix, selection):
            words = _words(flow, matrix)
            impossible = _impossible(flow, facts, selection)
            if impossible:
                yield Exclusion(requirement=rule.id, cases=words, reason=impossible)
            else:
                yield _case(test, rule, matrix, flow, words, catalogue, facts, selection)


def _flows(matrix: Matrix, selection: Selection) -> Iterator[Flow]:
    outside = matrix.server_kind == "outside"
    servers: tuple[str, ...] = ("outside",) if outside else matrix.server
    places: tuple[Placement, ...] = ("outside",) if outside else matrix.placement
    axes = (matrix.via, matrix.protocol, matrix.payload, matrix.family, matrix.client, servers, places)
    for via, protocol, payload, family, client, server, place in itertools.product(*axes):
        if family not in selection.families or (place == "same-node" and client != server):
            continue
        yield Flow(
            client=Peer(role="client", kind=matrix.client_kind, os=client),
            server=Peer(role="server", kind=matrix.server_kind, os=server),
            via=via,
            protocol=protocol,
            family=family,
            placement=place,
            payload=payload,
            connections=matrix.connections,
            closed_port=matrix.closed_port,
        )


def _words(flow: Flow, matrix: Matrix) -> str:
    parts = [matrix.aspect, flow.protocol]
    if len(matrix.payload) > 1:
        parts.append(f"{flow.payload}B")
    if len(matrix.via) > 1:
        parts.append(flow.via)
    parts += ["v6" if flow.family == "ipv6" else "v4", flow.client.os, flow.server.os]
    if flow.placement != "outside":
        parts.append(flow.placement)
    return "-".join(part for part in parts if part)


def _nodes(os: str, facts: ClusterFacts, selection: Selection) -> tuple[NodeFacts, ...]:
    return facts.usable("windows" if os == "windows" else "linux")[: selection.nodes_per_os]


def _impossible(flow: Flow, facts: ClusterFacts, selection: Selection) -> str | None:
    """Why these facts do not have this flow, or None."""
    for peer in (flow.client, flow.server):
        if peer.kind == "outside":
            if facts.external is None:
                return "no host outside the cluster is known (--external-host NAME=ADDRESS)"
            if facts.external.address(flow.family) is None:
                return f"the host outside has no {_version(flow.family)} address"
        elif not _nodes(peer.os, facts, selection):
            return f"no usable {peer.os} node"
        elif peer.kind == "pod" and flow.family not in facts.pod_families(
            "windows" if peer.os == "windows" else "linux"
        ):
            return f"pods on {peer.os} nodes have no {_version(flow.family)} in network mode {facts.mode}"
        elif peer is flow.client and peer.kind == "host" and flow.family not in facts.pod_families(_os(peer)):
            return f"{peer.os} nodes have no {_version(flow.family)} into the pod network in mode {facts.mode}"
        elif peer.kind == "host" and any(n.address(flow.family) is None for n in _nodes(peer.os, facts, selection)):
            return f"a {peer.os} node has no {_version(flow.family)} address"
    same_os = flow.client.os == flow.server.os
    if flow.placement == "cross-node" and same_os and len(_nodes(flow.client.os, facts, selection)) < 2:
        return f"needs two usable {flow.client.os} nodes"
    return None


def _os(peer: Peer) -> OS:
    return "windows" if peer.os == "windows" else "linux"


def _version(family: Family) -> str:
    return "IPv6" if family == "ipv6" else "IPv4"


def _case(
    test: SuiteTest,
    rule: Requirement,
    matrix: Matrix,
    flow: Flow,
    words: str,
    catalogue: Catalogue,
    facts: ClusterFacts,
    selection: Selection,
) -> Case:
    identity = f"{rule.area}/{rule.id}[{words}]"
    client, server = _slots(identity, flow, facts, selection)
    nodes = [node for node in facts.nodes if node.name in (client.node, server.node)]
    limitation = catalogue.limitation_of(rule.id, flow, facts, nodes)
    case = Case(
        id=identity,
        area=rule.area,
        requirement=rule.id,
        test=f"{test.module}::{test.name}",
        flow=flow,
        client=client,
        server=server,
        points=(),
        controls=matrix.controls,
        limitation=limitation.id if limitation else None,
    )
    wanted = {pod_point(flow.client), *wire_points(case)}
    if flow.server.kind != "outside":
        wanted.add(pod_point(flow.server))
    return Case(**{**case.__dict__, "points": tuple(point for point in POINTS if point in wanted)})


def _slots(identity: str, flow: Flow, facts: ClusterFacts, selection: Selection) -> tuple[Slot, Slot]:
    """Which probes play the flow: chosen by the case id alone, so that every node takes part and no run differs."""
    turn = zlib.crc32(identity.encode())
    clients = _nodes(flow.client.os, facts, selection)
    at = turn % len(clients)
    # Dotted names are asked from a pod of their own, so that its DNS packets are those of no other case.
    usual: Literal["a", "b"] = "b" if flow.via == "dotted-name" else "a"
    client = Slot(os=flow.client.os, node=clients[at].name, probe="host" if flow.client.kind == "host" else usual)
    if flow.server.kind == "outside":
        return client, Slot(os="outside", node="", probe="outside")
    servers = _nodes(flow.server.os, facts, selection)
    if flow.placement == "same-node":
        to = at
    elif flow.client.os == flow.server.os:
        to = (at + 1) % len(servers)
    else:
        to = (turn // 7) % len(servers)
    both_pods = flow.client.kind == flow.server.kind == "pod"
    probe = "host" if flow.server.kind == "host" else "b" if both_pods and flow.placement == "same-node" else "a"
    return client, Slot(os=flow.server.os, node=servers[to].name, probe=probe)  # type: ignore[arg-type]


def listing(plan: Plan, sentences: Mapping[str, Sequence[str]]) -> str:
    """The plan for a person: every case with its expectation, every exclusion with its reason."""
    lines: list[str] = []
    for case in plan.cases.values():
        limit = f"   (limitation: {case.limitation})" if case.limitation else ""
        lines.append(f"{case.id}{limit}")
        lines += [f"    {sentence}" for sentence in sentences[case.id]]
    lines.append("")
    lines.append(f"{len(plan.cases)} cases, {len(plan.exclusions)} exclusions")
    lines += [f"  excluded {one.requirement}[{one.cases}]: {one.reason}" for one in plan.exclusions]
    return "\n".join(lines) + "\n"
