"""Finds the packets of an exchange in a capture, even if NAT or a tunnel changed the addresses. Pure.

Three clues identify an exchange: the token in a payload, the initial sequence number of its SYN (NAT keeps it), and the
client's socket address. Packets with the same 5-tuple belong to the exchange too, and so do other fragments of its
packets and ICMP errors that quote them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from podwire.model.observations import Attempt, SeenPacket
from podwire.model.packets import Packet
from podwire.model.patterns import Direction

TOKEN = re.compile(rb"pw[0-9a-f]{16}")
QUESTION, ANSWER = re.compile(rb"pw[0-9a-f]{16} [0-9]"), b"{"
"""How a question and an answer of the agents begin."""
Ends = tuple[str, tuple[str, int], tuple[str, int]]
Whole = tuple[int, str, str, str]
"""The fields that all fragments of a packet share (RFC 791 section 3.2, RFC 8200 section 4.5): identification,
protocol, source and destination."""


@dataclass(frozen=True, kw_only=True)
class Clue:
    """The clues to the packets of one exchange.

    `local` is the client's socket address, `target` its destination. `sequence` is the initial sequence number of its
    SYN, if the client's capture has it.
    """

    token: str
    local: tuple[str, int] | None = None
    target: tuple[str, int] | None = None
    sequence: int | None = None


class CaptureIndex:
    """An index of one capture that finds the packets of any exchange. It can grow with the capture."""

    def __init__(self, packets: Iterable[Packet] = ()) -> None:
        self.packets: list[Packet] = []
        self._by_token: dict[bytes, list[int]] = defaultdict(list)
        self._by_ends: dict[Ends, list[int]] = defaultdict(list)
        self._by_quote: dict[Ends, list[int]] = defaultdict(list)
        self._first: dict[Whole, int] = {}
        self._later: dict[Whole, list[int]] = defaultdict(list)
        self._by_syn: dict[int, list[int]] = defaultdict(list)
        self.extend(packets)

    def extend(self, packets: Iterable[Packet]) -> None:
        """Add later packets of the same capture."""
        first = len(self.packets)
        self.packets += packets
        for at, packet in enumerate(self.packets[first:], first):
            for token in set(TOKEN.findall(packet.payload)):
                self._by_token[token].append(at)
            error = packet.icmp.quoted
            if error is not None and (quoted := _ends(error)):
                self._by_quote[quoted].append(at)
            ends = _ends(packet)
            if packet.ip.fragment:
                self._keep_fragment(at, packet)
            if ends is None:
                continue
            self._by_ends[ends].append(at)
            tcp = packet.tcp
            if tcp.flags == "S" and tcp.seq is not None:
                self._by_syn[tcp.seq].append(at)

    def _keep_fragment(self, at: int, packet: Packet) -> None:
        if packet.ports.sport is None:
            self._later[next(_wholes(packet))].append(at)
        else:
            self._first.update(dict.fromkeys(_wholes(packet), at))

    def has_token(self, token: str) -> bool:
        """Whether a packet carries this token, as a beacon does."""
        return token.encode() in self._by_token

    def sequence_of(self, local: tuple[str, int], target: tuple[str, int]) -> int | None:
        """The initial sequence number of the TCP connection between these ends, if its SYN was captured."""
        for at in self._by_ends.get(_both("tcp", local, target), ()):
            if self.packets[at].tcp.flags == "S":
                return self.packets[at].tcp.seq
        return None

    def syns(self, sequence: int) -> int:
        """How many SYNs have this number."""
        return len(self._by_syn.get(sequence, ()))

    def find(self, clue: Clue, server_ports: Collection[int]) -> list[tuple[int, SeenPacket]]:
        """The packets of one exchange in order, each as its index in the capture and the packet with its direction.

        `server_ports` are the ports of this run's servers, which tell requests from replies.
        """
        token = clue.token.encode()
        anchors = list(self._by_token.get(token, ()))
        if clue.sequence is not None:
            anchors += self._by_syn.get(clue.sequence, ())
        if clue.local is not None and clue.target is not None:
            for protocol in ("tcp", "udp"):
                anchors += self._by_ends.get(_both(protocol, clue.local, clue.target), ())
        chosen = set(anchors) | {self._head(at) for at in anchors}
        for ends in {ends for at in chosen if (ends := _ends(self.packets[at]))}:
            chosen.update(self._by_ends[ends])
            chosen.update(self._by_quote.get(ends, ()))
        for at in tuple(chosen):
            for whole in _wholes(self.packets[at]):
                chosen.update(self._later.get(whole, ()))
        return [(at, self._seen(at, self._head(at, chosen), server_ports)) for at in sorted(chosen)]

    def _head(self, at: int, exchange: Collection[int] = ()) -> int:
        """The index of a later fragment's first fragment. If that was not captured, the index of another packet of the
        exchange between the same addresses, which has the same ports."""
        packet = self.packets[at]
        if not packet.ip.fragment or packet.ports.sport is not None:
            return at
        for whole in _wholes(packet):
            if whole in self._first:
                return self._first[whole]
        with_ports = (place for place in exchange if self.packets[place].ports.sport is not None)
        ends = (packet.ip.src, packet.ip.dst)
        return next(
            (place for place in with_ports if (self.packets[place].ip.src, self.packets[place].ip.dst) == ends), at
        )

    def _seen(self, at: int, head_at: int, server_ports: Collection[int]) -> SeenPacket:
        packet, head = self.packets[at], self.packets[head_at]
        if packet.icmp.quoted is not None:
            return SeenPacket(direction="error", packet=packet)
        direction: Direction = "request" if self._towards_server(head, server_ports) else "reply"
        return SeenPacket(direction=direction, packet=packet if head is packet else _as_of(packet, head))

    def _towards_server(self, packet: Packet, server_ports: Collection[int]) -> bool:
        if packet.ip.protocol in ("icmp", "icmpv6"):
            return packet.icmp.type in (8, 128)
        if packet.tcp.flags in ("S", "SA"):
            return packet.tcp.flags == "S"
        ends = _ends(packet)
        sport, dport = packet.ports.sport, packet.ports.dport
        if sport in server_ports and dport in server_ports and ends in self._by_ends:
            return (packet.ip.src, sport) == self._client_of(ends)
        return dport in server_ports and sport not in server_ports

    def _client_of(self, ends: Ends) -> tuple[str, int | None]:
        """The socket address of a client to whom SNAT gave the number of a server port.

        The handshake tells it, or what an end says (`podwire.agent.messages`): a question begins with its token and
        its size, an answer is JSON. Without either, the client sent the first packet that was captured.
        """
        packets = [self.packets[at] for at in self._by_ends[ends]]
        for packet in packets:
            if packet.tcp.flags == "SA" or packet.payload.startswith(ANSWER):
                return packet.ip.dst, packet.ports.dport
            if packet.tcp.flags == "S" or QUESTION.match(packet.payload):
                return packet.ip.src, packet.ports.sport
        return packets[0].ip.src, packets[0].ports.sport


def _wholes(packet: Packet) -> Iterator[Whole]:
    """The keys of the packet that a fragment belongs to: for its own headers, and for those of a tunnel around it."""
    ip, outer = packet.ip, packet.outer
    if ip.fragment is None or ip.fragment.ident is None:
        return
    yield (ip.fragment.ident, ip.protocol, ip.src, ip.dst)
    if outer:
        yield (ip.fragment.ident, "udp", outer.ip.src, outer.ip.dst)


def _as_of(piece: Packet, head: Packet) -> Packet:
    """A later fragment with the fields that only the first one carries: the ports, or the packet inside a tunnel."""
    if head.outer is not None and piece.outer is None:
        return replace(head, at=piece.at, payload=piece.payload, length=piece.length, interface=piece.interface)
    return replace(piece, ports=head.ports)


def _ends(packet: Packet) -> Ends | None:
    """The two ends of a TCP or UDP packet in a fixed order, so that both directions give the same value."""
    ip, sport, dport = packet.ip, packet.ports.sport, packet.ports.dport
    if sport is None or dport is None or ip.protocol not in ("tcp", "udp"):
        return None
    return _both(ip.protocol, (ip.src, sport), (ip.dst, dport))


def _both(protocol: str, left: tuple[str, int], right: tuple[str, int]) -> Ends:
    return (protocol, left, right) if left <= right else (protocol, right, left)


def clues(attempts: Iterable[Attempt], target: tuple[str, int], client: CaptureIndex | None) -> list[Clue]:
    """The clues to the packets of these attempts. The client's own capture adds the initial sequence numbers."""
    return [
        Clue(
            token=attempt.token,
            local=attempt.local,
            target=target,
            sequence=client.sequence_of(attempt.local, target) if client and attempt.local else None,
        )
        for attempt in attempts
    ]
