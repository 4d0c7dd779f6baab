"""DNS messages inside packets (RFC 1035), for the judge and for the decode beside a capture."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from podwire.model.packets import Packet

DNS_PORT = 53
CNAME, PTR, SRV, OPT, INTERNET = 5, 12, 33, 41, 1
TYPES = {1: "A", 2: "NS", CNAME: "CNAME", 6: "SOA", PTR: "PTR", 16: "TXT", 28: "AAAA", SRV: "SRV", 65: "HTTPS"}
RCODES = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED")
_HEADER = 12
"""Bytes of the head of a message."""
ADDRESS_BYTES = {1: 4, 28: 16}
NAME_AT = {CNAME: 0, PTR: 0, SRV: 6}
"""Where in the data of a record the name begins that it leads to (an SRV record: RFC 2782)."""
Question = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class DnsMessage:
    """One DNS message. Names are lower case without the final dot.

    `addresses` are the A and AAAA answers as text, `alias` is the target of the first CNAME answer or empty. `records`
    are the SRV and PTR answers as a zone file has them, names as above: `0 100 80 web.default.svc.cluster.local`.
    `spelled` are the names of the questions as they came. `edns` says whether there is an OPT record (RFC 6891).
    """

    id: int
    response: bool
    questions: tuple[Question, ...]
    rcode: str
    addresses: tuple[str, ...] = ()
    truncated: bool = False
    alias: str = ""
    records: tuple[str, ...] = ()
    spelled: tuple[str, ...] = ()
    edns: bool = False


def dns_stream(segments: Sequence[Packet]) -> list[tuple[Packet, DnsMessage]]:
    """The DNS messages in one direction of a TCP connection, each with the segment that it starts in.

    Each message follows its length (RFC 1035 section 4.2.2). Reading stops at a missing segment.
    """
    pieces: dict[int, Packet] = {}
    for segment in segments:
        pieces.setdefault(segment.tcp.seq or 0, segment)
    data, places = bytearray(), []
    expected = min(pieces, default=0)
    for sequence in sorted(pieces):
        if sequence != expected:
            break
        places.append((len(data), pieces[sequence]))
        data += pieces[sequence].payload
        expected = sequence + len(pieces[sequence].payload)
    messages, at = [], 0
    while len(data) >= at + 2:
        length = int.from_bytes(data[at : at + 2], "big")
        if len(data) < at + 2 + length:
            break
        message = _parse(bytes(data[at + 2 : at + 2 + length]))
        if message is not None:
            messages.append((next(packet for start, packet in reversed(places) if start <= at), message))
        at += 2 + length
    return messages


def dns_message(packet: Packet, port: int = DNS_PORT) -> DnsMessage | None:
    """The DNS message in a UDP packet, or in a TCP segment that holds all of it; None for any other packet."""
    ip, ports = packet.ip, packet.ports
    if port not in (ports.sport, ports.dport) or ip.protocol not in ("udp", "tcp") or ip.fragment:
        return None
    wire = packet.payload
    if ip.protocol == "tcp":
        # Over TCP a message follows its length (RFC 1035 section 4.2.2).
        wire = wire[2:] if len(wire) > 2 and int.from_bytes(wire[:2], "big") <= len(wire) - 2 else b""
    return _parse(wire)


def dns_questions(packet: Packet, port: int = DNS_PORT) -> tuple[Question, ...]:
    """The `(name, type)` pairs in the question section of a query or response; empty for any other packet."""
    message = dns_message(packet, port)
    return message.questions if message else ()


def _parse(wire: bytes) -> DnsMessage | None:
    """The message with all its questions, and the complete answers: a truncated message may end anywhere."""
    if len(wire) < _HEADER:
        return None
    number, flags, questions, *counts = struct.unpack_from("!6H", wire)
    at, parsed_questions, spelled = _HEADER, [], []
    try:
        for _ in range(questions):
            name, at = _name(wire, at)
            (kind,) = struct.unpack_from("!H", wire, at)
            parsed_questions.append((name.lower(), TYPES.get(kind, f"TYPE{kind}")))
            spelled.append(name)
            at += 4
    except (IndexError, struct.error, ValueError):
        return None
    if not parsed_questions or at > len(wire):
        return None
    addresses, aliases, records, edns = [], [], [], False
    for place, (kind, data, text) in enumerate(_records(wire, at, sum(counts))):
        edns = edns or kind == OPT
        if place >= counts[0]:
            continue  # It is none of the answers.
        if kind == CNAME:
            aliases.append(text)
        elif kind in NAME_AT:
            records.append(text)
        elif len(data) == ADDRESS_BYTES.get(kind):
            addresses.append(str(ipaddress.ip_address(data)))
    code = flags & 0xF
    return DnsMessage(
        id=number,
        response=bool(flags & 0x8000),
        questions=tuple(parsed_questions),
        rcode=RCODES[code] if code < len(RCODES) else f"RCODE{code}",
        addresses=tuple(addresses),
        truncated=bool(flags & 0x0200),
        alias=aliases[0] if aliases else "",
        records=tuple(records),
        spelled=tuple(spelled),
        edns=edns,
    )


def _records(wire: bytes, at: int, count: int) -> Iterator[tuple[int, bytes, str]]:
    """The records from `at` on, up to the first incomplete one: type, data, and as text the data that has a name."""
    try:
        for _ in range(count):
            _, at = _name(wire, at)
            kind, group, _, length = struct.unpack_from("!HHIH", wire, at)
            at += 10
            if at + length > len(wire):
                return
            if group == INTERNET or kind == OPT:  # The class of an OPT record is a size (RFC 6891 section 6.1.2).
                yield kind, wire[at : at + length], _text(wire, at, kind) if kind in NAME_AT else ""
            at += length
    except (IndexError, struct.error, ValueError):
        return


def _text(wire: bytes, at: int, kind: int) -> str:
    """The data of a record that leads to a name, as a zone file has it."""
    numbers = struct.unpack_from("!3H", wire, at) if kind == SRV else ()
    return " ".join((*map(str, numbers), _name(wire, at + NAME_AT[kind])[0].lower()))


def _name(wire: bytes, at: int) -> tuple[str, int]:
    """The name at `at` as it is spelled, its pointers followed (section 4.1.4), and the offset of the next field."""
    labels: list[str] = []
    end, start = 0, at
    while length := wire[at]:
        if length >= 0xC0:
            end = end or at + 2
            target = struct.unpack_from("!H", wire, at)[0] & 0x3FFF
            if target >= start:
                raise ValueError("a compression pointer that does not point back")
            at = start = target
            continue
        label = wire[at + 1 : at + 1 + length]
        if length > 63 or len(label) < length:
            raise ValueError("an incomplete label")
        labels.append(label.decode("ascii", "backslashreplace"))
        at += 1 + length
    return ".".join(labels), end or at + 1
