"""The table of changes."""

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
