"""What network policies decide: an allowed flow is answered; a denied one leaves, never arrives, and nobody answers."""

import pytest
from observed import a_case, a_flow, a_packet, an_observation, attempts

from podwire import as_ruled
from podwire.judging.expectation import expectation
from podwire.judging.judge import judge
from podwire.model.verdicts import Outcome

ALLOWED = a_flow(decision="allowed", because="A rule admits it.")
DENIED = a_flow(decision="denied", because="No rule admits it.")


def test_a_flow_without_a_ruling_cannot_be_judged_by_one():
    with pytest.raises(ValueError, match="ruled=True"):
        as_ruled(a_flow())


def test_an_allowed_flow_is_answered_and_says_which_sentence_decides():
    case, expected = a_case(ALLOWED), expectation(*as_ruled(ALLOWED))
    assert next(expected.sentences()) == "network policies allow it: A rule admits it."
    answered = judge(case, expected, an_observation())
    assert answered.outcome is Outcome.PASS
    assert "(allowed: A rule admits it.)" in answered.findings[0].expected
    assert judge(case, expected, an_observation(attempts=attempts("-timeout"))).outcome is Outcome.FAIL


LEFT = {"client-pod": [a_packet()]}


@pytest.mark.parametrize(
    ("end", "packets", "controls", "outcome"),
    [
        ("-timeout", LEFT, (True, True), Outcome.PASS),
        ("-timeout", LEFT, (True, False), Outcome.INCONCLUSIVE),
        ("-timeout", {}, (True, True), Outcome.FAIL),
        ("-timeout", {**LEFT, "server-pod": [a_packet()]}, (True, True), Outcome.FAIL),
        ("-refused", LEFT, (True, True), Outcome.FAIL),
        ("windows-2-a", LEFT, (True, True), Outcome.FAIL),
    ],
)
def test_a_denied_flow_leaves_never_arrives_and_is_not_answered(end, packets, controls, outcome):
    seen = an_observation(attempts=attempts(end), packets=packets, controls=controls)
    verdict = judge(a_case(DENIED), expectation(*as_ruled(DENIED)), seen)
    assert verdict.outcome is outcome
    if outcome is Outcome.PASS:
        assert "(denied: No rule admits it.)" in verdict.findings[0].expected
