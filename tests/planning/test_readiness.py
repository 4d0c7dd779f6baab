"""Nodes that are not ready: they take part, others are preferred, and what stands on them cannot be concluded."""

import pytest
from changed import replace
from deployments import a_deployment
from plans_for_tests import L2BRIDGE, a_plan, cases, reasons, with_nodes

from podwire.model.node_notes import NOT_READY, signal
from podwire.planning.listing import listing
from podwire.planning.prerequisites import needs_of
from podwire.planning.readiness import is_about_a_node, why_no_verdict
from podwire.probing.readiness import unusable

ANY = ("same-node", "cross-node")
SILENT = "Kubelet stopped posting node status."
SENTENCE = (
    "node windows-1 is not ready: Kubelet stopped posting node status; repair the node, or cordon it to leave it out"
)
BACKENDS = {"server_kind": "backends", "via": "cluster-ip", "client": "linux"}


def without(*names, facts=L2BRIDGE, **changes):
    """The facts with these nodes not ready, or otherwise changed."""
    changes = changes or {"ready": False}
    nodes = tuple(replace(node, **changes) if node.name in names else node for node in facts.nodes)
    return replace(facts, nodes=nodes, signals=tuple(signal(name, NOT_READY + SILENT) for name in names))


def nodes_of(case):
    return {case.client.node, case.server.node, case.entry} - {""}


def test_ready_nodes_come_first_and_each_part_is_in_the_order_of_names():
    facts = without("linux-1", "linux-3", facts=with_nodes(L2BRIDGE, 4))
    assert [node.name for node in facts.usable("linux")] == ["linux-2", "linux-4", "linux-1", "linux-3"]


@pytest.mark.parametrize(
    "names", [("windows-1",), ("windows-1", "windows-2"), ("linux-2",), ("linux-1", "linux-2", "windows-1")]
)
@pytest.mark.parametrize(
    "axes",
    [
        {"placement": ANY},
        {"placement": ANY, "client_kind": "host", "every_node": True},
        {"via": "node-port", "service": "node-port", "enters": "other-node", "entry_os": ("linux", "windows")},
        {"server_kind": "backends", "via": "cluster-ip", "service": "spread"},
        {"client_kind": "outside", "via": "node-port", "service": "node-port", "enters": "server-node"},
        {"server_kind": "dns", "via": "short-name", "protocol": "dns"},
    ],
    ids=["placements", "every node", "another node", "backends", "outside", "dns"],
)
def test_the_ids_of_a_plan_do_not_depend_on_which_nodes_are_ready(names, axes):
    assert list(a_plan(without(*names), **axes).cases) == list(a_plan(L2BRIDGE, **axes).cases)


def test_a_node_that_is_not_ready_plays_a_part_only_where_no_other_can():
    facts = without("windows-1")
    for case in cases(facts, placement=ANY):
        windows = [peer for peer in (case.flow.client, case.flow.server) if peer.os == "windows"]
        needs_both = case.flow.placement == "cross-node" and len(windows) == 2
        assert ("windows-1" in nodes_of(case)) == needs_both == bool(why_no_verdict(case, facts))


def test_a_third_node_takes_the_place_of_one_that_is_not_ready():
    facts = without("windows-1", "linux-2", facts=with_nodes(L2BRIDGE, 3))
    assert not any(why_no_verdict(case, facts) for case in cases(facts, placement=ANY))


def test_the_entry_by_another_node_may_be_what_is_missing():
    (case,) = cases(
        without("windows-1"),
        client="linux",
        server="windows",
        placement="cross-node",
        via="node-port",
        service="node-port",
        enters="other-node",
        entry_os="windows",
    )
    assert (case.server.node, case.entry) == ("windows-2", "windows-1")
    assert why_no_verdict(case, without("windows-1")) == SENTENCE


def test_the_sentence_has_the_words_of_the_api_and_what_to_do():
    facts = without("windows-1", "windows-2")
    (case,) = cases(facts, client="windows", server="linux", placement="cross-node")
    assert why_no_verdict(case, facts).replace("windows-2", "windows-1") == SENTENCE
    assert is_about_a_node(SENTENCE)
    assert not is_about_a_node("windows-1-a: the agent does not answer")


def test_facts_without_the_words_of_the_api_still_make_a_sentence():
    facts = replace(without("windows-1"), signals=())
    (case,) = cases(facts, client="windows", server="windows", placement="cross-node")
    assert why_no_verdict(case, facts).startswith("node windows-1 is not ready: the API does not tell why; repair")


@pytest.mark.parametrize(
    ("service", "names", "stands"),
    [
        ("spread", ("windows-1",), True),
        ("spread", ("windows-1", "windows-2"), False),
        ("empty", ("windows-1", "windows-2"), True),
        ("mixed-ports", ("windows-1", "windows-2"), True),
        ("crowd-64", ("windows-1", "windows-2"), True),
        ("crowd-64", ("linux-1",), True),
    ],
)
def test_a_service_needs_a_ready_backend_on_each_os_that_has_its_backends(service, names, stands):
    facts = without(*names)
    (case,) = cases(facts, service=service, **BACKENDS)
    assert (why_no_verdict(case, facts) == "") == stands


@pytest.mark.parametrize("service", ["mixed-ports", "crowd-64"])
def test_backends_that_are_all_on_linux_are_missing_without_a_ready_linux_node(service):
    facts = without("linux-1", "linux-2")
    (case,) = cases(facts, service=service, **{**BACKENDS, "client": "windows"})
    assert why_no_verdict(case, facts).startswith("node linux-1 is not ready")


def test_chosen_backends_are_put_on_ready_nodes():
    facts = without("linux-2")
    needs = needs_of(cases(facts, service="mixed-ports", **BACKENDS), facts)
    assert {pod for pod in needs.pods if pod[1].startswith("port-")} == {
        ("linux-1", "port-first"),
        ("linux-1", "port-second"),
    }


@pytest.mark.parametrize("changes", [{"schedulable": False}, {"schedulable": False, "ready": False}])
def test_cordoned_nodes_stay_exclusions(changes):
    facts = without("windows-1", "windows-2", **changes)
    told = reasons(facts, placement=ANY)
    assert set(told.values()) == {"needs a usable Windows node"}


def test_a_node_that_has_not_told_its_addresses_rules_nothing_out():
    facts = without("windows-2", ready=False, addresses=())
    assert reasons(facts, server_kind="host", via="node-ip", placement="cross-node") == {}


def test_a_plan_shows_what_will_be_inconclusive():
    facts = without("windows-1")
    plan = a_plan(facts, client="windows", server="windows", placement=ANY)
    unready = {case.id: why for case in plan.cases.values() if (why := why_no_verdict(case, facts))}
    lines = listing(plan, dict.fromkeys(plan.cases, ("S",)), unready, ["a note"]).splitlines()
    at = lines.index("area/R[tcp-v4-windows-windows-cross-node]")
    assert lines[at + 2] == f"    will be inconclusive: {SENTENCE}"
    assert lines[-3:] == [
        "a note",
        "1 of 2 cases will be inconclusive, because their nodes are not ready",
        "2 cases, 0 exclusions",
    ]


def test_such_a_case_is_not_sent_whatever_runs_in_the_cluster():
    facts = without("windows-1", "windows-2")
    (case,) = cases(facts, client="linux", server="windows", placement="cross-node")
    deployment = a_deployment(facts)
    pods = {probe.pod for probe in deployment.probes}
    assert unusable(case, deployment, facts, pods).startswith("node windows-")
    assert unusable(case, deployment, L2BRIDGE, pods) is None
