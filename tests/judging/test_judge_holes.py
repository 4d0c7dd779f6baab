"""Packets that were not captured and must have passed are doubt; those that may have taken another way are missing."""

import dns.message
import pytest
from changed import replace
from observed import POINTS, a_case, a_flow, a_packet, an_attempt, an_observation

from podwire import answered_by, at_client, at_client_node, at_server, nothing, reply, request, seen
from podwire.judging.expectation import expectation
from podwire.judging.judge import judge
from podwire.model.observations import Capture, Observation
from podwire.model.verdicts import Outcome

FLOW = a_flow()
TOKEN = b"pw0123456789abcdef"
SYN, SYN_ACK = a_packet(flags="S", seq=1), a_packet("reply", flags="SA", seq=9, ack=2)
ACK = a_packet(flags="A", seq=2, ack=10)
UDP = {"protocol": "udp", "payload": TOKEN}
QUESTION, ANSWER = a_packet(**UDP), a_packet("reply", **UDP)
PING = {"protocol": "icmp", "sport": None, "dport": None, "icmp_id": 7, "icmp_seq": 1}


def verdict(part, packets, attempt=None, flow=FLOW, **more):
    parts = (answered_by(FLOW.server), part)
    return judge(a_case(flow), expectation(*parts), an_observation(attempt, packets, **more))


FROM_CLIENT = request(src=FLOW.client.ip, dst=FLOW.server.ip)
TO_CLIENT = reply(src=FLOW.server.ip)


@pytest.mark.parametrize(
    ("part", "packets", "words"),
    [
        (at_server(FROM_CLIENT), [SYN_ACK], "acknowledges it (flags SA, ack 2)"),
        (at_client(FROM_CLIENT), [SYN_ACK], "acknowledges it (flags SA, ack 2)"),
        (at_client(TO_CLIENT), [SYN, ACK], "acknowledges it (flags A, ack 10)"),
        (at_server(TO_CLIENT), [SYN, ACK], "acknowledges it (flags A, ack 10)"),
        (at_server(FROM_CLIENT), [ANSWER], "an answer to it repeats its token"),
        (at_client(FROM_CLIENT), [ANSWER], "an answer to it repeats its token"),
        (at_client(TO_CLIENT), [QUESTION], "the client got the answer"),
        (at_server(TO_CLIENT), [QUESTION], "the client got the answer"),
        (at_server(seen(src=FLOW.client.ip)), [ANSWER], "an answer to it repeats its token"),
        (at_server(FROM_CLIENT), [a_packet("reply", icmp_type=0, **PING)], "an echo reply repeats its number (7, 1)"),
        (at_server(FROM_CLIENT), [], "nothing was captured, but the client got the answer"),
        (at_client(TO_CLIENT), [], "nothing was captured, but the client got the answer"),
    ],
)
def test_what_must_have_passed_a_pods_port_was_not_captured(part, packets, words):
    found = verdict(part, packets)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert words in found.reason


SILENT = an_attempt(error="timeout")


@pytest.mark.parametrize(
    ("part", "packets", "attempt"),
    [
        # It may have taken another way: a node's NIC proves nothing.
        (at_client_node(FROM_CLIENT), [ANSWER], None),
        (at_client_node(TO_CLIENT), [QUESTION], None),
        (at_client_node(FROM_CLIENT), [SYN_ACK], None),
        # The answer went to another address: the request did not come from where it should.
        (at_server(FROM_CLIENT), [a_packet("reply", dst="172.31.0.11", **UDP)], None),
        # It is another exchange's, or none was answered.
        (at_server(FROM_CLIENT), [a_packet("reply", protocol="udp", payload=b"pwffff")], None),
        (at_client(TO_CLIENT), [QUESTION], SILENT),
        (at_client(TO_CLIENT), [SYN, SYN], SILENT),
        # Somebody else answered, so this server's port may have been silent.
        (at_server(TO_CLIENT), [QUESTION], an_attempt(identity="linux-9-a")),
        # A packet is there, and is wrong.
        (at_server(FROM_CLIENT), [a_packet(src="172.31.0.11", **UDP), ANSWER], None),
        # Nothing is there, and nobody says that there was: no answer, or another server's.
        (at_client(TO_CLIENT), [], SILENT),
        (at_server(FROM_CLIENT), [], an_attempt(identity="linux-9-a")),
    ],
)
def test_what_may_not_have_been_there_is_a_failure(part, packets, attempt):
    assert verdict(part, packets, attempt).outcome is Outcome.FAIL


