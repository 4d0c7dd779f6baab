"""One exchange of a real agent, over loopback: how it succeeds, and each way in which it can fail."""

import socket
import struct
import threading
from contextlib import contextmanager

import pytest
from agent_for_tests import TOKEN, agent, changed_agent, echo_server, exchange, free_port

from podwire.probing.client import AgentError, attempt_of

LOOPBACK = {4: "127.0.0.1", 6: "::1"}


@pytest.fixture(scope="module")
def client():
    with agent() as one:
        yield one


@pytest.fixture(scope="module")
def server():
    with echo_server() as port:
        yield port


@contextmanager
def answering(handle):
    """A TCP server for one connection, which `handle` gets."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            sock, _ = listener.accept()
            with sock:
                handle(sock)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("proto", ["tcp", "udp", "http"])
def test_both_ends_are_told_as_each_saw_them(client, server, proto, family):
    host = LOOPBACK[family]
    result = exchange(client, proto, server, host, family=family)
    assert result["error"] is None
    assert result["token"] == TOKEN
    assert result["peer"] == [host, server]
    reply = result["reply"]
    assert reply["identity"] == "server"
    assert [reply["source"], reply["source_port"]] == result["local"]
    assert [reply["destination"], reply["destination_port"]] == [host, server]
    assert 0 < result["elapsed"] < 5
    assert result["received"] > 0


@pytest.mark.parametrize("size", [1, 100, 320, 1472, 9000, 65507])
def test_a_datagram_of_any_size_is_answered(client, server, size):
    result = exchange(client, "udp", server, size=size)
    assert result["reply"], result
    assert (result["sent"], result["received"]) == (1, 1)


@pytest.mark.parametrize("size", [1, 23, 100, 1460, 65536, 1 << 20])
def test_a_stream_of_any_size_arrives_whole(client, server, size):
    result = exchange(client, "tcp", server, size=size)
    assert result["reply"], result
    assert result["sent"] == max(size, len(TOKEN) + len(" 22\n"))


def test_the_source_port_is_the_one_asked_for_even_at_once_again(client, server):
    for proto in ("tcp", "udp"):
        port = free_port()
        for _ in range(3):
            result = exchange(client, proto, server, source_port=port)
            assert result["error"] is None
            assert result["local"] == ["127.0.0.1", port]


def test_a_source_port_in_use_is_an_error_at_bind(client, server):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("0.0.0.0", 0))
        error = exchange(client, "udp", server, source_port=taken.getsockname()[1])["error"]
    assert error["stage"] == "bind"


def test_a_name_is_resolved_and_its_addresses_are_told(client, server):
    result = exchange(client, "tcp", server, "localhost", family=4, resolve=True)
    assert result["resolved"] == ["127.0.0.1"]
    assert result["reply"]


def test_a_name_where_an_address_should_be_is_not_resolved(client, server):
    error = exchange(client, "tcp", server, "localhost")["error"]
    assert error["stage"] == "resolve"
    assert "localhost is not an IP address" in error["text"]


@pytest.mark.parametrize(("proto", "stage"), [("tcp", "connect"), ("udp", "receive")])
def test_a_closed_port_refuses(client, proto, stage):
    error = exchange(client, proto, free_port())["error"]
    assert (error["stage"], error["kind"]) == (stage, "refused")


def test_silence_is_a_time_out_and_datagrams_are_sent_again_each_second(client):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        result = exchange(client, "udp", silent.getsockname()[1], timeout=1.3)
        got = [silent.recv(1000) for _ in range(2)]
    assert (result["error"]["stage"], result["error"]["kind"]) == ("receive", "timeout")
    assert result["sent"] == 2
    assert 1.3 <= result["elapsed"] < 2
    assert got[0] == got[1]
    assert got[0].startswith(TOKEN.encode())


def test_a_server_that_accepts_and_says_nothing_is_a_time_out_at_receive(client):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        error = exchange(client, "tcp", listener.getsockname()[1], timeout=0.5)["error"]
    assert (error["stage"], error["kind"]) == ("receive", "timeout")


def test_a_full_backlog_is_a_time_out_at_connect(client):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        with socket.create_connection(listener.getsockname()):
            error = exchange(client, "tcp", listener.getsockname()[1], timeout=0.5)["error"]
    assert (error["stage"], error["kind"]) == ("connect", "timeout")


def test_a_reset_is_told_as_one(client):
    def reset(sock):
        sock.recv(10)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with answering(reset) as port:
        error = exchange(client, "tcp", port)["error"]
    assert (error["stage"], error["kind"]) == ("receive", "reset")


def test_an_end_without_an_answer_is_told(client):
    with answering(lambda sock: sock.recv(1000)) as port:
        error = exchange(client, "tcp", port)["error"]
    assert (error["kind"], error["text"]) == ("other", "the server closed the connection without an answer")


def test_an_answer_of_something_else_is_quoted(client):
    def speak(sock):
        sock.recv(1000)
        sock.sendall(b"SSH-2.0-OpenSSH\r\n")

    with answering(speak) as port:
        error = exchange(client, "tcp", port)["error"]
    assert "SSH-2.0-OpenSSH" in error["text"]


def test_any_web_server_answers_http_but_has_no_identity(client):
    def serve(sock):
        sock.recv(1000)
        sock.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno")
        sock.recv(1000)  # It keeps the connection open; the client must not wait for its end.

    with answering(serve) as port:
        result = exchange(client, "http", port, timeout=2.0)
    assert result["reply"]["identity"] == ""
    assert (result["status"], result["body"]) == (404, "no")


def test_another_path_is_asked_for_and_a_strange_answer_is_told_with_its_beginning(client):
    asked = []

    def serve(sock):
        asked.append(sock.recv(1000).split(b"\r\n")[0])
        body = b'{"localEndpoints":0}' + b"\xff" + b"x" * 400
        sock.sendall(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    with answering(serve) as port:
        attempt = attempt_of(exchange(client, "http", port, path="/healthz?verbose"))
    assert asked == [b"GET /healthz?verbose HTTP/1.1"]
    assert (attempt.status, attempt.reply.identity, attempt.error) == (503, "", None)
    assert attempt.body == '{"localEndpoints":0}\ufffd' + "x" * 235


def test_the_body_of_an_own_answer_is_not_told(client, server):
    attempt = attempt_of(exchange(client, "http", server, path=f"/deep/{TOKEN}?more"))
    assert (attempt.status, attempt.reply.identity, attempt.body) == (200, "server", "")


@pytest.mark.parametrize("path", ["healthz", "/a b", "/a\r\nHost: b", "/\u00e4"])
def test_what_is_no_path_is_refused(client, server, path):
    with pytest.raises(AgentError, match=r"exchange: parameter 'path': .* is not a path"):
        exchange(client, "http", server, path=path)


@pytest.mark.parametrize("proto", ["tcp", "udp", "http"])
def test_the_source_address_is_the_one_asked_for(client, server, proto):
    port = free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.5", 0))
        ports = {"source_port": port}, {"preferred_port": port}, {"preferred_port": taken.getsockname()[1]}, {}
        results = [exchange(client, proto, server, bind_address="127.0.0.5", **one) for one in ports]
    for result in results:
        assert result["error"] is None
        assert result["local"] == [result["reply"]["source"], result["reply"]["source_port"]]
        assert result["reply"]["source"] == "127.0.0.5"
    assert [result["local"][1] for result in results[:2]] == [port, port]


def test_a_source_address_that_is_none_of_this_host_is_an_error_at_bind(client, server):
    for address, text in (
        ("192.0.2.1", "Cannot assign requested address"),
        ("localhost", "localhost is not an IPv4 address"),
        ("::1", "::1 is not an IPv4 address"),
    ):
        error = exchange(client, "tcp", server, bind_address=address)["error"]
        assert (error["stage"], error["text"]) == ("bind", text)


def has_sctp():
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(has_sctp(), reason="this kernel has SCTP")
def test_sctp_where_the_kernel_has_none_ends_at_bind(client, server):
    error = exchange(client, "sctp", server)["error"]
    assert (error["stage"], error["kind"], error["text"]) == ("bind", "unsupported", "the system does not support SCTP")


@pytest.mark.skipif(not has_sctp(), reason="NO SCTP IS TESTED: this kernel has none")
@pytest.mark.parametrize("family", [4, 6])
def test_a_message_over_sctp_is_answered(client, server, family):
    result = exchange(client, "sctp", server, LOOPBACK[family])
    assert result["error"] is None
    assert [result["reply"]["source"], result["reply"]["source_port"]] == result["local"]


def test_what_goes_over_sctp_goes_as_over_tcp(server):
    """With the number of TCP in the place of SCTP's: what the agent does with such a socket, on any kernel."""
    with agent(*changed_agent("from podwire.agent import sockets; sockets.SCTP = 6", "rpc")) as client:
        result = exchange(client, "sctp", server)
    assert result["reply"]["identity"] == "server"
    assert result["sent"] == 256


