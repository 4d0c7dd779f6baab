"""Answers that are wished for, half-closed connections, changed bytes, and exchanges that go on or are given up."""

import socket

import pytest
from agent_for_tests import TOKEN, agent, changed_server, echo_server, exchange, free_port


@pytest.fixture(scope="module")
def client():
    with agent() as one:
        yield one


@pytest.fixture(scope="module")
def server():
    with echo_server() as port:
        yield port


@pytest.mark.parametrize("size", [320, 1472, 4000])
def test_a_datagram_is_answered_as_long_as_it_is_wished_for(client, server, size):
    result = exchange(client, "udp", server, size=size, answer=size)
    assert (result["error"], result["sent"]) == (None, 1)


@pytest.mark.parametrize("size", [2000, 20000, 60000])
def test_a_server_answers_after_the_end_of_the_clients_side(client, server, size):
    result = exchange(client, "tcp", server, size=256, answer=size, half_close=True)
    assert (result["error"], result["received"]) == (None, size)


OLDER = """
import podwire.agent.messages as messages
messages.wished = lambda data: (0, False)
"""
CHANGED = """
import podwire.agent.messages as messages
whole = messages.datagram_answer
messages.datagram_answer = lambda data, *rest: whole(data[:200] + b"!" + data[201:], *rest)
"""


@pytest.mark.parametrize(("proto", "wish"), [("udp", {}), ("tcp", {"half_close": True})])
def test_an_agent_of_an_earlier_version_is_told_by_its_short_answer(client, proto, wish):
    with changed_server(OLDER) as port:
        error = exchange(client, proto, port, size=2000, answer=2000, timeout=0.5, **wish)["error"]
        assert "wished for 2000 (an agent of an earlier version has none)" in error["text"]
        assert exchange(client, proto, port)["error"] is None


def test_one_byte_of_a_datagram_that_is_changed_shows(client):
    with changed_server(CHANGED) as port:
        error = exchange(client, "udp", port, timeout=0.5)["error"]
    assert (error["stage"], error["text"]) == ("receive", "the server got other bytes")


def test_after_too_many_without_an_answer_the_others_are_not_sent(client):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        common = {"proto": "udp", "host": "127.0.0.1", "port": silent.getsockname()[1], "family": 4, "timeout": 0.1}
        several = [{**common, "token": f"{TOKEN[:-1]}{at}"} for at in range(9)]
        asked = {"exchanges": several, "at_once": 1, "give_up": 4}
        attempts = client.call("sequence", asked, 10.0).result(10)["attempts"]
    assert [attempt["token"] for attempt in attempts] == [attempt["token"] for attempt in several]
    assert sum("too many before" in attempt["error"]["text"] for attempt in attempts) == 5


def test_a_datagram_that_is_refused_is_sent_again_where_the_exchange_is_to_go_on(client):
    refused = exchange(client, "udp", free_port(), timeout=1.2, go_on=True)
    assert (refused["error"]["kind"], refused["sent"]) == ("timeout", 2)
