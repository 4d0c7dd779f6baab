"""Sockets after an ICMP error: who goes on after it waits, and does not turn without end."""

import select
import socket
import sys
import time

import pytest
from agent_for_tests import TOKEN, PipeChannel, changed_agent, free_port

from podwire.agent.sockets import take_icmp_error, tell_icmp_errors
from podwire.probing.client import AgentClient
from podwire.probing.streams.calls import streams_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Windows has no queue of errors")


def ready(sock, seconds):
    return bool(select.select([sock], [], [], seconds)[0])


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_socket_whose_error_was_taken_waits_again(family, host):
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        tell_icmp_errors(sock)
        sock.sendto(b"question", (host, free_port(socket.SOCK_DGRAM)))
        assert ready(sock, 20.0)
        with pytest.raises(ConnectionRefusedError):
            sock.recv(100)
        assert ready(sock, 0.0), "the kernel keeps the error, which is why it must be taken"
        take_icmp_error(sock)
        assert not ready(sock, 0.0)
        take_icmp_error(sock)


COUNTED = """
import podwire.agent.loop as loop
wait, taken = loop.EpollPoller.wait, loop.Lateness.taken
looks = 0
def counted(self, timeout):
    global looks
    looks += 1
    return wait(self, timeout)
loop.EpollPoller.wait = counted
loop.Lateness.taken = lambda self: {**taken(self), "late": looks}
"""
LOOKS = 50
"""Of a loop for one message: far more than a busy machine needs, far fewer than a loop that turns without end."""


@pytest.mark.parametrize("one_way", [False, True])
def test_a_stream_to_a_closed_port_waits_between_its_messages(one_way):
    channel = PipeChannel(*changed_agent(COUNTED, "rpc"))
    client = AgentClient("counted", lambda: channel)
    try:
        asked = {
            "stream": "a",
            "kind": "steady",
            "proto": "udp",
            "host": "127.0.0.1",
            "token": TOKEN,
            "one_way": one_way,
        }
        port = free_port(socket.SOCK_DGRAM)
        client.call("stream_start", {**asked, "port": port, "every": 0.1}, 20.0).result(25)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            time.sleep(0.2)
            now = streams_of(client.call("stream_state", {"streams": ["a"]}, 20.0).result(25))["a"]
            if now.totals.errors >= 5:
                break
        stopped = client.call("stream_stop", {"streams": ["a"], "linger": 0.0}, 20.0).result(25)
        looks = client.call("lateness", {}, 20.0).result(25)["late"]
    finally:
        client.close()
        channel.process.wait(20)
        channel.process.stdout.close()
    numbers = streams_of(stopped)["a"]
    assert numbers.totals.errors >= 5
    assert looks < LOOKS * numbers.counts.sent
