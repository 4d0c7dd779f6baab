"""Streams of the agent on Windows, as client and as server, across a cable."""

import time

import pytest
from agent_for_tests import TOKEN
from wine_places import LINUX, LINUX_V6, WINDOWS, WINDOWS_V6

from podwire.probing.streams.calls import streams_of


def run(client, host, met, **params):
    """The numbers of a stream that was stopped when `met` was true of them."""
    stream = {"stream": "a", "proto": "udp", "every": 0.05, "host": host, "port": 8080, "token": TOKEN, **params}
    client.call("stream_start", stream, 60.0).result(70)
    end = time.monotonic() + 60
    while not met(streams_of(client.call("stream_state", {}, 60.0).result(70))["a"]) and time.monotonic() < end:
        time.sleep(0.05)
    return streams_of(client.call("stream_stop", {"linger": 10.0}, 60.0).result(70))["a"]


@pytest.mark.parametrize("proto", ["tcp", "udp"])
@pytest.mark.parametrize("host", [LINUX, LINUX_V6])
def test_a_windows_client_has_each_message_answered(windows, linux_server, host, proto):
    numbers = run(windows, host, lambda now: now.counts.answered >= 10, kind="steady", proto=proto)
    assert (numbers.counts.sent, numbers.errors) == (numbers.counts.answered, ())


@pytest.mark.parametrize("proto", ["tcp", "udp"])
@pytest.mark.parametrize("host", [WINDOWS, WINDOWS_V6])
def test_a_windows_server_answers_each_message(linux, windows_server, host, proto):
    numbers = run(linux, host, lambda now: now.counts.answered >= 10, kind="steady", proto=proto)
    assert (numbers.counts.sent, numbers.errors) == (numbers.counts.answered, ())


def test_a_transfer_from_windows_arrives_whole(windows, linux_server):
    numbers = run(windows, LINUX, lambda now: now.ended, kind="transfer", bytes=1_000_000)
    assert (numbers.transfer.whole, numbers.errors) == (True, ())


def test_a_transfer_to_windows_arrives_whole(linux, windows_server):
    numbers = run(linux, WINDOWS, lambda now: now.ended, kind="transfer", bytes=1_000_000)
    assert (numbers.transfer.whole, numbers.errors) == (True, ())