def test_an_answer_from_another_address_is_named_and_does_not_count(client):
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        asked.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.2", 0))
        params = {"proto": "udp", "host": "127.0.0.1", "port": asked.getsockname()[1], "token": TOKEN, "timeout": 0.6}
        answer = client.call("exchange", params)
        _, peer = asked.recvfrom(1000)
        other.sendto(b'{"token":"%s"}' % TOKEN.encode(), peer)
        result = answer.result(10)
    assert result["reply"] is None
    assert result["peer"][0] == "127.0.0.2"
    assert "the answer came from 127.0.0.2" in result["error"]["text"]


def test_a_burst_is_all_in_flight_at_once(client, server):
    one = {"proto": "udp", "host": "127.0.0.1", "port": server, "token": TOKEN, "size": 400, "timeout": 5.0}
    attempts = client.call("burst", {"exchanges": [one] * 50}).result(20)["attempts"]
    assert len({attempt["local"][1] for attempt in attempts}) == 50
    assert all(attempt["reply"] for attempt in attempts)


def test_what_is_asked_wrongly_is_said_in_one_line(client):
    for params, text in (
        ({}, "exchange: parameter 'proto' is missing"),
        (
            {"proto": "x", "port": 1, "token": "t", "timeout": 1, "host": "::1"},
            "'x' is not tcp, udp, sctp, http or tunnel",
        ),
        ({"proto": "tcp", "port": "x", "token": "t", "timeout": 1, "host": "::1"}, "'port': 'x' is not int"),
    ):
        with pytest.raises(AgentError, match=text):
            client.call("exchange", params).result(10)


