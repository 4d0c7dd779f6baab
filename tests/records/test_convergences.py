"""How long changes took, by change and node."""

from changed import replace
from observed import an_observation
from plans_for_tests import cases

from podwire.records.convergences import convergences

AXES = {"client": "linux", "server": "windows", "placement": "cross-node", "via": "pod-ip", "after": "pods-guarded"}
(CASE,) = cases(**AXES)


def seen(name, seconds, never=False, **more):
    observation = replace(an_observation(), settled=seconds, unsettled=never)
    return replace(CASE, id=name, **more), observation


def test_the_longest_time_of_a_node_counts_and_is_named():
    (record,) = convergences([seen("a", 0.2), seen("b", 1.5), seen("c", 0.0)])
    assert (record.change, record.node, record.os) == ("pods-guarded", CASE.client.node, "linux")
    assert (record.cases, record.seconds, record.never, record.slowest) == (2, 1.5, 0, "b")


def test_what_never_showed_is_counted():
    (record,) = convergences([seen("a", 35.0, never=True), seen("b", 1.5)])
    assert (record.seconds, record.never) == (35.0, 1)


def test_a_flow_that_enters_by_a_node_measures_that_node():
    flow = CASE.flow.but(enters="other-node", entry_os="windows", via="node-port")
    (record,) = convergences([seen("a", 1.0, entry="windows-2", flow=flow)])
    assert (record.node, record.os) == ("windows-2", "windows")
