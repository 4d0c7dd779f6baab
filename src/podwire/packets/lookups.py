"""DNS look-ups in the packets of a capture: the queries and their answers. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from podwire.model.observations import Lookup
from podwire.model.packets import Packet
from podwire.packets.dns import DNS_PORT, DnsMessage, dns_message, dns_questions, dns_stream

Ends = tuple[str, int | None, str, int | None]


def lookups(packets: Iterable[Packet]) -> Iterator[Lookup]:
    """Every DNS query with its answer, in the order of the queries.

    A response whose query was not captured counts as query and answer, because it repeats the question.
    """
    lookup_fields: dict[tuple[object, ...], dict[str, Any]] = {}
    unanswered: Counter[tuple[object, ...]] = Counter()
    for packet, message in _messages(packets):
        for (name, kind), spelled in zip(message.questions, message.spelled, strict=True):
            client_port = packet.ports.sport if packet.ports.dport == DNS_PORT else packet.ports.dport
            key: tuple[object, ...] = (packet.ip.protocol, client_port, message.id, name, kind)
            if key not in lookup_fields:
                lookup_fields[key] = {
                    "name": name,
                    "type": kind,
                    "server": packet.ip.src if message.response else packet.ip.dst,
                    "protocol": "tcp" if packet.ip.protocol == "tcp" else "udp",
                    "at": packet.at,
                    "id": message.id,
                    "spelled": (spelled,),
                }
                unanswered[key] += message.response
            if not message.response:
                unanswered[key] += 1
                continue
            fields = lookup_fields[key]
            unanswered[key] -= packet.ip.src == fields["server"]
            fields["rcode"] = "truncated" if message.truncated else message.rcode
            fields["answers"], fields["alias"] = message.addresses, message.alias
            fields["records"], fields["edns"] = message.records, message.edns
            fields["spelled"] = (fields["spelled"][0], spelled)
    for key, fields in lookup_fields.items():
        if all(name == fields["name"] for name in fields["spelled"]):
            del fields["spelled"]
        yield Lookup(**fields, lost=max(0, unanswered[key]) if "rcode" in fields else 0)


def _messages(packets: Iterable[Packet]) -> Iterator[tuple[Packet, DnsMessage]]:
    """Every DNS message with the packet that it starts in, by the time of this packet."""
    messages: list[tuple[Packet, DnsMessage]] = []
    streams: dict[Ends, list[Packet]] = {}
    for packet in packets:
        if DNS_PORT not in (packet.ports.sport, packet.ports.dport):
            continue
        if packet.ip.protocol == "tcp":
            if packet.payload:
                streams.setdefault(packet.tuple[1:], []).append(packet)
        else:
            message = dns_message(packet)
            if message is not None:
                messages.append((packet, message))
    for segments in streams.values():
        messages += dns_stream(segments)
    yield from sorted(messages, key=lambda message: message[0].at)


def questions_by_sender(packets: Iterable[Packet]) -> Mapping[str, Mapping[tuple[str, str], float]]:
    """The name and type of each query over UDP, by the address that sent it, with the time of the last such query."""
    asked: dict[str, dict[tuple[str, str], float]] = defaultdict(dict)
    for packet in packets:
        if packet.ports.dport == DNS_PORT and packet.ip.protocol == "udp":
            asked[packet.ip.src].update(dict.fromkeys(dns_questions(packet), packet.at))
    return asked


def lookups_for(target: str, captured: Iterable[Lookup], fqdn: str = "", kind: str = "") -> tuple[Lookup, ...]:
    """The queries that a look-up of `target` can cause: for the name itself, and for the name with a suffix.

    `captured` are all queries. With `fqdn`, queries for names below it count too; with `kind`, only queries for this
    record type (`A`, `AAAA`) count.
    """
    name, below = target.lower().rstrip("."), f".{fqdn.lower()}"
    return tuple(
        lookup
        for lookup in captured
        if (lookup.name == name or lookup.name.startswith(f"{name}.") or (fqdn and lookup.name.endswith(below)))
        and kind in ("", lookup.type)
    )


def places_of_questions(packets: Sequence[Packet]) -> Mapping[tuple[int, str], list[int]]:
    """The indexes of the packets of each query, by message id and name.

    Over TCP these are all packets of its connection. NAT may change the ends of a connection, but not the messages.
    """
    places: dict[tuple[int, str], list[int]] = defaultdict(list)
    connections: dict[frozenset[tuple[str, int | None]], list[int]] = defaultdict(list)
    for at, packet in enumerate(packets):
        if DNS_PORT not in (packet.ports.sport, packet.ports.dport):
            continue
        if packet.ip.protocol == "tcp":
            _, src, sport, dst, dport = packet.tuple
            connections[frozenset(((src, sport), (dst, dport)))].append(at)
            continue
        message = dns_message(packet)
        for name, _ in message.questions if message else ():
            places[message.id if message else 0, name].append(at)
    for packets_of_one in connections.values():
        questions = {
            (message.id, name)
            for _, message in _messages(packets[at] for at in packets_of_one)
            for name, _ in message.questions
        }
        for key in questions:
            places[key] += packets_of_one
    return places
