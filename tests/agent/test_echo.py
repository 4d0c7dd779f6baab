"""The echo server: answers what it is asked, never more than that, and cannot be worn down."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request

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
