"""The table of axes: what it refuses in one line, and that the rest of the project takes it from there."""

from typing import get_args

import pytest

from podwire.model.axes.axis import AxisError
from podwire.model.axes.matrix import matrix
from podwire.model.axes.table import AXES
from podwire.model.flows import FLOW_ROW
from podwire.model.ways import WAYS, Via
from podwire.suite import flows

USUAL = {"client": "linux", "server": "windows", "via": "pod-ip"}


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        ({"clientt": "linux"}, r"^clientt: there is no such axis; did you mean client\?$"),
        ({"qqq": 1}, "^qqq: there is no such axis$"),
        ({"client": "macos"}, "^client='macos': the axis admits linux, windows$"),
        ({"client": ("linux", "macos")}, "^client='macos': the axis admits linux, windows$"),
        ({"payload": "256"}, "^payload='256': the axis admits int$"),
        ({"connections": True}, "^connections=True: the axis admits int$"),
        ({"repeated": 1}, "^repeated=1: the axis admits True, False$"),
        ({"settles": ("answered", "unanswered")}, "the axis admits answered, unanswered, unasked$"),
        ({"controls": "outside-udp"}, "^controls='outside-udp': the axis admits outside-tcp, "),
        ({"enters": "other-node"}, "^entry_os: goes with enters='other-node', and only with that$"),
        ({"entry_os": "linux"}, "^entry_os: goes with"),
        ({"protocol": "tool"}, "^tool: goes with protocol='tool', and only with that$"),
        ({"asks": "srv"}, "^asks: goes with protocol='dns', and only with that$"),
        ({"asks": "srv", "protocol": "dns", "via": "pod-ip"}, r"^asks: goes with a way by name \(pod-name, "),
        ({"tool": "nslookup"}, "^tool: goes with"),
        ({"size": "one-packet"}, "^size: goes with protocol='udp' and without an answer"),
        ({"size": "one-packet", "protocol": "udp", "answer": 99}, "^size: goes with protocol='udp' and without"),
        ({"size": "one-packet", "protocol": "udp", "server_kind": "outside"}, "^size: goes with ends in the cluster"),
        ({"sends": "IP()"}, "^sends='IP\\(\\)': the axis admits function$"),
        (
            {"sends": lambda flow: flow, "protocol": "icmp"},
            "^sends: goes with protocol='tcp' or 'udp': the agent waits",
        ),
        ({"sends": lambda flow: flow, "client_kind": "host"}, "^sends: goes with client_kind='pod', one connection"),
        ({"sends": lambda flow: flow, "connections": 2}, "^sends: goes with client_kind='pod', one connection"),
        ({"client": ()}, "^client: must be given, unless client_kind='outside'$"),
        ({"server": ()}, "^server: must be given for server_kind='pod'$"),
    ],
)
def test_what_no_flow_could_be_made_of_is_one_line_that_names_the_axis(axes, said):
    with pytest.raises(AxisError, match=said):
        matrix(**{**USUAL, **axes})


def test_the_way_must_be_given():
    with pytest.raises(AxisError, match=r"^via: must be given$"):
        matrix(client="linux", server="linux")


def test_the_name_of_the_test_stands_before_the_axis():
    def test_something(flow, case): ...

    with pytest.raises(AxisError, match=r"^test_something: @flows: vias: there is no such axis; did you mean via"):
        flows(**USUAL, vias="pod-ip")(test_something)


def test_an_axis_that_may_have_several_values_is_a_tuple_whatever_was_given():
    made = matrix(**USUAL, payload=(1, 2), after="pods-leaving")
    assert (made.client, made.payload, made.after, made.protocol) == (
        ("linux",),
        (1, 2),
        "pods-leaving",
        ("tcp", "udp"),
    )
    with pytest.raises(AttributeError, match="no axis way"):
        _ = made.way


def test_every_row_says_what_it_is_and_admits_its_own_default():
    for axis in AXES.values():
        assert axis.help
        assert axis.name == "via" or matrix(**USUAL).axes[axis.name] is not None or axis.default is None
    places = [axis.id_place for axis in AXES.values() if axis.id_place]
    assert sorted(places) == list(range(1, len(places) + 1)), "two axes in one place of the case id"


def test_every_part_of_a_flow_that_a_test_may_choose_is_an_axis():
    given_by_the_plan = {"turn", "server_turn", "client_pool", "server_pool", "entry_pool", "way", "load", "change"}
    given_by_the_plan |= {"decision", "because"}  # What network policies say of the flow.
    assert FLOW_ROW.columns.keys() - given_by_the_plan <= AXES.keys()


def test_every_way_is_explained():
    assert tuple(sorted(WAYS)) == tuple(sorted(get_args(Via)))
