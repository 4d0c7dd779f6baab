"""`--require`: which nodes a kind names, and why the cases of a run do without it."""

import pytest
from changed import replace
from facts_by_row import node_with
from plans_for_tests import L2BRIDGE, cases, with_nodes

from podwire.model.node_notes import VIRTUAL, signal
from podwire.planning.choice import with_choice
from podwire.planning.plan import Selection
from podwire.planning.required import missing
from podwire.running.option_values import node_kind

WINDOWS = node_with(name="w", os="windows", kernel_version="10.0.20348.2762")
LINUX = node_with(name="l", os="linux", kernel_version="6.1.0")
LABELS = {"pool": "a", "zone": ""}


@pytest.mark.parametrize(
    ("text", "windows", "linux"),
    [
        ("windows", True, False),
        ("linux", False, True),
        ("windows-2022", True, False),
        ("windows-2025", False, False),
        ("windows-23h2", False, False),
        ("windows-20348", True, False),
        ("windows-20348.2762", True, False),
        ("windows-20348.276", False, False),
        ("pool=a", True, True),
        ("pool=a,zone=", True, True),
        ("pool=b", False, False),
        ("pool=a,size=big", False, False),
    ],
)
def test_a_kind_names_nodes(text, windows, linux):
    kind = node_kind(text)
    assert (kind.has(WINDOWS, LABELS), kind.has(LINUX, LABELS)) == (windows, linux)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("window", "unknown; did you mean windows"),
        ("windows-2021", "unknown; did you mean windows-2025 or windows-2022"),
        ("windows-20348.", "unknown"),
        ("", "unknown"),
        ("=a", "KEY=VALUE"),
        ("pool=a,", "KEY=VALUE"),
        ("pool==a", "KEY=VALUE"),
        ("pool!=a", "KEY=VALUE"),
        ("a pool=b", "KEY=VALUE"),
    ],
)
def test_what_names_no_kind_is_refused(text, why):
    with pytest.raises(ValueError, match=why):
        node_kind(text)


def without(facts=L2BRIDGE, labels=None, nodes_per_os=2, kinds=("windows",), **axes):
    found = cases(facts, nodes_per_os, **axes)
    return list(missing(map(node_kind, kinds), found, facts, labels or {}, nodes_per_os))


def changed(**changes):
    nodes = tuple(replace(node, **changes) if node.os == "windows" else node for node in L2BRIDGE.nodes)
    return replace(L2BRIDGE, nodes=nodes)


def test_what_the_cases_use_is_there():
    labels = {"linux-1": {"pool": "a"}}
    assert without(kinds=("windows", "linux", "windows-2022", "pool=a"), labels=labels, placement="cross-node") == []


def test_a_node_that_is_not_ready_is_there():
    assert without(changed(ready=False), placement="cross-node") == []


def test_an_absent_kind_is_said():
    only_linux = replace(L2BRIDGE, nodes=tuple(node for node in L2BRIDGE.nodes if node.os == "linux"))
    assert without(only_linux, placement="cross-node") == ["--require windows: the cluster has no such node"]


def test_a_kind_that_is_left_out_as_a_whole_is_absent():
    facts = replace(changed(schedulable=False), signals=(signal("windows-2", VIRTUAL),))
    assert without(facts, placement="cross-node") == [
        "--require windows: podwire leaves out every such node: windows-1 (cordoned), windows-2 (virtual)"
    ]


def test_a_kind_that_takes_no_part_is_absent():
    labels = {"windows-3": {"pool": "new"}}
    (why,) = without(with_nodes(L2BRIDGE, 3), labels, kinds=("pool=new",), placement="cross-node")
    assert why.startswith("--require pool=new: the cluster has such nodes (windows-3), but none takes part; raise")
    assert without(with_nodes(L2BRIDGE, 3), labels, 3, kinds=("pool=new",), client_kind="host", every_node=True) == []


def test_a_kind_that_no_case_uses_is_absent():
    (why,) = without(client="linux", server="linux", placement="cross-node")
    assert why.startswith(
        "--require windows: such nodes take part (windows-1), but no case uses one; check your selection"
    )


def test_a_kind_that_the_choice_leaves_out_says_so():
    chosen = with_choice(L2BRIDGE, {}, Selection(nodes=("linux-1", "linux-2")))
    assert without(chosen) == [
        "--require windows: no such node is chosen, windows-1 neither; widen --nodes, --node-selector or --pool"
    ]
