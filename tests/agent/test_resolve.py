"""The server's port for names: NXDOMAIN to every query, never longer than it, and nothing to anything else."""

import socket
import struct

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest
from agent_for_tests import echo_server, free_port
from hypothesis import example, given
from hypothesis import strategies as st

from podwire.agent.dns.no_such_name import no_such_name

QUERY = dns.message.make_query("server.example", "A", use_edns=0, payload=4096)
HEADER = struct.Struct("!HHHHHH")


@pytest.fixture(scope="module")
def server():
    port = free_port()
    with echo_server("--dns-port", str(port)):
        yield port


def check(answer, query):
    assert answer.rcode() == dns.rcode.NXDOMAIN
    assert answer.id == query.id
    assert answer.question == query.question
    assert answer.flags & dns.flags.QR
    assert (answer.flags & dns.flags.RD) == (query.flags & dns.flags.RD)
    assert (answer.answer, answer.authority, answer.additional, answer.edns) == ([], [], [], -1)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1"])
@pytest.mark.parametrize("ask", [dns.query.udp, dns.query.tcp])
def test_there_is_no_such_name(server, ask, host):
    check(ask(QUERY, host, port=server, timeout=5), QUERY)


@pytest.mark.parametrize("name", [".", "a", "a.b.c.svc.cluster.local", "x" * 63 + ".y"])
@pytest.mark.parametrize("kind", ["A", "AAAA", "SRV", "PTR"])
def test_every_question_is_answered(name, kind):
    query = dns.message.make_query(name, kind, flags=0)
    check(dns.message.from_wire(no_such_name(query.to_wire())), query)


def test_a_connection_may_carry_several_queries_cut_anywhere(server):
    """glibc sends the questions for IPv4 and IPv6 of a name together."""
    queries = [dns.message.make_query("server.example", kind) for kind in ("A", "AAAA", "A")]
    data = b"".join(struct.pack("!H", len(query.to_wire())) + query.to_wire() for query in queries)
    with socket.create_connection(("127.0.0.1", server), 5) as sock, sock.makefile("rb") as answers:
        for at in range(0, len(data), 7):
            sock.send(data[at : at + 7])
        for query in queries:
            (length,) = struct.unpack("!H", answers.read(2))
            check(dns.message.from_wire(answers.read(length)), query)
        sock.shutdown(socket.SHUT_WR)
        assert answers.read() == b""


def test_a_connection_with_something_else_ends_and_the_next_is_served(server):
    with socket.create_connection(("127.0.0.1", server), 5) as sock:
        sock.sendall(struct.pack("!H", 5) + b"GET /")
        assert sock.recv(1000) == b""
    check(dns.query.tcp(QUERY, "127.0.0.1", port=server, timeout=5), QUERY)


def labels(names):
    return b"".join(bytes([len(name)]) + name for name in names) + b"\0"


messages = st.one_of(
    st.binary(max_size=80),
    st.builds(
        lambda head, names, rest: HEADER.pack(*head) + labels(names) + rest,
        st.tuples(*[st.integers(0, 65535)] * 2, st.integers(0, 2), *[st.integers(0, 65535)] * 3),
        st.lists(st.binary(min_size=1, max_size=80), max_size=5),
        st.binary(max_size=20),
    ),
    st.integers(0, 60).map(lambda length: QUERY.to_wire()[:length]),
)


@given(messages)
@example(QUERY.to_wire()[:12])
@example(HEADER.pack(1, 0x0100, 1, 0, 0, 0) + b"\xc0\x0c\0\1\0\1")
def test_no_answer_is_longer_than_its_question_or_a_question_itself(data):
    answer = no_such_name(data)
    assert len(answer) <= len(data)
    assert no_such_name(answer) == b""
    if answer:
        assert answer[:2] == data[:2]
        assert answer[12:] == data[12 : len(answer)]
        dns.message.from_wire(answer)


@pytest.mark.parametrize("flags", [0x8000, 0x2800, 0x0800])
def test_an_answer_or_an_update_is_no_query(flags):
    wire = bytearray(QUERY.to_wire())
    wire[2:4] = struct.pack("!H", flags)
    assert no_such_name(bytes(wire)) == b""


def test_echo_is_not_served_there_nor_names_elsewhere(server):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.2)
        sock.sendto(b"pw0123456789abcdef 400\n" + b"x" * 400, ("127.0.0.1", server))
        with pytest.raises(TimeoutError):
            sock.recv(1000)
    with echo_server() as echo, pytest.raises(dns.exception.Timeout):
        dns.query.udp(QUERY, "127.0.0.1", port=echo, timeout=0.2)
