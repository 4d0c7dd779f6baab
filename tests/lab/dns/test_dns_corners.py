"""What a DNS server must not do: say that half a name does not exist, run in circles, remember too long, or echo."""

import asyncio

import dns.flags
import dns.message
import dns.rcode
import pytest

import podwire_lab.dns.server
from podwire_lab.dns.records import Zone, cluster_zone
from podwire_lab.dns.server import Damage, DnsServer


def external(name, target):
    return {"metadata": {"name": name, "namespace": "ns"}, "spec": {"type": "ExternalName", "externalName": target}}


def zone(**addresses):
    made = Zone(zone="cluster.local")
    for name, address in addresses.items():
        made.add_address(f"{name}.cluster.local", address)
    return made


def ask(server, *names, kind="A", change=lambda query: query):
    async def scenario():
        queries = [change(dns.message.make_query(name, kind)) for name in names]
        return [await server._answer(query.to_wire(), "10.0.0.9", udp=True) for query in queries]

    return [wire and dns.message.from_wire(wire) for wire in asyncio.run(scenario())]


@pytest.mark.parametrize("label", ["10-244-1-2", "fd10-244--b"])
def test_a_pod_name_exists_for_both_types(label):
    answers = [cluster_zone([], []).answer(f"{label}.ns.pod.cluster.local", kind) for kind in ("A", "AAAA")]
    assert all(answer.exists for answer in answers)
    assert sorted(len(answer.records) for answer in answers) == [0, 1]


def test_aliases_in_a_circle_end():
    first, second = (f"{name}.ns.svc.cluster.local" for name in ("one", "two"))
    answer = cluster_zone([external("one", second), external("two", first)], []).answer(first, "A")
    assert [record[2] for record in answer.records] == [f"{second}.", f"{first}."]
    assert answer.elsewhere is None


def test_an_alias_into_the_cluster_is_followed_whatever_its_case():
    made = cluster_zone([external("one", "WEB.cluster.local.")], [])
    made.add_address("web.cluster.local", "10.96.0.5")
    assert made.answer("one.ns.svc.cluster.local", "A").records[-1] == ("web.cluster.local", "A", "10.96.0.5")


def test_new_records_count_at_once():
    server = DnsServer(zone(web="10.0.0.1"))
    (before,) = ask(server, "web.cluster.local")
    server.records = zone(web="10.0.0.2")
    (after,) = ask(server, "web.cluster.local")
    assert (before.answer[0][0].to_text(), after.answer[0][0].to_text()) == ("10.0.0.1", "10.0.0.2")


def test_a_fault_damages_known_answers_too():
    server = DnsServer(zone(web="10.0.0.1"))
    ask(server, "web.cluster.local")
    server.fault = lambda name, kind, client: Damage(kind="rcode") if name == "web.cluster.local" else None
    (answer,) = ask(server, "web.cluster.local")
    assert answer.rcode() == dns.rcode.SERVFAIL


def test_the_store_of_known_answers_has_an_end(monkeypatch):
    monkeypatch.setattr(podwire_lab.dns.server, "KNOWN_ANSWERS", 16)
    server = DnsServer(zone())
    ask(server, *(f"n{number}.cluster.local" for number in range(40)))
    assert 0 < len(server._now.answers) <= 16


def test_an_answer_is_not_answered():
    def turned(query):
        query.flags |= dns.flags.QR
        return query

    assert ask(DnsServer(zone(web="10.0.0.1")), "web.cluster.local", change=turned) == [None]
