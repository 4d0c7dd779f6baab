"""The ends of an exchange that are no plain answer: refused, silent, a status, a tool's output, several backends."""

import pytest
from changed import replace
from observed import BINDINGS, a_case, a_flow, a_packet, an_attempt, an_observation, attempts

from podwire import (
    answered_by,
    answers_from,
    at_client,
    at_dns,
    at_entry_node,
    at_least,
    at_server,
    error,
    given_at_server_node,
    hns,
    known,
    not_asked,
    not_found,
    nothing,
    refused,
    reply,
    request,
    resolves_to,
    seen_as,
    silent,
    spread,
    status,
    tool,
    unanswered,
)
from podwire.judging.expectation import expectation, expectation_of
from podwire.judging.judge import judge
from podwire.model.cases import SuiteTest
from podwire.model.flows import Peer
from podwire.model.symbols import Symbol
from podwire.model.verdicts import Outcome

CASE = a_case()
PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
BACKENDS = Peer(role="server", kind="backends", os="backends")
SPREAD = a_case(a_flow(server=BACKENDS, via="cluster-ip", placement="anywhere", connections=4))
BEHIND = {**BINDINGS, "server.identities": ("windows-2-a", "linux-1-a")}


def outcome(expected, seen, case=CASE):
    return judge(case, expected, seen).outcome


def several(*ends, **changes):
    return an_observation(attempts=attempts(*ends), bindings=BEHIND, **changes)


@pytest.mark.parametrize(
    ("wanted", "end", "controls", "met"),
    [
        (silent, "timeout", (True, True), PASS),
        (silent, "refused", (True, True), FAIL),
        (silent, None, (True, True), FAIL),
        (refused, "refused", (True, True), PASS),
        (refused, "timeout", (True, True), FAIL),
        (refused, None, (True, True), FAIL),
        (unanswered, "timeout", (True, True), PASS),
        (unanswered, "refused", (True, True), PASS),
        (unanswered, None, (True, True), FAIL),
        (unanswered, "refused", (True, False), INCONCLUSIVE),
        # What does not come counts only between two controls that worked; what comes needs none.
        (silent, "timeout", (False, True), INCONCLUSIVE),
        (silent, "timeout", (True, False), INCONCLUSIVE),
        (refused, "refused", (True, False), INCONCLUSIVE),
        (silent, "refused", (False, False), INCONCLUSIVE),
        (silent, None, (False, False), FAIL),
    ],
)
def test_a_missing_answer_is_as_expected_only_between_working_controls(wanted, end, controls, met):
    seen = an_observation(an_attempt(error=end), controls=controls)
    assert outcome(expectation(wanted()), seen) is met


@pytest.mark.parametrize(
    ("came", "delivered", "met"),
    [
        ([a_packet()], [], PASS),
        ([a_packet()], [a_packet()], FAIL),
        ([], [], INCONCLUSIVE),
        ([], [a_packet()], FAIL),
    ],
)
def test_what_must_come_to_the_servers_node_tells_nothing_where_it_does_not(came, delivered, met):
    expected = expectation(silent(), given_at_server_node(request()), at_server(nothing()))
    packets = {"server-node": came, "server-pod": delivered}
    assert outcome(expected, an_observation(an_attempt(error="timeout"), packets=packets)) is met


def test_a_missing_answer_without_any_control_is_inconclusive():
    seen = replace(an_observation(an_attempt(error="timeout")), controls=())
    assert outcome(expectation(silent()), seen) is INCONCLUSIVE


def test_silence_does_not_excuse_packets_that_arrive():
    seen = an_observation(an_attempt(error="timeout"), packets={"server-pod": [a_packet()]})
    assert outcome(expectation(silent(), at_server(nothing())), seen) is FAIL
    assert outcome(expectation(silent(), at_client(nothing())), seen) is PASS


@pytest.mark.parametrize(("ends", "met"), [(("-timeout", "-timeout"), PASS), (("-timeout", "windows-2-a"), FAIL)])
def test_of_several_exchanges_none_may_be_answered_when_silence_is_expected(ends, met):
    assert outcome(expectation(silent()), several(*ends)) is met