def test_an_attempt_becomes_a_value(client, server):
    attempt = attempt_of(exchange(client, "tcp", server))
    assert attempt.answered
    assert attempt.local[0] == "127.0.0.1"
    failed = attempt_of(exchange(client, "tcp", free_port()))
    assert (failed.error.stage, failed.error.kind, failed.reply) == ("connect", "refused", None)
    with pytest.raises(ValueError, match="not an attempt"):
        attempt_of({"token": "x"})


def test_a_sequence_keeps_its_order_and_never_has_more_in_flight_than_asked(client):
    """The server holds every connection until a few are open, so that a client with fewer would be seen as well."""
    open_now, most, lock, gate = [], [0], threading.Lock(), threading.Barrier(4)

    def handle(sock):
        with sock:
            with lock:
                open_now.append(sock)
                most[0] = max(most[0], len(open_now))
            gate.wait(10)
            sock.recv(1000)
            with lock:  # Before the client can know that it has ended.
                open_now.remove(sock)
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            for _ in range(40):
                threading.Thread(target=handle, args=(listener.accept()[0],), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        one = {"proto": "http", "host": "127.0.0.1", "port": listener.getsockname()[1], "timeout": 20.0}
        several = [{**one, "token": f"t{n}"} for n in range(40)]
        attempts = client.call("sequence", {"exchanges": several, "at_once": 4}, 60.0).result(60)["attempts"]
    assert [attempt["token"] for attempt in attempts] == [f"t{n}" for n in range(40)]
    assert [attempt["error"] for attempt in attempts] == [None] * 40
    assert most == [4]


def test_a_thousand_connections_of_one_client_each_with_a_port_of_its_own(client, server):
    one = {"proto": "tcp", "host": "127.0.0.1", "port": server, "token": TOKEN, "size": 100, "timeout": 10.0}
    first = 20000
    several = [{**one, "source_port": first + n} for n in range(1000)]
    attempts = client.call("sequence", {"exchanges": several, "at_once": 64}, 60.0).result(60)["attempts"]
    assert [attempt["error"] for attempt in attempts if attempt["error"]] == []
    assert [attempt["reply"]["source_port"] for attempt in attempts] == list(range(first, first + 1000))
