"""DNS inside packets: questions and answers over UDP and TCP, and no other packet taken for them."""

from __future__ import annotations

import random

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from flat_packets import a_packet_with, with_fields

from podwire.model.packets import Packet
from podwire.packets.dns import DnsMessage, dns_message, dns_questions, dns_stream

QUERY = dns.message.make_query("Echo.Outside.Example.", "AAAA")


def packet(payload: bytes, **changes: object) -> Packet:
    base = a_packet_with(at=0.0, eth_src="", eth_dst="", protocol="udp", sport=50000, dport=53, payload=payload)
    return with_fields(base, **changes)  # type: ignore[arg-type]


def answer(*addresses: str, rcode: dns.rcode.Rcode = dns.rcode.NOERROR) -> bytes:
    response = dns.message.make_response(QUERY)
    response.set_rcode(rcode)
    if addresses:
        name = QUERY.question[0].name
        response.answer = [
            dns.rrset.from_text(name, 5, "IN", "CNAME", "real.example."),
            dns.rrset.from_text("real.example.", 5, "IN", "AAAA", *addresses),
        ]
    return response.to_wire()


def test_a_question_is_lower_case_and_has_no_final_dot() -> None:
    assert dns_questions(packet(QUERY.to_wire())) == (("echo.outside.example", "AAAA"),)


def test_an_answer_has_its_code_and_its_addresses() -> None:
    found = dns_message(packet(answer("2001:db8:e::10"), sport=53, dport=50000))
    assert found == DnsMessage(
        id=QUERY.id,
        response=True,
        questions=(("echo.outside.example", "AAAA"),),
        rcode="NOERROR",
        addresses=("2001:db8:e::10",),
        alias="real.example",
        spelled=("Echo.Outside.Example",),
    )


def test_a_name_that_does_not_exist() -> None:
    found = dns_message(packet(answer(rcode=dns.rcode.NXDOMAIN), sport=53, dport=50000))
    assert found is not None
    assert (found.rcode, found.addresses) == ("NXDOMAIN", ())


def test_over_tcp_a_message_stands_behind_its_length() -> None:
    wire = QUERY.to_wire()
    framed = packet(len(wire).to_bytes(2, "big") + wire, protocol="tcp")
    assert dns_questions(framed) == (("echo.outside.example", "AAAA"),)
    assert dns_questions(with_fields(framed, payload=framed.payload[:-1])) == ()


def test_a_truncated_answer_is_read_and_marked() -> None:
    response = dns.message.make_response(QUERY)
    response.flags |= dns.flags.TC
    found = dns_message(packet(response.to_wire(), sport=53, dport=50000))
    assert found is not None
    assert found.truncated


@pytest.mark.parametrize(
    "other",
    [
        packet(QUERY.to_wire(), dport=8080),
        packet(QUERY.to_wire(), protocol="icmp"),
        packet(QUERY.to_wire(), fragment=True),
        packet(b""),
        packet(b"pw-token pw-token"),
        packet(QUERY.to_wire()[:20]),
    ],
    ids=["port", "icmp", "fragment", "empty", "text", "cut"],
)
def test_anything_else_is_no_dns(other: Packet) -> None:
    assert dns_message(other) is None
    assert dns_questions(other) == ()


def held_against_dnspython(wire: bytes) -> None:
    """What is read of a message is what dnspython reads of it."""
    found, known = dns_message(packet(wire)), dns.message.from_wire(wire)
    assert found is not None
    records = [(answer.rdtype, record) for answer in known.answer for record in answer]
    assert found == DnsMessage(
        id=known.id,
        response=bool(known.flags & dns.flags.QR),
        questions=tuple((q.name.to_text(True).lower(), dns.rdatatype.to_text(q.rdtype)) for q in known.question),
        rcode=dns.rcode.to_text(known.rcode()),
        addresses=tuple(one.address for kind, one in records if kind in (dns.rdatatype.A, dns.rdatatype.AAAA)),
        truncated=bool(known.flags & dns.flags.TC),
        alias=next((str(one.target)[:-1].lower() for kind, one in records if kind == dns.rdatatype.CNAME), ""),
        records=tuple(str(one).lower()[:-1] for kind, one in records if kind in (dns.rdatatype.SRV, dns.rdatatype.PTR)),
        spelled=tuple(q.name.to_text(True) for q in known.question),
        edns=known.edns >= 0,
    )


