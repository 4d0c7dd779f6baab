"""Which nodes a run judges: by name, by label, in pools; and one line for a choice that cannot be meant."""

import re

import pytest
from changed import replace
from plans_for_tests import L2BRIDGE, with_nodes

from podwire.model.node_notes import remarks
from podwire.planning.choice import ChoiceError, contradiction, described, read_back, with_choice
from podwire.planning.plan import Selection
from podwire.planning.selectors import pool, selector

FACTS = with_nodes(L2BRIDGE, 3)
LABELS = {
    node.name: {"os": node.os, "pool": "new" if node.name.endswith("3") else "old", "number": node.name[-1]}
    for node in FACTS.nodes
}
POOLS = (pool("old=pool=old"), pool("new=pool=new"))
OF_WINDOWS = (pool("old=pool=old,os=windows"), pool("new=pool=new,os=windows"))


def chosen(facts=FACTS, **selection):
    return with_choice(facts, LABELS, Selection(**selection))


def names(facts):
    return [node.name for os in ("linux", "windows") for node in facts.usable(os)]


def without(name, **parts):
    return replace(FACTS, nodes=tuple(replace(n, **parts) if n.name == name else n for n in FACTS.nodes))


def refused(facts=FACTS, **selection):
    with pytest.raises(ChoiceError) as told:
        chosen(facts, **selection)
    assert "\n" not in str(told.value)
    return str(told.value)


def test_nothing_chosen_leaves_the_facts_as_they_are():
    assert chosen() is FACTS


def test_named_nodes_take_part_and_no_others():
    facts = chosen(nodes=("linux-1", "windows-3"))
    assert names(facts) == ["linux-1", "windows-3"]
    assert "nodes linux-2, linux-3, windows-1, windows-2 are not chosen: left out" in remarks(facts)


def test_all_named_nodes_take_part_whatever_the_number():
    assert Selection(nodes=("linux-1", "linux-2", "linux-3")).most_nodes >= 3


def test_a_name_that_no_node_has_is_refused():
    assert refused(nodes=("windows-4",)).startswith("--nodes windows-4: the cluster has no such node; did you mean")
    assert "use one of: linux-1, linux-2" in refused(nodes=("x",))


def test_a_named_node_that_is_cordoned_is_refused_and_one_that_is_not_ready_takes_part():
    assert "--nodes linux-2: the node is cordoned" in refused(without("linux-2", schedulable=False), nodes=("linux-2",))
    assert names(chosen(without("linux-2", ready=False), nodes=("linux-2",))) == ["linux-2"]


def test_a_node_takes_part_that_any_selector_matches():
    facts = chosen(selectors=(selector("os=linux,number=1"), selector("os=windows,number in (2,3)")))
    assert names(facts) == ["linux-1", "windows-2", "windows-3"]


def test_a_selector_that_matches_no_node_of_an_os_says_so():
    assert "no Linux node is chosen: flows to and from Linux are left out" in remarks(
        chosen(selectors=(selector("os=windows"),))
    )


def test_a_selector_that_matches_nothing_usable_is_refused():
    assert refused(selectors=(selector("a=b"),)).startswith("--node-selector a=b: no node has such labels")
    cordoned = without("linux-2", schedulable=False)
    assert refused(cordoned, selectors=(selector("os=linux,number=2"),)).endswith(
        "podwire leaves out every such node: linux-2 (cordoned)"
    )


def test_nodes_have_their_pools_and_a_node_of_none_takes_no_part():
    facts = chosen(pools=(pool("old=number=1"), pool("new=number=3")))
    assert {node.name: node.part.pool for node in facts.nodes if node.part.chosen} == {
        **{"linux-1": "old", "windows-1": "old"},
        **{"linux-3": "new", "windows-3": "new"},
    }
    assert list(remarks(facts))[:2] == ["pool new: linux-3, windows-3", "pool old: linux-1, windows-1"]


def test_an_os_without_a_pool_is_shared():
    facts = chosen(pools=OF_WINDOWS)
    assert facts.pools_of("linux") == ("",)
    assert facts.pools_of("windows") == ("new", "old")
    assert len(facts.taking_part("linux", 2)) == 2


def test_each_pool_has_its_own_number_of_nodes():
    facts = chosen(pools=POOLS)
    assert [node.name for node in facts.taking_part("windows", 1)] == ["windows-1", "windows-3"]


def test_a_node_of_both_pools_is_refused():
    assert refused(pools=(pool("old=pool"), pool("new=pool=new"))) == (
        "--pool new=pool=new: node linux-3 is in pool old too"
    )


def test_an_empty_pool_is_refused():
    assert refused(pools=(pool("old=pool=old"), pool("new=pool=none"))).startswith("--pool new=pool=none: no node")
    assert "the other options leave no usable node in this pool" in refused(
        pools=POOLS, selectors=(selector("pool=old"),)
    )


def test_a_named_node_of_neither_pool_is_refused():
    assert "--nodes windows-2: the node is in neither pool" in refused(
        pools=(pool("old=number=1"), pool("new=number=3")), nodes=("windows-1", "windows-2", "windows-3")
    )


@pytest.mark.parametrize(
    ("selection", "told"),
    [
        ({"pools": POOLS}, ""),
        ({"pools": POOLS[:1]}, "--pool: given once; give it twice"),
        ({"pools": (*POOLS, pool("third=a"))}, "--pool: given 3 times; give it twice"),
        ({"pools": (POOLS[0], POOLS[0])}, "--pool old=pool=old: both pools have this name"),
        ({"nodes": ("a",), "selectors": (selector("a"),)}, "--nodes and --node-selector exclude each other"),
        ({"nodes": ("a",), "all_nodes": True}, "--nodes and --all-nodes exclude each other"),
        ({"nodes": ("a",), "nodes_per_os": 3}, "--nodes-per-os and --nodes exclude each other"),
        ({"all_nodes": True, "nodes_per_os": 3}, "--nodes-per-os and --all-nodes exclude each other"),
        ({"all_nodes": True}, ""),
        ({"selectors": (selector("a"),), "nodes_per_os": 3}, ""),
    ],
)
def test_a_choice_that_cannot_be_meant_is_said(selection, told):
    found = contradiction(Selection(**selection))
    assert found.startswith(told)
    assert bool(found) is bool(told)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"pool": "nonsense"}, "options: pool: write NAME=SELECTOR"),
        ({"node-selector": "a in ("}, "options: node-selector: 'a in (' is not a label selector"),
    ],
)
def test_a_damaged_choice_names_its_option(options, told):
    with pytest.raises(ValueError, match=f"^{re.escape(told)}"):
        read_back(options)


def test_a_number_that_no_cluster_has_is_none():
    assert read_back({"nodes-per-os": "9" * 6000}) == read_back({})


@pytest.mark.parametrize(
    "selection",
    [
        Selection(),
        Selection(nodes_per_os=5, all_nodes=True),
        Selection(nodes=("a", "b"), pools=POOLS),
        Selection(selectors=(selector("a in (b, c),!d"), selector("e!=f")), pools=OF_WINDOWS),
    ],
)
def test_a_record_keeps_the_choice(selection):
    options = {"nodes-per-os": str(selection.nodes_per_os), **dict(described(selection))}
    found = read_back(options)
    assert (found.nodes or None, found.selectors, found.pools) == (
        selection.nodes,
        selection.selectors,
        selection.pools,
    )
    assert (found.most_nodes, found.covers) == (selection.most_nodes, selection.covers)
