"""The lab's DNS server on loopback, asked by dnspython."""

import asyncio
import contextlib

import dns.asyncquery
import dns.flags
import dns.message
import dns.rcode
import pytest
from dns_on_loopback import LOOPBACK, OwnNamespace, free_port

from podwire_lab.dns.records import Zone, outside_zone
from podwire_lab.dns.server import Damage, DnsServer


@contextlib.asynccontextmanager
async def served(records, **options):
    port = free_port()
    server = DnsServer(records, **options)
    await server.serve(OwnNamespace(), [LOOPBACK], port)
    try:
        yield server, port
    finally:
        server.close()


def many():
    zone = Zone(zone="cluster.local")
    for number in range(100):
        zone.add_address("many.cluster.local", f"10.0.0.{number}")
    zone.add_address("one.cluster.local", "10.0.0.1")
    zone.add("away.cluster.local", "CNAME", "echo.outside.example")
    return zone


async def ask(port, name, kind="A", tcp=False, **options):
    query = dns.message.make_query(name, kind, **options)
    way = dns.asyncquery.tcp if tcp else dns.asyncquery.udp
    return await way(query, LOOPBACK, timeout=2, port=port)


def run(scenario):
    return asyncio.run(scenario())


def test_answers_by_udp_and_tcp_are_the_same():
    async def scenario():
        async with served(many()) as (_, port):
            return await ask(port, "one.cluster.local"), await ask(port, "one.cluster.local", tcp=True)

    by_udp, by_tcp = run(scenario)
    assert by_udp.answer == by_tcp.answer
    assert by_udp.flags & dns.flags.AA


def test_what_does_not_fit_is_cut_off_and_comes_by_tcp():
    async def scenario():
        async with served(many()) as (_, port):
            return await ask(port, "many.cluster.local"), await ask(port, "many.cluster.local", tcp=True)

    cut, whole = run(scenario)
    assert cut.flags & dns.flags.TC
    assert len(whole.answer[0]) == 100


def test_no_such_name_has_the_zone_in_its_authority():
    async def scenario():
        async with served(many()) as (_, port):
            return await ask(port, "nobody.cluster.local")

    answer = run(scenario)
    assert answer.rcode() == dns.rcode.NXDOMAIN
    assert answer.authority[0].name.to_text() == "cluster.local."


def test_others_names_are_asked_of_the_server_outside():
    async def scenario():
        outside = outside_zone("echo.outside.example", ["203.0.113.10"])
        async with served(outside) as (_, upstream), served(many(), forward_to=(LOOPBACK, upstream)) as (_, port):
            names = ("echo.outside.example", "away.cluster.local", "nobody.else.example")
            return [await ask(port, name) for name in names]

    plain, alias, unknown = run(scenario)
    assert [record.to_text() for record in plain.answer[0]] == ["203.0.113.10"]
    assert len(alias.answer) == 2
    assert unknown.rcode() == dns.rcode.NXDOMAIN


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        (Damage(kind="rcode", rcode="SERVFAIL"), lambda answer: answer.rcode() == dns.rcode.SERVFAIL),
        (Damage(kind="address", address="10.9.9.9"), lambda answer: answer.answer[0][0].to_text() == "10.9.9.9"),
        (Damage(kind="truncate"), lambda answer: bool(answer.flags & dns.flags.TC)),
        (Damage(kind="records", records=lambda records: ()), lambda answer: not answer.answer),
        (Damage(kind="capitals-unknown"), lambda answer: answer.rcode() == dns.rcode.NXDOMAIN),
        (Damage(kind="lower-case"), lambda answer: answer.question[0].name.to_text() == "one.cluster.local."),
        (Damage(kind="no-edns"), lambda answer: answer.edns == -1),
    ],
)
def test_a_fault_damages_an_answer_until_it_is_taken_back(damage, check):
    async def scenario():
        async with served(many()) as (server, port):
            before = await ask(port, "oNe.cluster.local", use_edns=0)
            server.fault = lambda name, kind, client: damage
            during = await ask(port, "oNe.cluster.local", use_edns=0)
            server.fault = lambda name, kind, client: None
            return before, during, await ask(port, "oNe.cluster.local", use_edns=0)

    before, during, after = run(scenario)
    assert check(during)
    assert before.answer == after.answer
    assert not check(before)


def test_a_dropped_question_gets_no_answer():
    async def scenario():
        async with served(many()) as (server, port):
            server.fault = lambda name, kind, client: Damage(kind="drop") if name.startswith("one") else None
            with pytest.raises(dns.exception.Timeout):
                await dns.asyncquery.udp(
                    dns.message.make_query("one.cluster.local", "A"), LOOPBACK, timeout=0.2, port=port
                )
            return await ask(port, "many.cluster.local", tcp=True)

    assert run(scenario).answer


def test_without_a_way_to_the_outside_it_knows_its_hosts_file_and_fails_for_all_else():
    async def scenario():
        hosts = outside_zone("echo.outside.example", ["203.0.113.10"])
        async with served(many(), hosts=hosts) as (_, port):
            return [await ask(port, name) for name in ("echo.outside.example", "nobody", "nobody.cluster.local")]

    known, failed, none = run(scenario)
    assert known.answer[0][0].to_text() == "203.0.113.10"
    assert (failed.rcode(), none.rcode()) == (dns.rcode.SERVFAIL, dns.rcode.NXDOMAIN)


def test_names_without_capitals_are_known_to_a_server_that_compares_letters():
    async def scenario():
        async with served(many()) as (server, port):
            server.fault = lambda name, kind, client: Damage(kind="capitals-unknown")
            return await ask(port, "one.cluster.local")

    assert run(scenario).answer
