"""What is judged of a stream: its connection, its answers, its gaps, its order, its bytes."""

import pytest
from changed import replace
from observed import POINTS, a_case, a_flow, an_observation
from streams_seen import answer, ask, at_points, numbers

from podwire import stream
from podwire.judging.expectation import Expectation
from podwire.judging.judge import judge
from podwire.model.observations import ControlResult
from podwire.model.streams.numbers import Gap, Interval, StreamError, Totals, TransferFacts
from podwire.model.verdicts import Outcome

RESET = StreamError(at=4200, until=4200, times=1, stage="receive", kind="reset", number=104, text="by peer")


def judged(part, *streams, kind="steady", protocol="tcp", controls=None):
    flow = a_flow(stream=kind, protocol=protocol)
    observation = an_observation(packets=dict.fromkeys(POINTS, ()), streams=streams)
    if controls is not None:
        observation = replace(observation, controls=controls)
    return judge(a_case(flow), Expectation((part,)), observation)


def outcome(part, *streams, **more):
    return judged(part, *streams, **more).outcome


def test_a_stream_without_errors_is_unbroken():
    assert outcome(stream.unbroken(), at_points({})) is Outcome.PASS


def test_an_error_of_the_socket_or_a_new_connection_breaks_it():
    broken = at_points({}, numbers(errors=(RESET,), totals=Totals(errors=1, reconnects=1)))
    verdict = judged(stream.unbroken(), broken)
    assert verdict.outcome is Outcome.FAIL
    assert "4.2 s: reset at receive by peer" in verdict.reason
    assert outcome(stream.unbroken(), at_points({}, numbers(totals=Totals(reconnects=1)))) is Outcome.FAIL


def test_a_stream_that_broke_between_failed_controls_says_nothing():
    failed = (ControlResult(name="echo", before=True, after=False, detail="timeout"),)
    broken = at_points({}, numbers(errors=(RESET,)))
    assert outcome(stream.unbroken(), broken, controls=failed) is Outcome.INCONCLUSIVE
    assert outcome(stream.unbroken(), at_points({}), controls=failed) is Outcome.PASS


def lossy(*lost, sent=40, late=0, places=True):
    """A stream without answers to these messages, which the server's captures did not see, or saw."""
    count = sum(last - first + 1 for first, last in lost)
    gone = {number for first, last in lost for number in range(first, last + 1)}
    usual = [p for n in range(1, sent + 1) if n not in gone or not places for p in (ask(n), answer(n))]
    client = [ask(n) for n in range(1, sent + 1)] + [
        answer(n) for n in range(1, sent + 1) if n not in gone or not places
    ]
    told = numbers(
        sent,
        counts={"answered": sent - count, "lost": count, "late": late},
        lost=tuple(Interval(*interval) for interval in lost),
    )
    return at_points({POINTS[0]: client, **dict.fromkeys(POINTS[1:], usual)}, told)


def test_a_few_datagrams_whose_place_is_known_count_for_their_path():
    assert outcome(stream.answered(), lossy((3, 3), (9, 10)), protocol="udp") is Outcome.PASS


@pytest.mark.parametrize("lost", [((3, 30),), ((33, 40),)])
def test_a_stream_that_goes_dead_or_loses_most_fails(lost):
    assert outcome(stream.answered(), lossy(*lost), protocol="udp") is Outcome.FAIL


def test_a_missing_answer_over_tcp_fails():
    assert outcome(stream.answered(), lossy((3, 3)), protocol="tcp") is Outcome.FAIL


def test_an_answer_that_came_late_is_an_answer():
    assert outcome(stream.answered(), lossy((3, 4), late=2, places=False), protocol="tcp") is Outcome.PASS


def test_a_missing_datagram_that_no_capture_lost_fails():
    assert outcome(stream.answered(), lossy((3, 3), places=False), protocol="udp") is Outcome.FAIL


def test_missing_datagrams_say_nothing_where_captures_cannot_tell():
    seen = lossy((3, 3), places=False)
    flow = a_flow(stream="steady", protocol="udp")
    holey = an_observation(packets=dict.fromkeys(POINTS, ()), streams=(seen,), unusable=("server-pod",))
    verdict = judge(a_case(flow), Expectation((stream.answered(),)), holey)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reason.startswith("nobody knows where datagrams were lost: the capture at the server-pod")


def waiting(length, delay=0, served=0):
    told = numbers(longest=length, gaps=(Gap(1000, length, 3, delay),), totals=Totals(gaps=1))
    return replace(at_points({}, told), served=served)


def test_a_long_wait_for_an_answer_is_a_gap():
    assert outcome(stream.gap(at_most=5.0), waiting(4900)) is Outcome.PASS
    verdict = judged(stream.gap(at_most=5.0), waiting(5100))
    assert verdict.outcome is Outcome.FAIL
    assert "the longest was 5.1 s at 1.0 s, 3 messages sent meanwhile" in verdict.reason


@pytest.mark.parametrize(("busy", "why"), [({"delay": 3000}, "client itself"), ({"served": 3000}, "left the server")])
def test_a_gap_of_a_busy_machine_says_nothing(busy, why):
    verdict = judged(stream.gap(at_most=5.0), waiting(5100, **busy))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert why in verdict.reason


def usual(count=100):
    return [packet for n in range(1, count + 1) for packet in (ask(n), answer(n))]


def test_messages_that_overtake_others_fail_when_a_healthy_path_would_hardly_show_so_many():
    swapped = usual()
    few = [*swapped[2:4], *swapped[:2], *swapped[4:]]
    many = [packet for at in range(0, 200, 4) for packet in (*swapped[at + 2 : at + 4], *swapped[at : at + 2])]
    for packets, expected in ((few, Outcome.PASS), (many, Outcome.FAIL)):
        seen = at_points({POINTS[3]: packets}, numbers(100))
        assert outcome(stream.in_order(), seen, kind="dense", protocol="udp") is expected


def test_messages_that_arrive_twice_fail_when_a_healthy_path_would_hardly_show_so_many():
    for more, expected in ((1, Outcome.PASS), (20, Outcome.FAIL)):
        seen = at_points({POINTS[3]: [*usual(), *(ask(n) for n in range(1, more + 1))]}, numbers(100))
        assert outcome(stream.once(), seen, kind="dense", protocol="udp") is expected


def test_a_silent_connection_must_be_answered_again():
    spoke = at_points({}, numbers(2, last=8000))
    assert outcome(stream.speaks_again(), spoke, kind="silent") is Outcome.PASS
    mute = at_points({}, numbers(2, last=8000, counts={"answered": 1, "lost": 1}, lost=(Interval(2, 2),)))
    verdict = judged(stream.speaks_again(), mute, kind="silent")
    assert verdict.outcome is Outcome.FAIL
    assert verdict.reason == "client: expected an answer after a silence of 8.0 s, no answer"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Outcome.PASS),
        ({"stall": 10_100}, Outcome.FAIL),
        ({"whole": False, "received": 40}, Outcome.FAIL),
    ],
)
def test_a_transfer_must_be_whole_and_never_stand_still(changes, expected):
    facts = {"asked": 1000, "sent": 1000, "received": 1000, "elapsed": 900, "whole": True, **changes}
    seen = at_points({}, numbers(0, transfer=TransferFacts(**facts)))
    assert outcome(stream.transferred(), seen, kind="transfer") is expected


def test_parts_of_streams_are_asked_of_streams_only():
    assert stream.unbroken().unfit(a_flow()) == (
        "stream.unbroken is asked of a flow with stream='steady' or 'dense' or 'silent'"
    )
    assert stream.transferred().unfit(a_flow(stream="transfer")) is None
