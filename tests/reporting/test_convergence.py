"""The table of changes."""

import re

from podwire.records.run import ConvergenceRecord
from podwire.reporting.convergence import convergence_table, percentile


def record(node, seconds, never=0, os="windows"):
    return ConvergenceRecord(
        change="endpoint-added", node=node, os=os, cases=4, seconds=seconds, never=never, slowest="a/R[x]"
    )


def test_there_is_no_table_without_changes():
    assert convergence_table([]) == ""


def test_a_row_has_the_times_of_the_nodes_of_one_system_and_the_slowest_node():
    page = convergence_table(
        [record("windows-1", 0.12), record("windows-2", 3.0, never=2), record("", 1.0, os="outside")]
    )
    cells = (
        "<td>windows</td><td>2</td><td>120 ms</td><td>3,000 ms</td><td>3,000 ms</td><td>windows-2</td><td>2 cases</td>"
    )
    assert cells in page
    assert "<td>load balancer</td><td>1</td>" in page


def test_a_percentile_is_one_of_the_values():
    assert [percentile([1.0, 2.0, 3.0, 4.0], percent) for percent in (1, 50, 99)] == [1.0, 2.0, 4.0]


def test_a_plot_has_a_dot_for_each_node_from_fast_to_slow_and_a_hollow_one_for_never():
    page = convergence_table([record("windows-2", 31.0, never=2), record("windows-1", 0.1), record("windows-3", 1e-4)])
    dots = re.findall(r'<circle class="(\w+)" cx="([\d.]+)".*?<title>([^<]*)</title>', page)
    assert [(kind, words) for kind, _, words in dots] == [
        ("seen", "windows-3: 0 ms"),
        ("seen", "windows-1: 100 ms"),
        ("never", "windows-2: 31,000 ms, 2 of 4 cases never saw it"),
    ]
    places = [float(x) for _, x, _ in dots]
    assert places[0] == 6.0  # The left end: a time that is too short for the plot.
    assert places[1] == 63.0  # A quarter of the way, at the tick of 100 ms.
    assert 63.0 < places[2] < 234.0
    assert 'x="63.0" y="13">100 ms</text>' in page
