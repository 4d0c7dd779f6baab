"""The judge's table, line by line: usable, as expected, limitation, symptom → outcome."""

import pytest
from changed import replace
from observed import a_case, a_packet, a_tunnel, an_attempt, an_observation

from podwire import answered_by, at_client, at_server, refused, seen_as, silent, unanswered, unserved
from podwire.judging.expectation import expectation
from podwire.judging.judge import judge
from podwire.model.patterns import at_least, nothing, one_of, reply, request, requests_from_distinct_sources, seen
from podwire.model.requirements import Citation, Limitation
from podwire.model.symbols import CONVERGES_WITHIN, RUNNER_WAITED
from podwire.model.verdicts import Outcome

CASE = a_case()
SERVER, CLIENT = CASE.flow.server, CASE.flow.client


def a_limitation(kind="documented", symptom="no-answer"):
    source = Citation(document="Kubernetes: Networking on Windows")
    return Limitation(
        id="LIM", requirements=("R",), kind=kind, statement="does not work", symptom=symptom, sources=(source,)
    )


def answered(*parts):
    return expectation(answered_by(SERVER), *parts)


def test_an_answer_from_the_right_server_passes():
    verdict = judge(CASE, answered(seen_as(CLIENT.ip)), an_observation())
    assert verdict.outcome is Outcome.PASS


def test_an_answer_from_another_server_fails():
    verdict = judge(CASE, answered(), an_observation(an_attempt(identity="linux-1-a")))
    assert verdict.outcome is Outcome.FAIL
    assert "linux-1-a answered" in verdict.reason


def test_a_client_seen_with_another_address_fails():
    verdict = judge(CASE, answered(seen_as(CLIENT.ip)), an_observation(an_attempt(source="172.31.0.11")))
    assert verdict.outcome is Outcome.FAIL


def test_no_answer_with_working_controls_fails():
    assert judge(CASE, answered(), an_observation(an_attempt(error="timeout"))).outcome is Outcome.FAIL


@pytest.mark.parametrize("controls", [(False, True), (True, False), (False, False)])
def test_no_answer_without_a_working_control_is_inconclusive(controls):
    observation = an_observation(an_attempt(error="timeout"), controls=controls)
    assert judge(CASE, answered(), observation).outcome is Outcome.INCONCLUSIVE


def test_no_answer_without_any_control_is_inconclusive():
    observation = an_observation(an_attempt(error="timeout"), **{})
    bare = replace(observation, controls=())
    assert judge(CASE, answered(), bare).outcome is Outcome.INCONCLUSIVE


def test_a_blind_capture_point_is_inconclusive_only_where_it_is_needed():
    observation = an_observation(unusable=("server-pod",))
    needs_it = answered(at_server(request(src=CLIENT.ip)))
    needs_it_not = answered(at_client(request(src=CLIENT.ip)))
    assert judge(CASE, needs_it, observation).outcome is Outcome.INCONCLUSIVE
    assert judge(CASE, needs_it_not, observation).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("part", "met"),
    [
        (silent, {"timeout"}),
        (refused, {"refused"}),
        (unanswered, {"timeout", "refused", "unreachable"}),
        (unserved, {"timeout", "unreachable"}),
    ],
)
def test_a_missing_answer_has_its_kind(part, met):
    for kind in ("timeout", "refused", "unreachable", None):
        outcome = judge(CASE, expectation(part()), an_observation(an_attempt(error=kind))).outcome
        assert outcome is (Outcome.PASS if kind in met else Outcome.FAIL)


def test_a_problem_of_the_run_is_inconclusive_with_its_reason():
    observation = an_observation(problem="windows-1-a: the exec stream broke")
    verdict = judge(CASE, answered(), observation)
    assert (verdict.outcome, verdict.reason) == (Outcome.INCONCLUSIVE, "windows-1-a: the exec stream broke")


def test_a_symbol_without_a_value_is_inconclusive():
    verdict = judge(CASE, answered(at_server(request(frame_dst=SERVER.mac))), an_observation())
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "server.mac" in verdict.reason


def test_a_client_that_never_opened_a_socket_sent_nothing():
    observation = an_observation(an_attempt(error="timeout"))
    bindings = {name: value for name, value in observation.bindings.items() if name != "client.port"}
    silent = replace(observation, bindings=bindings)
    verdict = judge(CASE, answered(at_server(request(sport=CLIENT.port))), silent)
    assert verdict.outcome is Outcome.FAIL
    assert "the client sent nothing" in {finding.actual for finding in verdict.findings}


def test_documented_symptom_confirms_the_limitation():
    verdict = judge(CASE, answered(), an_observation(an_attempt(error="timeout")), a_limitation())
    assert (verdict.outcome, verdict.limitation) == (Outcome.LIMITATION_CONFIRMED, "LIM")