def an_answer_with(number, **changes):
    """An answer of a web server that is nobody of ours."""
    return replace(an_attempt(error="other"), error=None, peer=("10.0.0.1", 80), status=number, **changes)


@pytest.mark.parametrize(
    ("got", "controls", "met"),
    [
        (200, (True, True), PASS),
        (503, (True, True), FAIL),
        (None, (True, True), FAIL),
        (None, (False, True), INCONCLUSIVE),
    ],
)
def test_a_status_is_held_against_the_one_that_is_expected(got, controls, met):
    seen = an_observation(an_answer_with(got), controls=controls)
    assert outcome(expectation(status(200)), seen) is met


def test_a_status_that_never_came_is_told_by_its_error():
    verdict = judge(CASE, expectation(status(200)), an_observation(an_attempt(error="refused")))
    assert verdict.reason == "client: expected an answer with HTTP status 200, refused"


@pytest.mark.parametrize(("numbers", "met"), [((200, 200), PASS), ((200, 503), FAIL), ((503, 200), FAIL)])
def test_every_one_of_several_answers_needs_the_status(numbers, met):
    seen = an_observation(attempts=tuple(an_answer_with(number) for number in numbers))
    assert outcome(expectation(status(200)), seen) is met


@pytest.mark.parametrize(
    ("output", "met"), [("Name:\n  echo\nAddress: 10.0.0.1", PASS), ("", FAIL), ("timed out", FAIL)]
)
def test_a_tool_prints_what_is_expected(output, met):
    ran = replace(an_attempt(error="other"), error=None)
    verdict = judge(CASE, expectation(tool.prints("10.0.0.1")), an_observation(ran, output=output))
    assert verdict.outcome is met
    assert verdict.findings[-1].actual == (" ".join(output.split()) or "it prints nothing")


@pytest.mark.parametrize(
    ("value", "wanted", "met"),
    [
        ((20348, 2762), at_least((20348, 1)), PASS),
        ((17763, 1), at_least((20348, 1)), FAIL),
        ("10.0.0.1", "10.0.0.1", PASS),
        ("10.0.0.2", "10.0.0.1", FAIL),
        ("", "10.0.0.1", FAIL),
        (0, 9, FAIL),
    ],
)
def test_a_known_fact_is_held_against_its_value(value, wanted, met):
    fact = known(Symbol("fact"), wanted)
    seen = an_observation(bindings={**BINDINGS, "fact": value})
    assert outcome(expectation(fact), seen) is met


def test_a_fact_that_this_run_has_no_value_for_is_not_met():
    fact = known(Symbol("fact"), at_least(0))
    assert outcome(expectation(fact), an_observation()) is not PASS


def test_why_this_run_has_no_value_is_said_where_it_is_known():
    seen = an_observation(bindings={**BINDINGS, "fact.unknown": "nobody looked"})
    for asks in (known(Symbol("fact"), 1), known(Symbol("client.ip"), Symbol("fact"))):
        verdict = judge(CASE, expectation(asks), seen)
        assert (verdict.outcome, verdict.reason) == (INCONCLUSIVE, "this run has no value for fact: nobody looked")


@pytest.mark.parametrize(
    ("part", "ends", "met"),
    [
        (spread.to_one_backend(), ("linux-1-a",) * 4, PASS),
        (spread.to_one_backend(), ("linux-1-a", "windows-2-a") * 2, FAIL),
        (spread.to_one_backend(), ("linux-1-a", "linux-1-a", "linux-1-a", "-timeout"), FAIL),
        (spread.to_every_backend(), ("linux-1-a", "windows-2-a") * 2, PASS),
        (spread.to_every_backend(), ("linux-1-a",) * 4, FAIL),
        (spread.to_every_backend(), ("linux-1-a", "windows-2-a", "linux-1-a", "-timeout"), FAIL),
        (spread.to_every_backend(), ("linux-1-a", "windows-2-a", "linux-1-a", "a stranger"), FAIL),
        (spread.to_some_backend(), ("-timeout", "-timeout", "-timeout", "linux-1-a"), PASS),
        (spread.to_some_backend(), ("-timeout",) * 4, FAIL),
        (spread.to_some_backend(), ("-timeout", "-timeout", "-timeout", "a stranger"), FAIL),
    ],
)
def test_connections_are_shared_out_as_expected(part, ends, met):
    assert outcome(expectation(answered_by(BACKENDS), part), several(*ends), SPREAD) is met
    if not part.met_in_part:
        # Without a server by name the backends of the Service are still the only ones that may answer.
        assert outcome(expectation(part), several(*ends), SPREAD) is met


