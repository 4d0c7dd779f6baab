"""Questions and answers from the packets of a capture, over UDP and over TCP in any pieces."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from flat_packets import a_packet_with, with_fields

from podwire.model.observations import Lookup
from podwire.model.packets import Packet
from podwire.packets.dns import dns_stream
from podwire.packets.lookups import lookups, lookups_for, places_of_questions

NAME = "crowd.ns.svc.cluster.local"
ADDRESSES = {f"198.18.0.{number}" for number in range(1, 101)}
QUERY = dns.message.make_query(NAME, "A")


def packet(payload: bytes, at: float, *, answer: bool = False, tcp: bool = False, seq: int = 0) -> Packet:
    ends = ("10.244.1.2", 50000), ("10.96.0.10", 53)
    (src, sport), (dst, dport) = reversed(ends) if answer else ends
    return a_packet_with(
        at=at, eth_src="", eth_dst="", protocol="tcp" if tcp else "udp", src=src, sport=sport, dst=dst, dport=dport,
        payload=payload, seq=seq,
    )  # fmt: skip


def response(*addresses: str, truncated: bool = False, rcode: dns.rcode.Rcode = dns.rcode.NOERROR) -> bytes:
    made = dns.message.make_response(QUERY)
    made.set_rcode(rcode)
    if addresses:
        made.answer.append(dns.rrset.from_text(f"{NAME}.", 5, "IN", "A", *addresses))
    if truncated:
        made.flags |= dns.flags.TC
    return made.to_wire(max_size=65535)


def framed(*messages: bytes) -> bytes:
    return b"".join(len(one).to_bytes(2, "big") + one for one in messages)


def in_pieces(stream: bytes, size: int = 700, first: int = 1000) -> list[Packet]:
    """The segments of an answer, each a moment later than the one before it."""
    return [
        packet(stream[at : at + size], 2.0 + at / 1e6, answer=True, tcp=True, seq=first + at)
        for at in range(0, len(stream), size)
    ]


LONG = framed(response(*ADDRESSES))
ASKED = packet(framed(QUERY.to_wire()), 1.0, tcp=True, seq=7)


def test_a_question_and_its_answer_are_one_look_up() -> None:
    seen = [packet(QUERY.to_wire(), 1.0), packet(response("10.96.0.5"), 2.0, answer=True)]
    assert list(lookups(seen)) == [
        Lookup(
            name=NAME,
            type="A",
            server="10.96.0.10",
            protocol="udp",
            at=1.0,
            rcode="NOERROR",
            answers=("10.96.0.5",),
            id=QUERY.id,
        )
    ]


def test_a_question_that_is_sent_again_stays_one_and_without_an_answer_has_no_code() -> None:
    (found,) = lookups([packet(QUERY.to_wire(), 1.0), packet(QUERY.to_wire(), 2.0)])
    assert (found.at, found.rcode) == (1.0, None)


def test_a_question_whose_answer_is_there_was_asked() -> None:
    (found,) = lookups([packet(response("10.96.0.5"), 2.0, answer=True)])
    assert (found.server, found.rcode, found.answers, found.lost) == ("10.96.0.10", "NOERROR", ("10.96.0.5",), 0)


def test_an_answered_question_that_was_sent_more_often_than_answered_was_lost_in_between() -> None:
    question, answer = packet(QUERY.to_wire(), 1.0), packet(response(), 2.0, answer=True)
    assert [one.lost for one in lookups([question, question, answer])] == [1]
    assert [one.lost for one in lookups([question, answer, question, answer])] == [0]


def test_an_answer_that_is_cut_off_comes_again_over_tcp_in_several_segments() -> None:
    seen = [packet(QUERY.to_wire(), 0.5), packet(response(truncated=True), 0.6, answer=True), ASKED, *in_pieces(LONG)]
    by_udp, by_tcp = lookups(seen)
    assert (by_udp.protocol, by_udp.rcode, by_udp.answers) == ("udp", "truncated", ())
    assert (by_tcp.protocol, by_tcp.rcode, set(by_tcp.answers)) == ("tcp", "NOERROR", ADDRESSES)


@pytest.mark.parametrize("size", [1, 2, 13, 700, 5000])
def test_the_pieces_of_a_stream_may_be_of_any_size(size: int) -> None:
    (found,) = dns_stream(in_pieces(LONG, size))
    assert set(found[1].addresses) == ADDRESSES


def test_segments_may_come_twice_and_in_any_order() -> None:
    pieces = in_pieces(LONG)
    (found,) = dns_stream([*reversed(pieces), *pieces])
    assert set(found[1].addresses) == ADDRESSES
    assert found[0] is pieces[0]


def test_several_messages_of_a_stream_each_have_their_segment() -> None:
    first, second = framed(response("10.96.0.1")), framed(response("10.96.0.2"))
    pieces = in_pieces(first + second, len(first) // 2)
    found = dns_stream(pieces)
    assert [message.addresses for _, message in found] == [("10.96.0.1",), ("10.96.0.2",)]
    assert [segment for segment, _ in found] == [pieces[0], pieces[2]]


def test_what_is_missing_of_a_stream_ends_the_reading() -> None:
    pieces = in_pieces(LONG)
    assert dns_stream(pieces[:-1]) == []
    assert dns_stream([pieces[0], *pieces[2:]]) == []
    assert dns_stream([]) == []


def test_over_tcp_a_question_has_all_packets_of_its_connection() -> None:
    other = packet(dns.message.make_query("web.ns.svc.cluster.local", "A").to_wire(), 1.5)
    syn = packet(b"", 0.9, tcp=True)
    seen = [syn, packet(QUERY.to_wire(), 0.5), ASKED, other, *in_pieces(LONG)]
    found = places_of_questions(seen)
    assert sorted(found[QUERY.id, NAME]) == [at for at in range(len(seen)) if at != 3]


def test_a_look_up_leads_to_its_name_with_any_suffix_and_to_nothing_else() -> None:
    names = ("web", "web.ns.svc.cluster.local", "web.cluster.local", "webs.ns.svc.cluster.local", "a.web")
    seen = [Lookup(name=name, type="A", server="", protocol="udp", at=0) for name in names]
    assert [one.name for one in lookups_for("Web.", seen)] == list(names[:3])
    assert [one.name for one in lookups_for("web", seen, kind="AAAA")] == []
    assert [one.name for one in lookups_for("x", seen, fqdn="web")] == ["a.web"]


def test_a_lookup_tells_records_edns_and_the_spelling_where_there_are_capitals() -> None:
    query = dns.message.make_query("wEb.nS.", "PTR", use_edns=0)
    response = dns.message.make_response(query)
    response.answer.append(dns.rrset.from_text("wEb.nS.", 5, "IN", "PTR", "One.example."))
    question = a_packet_with(
        at=1.0, eth_src="", eth_dst="", protocol="udp", sport=50000, dport=53, payload=query.to_wire()
    )
    answer = with_fields(question, at=2.0, sport=53, dport=50000, payload=response.to_wire())
    (found,) = lookups([question, answer])
    assert (found.name, found.records, found.spelled, found.edns) == (
        "web.ns",
        ("one.example",),
        ("wEb.nS", "wEb.nS"),
        True,
    )
    lower = with_fields(answer, payload=response.to_wire().replace(b"wEb", b"web").replace(b"nS", b"ns"))
    (found,) = lookups([question, lower])
    assert found.spelled == ("wEb.nS", "web.ns")
