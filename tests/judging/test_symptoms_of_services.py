"""Limits of load balancers on Windows nodes are excused as documented; any other way of failing is a failure."""

import pytest
from changed import replace
from observed import a_case, a_flow, a_packet, an_attempt, an_observation

from podwire.judging.symptoms.table import symptom

CASE = a_case(a_flow())
REFUSED = an_attempt(error="refused")


def shows(name, *attempts, packets=("request",), **fields):
    at_pod = [a_packet(way, **fields) for way in packets]
    seen = an_observation(attempts=tuple(attempts), packets={"client-pod": at_pod, "client-node": []})
    return all(finding.met for finding in symptom(name)(CASE, seen))


@pytest.mark.parametrize(("error", "shown"), [("timeout", True), ("unreachable", True), ("refused", False)])
def test_what_is_not_served_gets_no_answer_or_no_way(error, shown):
    assert shows("not-served", an_attempt(error=error)) is shown


def test_what_never_left_the_client_or_was_answered_is_no_service_that_is_not_served():
    assert not shows("not-served", an_attempt(error="timeout"), packets=())
    assert not shows("not-served", an_attempt())


def answer_of(identity):
    attempt = an_attempt()
    return replace(attempt, reply=replace(attempt.reply, identity=identity))


def test_served_all_the_same_means_by_the_server_of_the_flow_and_each_time():
    own = an_observation().bindings["server.identity"]
    assert shows("served-all-the-same", answer_of(own), answer_of(own))
    assert not shows("served-all-the-same", answer_of(own), answer_of("somebody"))
    assert not shows("served-all-the-same", answer_of(own), an_attempt(error="timeout"))


def test_one_target_port_is_a_lone_backend_beside_resets():
    reset = {"packets": ("request", "reply"), "flags": "RA"}
    assert shows("one-target-port", answer_of("a"), REFUSED, **reset)
    assert not shows("one-target-port", answer_of("a"), answer_of("b"), REFUSED, **reset)
    assert not shows("one-target-port", REFUSED, REFUSED, **reset)
    assert not shows("one-target-port", answer_of("a"), **reset)
    assert not shows("one-target-port", answer_of("a"), REFUSED)
