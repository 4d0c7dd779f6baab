"""Streams of a case as requests to an agent, and what an agent answers as attempts."""

import pytest
from observed import a_case, a_flow
from streams_seen import TOKEN, answer, ask, numbers

from podwire.model.observations import ProbeError
from podwire.model.streams.load import StreamLoad
from podwire.model.streams.numbers import Interval, Server, Socket, StreamError, TransferFacts
from podwire.model.streams.seen import StreamSeen
from podwire.packets.stream_packets import MOST_USUAL, telling
from podwire.packets.stream_passages import messages_in, passages
from podwire.probing.calls import Garbled
from podwire.probing.streams.calls import streams_of
from podwire.probing.streams.runs import attempt_for, parameters_of
from podwire.probing.targets import Target

TARGET = Target(host="10.0.0.1", port=8080, ip="10.0.0.1")


def asked(load=None, **changes):
    return parameters_of(a_case(a_flow(**changes)), TARGET, TOKEN, 50000, load or StreamLoad())


@pytest.mark.parametrize(("family", "number"), [("ipv4", 4), ("ipv6", 6)])
def test_every_stream_has_its_token_its_target_and_its_port(family, number):
    parameters = asked(stream="steady", family=family)
    expected = {"stream": TOKEN, "token": TOKEN, "host": "10.0.0.1", "port": 8080, "preferred_port": 50000}
    assert {name: parameters[name] for name in expected} == expected
    assert parameters["family"] == number


def test_datagrams_go_in_bursts_and_messages_over_tcp_alone():
    udp, tcp = (asked(stream="steady", protocol=protocol, load=StreamLoad(rate=4)) for protocol in ("udp", "tcp"))
    assert (udp["every"], udp["burst"]) == (0.5, 2)
    assert (tcp["every"], tcp["burst"]) == (0.25, 1)


def test_a_dense_stream_sends_its_messages_in_the_least_time():
    parameters = asked(stream="dense", protocol="udp", load=StreamLoad(least=8, dense=(1000, 300)))
    assert parameters["count"] == 1000
    assert parameters["every"] * parameters["count"] / parameters["burst"] == pytest.approx(8)


def test_a_silent_stream_speaks_twice_over_one_connection():
    parameters = asked(stream="silent", load=StreamLoad(idle=270))
    assert (parameters["every"], parameters["count"], parameters["reconnect"]) == (270, 2, False)
    assert asked(stream="silent")["every"] > 3600


def test_a_transfer_has_its_bytes():
    assert asked(stream="transfer", load=StreamLoad(transfer=5000))["bytes"] == 5000


def test_a_one_way_stream_sends_datagrams_that_nobody_answers():
    parameters = asked(stream="one-way", protocol="udp")
    assert (parameters["proto"], parameters["one_way"]) == ("udp", True)
    assert 0 < parameters["every"] <= 1


def test_the_connections_of_a_case_send_at_the_rate_together():
    assert asked(stream="steady", connections=12)["every"] == 12 * asked(stream="steady")["every"]


def test_a_stream_with_answers_is_an_answered_attempt():
    stream = numbers(7, servers=(Server(5, "windows-2-a"),), sockets=(Socket(0, "10.0.0.2", 50000),))
    attempt = attempt_for(TOKEN, stream, TARGET)
    assert (attempt.reply.identity, attempt.error) == ("windows-2-a", None)
    assert (attempt.local, attempt.peer, attempt.elapsed) == (("10.0.0.2", 50000), ("10.0.0.1", 8080), 9.0)


def test_a_stream_without_answers_has_the_first_error_or_a_timeout():
    refused = StreamError(at=1, until=9, times=3, stage="connect", kind="refused", number=111, text="refused")
    nobody = numbers(7, counts={"answered": 0, "lost": 7})
    attempt = attempt_for(TOKEN, nobody, TARGET)
    assert attempt.error == ProbeError(stage="receive", kind="timeout", text="no answer to 7 messages")
    told = numbers(0, errors=(refused,))
    assert attempt_for(TOKEN, told, TARGET).error.kind == "refused"


def test_bytes_of_a_transfer_stand_in_its_attempt():
    facts = TransferFacts(asked=9, sent=9, received=8)
    attempt = attempt_for(TOKEN, numbers(0, transfer=facts), TARGET)
    assert (attempt.sent, attempt.received) == (9, 8)


@pytest.mark.parametrize("result", [{}, {"streams": 3}, {"streams": {"a": {"started": "x"}}}])
def test_a_garbled_answer_is_told(result):
    with pytest.raises(Garbled, match="no numbers of streams"):
        streams_of(result)


def test_a_long_stream_keeps_its_first_packets_and_those_of_lost_messages():
    packets = dict(enumerate(packet for number in range(1, 101) for packet in (ask(number), answer(number))))
    told = numbers(100, lost=(Interval(80, 81),))
    seen = StreamSeen(token=TOKEN, numbers=told, passages=passages("client-pod", packets, messages_in(packets, TOKEN)))
    kept = telling(packets, {TOKEN: seen})
    assert len(kept) == 2 * MOST_USUAL + 4
    assert {number for _, number in messages_in(kept, TOKEN)} == {*range(1, MOST_USUAL + 1), 80, 81}
