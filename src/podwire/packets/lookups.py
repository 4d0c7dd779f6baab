"""Which names were asked of a DNS server, and what was answered, read from the packets of a capture. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from podwire.model.observations import Lookup
from podwire.model.packets import Packet
from podwire.packets.dns import DNS_PORT, DnsMessage, dns_message, dns_stream

Ends = tuple[str, int | None, str, int | None]


def lookups(packets: Iterable[Packet]) -> Iterator[Lookup]:
    """Every DNS question with what was answered to it, in the order of the questions.

    An answer whose question was not captured is both: it repeats the question, and nobody is answered who did not ask.
    """
    asked: dict[tuple[object, ...], dict[str, Any]] = {}
    unanswered: Counter[tuple[object, ...]] = Counter()
    for packet, message in _messages(packets):
        for (name, kind), spelled in zip(message.questions, message.spelled, strict=True):
            client_port = packet.ports.sport if packet.ports.dport == DNS_PORT else packet.ports.dport
            key: tuple[object, ...] = (packet.ip.protocol, client_port, message.id, name, kind)
            if key not in asked:
                asked[key] = {
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
            unanswered[key] -= packet.ip.src == asked[key]["server"]
            asked[key]["rcode"] = "truncated" if message.truncated else message.rcode
            asked[key]["answers"] = message.addresses
            asked[key]["alias"] = message.alias
            asked[key]["records"], asked[key]["edns"] = message.records, message.edns
            asked[key]["spelled"] = (asked[key]["spelled"][0], spelled)
    for key, fields in asked.items():
        if all(one == fields["name"] for one in fields["spelled"]):
            del fields["spelled"]
        yield Lookup(**fields, lost=max(0, unanswered[key]) if "rcode" in fields else 0)


def _messages(packets: Iterable[Packet]) -> Iterator[tuple[Packet, DnsMessage]]:
    """Every message with the packet that it began in, by the time of that packet; an answer over TCP takes several."""
    found: list[tuple[Packet, DnsMessage]] = []
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
                found.append((packet, message))
    for segments in streams.values():
        found += dns_stream(segments)
    yield from sorted(found, key=lambda one: one[0].at)


def lookups_for(target: str, seen: Iterable[Lookup], fqdn: str = "", kind: str = "") -> tuple[Lookup, ...]:
    """The questions that a look-up of `target` can have led to: the name itself, and the name with a suffix.

    With `fqdn` those for names below it too, with `kind` only those of that type.
    """
    name, below = target.lower().rstrip("."), f".{fqdn.lower()}"
    return tuple(
        one
        for one in seen
        if (one.name == name or one.name.startswith(f"{name}.") or (fqdn and one.name.endswith(below)))
        and kind in ("", one.type)
    )


def places_of_questions(packets: Sequence[Packet]) -> Mapping[tuple[int, str], list[int]]:
    """Where the packets of each question are, by the id and the name of its messages. Over TCP that is all of its
    connection: NAT may change its ends on the way, the messages stay what they are."""
    found: dict[tuple[int, str], list[int]] = defaultdict(list)
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
            found[message.id if message else 0, name].append(at)
    for packets_of_one in connections.values():
        asked = {
            (message.id, name)
            for _, message in _messages(packets[at] for at in packets_of_one)
            for name, _ in message.questions
        }
        for key in asked:
            found[key] += packets_of_one
    return found
