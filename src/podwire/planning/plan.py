"""Plan: requirements × flows × facts → cases, each with its slots, and every exclusion with its reason. Pure."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from podwire.model.addressing.inherited import FORMER, HEIR
from podwire.model.axes.axis import Matrix
from podwire.model.axes.matrix import id_words
from podwire.model.axes.table import AXES
from podwire.model.cases import Case, Exclusion, SuiteTest, pod_point, wire_points
from podwire.model.changes.table import ASKED_FOR, CHANGES, DISRUPT, FILL
from podwire.model.conditions import ClusterCondition
from podwire.model.facts import FAMILIES, ClusterFacts, Family
from podwire.model.flows import ANY_OS, FLOW_ROW, Enters, Flow, Peer, Placement
from podwire.model.observations import POINTS
from podwire.model.recipes import text_of
from podwire.model.requirements import Catalogue, Requirement
from podwire.model.spread import connections_for, connections_to_see, connections_to_see_half
from podwire.model.symbols import ServiceSymbols
from podwire.planning.assignment import CROWDS, clients_of, entry_node, in_crowd, ready_among, slots, usable, why_not
from podwire.planning.node_pairs import covering, in_pools
from podwire.planning.required import NodeKind
from podwire.planning.ruled import ruled, ruled_slots
from podwire.planning.rulings import Rulings
from podwire.planning.selectors import Pool, Selector
from podwire.policies.cast import SPACES


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The user's selection of cases and nodes. An empty tuple selects all."""

    areas: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    families: tuple[Family, ...] = FAMILIES
    nodes_per_os: int = 2
    """The most nodes of each OS that take part."""
    fill_nodes: bool = False
    """Whether the run may fill one Windows node with pods."""
    disruptive: bool = False
    """Whether the run may restart kube-proxy and HNS on Windows nodes."""
    required: tuple[NodeKind, ...] = ()
    """The kinds of nodes that cases must use."""
    nodes: tuple[str, ...] | None = None
    """The nodes that the user names; all of them take part."""
    selectors: tuple[Selector, ...] = ()
    """A node that takes part matches one of them."""
    pools: tuple[Pool, ...] = ()
    all_nodes: bool = False
    """No bound of the number of nodes."""
    own_namespaces: bool = True
    """Whether the run may make namespaces; False where it gets one that exists."""

    def asks_for(self, option: str) -> bool:
        """Whether the user gave this option of `model.changes.table.ASKED_FOR`."""
        return {FILL: self.fill_nodes, DISRUPT: self.disruptive}[option]

    @property
    def chooses(self) -> bool:
        """Whether the user says which nodes may take part."""
        return bool(self.nodes or self.selectors or self.pools)

    @property
    def most_nodes(self) -> int:
        """How many nodes of each OS, and of each pool of it, take part at most."""
        return EVERY if self.all_nodes or self.nodes else self.nodes_per_os

    @property
    def covers(self) -> bool:
        """Whether cases are added until each node is client and server of every OS: wherever the user asked for nodes.
        The usual plan, of two nodes of each OS, has no such case."""
        return self.chooses or self.most_nodes > USUAL_NODES


USUAL_NODES = 2
EVERY = 1_000_000
"""More nodes than a cluster has."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Every case of a run by id, in the order of the suites, and the exclusions."""

    cases: Mapping[str, Case] = field(default_factory=dict)
    exclusions: tuple[Exclusion, ...] = ()

    def of(self, test: str) -> list[Case]:
        """The cases of one test function, `<module>::<name>`."""
        return [case for case in self.cases.values() if case.test == test]


# kubernetes.io, "Networking on Windows", network modes: NAT is not used in Kubernetes, and listed for completeness.
NOT_FOR_KUBERNETES = "NAT is no network for Kubernetes: other pods cannot reach the addresses of pods on Windows nodes"


FALSE_ALARM = 1e-6
"""The chance at most that a fair balancer is called uneven: the risk of `spread.evenly`."""


class PlanError(Exception):
    """The suites contradict each other, for example two tests make a case with the same id."""


