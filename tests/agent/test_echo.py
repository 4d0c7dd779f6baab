"""The echo server: answers what it is asked, never more than that, and cannot be worn down."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager

import pytest
from agent_for_tests import AGENT, TOKEN, changed_agent, echo_server, free_port


@pytest.fixture(scope="module")
def server():
    with echo_server() as port:
        yield port


def ask(port, data, host="127.0.0.1", timeout=2.0, bound=None):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(timeout)
        if bound:
            sock.bind((bound, 0))
        sock.sendto(data, (host, port))
        try:
            return sock.recvfrom(65536)
        except TimeoutError:
            return None


def question(size, token=TOKEN):
    return (f"{token} {size}\n".encode() + b"x" * size)[:size]


@pytest.mark.parametrize("size", [22, 60, 100, 120, 150, 180, 250, 400])
def test_an_answer_is_never_longer_than_its_question(server, size):
    answer = ask(server, question(size), timeout=0.3)
    if size < 90:
        assert answer is None
    else:
        assert len(answer[0]) <= size
        assert json.loads(answer[0])["source"] == "127.0.0.1"


@pytest.mark.parametrize("data", [b"", b"hello", TOKEN.encode() + b" beacon\n" + b"x" * 400, b"\0" * 400, b"{" * 400])
def test_what_is_no_question_gets_no_answer(server, data):
    assert ask(server, data, timeout=0.2) is None


def test_an_answer_is_no_question(server):
    answer, _ = ask(server, question(400))
    assert ask(server, answer + b" " * 400, timeout=0.2) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "127.1.2.3", "::1"])
def test_the_answer_leaves_from_the_address_that_was_reached(server, host):
    answer, peer = ask(server, question(400), host)
    assert peer[0] == host
    assert json.loads(answer)["destination"] == host


def stream(port, data, host="127.0.0.1"):
    with socket.create_connection((host, port), 5) as sock:
        sock.sendall(data)
        received = b""
        while piece := sock.recv(65536):
            received += piece
        return received


def test_a_stream_gets_the_digest_of_what_came(server):
    import zlib

    data = question(100_000)
    answer = json.loads(stream(server, data))
    assert (answer["received"], answer["crc32"]) == (100_000, zlib.crc32(data))


def test_a_stream_that_is_cut_shows_what_came(server):
    with socket.create_connection(("127.0.0.1", server), 5) as sock:
        sock.sendall(question(1000)[:600])
        sock.shutdown(socket.SHUT_WR)
        assert json.loads(sock.recv(1000))["received"] == 600


def test_a_get_is_answered_as_http(server):
    with urllib.request.urlopen(f"http://127.0.0.1:{server}/{TOKEN}", timeout=5) as answer:
        tree = json.load(answer)
    assert answer.headers["Content-Type"] == "application/json"
    assert (tree["token"], tree["identity"]) == (TOKEN, "server")


def test_a_head_has_no_body(server):
    answer = stream(server, b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\n")


def test_the_http_port_serves_too():
    port = free_port()
    with echo_server("--http-port", str(port)), urllib.request.urlopen(f"http://[::1]:{port}/", timeout=5) as answer:
        assert json.load(answer)["source"] == "::1"


def test_hundreds_of_clients_that_hang_do_not_keep_others_out(server):
    hanging = [socket.create_connection(("127.0.0.1", server), 5) for _ in range(400)]
    try:
        for sock in hanging[::2]:
            sock.sendall(TOKEN.encode())
        assert json.loads(stream(server, question(300)))["received"] == 300
    finally:
        for sock in hanging:
            sock.close()


def test_the_oldest_connection_goes_when_there_are_too_many():
    port = free_port()
    few = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))"
    server = subprocess.Popen(changed_agent(few, "serve", "--port", str(port)), stderr=subprocess.PIPE)
    try:
        server.stderr.readline()
        hanging = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(150)]
        assert json.loads(stream(port, question(300)))["received"] == 300
        hanging[0].settimeout(2)
        assert hanging[0].recv(1) == b""
        for sock in hanging:
            sock.close()
    finally:
        server.kill()
        server.wait(5)
        server.stderr.close()


def test_sigterm_ends_it_at_once():
    server = subprocess.Popen([sys.executable, *AGENT, "serve", "--port", str(free_port())], stderr=subprocess.PIPE)
    server.stderr.readline()
    began = time.monotonic()
    server.send_signal(signal.SIGTERM)
    assert server.wait(5) == 0
    assert time.monotonic() - began < 0.5
    server.stderr.close()


def test_a_port_in_use_is_one_clear_line():
    with socket.create_server(("0.0.0.0", 0)) as taken:
        command = [sys.executable, *AGENT, "serve", "--port", str(taken.getsockname()[1])]
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 1
    assert "cannot listen on 0.0.0.0 port" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def serving(*options):
    """A server process of its own, ready; the caller ends it."""
    server = subprocess.Popen([sys.executable, *AGENT, "serve", *options], stderr=subprocess.PIPE)
    assert server.stderr.readline().startswith(b"podwire agent: echo on port")
    return server


def test_several_ports_are_served_alike():
    first, second = free_port(), free_port()
    with echo_server("--port", str(first), "--port", str(second)) as port:
        for one in (port, first, second):
            assert json.loads(stream(one, question(300)))["destination_port"] == one
            assert json.loads(ask(one, question(400))[0])["destination_port"] == one


WRONG = [
    *([], ["serve"], ["serve", "--port", "x"], ["rpc", "extra"], ["nonsense"], ["serve", "--port"]),
    *(["serve", "--port", one] for one in ("65536", "-1", "\u00b2", "")),
    *(["serve", "--port", "8080", *more] for more in (["--dns-port"], ["--dns-port", "1.5"], ["--dns", "53"], ["x"])),
    ["serve", "--http-port", "80"],
]


@pytest.mark.parametrize("arguments", WRONG)
def test_wrong_usage_says_the_usage(arguments):
    done = subprocess.run([sys.executable, *AGENT, *arguments], capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: agent.pyz serve")


def test_a_slow_head_is_not_kept():
    """60 kB of a head in each of 200 connections were 12 MB."""
    with limited("") as (server, port):
        before, made = resident(server), [socket.create_connection(("127.0.0.1", port), 5) for _ in range(200)]
        for sock in made:
            sock.sendall(b"GET /slow HTTP/1.1\r\nX-Padding: " + b"x" * 60_000)
        assert json.loads(stream(port, question(300)))["received"] == 300
        assert resident(server) - before < 4_000
        for sock in made:
            sock.close()


def test_a_head_must_be_whole_in_its_time_however_often_a_byte_comes():
    with limited("import podwire.agent.echo; podwire.agent.echo.IDLE = 1.0") as (_, port):
        with socket.create_connection(("127.0.0.1", port), 5) as sock:
            sock.settimeout(0.05)
            sock.sendall(b"GET /x HTTP/1.1\r\n")
            # The server ends it, although a byte comes ten times as often as a client may be silent.
            assert any(ended(sock) for _ in range(600))
        with socket.create_connection(("127.0.0.1", port), 5) as sock:
            sock.sendall(b"GET /x HTTP/1.1\r\n\r\n")
            assert sock.recv(100).startswith(b"HTTP/1.1 200 OK")


def ended(sock):
    """Send a byte, and tell whether the other end has closed the connection."""
    try:
        sock.sendall(b"x")
        return sock.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def test_one_peer_has_so_many_connections_and_loses_the_one_that_was_silent_longest():
    names = free_port()
    change = "import podwire.agent.guests; podwire.agent.guests.MOST_OF_A_PEER = 3"
    with limited(change, "--dns-port", str(names)):
        other = socket.socket()
        other.bind(("127.0.0.9", 0))
        other.connect(("127.0.0.1", names))
        first, second, third = (socket.create_connection(("127.0.0.1", names), 5) for _ in range(3))
        assert looked_up(third)
        assert looked_up(first)  # Now the second is the one that was silent longest.
        fourth = socket.create_connection(("127.0.0.1", names), 5)
        second.settimeout(5)
        assert second.recv(1) == b""
        assert all(map(looked_up, (other, first, third, fourth)))
        for sock in (other, first, second, third, fourth):
            sock.close()


def looked_up(sock):
    """Ask for a name over a connection that stays; the first byte of the answer to it."""
    query = b"\0\7\1\0\0\1\0\0\0\0\0\0\1x\0\0\1\0\1"
    sock.settimeout(5)
    sock.sendall(len(query).to_bytes(2, "big") + query)
    return sock.recv(100)[2:4] == query[:2]


def test_a_query_that_claims_to_be_longer_than_any_name_ends_its_connection():
    port = free_port()
    with echo_server("--dns-port", str(port)), socket.create_connection(("127.0.0.1", port), 5) as sock:
        sock.sendall(b"\xff\xff" + b"x" * 100)
        sock.settimeout(5)
        assert sock.recv(1) == b""


@pytest.mark.parametrize(
    ("given", "answers", "silent"),
    [
        ("127.0.0.1", ["127.0.0.1"], ["127.0.0.2", "::1"]),
        ("127.0.0.2,::1", ["127.0.0.2", "::1"], ["127.0.0.1"]),
        ("", ["127.0.0.1", "127.0.0.2", "::1"], []),
        ("192.0.2.77", ["127.0.0.1", "::1"], []),
    ],
    ids=["one", "both families", "none", "one that a cloud translates"],
)
def test_it_listens_at_the_addresses_that_it_is_given(given, answers, silent):
    with limited("", PODWIRE_ADDRESSES=given) as (_, port):
        for host in answers:
            assert json.loads(stream(port, question(300), host))["destination"] == host
            assert json.loads(ask(port, question(400), host)[0])["destination"] == host
        for host in silent:
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((host, port), 5)


@contextmanager
def limited(change, *options, **environment):
    """An echo server with other limits, and its port."""
    port = free_port()
    command = changed_agent(change, "serve", "--port", str(port), *options)
    server = subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, **environment})
    try:
        while b"echo on port" not in server.stderr.readline():
            assert server.poll() is None
        yield server, port
    finally:
        server.kill()
        server.wait(5)
        server.stderr.close()


def resident(process):
    """Kilobytes of memory that a process has."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
