"""A flow is stored as one row, as it was before flows had groups."""

import json

import pytest
from observed import a_case, a_flow, an_observation

from podwire.model.flows import Flow
from podwire.model.symbols import ServiceSymbols
from podwire.model.verdicts import Outcome
from podwire.records.case_form import FlowForm, flow_of, form_of_flow
from podwire.records.observation_form import line_of, observation_of
from podwire.records.observations import stored

EVERYTHING = a_flow(
    via="node-port",
    service=ServiceSymbols("spread"),
    port="first",
    each_port=True,
    closed_port=True,
    enters="other-node",
    entry_os="linux",
    payload=9,
    connections=3,
    tool="nslookup",
    after="service-recreated",
    settles="unanswered",
    repeated=True,
    unaddressed=True,
    turn=2,
    asks="edns",
    server_turn=3,
    client_pool="old",
    server_pool="new",
    entry_pool="old",
    answer=8,
    half_close=True,
    whole_path=True,
    same_ports=True,
    size="one-packet",
    each_act=True,
    once=True,
    stream="steady",
    sends="IP(dst=server.ip)",
    decision="denied",
    because="No rule admits it.",
)
NAMES = FlowForm.__struct_fields__


def tree_of(flow):
    return json.loads(line_of(stored(a_case(flow), an_observation(), Outcome.PASS)))


def read(tree):
    return observation_of(json.dumps(tree).encode()).case.flow


@pytest.mark.parametrize("flow", [a_flow(), EVERYTHING])
def test_a_flow_is_read_as_it_was_written(flow):
    assert read(tree_of(flow)) == flow
    assert flow_of(form_of_flow(flow)) == flow


def test_it_is_written_in_one_row_without_what_is_usual():
    row = tree_of(EVERYTHING)["case"]["flow"]
    assert list(row) == [name for name in NAMES if name in row]
    assert set(NAMES) - set(row) == {"denied_port"}
    assert tuple(tree_of(a_flow())["case"]["flow"]) == NAMES[:6]


def test_the_row_has_all_that_a_flow_has():
    assert set(NAMES) == set(a_flow().row())
    assert Flow.of(**EVERYTHING.row()) == EVERYTHING


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"payload": "9"}, r"^case\.flow\.payload: needs a whole number"),
        ({"via": "pigeon"}, r"^case\.flow\.via: needs one of .*, found 'pigeon'"),
        ({"via": None}, r"^case\.flow\.via: needs one of .*, found nothing"),
        ({"after": 1}, r"^case\.flow\.after: needs text"),
        ({"way": {}}, r"^case\.flow\.way: unknown field"),
        ({"colour": "red"}, r"^case\.flow\.colour: unknown field"),
    ],
)
def test_what_is_wrong_in_a_row_is_told_by_its_place_there(change, said):
    tree = tree_of(a_flow())
    tree["case"]["flow"].update(change)
    with pytest.raises(ValueError, match=said):
        read(tree)


def test_what_is_missing_in_a_row_is_told_by_its_place_there():
    tree = tree_of(a_flow())
    del tree["case"]["flow"]["via"]
    with pytest.raises(ValueError, match=r"^case\.flow\.via: missing$"):
        read(tree)