def make_plan(catalogue: Catalogue, tests: Iterable[SuiteTest], facts: ClusterFacts, selection: Selection) -> Plan:
    """All cases that facts and selection admit, and the exclusions. Raises `PlanError`.

    The same catalogue, facts and selection give the same ids in the same order.
    """
    cases: dict[str, Case] = {}
    rulings = Rulings(catalogue.policies)
    ruled_out: Counter[Exclusion] = Counter()
    for test in tests:
        rule = catalogue.requirements[test.requirement]
        if selection.areas and rule.area not in selection.areas:
            continue
        if selection.requirements and rule.id not in selection.requirements:
            continue
        for planned in _cases_of(test, rule, catalogue, facts, selection, rulings):
            if isinstance(planned, Exclusion):
                ruled_out[planned] += 1
            elif planned.id in cases:
                raise PlanError(
                    f"{test.place}: {cases[planned.id].test} already has the case id {planned.id}; "
                    "give one of the tests an aspect"
                )
            else:
                cases[planned.id] = planned
    return Plan(cases=cases, exclusions=tuple(ruled_out))


def _cases_of(
    test: SuiteTest,
    rule: Requirement,
    catalogue: Catalogue,
    facts: ClusterFacts,
    selection: Selection,
    rulings: Rulings,
) -> Iterator[Case | Exclusion]:
    unmet = rule.when.cluster.unmet(facts)
    if facts.network.mode == "nat" and "nat" not in rule.when.cluster.mode:
        unmet = NOT_FOR_KUBERNETES
    if unmet:
        yield Exclusion(requirement=rule.id, cases="all", reason=unmet)
        return
    for matrix in test.matrices:
        condition = ClusterCondition(
            dsr=() if matrix.given_dsr is None else (matrix.given_dsr,),
            dns_cache=() if matrix.given_dns_cache is None else (matrix.given_dns_cache,),
            unless_cni=matrix.unless_cni,
        )
        unmet = condition.unmet(facts)
        if unmet:
            yield Exclusion(requirement=rule.id, cases=matrix.aspect or "some", reason=unmet)
            continue
        option = CHANGES[matrix.after].option if matrix.after else ""
        if option and not selection.asks_for(option):
            yield Exclusion(requirement=rule.id, cases=matrix.aspect or "all", reason=ASKED_FOR[option])
            continue
        flows = (_sending(test, matrix, flow) for flow in _flows(matrix, facts, selection))
        for flow in ruled(flows, rulings, facts, selection.most_nodes) if matrix.ruled else flows:
            words = id_words(flow, matrix) + flow.pools.words
            impossible = why_not(flow, facts, selection.most_nodes)
            if matrix.ruled and not impossible:
                impossible = rulings.unenforced(flow, facts) or _homeless(flow, selection)
            if impossible:
                which = _ends(flow) if matrix.ruled else words
                yield Exclusion(requirement=rule.id, cases=which, reason=impossible)
            else:
                yield _case(test, rule, matrix, flow, words, catalogue, facts, selection)


def _ends(flow: Flow) -> str:
    """What tells apart the ruled flows of a requirement that a cluster cannot have: an engine, or a family."""
    return f"{'v6' if flow.family == 'ipv6' else 'v4'}-{flow.client.os}-{flow.server.os}"


def _homeless(flow: Flow, selection: Selection) -> str | None:
    """Why a pod of the flow has no namespace to stand in, or None."""
    if not selection.own_namespaces and {flow.client.pod, flow.server.pod} & set(SPACES):
        return "needs a namespace beside that of the run; --namespace gives podwire one only"
    return None


def _flows(matrix: Matrix, facts: ClusterFacts, selection: Selection) -> Iterator[Flow]:
    """Every flow of a matrix that makes sense. `why_not` excludes those that the facts make impossible."""
    client_kind, server_kind = matrix.client_kind, matrix.server_kind
    clients: tuple[str, ...] = ("outside",) if client_kind == "outside" else matrix.client
    alone = server_kind in ("outside", "backends", "dns")
    servers: tuple[str, ...] = (server_kind,) if alone else matrix.server
    places: tuple[Placement, ...] = matrix.placement
    if server_kind == "outside":
        places = ("outside",)
    elif server_kind == "dns" and places == ("cross-node",):
        pass
    elif alone or client_kind == "outside":
        places = ("anywhere",)
    same = {axis.name: matrix.axes[axis.name] for axis in AXES.values() if not axis.many and axis.name in _FIELDS}
    ways = (matrix.service, matrix.via, matrix.port, matrix.protocol, matrix.payload, matrix.size, matrix.family)
    pods = itertools.product(matrix.client_pod, matrix.server_pod)
    for (client_pod, server_pod), service, via, port, protocol, payload, size, family, client, server, place, (
        enters,
        entry_os,
    ) in itertools.product(pods, *ways, clients, servers, places, _entries(matrix)):
        if family not in selection.families or (place in ("same-node", "itself") and client != server):
            continue
        if place == "same-node" and enters == "server-node":
            continue  # The same as client-node.
        flow = Flow.of(
            **same,
            client=Peer(role="client", kind=client_kind, os=client, pod=client_pod),
            server=Peer(role="server", kind=server_kind, os=server, pod=server_pod),
            placement=place,
            via=via,
            service=ServiceSymbols(service),
            port=port,
            protocol=protocol,
            payload=0 if size else payload,
            size=size,
            family=family,
            connections=_connections(matrix, service, facts, selection),
            enters=enters,
            entry_os=entry_os,
        )
        for pooled in in_pools(flow, facts):
            yield from _on_nodes(pooled, matrix, facts, selection)


