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
ADDRESS_BYTES = {1: 4, 28: 16}
NAME_AT = {CNAME: 0, PTR: 0, SRV: 6}
"""Where in the data of a record the name begins that it leads to (an SRV record: RFC 2782)."""
Question = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class DnsMessage:
    """One message. Names are lower case without the final dot; `addresses` are those of A and AAAA answers, as text.

    `alias` is the target of the first CNAME among the answers, or empty. `records` are the SRV and PTR answers as a
    zone file has them, names as above: `0 100 80 web.default.svc.cluster.local`. `spelled` are the names of the
    questions as they came. `edns` tells whether there is an OPT record (RFC 6891).
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
    """The messages of one direction of a TCP connection, each behind its length (RFC 1035 section 4.2.2), with the
    segment that it began in. What is missing of the stream ends the reading."""
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
    ip, ports = packet.ip, packet.ports
    if port not in (ports.sport, ports.dport) or ip.protocol not in ("udp", "tcp") or ip.fragment:
        return None
    wire = packet.payload
    if ip.protocol == "tcp":
        # Over TCP a message stands behind its length (RFC 1035 section 4.2.2).
        wire = wire[2:] if len(wire) > 2 and int.from_bytes(wire[:2], "big") <= len(wire) - 2 else b""
    return _parse(wire) if len(wire) >= 12 else None


def dns_questions(packet: Packet, port: int = DNS_PORT) -> tuple[Question, ...]:
    """The `(name, type)` pairs that a DNS message asks for, question and response alike; empty for any other packet."""
    message = dns_message(packet, port)
    return message.questions if message else ()


def _parse(wire: bytes) -> DnsMessage | None:
    """A message whose questions are whole; of the answers what is there (a truncated one may end anywhere)."""
    number, flags, questions, *counts = struct.unpack_from("!6H", wire)
    at, asked, spelled = 12, [], []
    try:
        for _ in range(questions):
            name, at = _name(wire, at)
            (kind,) = struct.unpack_from("!H", wire, at)
            asked.append((name.lower(), TYPES.get(kind, f"TYPE{kind}")))
            spelled.append(name)
            at += 4
    except (IndexError, struct.error, ValueError):
        return None
    if not asked or at > len(wire):
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
        questions=tuple(asked),
        rcode=RCODES[code] if code < len(RCODES) else f"RCODE{code}",
        addresses=tuple(addresses),
        truncated=bool(flags & 0x0200),
        alias=aliases[0] if aliases else "",
        records=tuple(records),
        spelled=tuple(spelled),
        edns=edns,
    )


def _records(wire: bytes, at: int, count: int) -> Iterator[tuple[int, bytes, str]]:
    """The records from there on: type, data, and as text what has a name in it; up to the first that is not whole."""
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
    """The name at a place as it is spelled, its pointers followed (section 4.1.4), and where the next thing begins."""
    labels: list[str] = []
    end, start = 0, at
    while length := wire[at]:
        if length >= 0xC0:
            end = end or at + 2
            target = struct.unpack_from("!H", wire, at)[0] & 0x3FFF
            if target >= start:
                raise ValueError("a pointer that does not lead back")
            at = start = target
            continue
        label = wire[at + 1 : at + 1 + length]
        if length > 63 or len(label) < length:
            raise ValueError("a label that is not whole")
        labels.append(label.decode("ascii", "backslashreplace"))
        at += 1 + length
    return ".".join(labels), end or at + 1
