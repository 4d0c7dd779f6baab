"""A case as a request to an agent, and what an agent answers as attempts."""

import pytest
from changed import replace
from observed import a_case, a_flow

from podwire.model.asking import Asked
from podwire.model.flows import Peer
from podwire.probing.requests import (
    AT_ONCE,
    DATAGRAMS_AT_ONCE,
    LOOKUPS_AT_ONCE,
    MOST_UNANSWERED,
    NODE_PATIENCE,
    OF_A_PATH_AT_ONCE,
    attempts_in,
    request_of,
)
from podwire.probing.targets import Target

BY_ADDRESS = Target(host="10.0.0.1", port=8080, ip="10.0.0.1")
BY_NAME = Target(host="echo", port=80, ip="10.96.0.1", name="echo", fqdn="echo.ns.svc.cluster.local")


def asked(target=BY_ADDRESS, number=1, **changes):
    case = a_case(a_flow(connections=number, **changes))
    tokens, ports = [f"t{at}" for at in range(number)], list(range(50000, 50000 + number))
    return request_of(case, target, tokens, ports, 4.0)


def answer(**changes):
    """An attempt as an agent tells it."""
    parts = {
        "token": "t0",
        "started": 1.0,
        "elapsed": 0.1,
        "local": ["10.0.0.2", 50000],
        "peer": ["10.0.0.1", 8080],
        "resolved": [],
        "reply": {"identity": "x", "source": "10.0.0.2", "source_port": 50000},
        "error": None,
        "sent": 1,
        "received": 256,
    }
    return {**parts, **changes}


@pytest.mark.parametrize("protocol", ["tcp", "udp", "http", "sctp"])
@pytest.mark.parametrize(("family", "number"), [("ipv4", 4), ("ipv6", 6)])
def test_one_exchange_is_asked_for_as_such(protocol, family, number):
    method, parameters, seconds = asked(protocol=protocol, family=family, payload=9000)
    assert (method, seconds) == ("exchange", 4.0)
    assert parameters == {
        "proto": protocol,
        "host": "10.0.0.1",
        "port": 8080,
        "family": number,
        "token": "t0",
        "preferred_port": 50000,
        "timeout": 4.0,
        "resolve": False,
        "size": 9000,
    }


def test_a_name_is_resolved_by_the_client():
    _, parameters, _ = asked(BY_NAME, via="short-name")
    assert (parameters["host"], parameters["resolve"]) == ("echo", True)


@pytest.mark.parametrize(("number", "rounds"), [(2, 1), (AT_ONCE, 1), (AT_ONCE + 1, 2), (5 * AT_ONCE, 5)])
def test_many_exchanges_go_together_and_may_take_as_many_rounds_as_it_needs(number, rounds):
    method, parameters, seconds = asked(number=number)
    assert (method, seconds, parameters["at_once"]) == ("sequence", 4.0 * rounds, AT_ONCE)
    each = parameters["exchanges"]
    assert [one["token"] for one in each] == [f"t{at}" for at in range(number)]
    assert len({one["preferred_port"] for one in each}) == number


