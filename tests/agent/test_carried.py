"""The longest datagram that is answered: at once where the longest is, by bisection where longer ones are lost."""

import socket
import threading
from contextlib import contextmanager

import pytest
from agent_for_tests import TOKEN, agent, echo_server

from podwire.agent.messages import compact, echo

LEAST, MOST = 548, 1422


@contextmanager
def a_path_that_carries(longest):
    """A server on the loopback that gets no datagram of more bytes; yields its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))

        def serve():
            while True:
                data, peer = sock.recvfrom(65536)
                if data == b"end":
                    return
                if len(data) <= longest:
                    sock.sendto(compact(echo(TOKEN, "server", peer, sock.getsockname(), received=len(data))), peer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield sock.getsockname()[1]
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.sendto(b"end", sock.getsockname())
            thread.join(5)


def carried(port, least=LEAST, most=MOST):
    params = {"host": "127.0.0.1", "port": port, "family": 4, "token": TOKEN, "timeout": 4.0}
    with agent() as client:
        return client.call("carried", {**params, "least": least, "size": most}, 20.0).result(25)


def test_one_datagram_is_enough_where_the_longest_is_answered():
    with echo_server() as port:
        attempt = carried(port)
    assert (attempt["error"], attempt["sent"]) == (None, 1)
    assert attempt["reply"]["identity"] == "server"
    assert attempt["local"][0] == "127.0.0.1"


@pytest.mark.parametrize("longest", [LEAST, 1000, MOST - 1])
def test_the_longest_that_is_answered_is_found_to_the_byte(longest):
    with a_path_that_carries(longest) as port:
        attempt = carried(port)
    assert attempt["error"]["text"].startswith(f"datagrams of {longest} bytes are answered, longer ones are not;")


def test_a_path_that_carries_nothing_says_so():
    with a_path_that_carries(0) as port:
        attempt = carried(port)
    assert attempt["error"]["text"] == f"no datagram of {LEAST} bytes is answered either"