def test_connections_that_are_lost_prove_nothing_without_controls():
    seen = several("linux-1-a", "-timeout", controls=(True, False))
    assert outcome(expectation(answered_by(BACKENDS), spread.to_every_backend()), seen, SPREAD) is INCONCLUSIVE


@pytest.mark.parametrize(("end", "met"), [("linux-1-a", PASS), ("a stranger", FAIL)])
def test_any_backend_of_the_service_may_answer(end, met):
    assert outcome(expectation(answered_by(BACKENDS)), several(end), SPREAD) is met


def test_the_wrong_one_of_several_answers_is_the_one_that_is_told():
    verdict = judge(CASE, expectation(answered_by(CASE.flow.server)), several("windows-2-a", "windows-2-a", "-reset"))
    assert verdict.outcome is FAIL
    assert "reset at connect" in verdict.reason
    assert "2 were" in {finding.actual for finding in verdict.findings}


@pytest.mark.parametrize("ends", [("linux-1-a", "a stranger"), ("linux-1-a", "-timeout")])
def test_packets_alone_may_be_expected_of_several_exchanges_whoever_answers(ends):
    assert outcome(expectation(at_client(request(src=CASE.flow.client.ip))), several(*ends)) is PASS
    assert outcome(expectation(at_client(nothing())), several(*ends)) in (FAIL, INCONCLUSIVE)


@pytest.mark.parametrize(("source", "met"), [("10.244.12.2", PASS), ("10.96.0.1", FAIL)])
def test_the_answer_comes_from_the_address_that_is_expected(source, met):
    seen = an_observation(replace(an_attempt(), peer=(source, 8080)))
    assert outcome(expectation(answered_by(CASE.flow.server), answers_from(CASE.flow.target_ip)), seen) is met


@pytest.mark.parametrize(("source", "met"), [("10.244.12.2", PASS), ("172.31.0.11", FAIL)])
def test_an_echo_reply_is_known_by_its_source(source, met):
    case = a_case(a_flow(protocol="icmp"))
    seen = an_observation(replace(an_attempt(), peer=(source, 0)))
    assert outcome(expectation(answered_by(case.flow.server)), seen, case) is met


def test_no_attempt_at_all_is_never_as_expected():
    assert outcome(expectation(at_client(request())), an_observation(attempts=())) is FAIL
    assert outcome(expectation(silent()), an_observation(attempts=())) is FAIL


PING, LOOK_UP = {"protocol": "icmp"}, {"via": "short-name", "protocol": "dns"}
CLIENT = Symbol("client.ip")


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([], "nothing at all"),
        ([given_at_server_node(request())], "nothing at all"),
        ([answered_by(BACKENDS), silent()], "cannot end in two ways: answered_by and silent"),
        ([refused(), unanswered()], "cannot end in two ways"),
        ([resolves_to(Symbol("target.ip")), not_found()], "cannot end in two ways"),
        ([seen_as(CLIENT), silent()], "seen_as is asked of an answer: answered_by is missing"),
        ([answers_from(Symbol("target.ip")), at_client(request())], "answers_from is asked of an answer"),
        ([answered_by(BACKENDS), request()], "is no part of an expectation"),
        ([silent], r"^silent is no part of an expectation until it is called: silent\(\.\.\.\)$"),
    ],
)
def test_what_would_never_be_judged_is_no_expectation(parts, said):
    with pytest.raises(ValueError, match=said):
        expectation(*parts)


@pytest.mark.parametrize("word", [at_client, at_server, at_dns, given_at_server_node])
def test_a_place_without_a_pattern_is_refused(word):
    with pytest.raises(ValueError, match=rf"^{word.word}\(\) asks for"):
        word()


