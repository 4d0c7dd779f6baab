"""DNS inside packets: questions and answers over UDP and TCP, and no other packet taken for them."""

from __future__ import annotations

from dataclasses import replace

import dns.message
import dns.rcode
import dns.rrset
import pytest

from podwire.dns_messages import DnsMessage, dns_message, dns_questions
from podwire.packets import Packet

QUERY = dns.message.make_query("Echo.Outside.Example.", "AAAA")


def packet(payload: bytes, **changes: object) -> Packet:
    base = Packet(at=0.0, eth_src="", eth_dst="", protocol="udp", sport=50000, dport=53, payload=payload)
    return replace(base, **changes)  # type: ignore[arg-type]


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
    )


def test_a_name_that_does_not_exist() -> None:
    found = dns_message(packet(answer(rcode=dns.rcode.NXDOMAIN), sport=53, dport=50000))
    assert found is not None
    assert (found.rcode, found.addresses) == ("NXDOMAIN", ())


def test_over_tcp_a_message_stands_behind_its_length() -> None:
    wire = QUERY.to_wire()
    framed = packet(len(wire).to_bytes(2, "big") + wire, protocol="tcp")
    assert dns_questions(framed) == (("echo.outside.example", "AAAA"),)
    assert dns_questions(replace(framed, payload=framed.payload[:-1])) == ()


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
