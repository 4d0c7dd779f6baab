"""Between which nodes a plan sends its flows: each node is client and server of every OS, within pools and between."""

from collections import Counter

import pytest
from changed import replace
from plans_for_tests import CATALOGUE as BY_HAND
from plans_for_tests import L2BRIDGE, USUAL, with_nodes

from podwire.planning.choice import with_choice
from podwire.planning.coverage import coverage, ends_of
from podwire.planning.plan import Selection, make_plan
from podwire.planning.selectors import pool, selector
from podwire.suite import flows, suite_test

FOUR = with_nodes(L2BRIDGE, 4)
LABELS = {
    node.name: {"os": node.os, "pool": "old" if node.name[-1] in "12" else "new", "number": node.name[-1]}
    for node in FOUR.nodes
}
POOLS = (pool("old=pool=old"), pool("new=pool=new"))
ACROSS = {"placement": "cross-node", "covers_nodes": True}


def plan(facts, *several, **selection):
    def function(flow, case): ...

    for one in several or (ACROSS,):
        flows(**{**USUAL, **one})(function)
    chosen = Selection(**selection)
    test = replace(suite_test(function, "area/test_area.py"), requirement="R")
    return make_plan(BY_HAND, [test], with_choice(facts, LABELS, chosen), chosen)


def roles(made):
    """How often each node is client and server, with nodes of which OS."""
    cases = made.cases.values()
    clients = Counter((case.client.node, case.server.os) for case in cases if case.flow.server_turn)
    return clients, Counter((case.server.node, case.client.os) for case in cases if case.flow.server_turn)


@pytest.mark.parametrize("number", [3, 4, 5, 9])
def test_every_node_is_client_and_server_of_every_os_and_the_cases_grow_with_the_nodes(number):
    made = plan(with_nodes(L2BRIDGE, number), all_nodes=True)
    clients, servers = roles(made)
    every = {f"{os}-{at}" for os in ("linux", "windows") for at in range(1, number + 1)}
    for seen in (clients, servers):
        assert seen == Counter({(node, os): 1 for node in every for os in ("linux", "windows")})
    assert sum(clients.values()) == 4 * number


@pytest.mark.parametrize("selection", [{"nodes_per_os": 3}, {"nodes": ("linux-1", "windows-1", "windows-4")}])
def test_chosen_nodes_are_covered_too(selection):
    made = plan(FOUR, **selection)
    assert not [line for line in coverage(map(ends_of, made.cases.values()), FOUR) if line.startswith("never")]


def test_the_side_with_fewer_nodes_takes_turns():
    facts = replace(FOUR, nodes=tuple(node for node in FOUR.nodes if node.name not in ("linux-3", "linux-4")))
    clients, servers = roles(plan(facts, all_nodes=True))
    assert {node for node, os in servers if os == "linux"} >= {f"windows-{at}" for at in range(1, 5)}
    assert clients["linux-1", "windows"] == clients["linux-2", "windows"] == 2


def test_a_node_that_is_not_ready_is_with_one_that_is():
    facts = replace(FOUR, nodes=tuple(replace(n, ready=n.name != "windows-2") for n in FOUR.nodes))
    made = plan(facts, all_nodes=True)
    clients, servers = roles(made)
    assert all(
        clients[f"{os}-{at}", other]
        for os in ("linux", "windows")
        for at in range(1, 5)
        for other in ("linux", "windows")
    )
    assert clients["windows-2", "windows"] == servers["windows-2", "windows"] == 1
    covered = [case for case in made.cases.values() if case.flow.server_turn]
    assert not [one for one in covered if {one.client.node, one.server.node} == {"windows-2"}]


def test_the_usual_plan_has_no_case_more():
    assert not any(case.flow.server_turn for case in plan(with_nodes(L2BRIDGE, 5)).cases.values())


def test_flows_go_within_and_between_the_pools():
    made = plan(FOUR, {"placement": ("same-node", "cross-node")}, pools=POOLS)
    for case in made.cases.values():
        pools = case.flow.pools
        assert LABELS[case.client.node]["pool"] == pools.client_pool
        assert LABELS[case.server.node]["pool"] == pools.server_pool
        assert pools.client_pool == pools.server_pool or case.flow.placement == "cross-node"
    ways = {(case.flow.pools.client_pool, case.flow.pools.server_pool) for case in made.cases.values()}
    assert ways == {("old", "old"), ("new", "new"), ("old", "new"), ("new", "old")}
    assert "area/R[tcp-v4-windows-linux-cross-node-from-new-to-old]" in made.cases
    assert "area/R[tcp-v4-windows-windows-same-node-from-new-to-new]" in made.cases