def test_load_balancers_are_asked_for_with_or_without_dsr():
    with pytest.raises(TypeError, match="dsr"):
        hns.balances(Symbol("dns.ip"))


@pytest.mark.parametrize(
    ("part", "fits", "does_not", "said"),
    [
        (seen_as(CLIENT), {}, PING, "seen_as says nothing of an echo; ask the packets"),
        (answers_from(CLIENT), {}, PING, "answers_from says nothing of an echo; ask the packets"),
        (at_dns(not_asked(Symbol("target.name"))), LOOK_UP, {}, "a flow by pod-ip looks up no name"),
        (at_entry_node(request()), {"enters": "client-node"}, {}, "enters is missing"),
        (
            hns.networks_of(Symbol("cluster.mode")),
            {"tool": "hns-networks"},
            {"tool": "hns-endpoints"},
            "hns.networks_of reads what the tool hns-networks prints; the flow runs hns-endpoints",
        ),
        (tool.prints("x"), {"tool": "nslookup"}, {}, "tool.prints is asked of a tool; the flow runs none"),
    ],
)
def test_a_part_that_says_nothing_of_a_flow_is_refused_with_the_place_of_its_test(part, fits, does_not, said):
    def one(flow, case):
        case.expect(answered_by(flow.server), part)

    test = SuiteTest(name="test_one", module="area/test_x.py", requirement="ONE", matrices=(), function=one)
    assert expectation_of(test, a_flow(**fits)).parts[1] == part
    with pytest.raises(ValueError, match=f"^area/test_x.py: test_one: .*{said}$"):
        expectation_of(test, a_flow(**does_not))


def test_a_mistake_of_its_author_is_told_by_the_place_of_the_test():
    test = SuiteTest(name="t", module="m", requirement="R", matrices=(), function=lambda flow, case: case.expects())
    with pytest.raises(ValueError, match=r"^m: t: AttributeError: .*'expects'"):
        expectation_of(test, a_flow())


def test_a_test_that_expects_nothing_is_told_by_its_place():
    test = SuiteTest(name="t", module="m", requirement="R", matrices=(), function=lambda flow, case: None)
    with pytest.raises(ValueError, match=r"^m: t declares no expectation"):
        expectation_of(test, a_flow())


def an_error(**changes):
    fields = {"protocol": "icmp", "icmp_type": 3, "icmp_code": 4, "mtu": 1400, "src": "10.244.11.1", "sport": None}
    return a_packet("error", **{**fields, "dst": "10.244.11.2", "dport": None, **changes})


def test_an_icmp_error_is_neither_request_nor_reply_nor_a_packet_of_the_flow():
    packets = [a_packet(), an_error(), a_packet("reply")]
    both = at_client(request(dport=8080), reply(sport=8080), nothing(src="10.244.11.1"))
    verdict = judge(CASE, expectation(answered_by(a_flow().server), both), an_observation(packets=packets))
    assert verdict.outcome is PASS


@pytest.mark.parametrize(
    ("pattern", "outcome"),
    [
        (error(dst="10.244.11.2"), PASS),
        (error(mtu=1280), FAIL),
        (nothing(mtu=1400), FAIL),
        (nothing(icmp_type=11), PASS),
        (reply(protocol="icmp"), FAIL),
    ],
    ids=str,
)
def test_a_pattern_asks_for_icmp_errors(pattern, outcome):
    observation = an_observation(packets=[a_packet(), an_error()])
    assert judge(CASE, expectation(answered_by(a_flow().server), at_client(pattern)), observation).outcome is outcome


@pytest.mark.parametrize(
    ("kind", "outcome"), [("refused", PASS), ("timeout", PASS), ("unreachable", PASS), ("reset", FAIL)]
)
def test_where_nobody_of_the_cluster_answers_a_router_may_say_so(kind, outcome):
    packets = [a_packet(), an_error(src="203.0.113.1", mtu=None, quoted=a_packet().packet)]
    observation = an_observation(an_attempt(error=kind), packets)
    verdict = judge(CASE, expectation(unanswered(), at_client(request())), observation)
    assert verdict.outcome is outcome
    assert verdict.findings[0].actual == f"{kind}, told by 203.0.113.1"
