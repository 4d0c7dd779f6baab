"""Which packets of a capture belong to which exchange, whatever NAT and tunnels made of its addresses. Pure.

Three things lead to a flow: the token in a payload, the initial sequence number of its SYN (NAT keeps it), and the
client's own socket address. What shares a 5-tuple with such a packet is of the flow too, and so are the other fragments
of such a packet, and ICMP errors that quote one.
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
Ends = tuple[str, tuple[str, int], tuple[str, int]]
Whole = tuple[int, str, str, str]
"""What all fragments of a packet share (RFC 791 section 3.2, RFC 8200 section 4.5): identification, protocol, both
addresses."""


@dataclass(frozen=True, kw_only=True)
class Clue:
    """What leads to the packets of one exchange.

    `local` and `target` are the client's own socket and what it sends to; `sequence` is its SYN's number, when the
    client's capture shows it.
    """

    token: str
    local: tuple[str, int] | None = None
    target: tuple[str, int] | None = None
    sequence: int | None = None


class CaptureIndex:
    """One capture, ready to be asked for the packets of any exchange. It may grow, as the capture does."""

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
        """Add what was captured after the packets that are here."""
        first = len(self.packets)
        self.packets += packets
        for at, packet in enumerate(self.packets[first:], first):
            for found in set(TOKEN.findall(packet.payload)):
                self._by_token[found].append(at)
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
        """Whether any packet carries this token: how a beacon is found."""
        return token.encode() in self._by_token

    def sequence_of(self, local: tuple[str, int], target: tuple[str, int]) -> int | None:
        """The initial sequence number of the TCP connection between these ends, if its SYN was captured."""
        for at in self._by_ends.get(_both("tcp", local, target), ()):
            if self.packets[at].tcp.flags == "S":
                return self.packets[at].tcp.seq
        return None

    def find(self, clue: Clue, server_ports: Collection[int]) -> list[tuple[int, SeenPacket]]:
        """The packets of one exchange with their places in the capture, in order, each with its direction."""
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
        """Where a later fragment's first one is. If it was not captured, another packet of the exchange between the
        same addresses tells the ports."""
        packet = self.packets[at]
        if not packet.ip.fragment or packet.ports.sport is not None:
            return at
        for whole in _wholes(packet):
            if whole in self._first:
                return self._first[whole]
        known = (one for one in exchange if self.packets[one].ports.sport is not None)
        ends = (packet.ip.src, packet.ip.dst)
        return next((one for one in known if (self.packets[one].ip.src, self.packets[one].ip.dst) == ends), at)

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
            # A node that translates may give a client the number of a server's port: the client spoke first.
            first = self.packets[self._by_ends[ends][0]]
            return (packet.ip.src, sport) == (first.ip.src, first.ports.sport)
        return dport in server_ports and sport not in server_ports


def _wholes(packet: Packet) -> Iterator[Whole]:
    """Which packet a fragment is of: its own, and where a tunnel is around it perhaps the tunnel's packet."""
    ip, outer = packet.ip, packet.outer
    if ip.fragment is None or ip.fragment.ident is None:
        return
    yield (ip.fragment.ident, ip.protocol, ip.src, ip.dst)
    if outer:
        yield (ip.fragment.ident, "udp", outer.ip.src, outer.ip.dst)


def _as_of(piece: Packet, head: Packet) -> Packet:
    """A later fragment with what only the first one carries: the ports, or all that is inside of a tunnel."""
    if head.outer is not None and piece.outer is None:
        return replace(head, at=piece.at, payload=piece.payload, length=piece.length, interface=piece.interface)
    return replace(piece, ports=head.ports)


def _ends(packet: Packet) -> Ends | None:
    """Both ends of a TCP or UDP packet, the same for both directions."""
    ip, sport, dport = packet.ip, packet.ports.sport, packet.ports.dport
    if sport is None or dport is None or ip.protocol not in ("tcp", "udp"):
        return None
    return _both(ip.protocol, (ip.src, sport), (ip.dst, dport))


def _both(protocol: str, one: tuple[str, int], other: tuple[str, int]) -> Ends:
    return (protocol, one, other) if one <= other else (protocol, other, one)


def clues(attempts: Iterable[Attempt], target: tuple[str, int], client: CaptureIndex | None) -> list[Clue]:
    """What leads to the packets of these attempts; the client's own capture adds the initial sequence numbers."""
    return [
        Clue(
            token=attempt.token,
            local=attempt.local,
            target=target,
            sequence=client.sequence_of(attempt.local, target) if client and attempt.local else None,
        )
        for attempt in attempts
    ]
