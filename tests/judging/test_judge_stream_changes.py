"""What is judged of streams when the endpoints of their Service change."""

import pytest
from changed import replace
from observed import BINDINGS, POINTS, a_case, a_flow, an_observation
from streams_seen import ask, at_points, numbers

from podwire import stream
from podwire.judging.expectation import Expectation
from podwire.judging.judge import judge
from podwire.model.streams.numbers import Server, StreamError
from podwire.model.streams.seen import Mark
from podwire.model.symbols import STAYING
from podwire.model.verdicts import Outcome

RESET = StreamError(at=4200, until=4200, times=1, stage="receive", kind="reset", number=104, text="by peer")
GONE, BACK = Mark(change="endpoints-gone", before=10, shown=14), Mark(change="endpoints-back", before=24, shown=28)


def judged(part, *streams, kind="steady", protocol="tcp", bindings=None):
    flow = a_flow(stream=kind, protocol=protocol)
    observation = an_observation(packets=dict.fromkeys(POINTS, ()), streams=streams)
    return judge(a_case(flow), Expectation((part,)), replace(observation, bindings=BINDINGS | (bindings or {})))


def to(identity, **changes):
    return at_points({}, numbers(servers=(Server(5, identity),), **changes))


def test_of_several_streams_those_to_the_pod_that_stays_live_on():
    lives, ends = to("linux-1-outlived-left"), to("linux-1-outlived-gone", errors=(RESET,))
    part = stream.lives_on(behind="outlived-left")
    assert judged(part, lives, ends).outcome is Outcome.PASS
    assert judged(part, ends, ends).outcome is Outcome.INCONCLUSIVE
    assert judged(part, to("linux-1-outlived-left", errors=(RESET,)), ends).outcome is Outcome.FAIL


def test_of_a_list_of_endpoints_those_that_stay_are_told_by_the_run():
    stays, gone = to("linux-1-b"), to("linux-2-b", errors=(RESET,))
    staying = {STAYING: ("linux-1-b", "windows-1-b")}
    assert judged(stream.lives_on(), stays, gone, bindings=staying).outcome is Outcome.PASS
    assert judged(stream.lives_on(), to("windows-1-b", errors=(RESET,)), bindings=staying).outcome is Outcome.FAIL
    assert judged(stream.lives_on(), stays).outcome is Outcome.INCONCLUSIVE
    assert "an endpoint that stays" in judged(stream.lives_on(), gone, bindings=staying).reason


def one_way(arrived, marks=(GONE, BACK), sent=40):
    """A stream of 40 datagrams without answers, of which these arrive at the server."""
    by_point = {point: [ask(number) for number in arrived] for point in POINTS[1:]}
    by_point[POINTS[0]] = [ask(number) for number in range(1, sent + 1)]
    return replace(at_points(by_point, numbers(sent, counts={"answered": 0})), marks=marks)


USUAL = [*range(1, 13), *range(26, 41)]


@pytest.mark.parametrize(
    ("arrived", "expected"),
    [
        pytest.param(USUAL, Outcome.PASS, id="none without endpoint"),
        pytest.param([*range(1, 18), *range(26, 41)], Outcome.PASS, id="the first half of that time"),
        pytest.param(range(1, 41), Outcome.FAIL, id="the old endpoint gets all"),
        pytest.param([*USUAL, 22], Outcome.FAIL, id="one reaches the old endpoint"),
        pytest.param(range(1, 13), Outcome.FAIL, id="dead after the endpoint is back"),
        pytest.param([*range(1, 13), *range(26, 37)], Outcome.FAIL, id="the last are lost"),
        pytest.param(range(26, 41), Outcome.FAIL, id="none before"),
        pytest.param([number for number in USUAL if number != 31], Outcome.PASS, id="one loss"),
    ],
)
def test_datagrams_reach_the_endpoint_while_there_is_one(arrived, expected):
    verdict = judged(stream.while_served(), one_way(arrived), kind="one-way", protocol="udp")
    assert verdict.outcome is expected


@pytest.mark.parametrize("marks", [(), (GONE,), (GONE, Mark(change="endpoints-back", before=14, shown=15))])
def test_without_knowing_what_was_sent_without_an_endpoint_nothing_is_proved(marks):
    verdict = judged(stream.while_served(), one_way(USUAL, marks), kind="one-way", protocol="udp")
    assert verdict.outcome is Outcome.INCONCLUSIVE