def test_a_bug_that_shows_is_a_known_issue():
    verdict = judge(CASE, answered(), an_observation(an_attempt(error="timeout")), a_limitation(kind="bug"))
    assert verdict.outcome is Outcome.KNOWN_ISSUE


def test_a_bug_that_does_not_show_passes_and_says_so():
    verdict = judge(CASE, answered(), an_observation(), a_limitation(kind="bug"))
    assert verdict.outcome is Outcome.PASS
    assert "LIM" in verdict.reason


def test_success_against_a_documented_limitation_is_a_lifted_limitation():
    assert judge(CASE, answered(), an_observation(), a_limitation()).outcome is Outcome.LIMITATION_LIFTED


def test_failing_in_another_way_than_documented_fails():
    verdict = judge(CASE, answered(), an_observation(an_attempt(error="refused")), a_limitation())
    assert verdict.outcome is Outcome.FAIL
    assert "not in the documented way" in verdict.reason


@pytest.mark.parametrize(
    ("pattern", "packets", "met"),
    [
        (request(ttl=127), [a_packet(), a_packet(ttl=63)], False),
        (request(ttl=127), [a_packet(), a_packet("reply", ttl=63)], True),
        (request(ttl=127), [a_packet("reply")], False),
        (seen(ttl=63), [a_packet(), a_packet(ttl=63)], True),
        (seen(ttl=63), [a_packet()], False),
        (nothing(ttl=63), [a_packet()], True),
        (nothing(ttl=63), [a_packet(ttl=63)], False),
        (nothing(), [a_packet()], False),
        (nothing(), [], True),
        (reply(src=SERVER.ip), [a_packet("reply")], True),
        (request(src=one_of("10.0.0.1", CLIENT.ip)), [a_packet()], True),
        (request(vni=at_least(4096)), [a_packet(outer=a_tunnel())], True),
        (request(vni=at_least(4096)), [a_packet(outer=a_tunnel(vni=1))], False),
        (request(encapsulated=True), [a_packet()], False),
        (requests_from_distinct_sources(), [a_packet(flags="S", seq=1), a_packet(flags="S", seq=2)], False),
        (requests_from_distinct_sources(), [a_packet(flags="S", seq=1), a_packet(flags="S", seq=2, sport=5)], True),
        (requests_from_distinct_sources(), [a_packet(flags="S", seq=1), a_packet(flags="S", seq=1)], True),
        (
            requests_from_distinct_sources(),
            [a_packet(flags="S", seq=1), a_packet(flags="AF"), a_packet(flags="S", seq=2)],
            True,
        ),
    ],
)
def test_patterns_hold_exactly_when_the_packets_do(pattern, packets, met):
    observation = an_observation(packets={"server-pod": packets})
    outcome = judge(CASE, answered(at_server(pattern)), observation).outcome
    assert outcome is (Outcome.PASS if met else Outcome.FAIL)


def test_a_failure_under_a_domain_that_is_assumed_is_inconclusive_and_a_success_counts():
    case, assumed = a_case(), {**an_observation().bindings, "cluster.assumed_domain": "cluster.local"}
    wanted = expectation(answered_by(case.flow.server))
    verdict = judge(case, wanted, an_observation(an_attempt(error="not-found"), bindings=assumed))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "the cluster's domain cluster.local is assumed" in verdict.reason
    assert judge(case, wanted, an_observation(bindings=assumed)).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("settled", "unsettled", "outcome"),
    [(0.2, False, Outcome.PASS), (12.34, False, Outcome.FAIL), (35.0, True, Outcome.PASS)],
)
def test_a_change_that_comes_late_fails_with_its_number(settled, unsettled, outcome):
    late = replace(
        an_observation(),
        settled=settled,
        unsettled=unsettled,
        bindings={**an_observation().bindings, CONVERGES_WITHIN: "10"},
    )
    verdict = judge(CASE, answered(), late)
    assert verdict.outcome is outcome
    if outcome is Outcome.FAIL:
        words = (
            "client: expected the change shows to the client within 10 s, it showed after 12.3 s: late, and not dead"
        )
        assert verdict.reason == words
    # Where the runner's own machine was busy for that long, it may have been in time.
    busy = replace(late, bindings={**late.bindings, RUNNER_WAITED: "3.0"})
    if outcome is Outcome.FAIL:
        assert judge(CASE, answered(), busy).outcome is Outcome.INCONCLUSIVE
        assert "waited for a CPU" in judge(CASE, answered(), busy).reason
        idle = replace(late, bindings={**late.bindings, RUNNER_WAITED: "1.0"})
        assert judge(CASE, answered(), idle).outcome is Outcome.FAIL
    # A record of before there was a limit says nothing of it.
    assert judge(CASE, answered(), replace(an_observation(), settled=99.0)).outcome is Outcome.PASS
