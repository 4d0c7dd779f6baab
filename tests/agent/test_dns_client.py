"""The agent's own DNS client: types, spellings and EDNS on the wire, one socket, lost and cut answers, bad servers."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import pytest
from agent_for_tests import TOKEN, agent
from hypothesis import given
from hypothesis import strategies as st

from podwire.agent.dns_client import message, srv_targets
from podwire.probing.client import AgentError, attempt_of

FQDN = "web.ns.svc.cluster.local"


@pytest.fixture(scope="module")
def client():
    with agent() as one:
        yield one


class Server:
    """A DNS server on loopback, over UDP and TCP: `say` makes the answers to a question, none of them or several."""

    def __init__(self, say):
        self.say, self.seen, self.over_tcp = say, [], []
        self.stream = socket.create_server(("127.0.0.1", 0))
        self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagrams.bind(self.stream.getsockname())
        self.port = self.stream.getsockname()[1]
        self.threads = [threading.Thread(target=each, daemon=True) for each in (self._datagrams, self._stream)]
        for thread in self.threads:
            thread.start()

    def _datagrams(self):
        while True:
            data, peer = self.datagrams.recvfrom(4096)
            if not data:
                return
            query = dns.message.from_wire(data)
            self.seen.append((query, peer[1]))
            for answer in self.say(query, len(self.seen)):
                self.datagrams.sendto(answer if isinstance(answer, bytes) else answer.to_wire(), peer)

    def _stream(self):
        with contextlib.suppress(OSError):
            while True:
                with self.stream.accept()[0] as sock:
                    sock.settimeout(5)
                    (length,) = struct.unpack("!H", sock.recv(2))
                    query = dns.message.from_wire(sock.recv(length))
                    self.over_tcp.append(query)
                    wire = whole(query).to_wire()
                    sock.sendall(struct.pack("!H", len(wire)) + wire[:9])
                    sock.sendall(wire[9:])

    def end(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self.threads[0].join(5)
        self.stream.shutdown(socket.SHUT_RDWR)
        self.stream.close()
        self.datagrams.close()


@contextlib.contextmanager
def served(say):
    server = Server(say)
    try:
        yield server
    finally:
        server.end()


def whole(query):
    """The answer that a server has: SRV records to two targets, or an address."""
    answer, asked = dns.message.make_response(query), query.question[0]
    if asked.rdtype == dns.rdatatype.SRV:
        data = [f"0 100 8080 {label}.{FQDN}." for label in ("one", "two")]
        answer.answer.append(dns.rrset.from_text(asked.name, 5, "IN", "SRV", *data))
    elif asked.rdtype == dns.rdatatype.A:
        answer.answer.append(dns.rrset.from_text(asked.name, 5, "IN", "A", "192.0.2.7"))
    return answer


def ask(client, port, *questions, timeout=5.0, **more):
    asked = [{"name": name, "type": kind, **options} for name, kind, options in questions]
    one = {"token": TOKEN, "host": "127.0.0.1", "port": port, "questions": asked, "timeout": timeout, **more}
    (attempt,) = client.call("questions", {"sockets": [one], "at_once": 1}).result(20)["attempts"]
    return attempt_of(attempt)


def test_questions_of_a_socket_are_sent_together_with_their_type_spelling_and_option(client):
    with served(lambda query, number: [whole(query)]) as server:
        attempt = ask(client, server.port, ("wEb.Ns", "A", {}), ("web.ns", "AAAA", {"edns": True}))
    assert (attempt.answered, attempt.error, attempt.sent, attempt.received) == (True, None, 2, 2)
    (first, port), (second, same) = server.seen
    assert port == same == attempt.local[1]
    assert [str(one.question[0].name) for one in (first, second)] == ["wEb.Ns.", "web.ns."]
    assert [one.question[0].rdtype for one in (first, second)] == [dns.rdatatype.A, dns.rdatatype.AAAA]
    assert [one.edns for one in (first, second)] == [-1, 0]
    assert second.payload == 1232
    assert first.flags & dns.flags.RD
    assert first.id != second.id


def test_a_question_is_sent_again_and_answers_may_come_in_any_order_and_twice(client):
    late = []

    def say(query, number):
        late.append(whole(query))
        return [] if number == 1 else [late[-1], late[-1]]

    with served(say) as server:
        attempt = ask(client, server.port, ("web.ns", "A", {}), ("web.ns", "AAAA", {}))
    assert attempt.answered
    assert attempt.sent == 3
    assert server.seen[0][0].id == server.seen[2][0].id


def test_what_is_not_answered_is_counted(client):
    def say(query, number):
        return [whole(query)] if query.question[0].rdtype == dns.rdatatype.A else []

    with served(say) as server:
        attempt = ask(client, server.port, ("web.ns", "A", {}), ("web.ns", "AAAA", {}), timeout=0.4)
    assert not attempt.answered
    assert (attempt.error.stage, attempt.error.kind) == ("receive", "timeout")
    assert attempt.error.text.startswith("no answer to 1 of 2 questions")


def test_what_is_no_answer_to_the_question_is_none(client):
    def say(query, number):
        other = whole(query)
        other.id = query.id ^ 1
        return [b"x", query, other.to_wire(), whole(query)]

    with served(say) as server:
        attempt = ask(client, server.port, ("web.ns", "A", {}))
    assert (attempt.answered, attempt.received) == (True, 4)


def test_a_cut_answer_is_asked_for_again_over_tcp_and_its_targets_are_followed(client):
    def say(query, number):
        answer = whole(query)
        if query.question[0].rdtype == dns.rdatatype.SRV:
            answer.answer.clear()
            answer.flags |= dns.flags.TC
        return [answer]

    with served(say) as server:
        attempt = ask(client, server.port, (f"_tcp._tcp.{FQDN}", "SRV", {}), follow="A")
    assert attempt.answered
    assert [str(query.question[0].name) for query in server.over_tcp] == [f"_tcp._tcp.{FQDN}."]
    assert {str(query.question[0].name) for query, _ in server.seen[1:]} == {f"one.{FQDN}.", f"two.{FQDN}."}


def test_a_server_that_is_not_there_is_told_as_such(client):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    attempt = ask(client, port, ("web.ns", "A", {}))
    assert attempt.error.kind == "refused"


@pytest.mark.parametrize(("name", "kind"), [("web..ns", "A"), ("", "A"), ("x" * 64, "A"), ("web.ns", "MX")])
def test_what_cannot_be_asked_is_refused(client, name, kind):
    with pytest.raises(AgentError, match="cannot be asked"):
        ask(client, 53, (name, kind, {}))


@pytest.mark.parametrize("kind", ["A", "AAAA", "PTR", "SRV"])
@pytest.mark.parametrize("edns", [True, False])
def test_a_message_is_what_dnspython_reads(kind, edns):
    query = dns.message.from_wire(message({"name": f"{FQDN}.", "type": kind, "edns": edns}))
    assert str(query.question[0]) == f"{FQDN}. IN {kind}"
    assert query.edns == (0 if edns else -1)


def test_targets_of_a_compressed_answer_are_read():
    wire = whole(dns.message.make_query(f"_tcp._tcp.{FQDN}", "SRV")).to_wire()
    assert sorted(srv_targets(wire)) == [f"one.{FQDN}", f"two.{FQDN}"]


@given(st.binary(min_size=12, max_size=200))
def test_no_answer_breaks_the_reader_of_targets(wire):
    assert all(isinstance(target, str) for target in srv_targets(wire))
