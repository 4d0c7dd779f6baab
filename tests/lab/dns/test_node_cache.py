"""The DNS cache of a node on loopback, in front of a server of its own."""

import asyncio

import dns.asyncquery
import dns.flags
import dns.message
import dns.rcode
from dns_on_loopback import LOOPBACK, OwnNamespace, free_port

from podwire_lab.dns import node_cache
from podwire_lab.dns.node_cache import ASKS_THE_NODE, BY_UDP, NodeCache
from podwire_lab.dns.records import Zone
from podwire_lab.dns.server import Damage, DnsServer


class Heard(DnsServer):
    """A server that notes by which protocol each question came."""

    def __init__(self, records):
        super().__init__(records)
        self.ways = []

    def received(self, data, client, transport):
        self.ways.append("udp")
        super().received(data, client, transport)

    async def _connection(self, reader, writer):
        self.ways.append("tcp")
        await super()._connection(reader, writer)


def said(records, *ways, quirks=(), fault=None):
    """What a cache says to a question by each of these ways, and by which ways it asked the server behind it."""

    async def scenario():
        behind, before = free_port(), free_port()
        server, cache = Heard(records), NodeCache((LOOPBACK, behind), (LOOPBACK, free_port()), frozenset(quirks))
        if fault is not None:
            server.fault = lambda *question: fault
        await server.serve(OwnNamespace(), [LOOPBACK], behind)
        await cache.serve(OwnNamespace(), LOOPBACK, before)
        try:
            query = dns.message.make_query("web.cluster.local", "A")
            return [await way(query, LOOPBACK, port=before, timeout=10) for way in ways], server.ways
        finally:
            cache.close()
            server.close()

    return asyncio.run(scenario())


def zone(*addresses):
    made = Zone(zone="cluster.local")
    for address in addresses:
        made.add_address("web.cluster.local", address)
    return made


UDP, TCP = dns.asyncquery.udp, dns.asyncquery.tcp


def test_it_asks_on_by_tcp_and_then_knows_the_answer():
    answers, ways = said(zone("10.0.0.1"), UDP, UDP, TCP)
    assert [one.answer[0][0].to_text() for one in answers] == ["10.0.0.1"] * 3
    assert ways == ["tcp"]


def test_an_answer_that_is_too_long_for_a_datagram_is_cut_there_and_whole_by_tcp():
    (short, whole), _ = said(zone(*(f"10.0.1.{number}" for number in range(200))), UDP, TCP)
    assert short.flags & dns.flags.TC
    assert len(whole.answer[0]) == 200


def test_without_a_word_of_the_server_it_says_that_it_failed(monkeypatch):
    monkeypatch.setattr(node_cache, "PATIENCE", 0.2)
    (answer,), _ = said(zone("10.0.0.1"), UDP, fault=Damage(kind="drop"))
    assert answer.rcode() is dns.rcode.SERVFAIL


def test_a_fault_makes_it_ask_on_by_datagrams():
    (answer,), ways = said(zone("10.0.0.1"), UDP, quirks=[BY_UDP])
    assert answer.answer[0][0].to_text() == "10.0.0.1"
    assert ways == ["udp"]


def test_a_fault_makes_it_ask_the_server_of_its_node():
    (answer,), ways = said(zone("10.0.0.1"), UDP, quirks=[ASKS_THE_NODE])
    assert answer.rcode() is dns.rcode.SERVFAIL  # Nobody listens there.
    assert ways == []


def test_what_is_no_question_gets_no_answer():
    async def scenario():
        return await NodeCache((LOOPBACK, 1), (LOOPBACK, 1))._answer(b"not a message")

    assert asyncio.run(scenario()) is None
