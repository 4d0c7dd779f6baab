"""DNS messages inside packets (RFC 1035), for the judge and for the decode beside a capture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podwire.packets import Packet

DNS_PORT = 53
Question = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class DnsMessage:
    """One message. Names are lower case without the final dot; `addresses` are those of A and AAAA answers, as text.

    `alias` is the target of the first CNAME among the answers, or empty.
    """

    id: int
    response: bool
    questions: tuple[Question, ...]
    rcode: str
    addresses: tuple[str, ...] = ()
    truncated: bool = False
    alias: str = ""


def dns_stream(segments: Sequence[Packet]) -> list[tuple[Packet, DnsMessage]]:
    """The messages of one direction of a TCP connection, each behind its length (RFC 1035 section 4.2.2), with the
    segment that it began in. What is missing of the stream ends the reading."""
    pieces: dict[int, Packet] = {}
    for segment in segments:
        pieces.setdefault(segment.seq or 0, segment)
    data, places = bytearray(), []
    expected = min(pieces, default=0)
    for sequence in sorted(pieces):
        if sequence != expected:
            break
        places.append((len(data), pieces[sequence]))
        data += pieces[sequence].payload
        expected = sequence + len(pieces[sequence].payload)
    found, at = [], 0
    while len(data) >= at + 2:
        length = int.from_bytes(data[at : at + 2], "big")
        if len(data) < at + 2 + length:
            break
        message = _parse(bytes(data[at + 2 : at + 2 + length]))
        if message is not None:
            found.append((next(packet for start, packet in reversed(places) if start <= at), message))
        at += 2 + length
    return found


def dns_message(packet: Packet, port: int = DNS_PORT) -> DnsMessage | None:
    """The DNS message that a UDP packet or the first segment of a TCP message carries; None when it carries none."""
    if packet.protocol not in ("udp", "tcp") or port not in (packet.sport, packet.dport) or packet.fragment:
        return None
    wire = packet.payload
    if packet.protocol == "tcp":
        # Over TCP a message stands behind its length (RFC 1035 section 4.2.2).
        wire = wire[2:] if len(wire) > 2 and int.from_bytes(wire[:2], "big") <= len(wire) - 2 else b""
    return _parse(wire) if len(wire) >= 12 else None


def dns_questions(packet: Packet, port: int = DNS_PORT) -> tuple[Question, ...]:
    """The `(name, type)` pairs that a DNS message asks for, question and response alike; empty for any other packet."""
    message = dns_message(packet, port)
    return message.questions if message else ()


def _parse(wire: bytes) -> DnsMessage | None:
    import dns.exception
    import dns.flags
    import dns.message
    import dns.rcode
    import dns.rdataclass
    import dns.rdatatype

    try:
        message = dns.message.from_wire(wire, ignore_trailing=True, raise_on_truncation=False)
    except (dns.exception.DNSException, ValueError):
        return None
    address_types = (dns.rdatatype.A, dns.rdatatype.AAAA)
    return DnsMessage(
        id=message.id,
        response=bool(message.flags & dns.flags.QR),
        questions=tuple(
            (q.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(q.rdtype)) for q in message.question
        ),
        rcode=dns.rcode.to_text(message.rcode()),
        addresses=tuple(
            str(record.address)
            for answer in message.answer
            if answer.rdtype in address_types and answer.rdclass == dns.rdataclass.IN
            for record in answer
        ),
        truncated=bool(message.flags & dns.flags.TC),
        alias=next(
            (
                str(record.target.to_text(omit_final_dot=True)).lower()
                for answer in message.answer
                if answer.rdtype == dns.rdatatype.CNAME
                for record in answer
            ),
            "",
        ),
    )