def _on_nodes(flow: Flow, matrix: Matrix, facts: ClusterFacts, selection: Selection) -> Iterator[Flow]:
    """A flow, on each of the nodes that it must be on."""
    if matrix.every_node or matrix.first_node:
        number = len(clients_of(flow, facts, selection.most_nodes)) if matrix.every_node else 1
        yield from (replace(flow, turn=turn) for turn in range(1, number + 1)) if number else (flow,)
        return
    yield flow
    first = (flow.load.payload or matrix.payload[0], flow.load.size) == (matrix.payload[0], matrix.size[0])
    if matrix.covers_nodes and selection.covers and first and not why_not(flow, facts, selection.most_nodes):
        yield from covering(flow, facts, selection.most_nodes)


_FIELDS = FLOW_ROW.columns.keys() - {"connections", "sends"}
"""The fields of a flow that take the value of the axis with the same name unchanged."""


def _sending(test: SuiteTest, matrix: Matrix, flow: Flow) -> Flow:
    """The same flow with the packets that the test writes for it, if it does. Raises `PlanError`."""
    if matrix.sends is None:
        return flow
    try:
        return flow.but(sends=text_of(matrix.sends(flow)))
    except Exception as problem:  # Whatever its author wrote there.
        raise PlanError(f"{test.place}: sends: {type(problem).__name__}: {problem}") from problem


def _entries(matrix: Matrix) -> Iterator[tuple[Enters, str]]:
    for enters in matrix.enters:
        if enters == "other-node":
            yield from ((enters, os) for os in matrix.entry_os)
        else:
            yield enters, ""


def _connections(matrix: Matrix, service: str, facts: ClusterFacts, selection: Selection) -> int:
    if matrix.miss_risk is None and matrix.lopsided is None and matrix.half_gets is None:
        return int(matrix.connections)
    if service in CROWDS:
        able = max(1, in_crowd(facts, selection.most_nodes))
        return connections_for(able, matrix.miss_risk, of=CROWDS[service])
    backends = sum(len(ready_among(usable(os, facts, selection.most_nodes))) for os in ANY_OS)
    if matrix.lopsided is not None:
        return connections_to_see(backends, matrix.lopsided, FALSE_ALARM)
    if matrix.half_gets is not None:
        return connections_to_see_half(backends, matrix.half_gets, FALSE_ALARM / 2)
    return connections_for(backends, matrix.miss_risk)


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
    choose = ruled_slots if flow.ruling.decision else slots
    client, server = choose(identity, flow, facts, selection.most_nodes)
    entry = entry_node(flow, client, server, facts, selection.most_nodes)
    nodes = facts.named((client.node, server.node, entry))
    limitation = catalogue.limitation_of(rule.id, flow, facts, nodes, entry)
    case = Case(
        id=identity,
        area=rule.area,
        requirement=rule.id,
        test=f"{test.module}::{test.name}",
        flow=flow,
        client=client,
        server=server,
        points=(),
        entry=entry,
        # A missing answer to a flow that is allowed is no block: nothing but its ends must work beside it.
        controls=() if flow.ruling.decision == "allowed" else matrix.controls,
        limitation=limitation.id if limitation else None,
    )
    if flow.load.stream == "transfer":
        return case  # It runs when captures have ended: its bytes would fill them.
    points = set(wire_points(case))
    if flow.client.kind != "outside":
        points.add(pod_point(flow.client))
    if entry:
        points.add("entry-node")
    if server.is_probe and server.probe not in (FORMER, HEIR):  # No agent of these lives from beginning to end.
        points.add(pod_point(flow.server))
    return replace(case, points=tuple(point for point in POINTS if point in points))