@pytest.mark.parametrize("kind", ["A", "AAAA", "PTR", "SRV", "TXT", "SOA", "HTTPS"])
@pytest.mark.parametrize("code", [dns.rcode.NOERROR, dns.rcode.SERVFAIL, dns.rcode.NXDOMAIN, dns.rcode.REFUSED])
def test_messages_are_read_as_dnspython_reads_them(kind: str, code: dns.rcode.Rcode) -> None:
    query = dns.message.make_query("Web.Ns.svc.cluster.local.", kind, use_edns=0)
    response = dns.message.make_response(query)
    response.set_rcode(code)
    response.answer = [
        dns.rrset.from_text("Web.Ns.svc.cluster.local.", 5, "IN", "CNAME", "Far.example."),
        dns.rrset.from_text("far.example.", 5, "IN", "A", "192.0.2.1", "192.0.2.2"),
        dns.rrset.from_text("far.example.", 5, "IN", "AAAA", "2001:db8::1"),
        dns.rrset.from_text("far.example.", 5, "IN", "TXT", '"192.0.2.3"'),
    ]
    held_against_dnspython(query.to_wire())
    held_against_dnspython(response.to_wire())


def test_the_answers_of_a_message_that_is_cut_off_count_as_far_as_they_go() -> None:
    whole = answer("2001:db8::1", "2001:db8::2")
    found = dns_message(packet(whole[:-1]))
    assert found is not None
    assert found.alias == "real.example"
    assert found.addresses in (("2001:db8::1",), ("2001:db8::2",))


@pytest.mark.parametrize(
    "tail",
    [
        b"\xc0\x0c\x00\x01\x00\x01",
        b"\xc0\xff\x00\x01\x00\x01",
        b"\x03abc\xc0\x0c\x00\x01\x00\x01",
        b"\x40" + b"a" * 64 + b"\x00\x00\x01\x00\x01",
        b"\x05abc",
        b"\x03abc\x00\x00",
        b"",
    ],
    ids=[
        "a pointer to itself",
        "a pointer beyond",
        "a circle",
        "a long label",
        "half a label",
        "half a question",
        "no question",
    ],
)
def test_a_message_whose_question_is_broken_is_none(tail: bytes) -> None:
    assert dns_message(packet(b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + tail)) is None


def test_no_bytes_at_all_break_the_reader() -> None:
    chance = random.Random(53)
    whole = answer("2001:db8::1")
    for _ in range(3000):
        wire = bytearray(whole[: chance.randrange(12, len(whole) + 1)])
        for _ in range(chance.randrange(1, 8)):
            wire[chance.randrange(len(wire))] = chance.randrange(256)
        dns_message(packet(bytes(wire)))


def segments(data: bytes, chance: random.Random) -> list[Packet]:
    """The bytes of a stream in segments of random lengths."""
    found, at = [], 0
    while at < len(data):
        length = chance.randrange(1, 40)
        found.append(packet(data[at : at + length], protocol="tcp", seq=1000 + at))
        at += length
    return found


def over_tcp(*messages: bytes) -> bytes:
    return b"".join(len(one).to_bytes(2, "big") + one for one in messages)


@pytest.mark.parametrize("length", range(12))
def test_a_message_over_tcp_without_a_whole_head_is_skipped(length: int) -> None:
    stream = segments(over_tcp(bytes(length), QUERY.to_wire()), random.Random(1))
    assert [message.questions for _, message in dns_stream(stream)] == [(("echo.outside.example", "AAAA"),)]
    assert dns_message(packet(bytes(length))) is None


def test_no_stream_breaks_the_reader_whatever_is_missing_or_changed() -> None:
    chance = random.Random(35)
    whole = over_tcp(QUERY.to_wire(), answer("2001:db8::1"), answer("2001:db8::2"))
    for _ in range(2000):
        wire = bytearray(whole)
        for _ in range(chance.randrange(4)):
            wire[chance.randrange(len(wire))] = chance.randrange(256)
        parts = segments(bytes(wire), chance)
        dns_stream([one for one in parts if chance.random() > 0.2])


def test_records_of_the_other_sections_are_no_answers() -> None:
    """CoreDNS adds the addresses of the targets to an answer with SRV records."""
    query = dns.message.make_query("_tcp._tcp.Web.Ns.", "SRV", use_edns=0)
    response = dns.message.make_response(query)
    response.answer.append(dns.rrset.from_text("_tcp._tcp.Web.Ns.", 5, "IN", "SRV", "0 100 80 Web.Ns."))
    response.additional.append(dns.rrset.from_text("web.ns.", 5, "IN", "A", "10.96.0.5"))
    found = dns_message(packet(response.to_wire()))
    assert found is not None
    assert (found.records, found.addresses, found.edns) == (("0 100 80 web.ns",), (), True)


@pytest.mark.parametrize("length", [0, 2, 6])
def test_a_record_that_is_too_short_ends_the_reading(length: int) -> None:
    query = dns.message.make_query("web.", "SRV").to_wire()
    head = query[:6] + b"\x00\x01" + query[8:]
    broken = head + b"\xc0\x0c\x00\x21\x00\x01" + bytes(4) + length.to_bytes(2, "big") + bytes(length)
    found = dns_message(packet(broken))
    assert found is not None
    assert found.addresses == ()