@pytest.mark.parametrize(("whole_path", "at_once"), [(False, DATAGRAMS_AT_ONCE), (True, OF_A_PATH_AT_ONCE)])
def test_datagrams_go_in_smaller_groups_and_end_when_too_many_had_no_answer(whole_path, at_once):
    _, parameters, seconds = asked(number=100, protocol="udp", whole_path=whole_path)
    assert (parameters["at_once"], parameters["give_up"]) == (at_once, MOST_UNANSWERED)
    assert seconds == 4.0 * -(-100 // at_once)


def test_a_half_closed_connection_and_a_long_answer_are_asked_for():
    _, parameters, _ = asked(answer=20000, half_close=True)
    assert (parameters["answer"], parameters["half_close"]) == (20000, True)


def test_a_flow_that_keeps_its_ports_goes_on_after_an_error():
    _, parameters, _ = asked(protocol="udp", same_ports=True)
    assert parameters["go_on"] is True


def test_tokens_and_ports_must_be_as_many():
    with pytest.raises(ValueError, match="zip"):
        request_of(a_case(), BY_ADDRESS, ["a", "b"], [1], 4.0)


def test_a_ping_has_a_size_and_a_number_of_its_own():
    method, parameters, _ = asked(protocol="icmp")
    assert method == "ping"
    assert (parameters["count"], parameters["size"], parameters["token"]) == (3, 64, "t0")
    assert "port" not in parameters


def test_the_health_of_a_node_is_asked_at_the_root():
    _, parameters, _ = asked(via="health-port", protocol="http")
    assert parameters["path"] == "/"
    assert "path" not in asked(protocol="http")[1]


def test_names_are_looked_up_without_an_exchange():
    method, parameters, _ = asked(BY_NAME, number=2, via="short-name", protocol="dns", family="ipv6")
    assert method == "lookups"
    assert (parameters["at_once"], parameters["give_up"]) == (LOOKUPS_AT_ONCE, MOST_UNANSWERED)
    # Names below the target's, one a look-up: no cache has them.
    assert parameters["lookups"] == [
        {"name": f"{token}.{BY_NAME.fqdn}.", "family": 6, "timeout": 4.0, "token": token} for token in ("t0", "t1")
    ]
    one = asked(BY_NAME, via="short-name", protocol="dns")[1]["lookups"]
    assert [lookup["name"] for lookup in one] == ["echo"]
    assert asked(BY_NAME, number=2 * LOOKUPS_AT_ONCE + 1, via="short-name", protocol="dns")[2] == 12.0


def test_questions_of_the_agents_own_client_go_to_the_dns_server_from_sockets_of_their_own():
    questions = (Asked(name="wEb", type="A"), Asked(name="web", type="SRV", edns=True))
    target = replace(BY_NAME, questions=questions, asked_of=("10.96.0.10",))
    method, parameters, seconds = asked(target, number=2, via="fqdn", protocol="dns", asks="srv")
    assert (method, seconds, parameters["at_once"]) == ("questions", 4.0, LOOKUPS_AT_ONCE)
    assert [one["preferred_port"] for one in parameters["sockets"]] == [50000, 50001]
    for one in parameters["sockets"]:
        assert (one["host"], "follow" in one) == ("10.96.0.10", False)
        assert one["questions"] == [
            {"name": "wEb", "type": "A", "edns": False},
            {"name": "web", "type": "SRV", "edns": True},
        ]


@pytest.mark.parametrize(("family", "kind"), [("ipv4", "A"), ("ipv6", "AAAA")])
def test_targets_are_asked_for_their_address_of_the_family(family, kind):
    target = replace(BY_NAME, asked_of=("10.96.0.10",))
    _, parameters, _ = asked(target, via="fqdn", protocol="dns", asks="srv-and-targets", family=family)
    assert parameters["sockets"][0]["follow"] == kind


@pytest.mark.parametrize(("asks", "stream"), [("each-pod", False), ("each-pod-by-tcp", True)])
def test_each_server_has_a_socket_of_its_own(asks, stream):
    target = replace(BY_NAME, asked_of=("10.244.1.10", "10.244.2.10"))
    _, parameters, _ = asked(target, number=2, via="fqdn", protocol="dns", asks=asks)
    assert [one["host"] for one in parameters["sockets"]] == ["10.244.1.10", "10.244.2.10"]
    assert [one.get("stream", False) for one in parameters["sockets"]] == [stream, stream]


def test_a_tool_is_run_on_the_target():
    method, parameters, _ = asked(BY_NAME, via="short-name", protocol="tool", tool="nslookup")
    assert method == "tool"
    assert parameters == {"name": "nslookup", "arguments": ["echo"], "timeout": 4.0}


@pytest.mark.parametrize("tool", ["hns-networks", "hns-endpoints"])
def test_what_hns_has_is_asked_of_no_target(tool):
    assert asked(protocol="tool", tool=tool) == ("tool", {"name": tool, "timeout": NODE_PATIENCE}, NODE_PATIENCE)


def test_the_card_of_a_node_is_asked_for_until_it_has_what_is_wanted():
    case = a_case(a_flow(protocol="tool", tool="ec2-card"))
    method, parameters, seconds = request_of(case, BY_ADDRESS, ["t0"], [50000], 4.0, "l2bridge", 6)
    assert (method, parameters) == ("ec2_card", {"least": 6, "timeout": seconds})
    assert seconds == NODE_PATIENCE


def test_one_answer_is_one_attempt_and_several_are_several():
    (one,), output = attempts_in(a_case(), answer(), ["t0"])
    assert (one.token, one.reply.identity, output) == ("t0", "x", "")
    many, _ = attempts_in(a_case(), {"attempts": [answer(), answer(token="t1")]}, ["t0", "t1"])
    assert [attempt.token for attempt in many] == ["t0", "t1"]


def test_what_a_tool_prints_is_kept():
    server = Peer(role="server", kind="dns", os="dns")
    case = a_case(a_flow(protocol="tool", tool="nslookup", server=server))
    ran = {"started": 2.0, "elapsed": 0.3, "stdout": "Name: echo\n", "stderr": "a warning\n", "code": 3}
    (attempt,), output = attempts_in(case, ran, ["t0"])
    assert (attempt.token, attempt.started, attempt.elapsed, attempt.status) == ("t0", 2.0, 0.3, 3)
    assert output == "Name: echo\n\na warning"


@pytest.mark.parametrize(("printed", "output"), [("[]\n", "[]\n"), ("", "a warning"), ("\r\n", "a warning")])
def test_a_list_is_kept_without_what_was_said_beside_it(printed, output):
    ran = {"started": 2.0, "elapsed": 0.3, "stdout": printed, "stderr": "a warning\n", "code": 0}
    assert attempts_in(a_case(a_flow(protocol="tool", tool="windows-nat")), ran, ["t0"])[1] == output


@pytest.mark.parametrize(
    ("axes", "target", "field", "patience"),
    [
        ({"protocol": "dns"}, BY_NAME, None, 10.0),
        ({"protocol": "tcp"}, BY_NAME, 10.0, 14.0),
        ({"protocol": "udp"}, BY_ADDRESS, None, 4.0),
    ],
)
def test_a_resolver_has_the_time_to_ask_a_lost_question_again(axes, target, field, patience):
    case = a_case(a_flow(**axes))
    _, parameters, seconds = request_of(case, target, ["t0"], [50000], 4.0, asks_again=6.0)
    assert parameters.get("look_up") == field
    assert seconds == patience


def test_of_many_look_ups_none_may_be_lost():
    case = a_case(a_flow(protocol="dns", connections=20))
    _, parameters, seconds = request_of(case, BY_NAME, [f"t{n}" for n in range(20)], [0] * 20, 4.0, asks_again=6.0)
    assert {lookup["timeout"] for lookup in parameters["lookups"]} == {4.0}
    assert seconds == 8.0


def test_look_ups_that_stand_for_a_path_may_ask_again():
    case = a_case(a_flow(protocol="dns", connections=20, whole_path=True))
    _, parameters, seconds = request_of(case, BY_NAME, [f"t{n}" for n in range(20)], [0] * 20, 4.0, asks_again=6.0)
    assert {one["timeout"] for one in parameters["lookups"]} == {10.0}
    assert seconds == 20.0