def test_what_a_pod_says_to_itself_need_not_pass_its_port():
    case = a_case()
    itself = replace(case, server=case.client)
    parts = expectation(answered_by(FLOW.server), at_server(FROM_CLIENT))
    assert judge(itself, parts, an_observation(packets=[])).outcome is Outcome.FAIL


def test_what_a_pod_on_its_nodes_network_says_to_that_node_need_not_pass_its_port():
    seen_by_others = an_observation(packets=[])
    on_the_node = {**seen_by_others.bindings, "server.node.ip": seen_by_others.bindings["server.ip"]}
    parts = expectation(answered_by(FLOW.server), at_server(FROM_CLIENT))
    assert judge(a_case(), parts, replace(seen_by_others, bindings=on_the_node)).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("resolved", "outcome"), [(("10.244.12.2",), Outcome.INCONCLUSIVE), ((), Outcome.FAIL)], ids=["told", "not told"]
)
def test_a_resolver_that_tells_an_address_got_an_answer_to_what_it_asked(resolved, outcome):
    attempt = replace(an_attempt(), reply=None, resolved=resolved)
    parts = expectation(at_client(TO_CLIENT))
    assert judge(a_case(), parts, an_observation(attempt, [QUESTION])).outcome is outcome


def test_an_address_from_a_cache_needs_no_packet():
    attempt = replace(an_attempt(), reply=None, resolved=("10.244.12.2",))
    assert judge(a_case(), expectation(at_client(TO_CLIENT)), an_observation(attempt, [])).outcome is Outcome.FAIL


def test_an_answer_of_a_dns_server_repeats_its_question():
    wire = dns.message.make_response(dns.message.make_query("echo.example.", "A")).to_wire()
    answer = a_packet("reply", protocol="udp", payload=wire, sport=53, dport=50000)
    asked = expectation(at_client(request(dst=FLOW.server.ip, dport=53)))
    found = judge(a_case(), asked, an_observation(an_attempt(error="timeout"), [answer]))
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "an answer to it repeats its question" in found.reason


def test_one_place_in_doubt_excuses_no_other():
    two = expectation(answered_by(FLOW.server), at_server(FROM_CLIENT), at_client_node(FROM_CLIENT))
    seen_there = {point: [ANSWER] for point in POINTS}
    assert judge(a_case(), two, an_observation(packets=seen_there)).outcome is Outcome.FAIL


def holey(packets, *, limitation=None):
    """Every capture lost frames, as bytes of others show."""
    seen_there = an_observation(packets=packets)
    captures = {
        point: Capture(point=point, where=one.where, reason="it lost frames", packets=one.packets)
        for point, one in seen_there.captures.items()
    }
    return Observation(
        case_id="x",
        bindings=seen_there.bindings,
        attempts=seen_there.attempts,
        captures=captures,
        controls=seen_there.controls,
    )


@pytest.mark.parametrize(
    ("part", "packets", "outcome"),
    [
        (at_client_node(FROM_CLIENT), [ANSWER], Outcome.INCONCLUSIVE),
        (at_client_node(FROM_CLIENT), [], Outcome.INCONCLUSIVE),
        (at_client_node(nothing(src="172.31.0.11")), [QUESTION, ANSWER], Outcome.INCONCLUSIVE),
        (at_client_node(FROM_CLIENT), [QUESTION], Outcome.PASS),
        (at_client_node(FROM_CLIENT), [a_packet(src="172.31.0.11", **UDP)], Outcome.FAIL),
        (at_client_node(seen(src=FLOW.client.ip)), [a_packet(src="172.31.0.11", **UDP)], Outcome.INCONCLUSIVE),
        (at_client_node(nothing(src="172.31.0.11")), [a_packet(src="172.31.0.11", **UDP)], Outcome.FAIL),
    ],
)
def test_where_frames_were_lost_what_is_there_counts_and_an_absence_does_not(part, packets, outcome):
    found = judge(a_case(), expectation(answered_by(FLOW.server), part), holey(packets))
    assert found.outcome is outcome
    if outcome is Outcome.INCONCLUSIVE:
        assert found.reason == "at the client-node (the client-node) an absence proves nothing: it lost frames"