def test_nodes_of_an_os_without_pools_are_with_both():
    made = plan(
        FOUR, {"placement": "cross-node"}, pools=(pool("old=pool=old,os=windows"), pool("new=pool=new,os=windows"))
    )
    assert {case.words for case in made.cases.values() if "linux-windows" in case.words} == {
        "tcp-v4-linux-windows-cross-node-to-new",
        "tcp-v4-linux-windows-cross-node-to-old",
    }
    assert "area/R[tcp-v4-linux-linux-cross-node]" in made.cases


def test_a_pool_of_one_node_has_no_flow_between_nodes_and_says_so():
    made = plan(FOUR, {"placement": "cross-node"}, pools=(pool("old=number=1"), pool("new=number in (2,3)")))
    assert {exclusion.cases: exclusion.reason for exclusion in made.exclusions} == {
        f"tcp-v4-{os}-{os}-cross-node-from-old-to-old": f"needs two usable {os.capitalize()} nodes in pool old"
        for os in ("linux", "windows")
    }


def test_a_flow_by_another_node_stays_within_the_pool_of_an_end():
    axes = {"via": "node-port", "enters": "other-node", "entry_os": ("linux", "windows"), "placement": "same-node"}
    for case in plan(FOUR, axes, pools=POOLS).cases.values():
        assert LABELS[case.entry]["pool"] == case.flow.pools.server_pool
        assert "-by-old" not in case.words
        assert case.entry not in (case.client.node, case.server.node)


def test_a_flow_by_another_node_goes_by_both_pools_where_no_end_has_one():
    axes = {"client": "linux", "server": "linux", "via": "node-port", "enters": "other-node", "entry_os": "windows"}
    of_windows = (pool("old=pool=old,os=windows"), pool("new=pool=new,os=windows"))
    made = plan(FOUR, {**axes, "placement": "cross-node"}, pools=of_windows)
    assert sorted(case.words.rpartition("-by-")[2] for case in made.cases.values()) == ["new", "old"]
    assert all(LABELS[case.entry]["pool"] == case.flow.pools.entry_pool for case in made.cases.values())


def test_an_os_that_nobody_chose_says_why_its_flows_are_left_out():
    made = plan(FOUR, {"placement": "cross-node"}, selectors=(selector("os=windows"),))
    assert {exclusion.reason for exclusion in made.exclusions} == {
        "needs a usable Linux node; the choice of nodes leaves all of them out"
    }


def test_what_a_plan_covers_is_said_in_numbers_and_what_it_leaves_out_by_name():
    assert list(coverage([("linux-1", "windows-1"), ("windows-1", "windows-1"), ("", "linux-2")], FOUR)) == [
        "3 of 8 usable nodes take part; cases go between 1 of their 56 ordered pairs",
        "in no case: linux-3, linux-4, windows-2, windows-3, windows-4; --all-nodes judges every node, --nodes those "
        "that you name",
        "never linux-1 as client of a Linux node, linux-1 as server of a Linux node, linux-1 as server of a Windows "
        "node, linux-2 as client of a Linux node, linux-2 as server of a Linux node and 3 more",
    ]


def test_nothing_is_said_of_a_run_without_nodes():
    assert list(coverage([("", "")], FOUR)) == []


def test_a_service_that_only_first_nodes_serve_is_asked_at_no_node_of_another_pool():
    axes = {"client_kind": "outside", "server_kind": "backends", "via": "node-port", "enters": "other-node"}
    axes |= {"entry_os": ("linux", "windows"), "service": ("moved-away", "scaled-up")}
    entries = {"moved-away": set(), "scaled-up": set()}
    for case in plan(FOUR, axes, pools=POOLS).cases.values():
        entries[case.flow.service.kind].add(case.entry)
    assert entries["moved-away"] == {"linux-1", "windows-1"}
    assert entries["scaled-up"] == {"linux-1", "windows-1", "linux-3", "windows-3"}
