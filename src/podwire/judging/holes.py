"""Packets that were not captured, although they must have passed: what is missing then says nothing about the network.

A capture that lost bytes of other exchanges may have lost these packets too. Otherwise only a pod's own port proves it:
all that its pod sends and gets passes there. A request that is missing at the NIC of a node may have taken another way,
and that is a finding.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwire.judging.parts import Observed, came
from podwire.model.observations import Capture, SeenPacket
from podwire.model.packets import Ip, Packet, Ports
from podwire.model.patterns import Direction, Pattern, mismatch
from podwire.packets.dns import dns_questions

PORTS_OF_PODS = ("client-pod", "server-pod")
ENDS = frozenset({"src", "dst", "sport", "dport", "protocol"})
"""Fields that a packet and its answer have in common, the other way round."""
_ECHO_REPLIES = (0, 129)


def not_captured(bound: Pattern, capture: Capture, observed: Observed) -> str | None:
    """Why a pattern that does not hold at a place proves nothing: the place lost frames, or the packet that is wanted
    passed there, for packets that were captured there could not be without it. None when nothing shows that."""
    ends = [(name, wanted) for name, wanted in bound.conditions if name in ENDS]
    if bound.quantity == "none":
        return None
    if capture.holey and bound.quantity == "some":
        return capture.holey  # Other packets of the flow say nothing about the one that is wanted.
    if bound.direction is None and not ends:  # It may want any packet.
        return None
    if bound.direction == "error":  # A router may tell one or not: no other packet shows that there was one.
        return capture.holey or None
    by_way = {way: [seen for seen in capture.packets if seen.direction == way] for way in _WAYS}
    for way in _WAYS if bound.direction is None else (bound.direction,):
        if by_way[way]:
            continue
        opposite = by_way[_OTHER[way]]
        if capture.holey and (not opposite or any(mismatch(_turned(seen.packet), ends) is None for seen in opposite)):
            return capture.holey
        if capture.point not in PORTS_OF_PODS:
            continue
        if not opposite and _passed_unseen(capture, observed):
            return f"at the {capture.point} ({capture.where}) nothing was captured, but the client got the answer"
        for packet, why in _proofs(way, opposite, capture, observed):
            if mismatch(_turned(packet), ends) is None:
                return f"at the {capture.point} ({capture.where}) no {way} was captured, but one passed: {why}"
    return None


_WAYS: tuple[Direction, ...] = ("request", "reply")
_OTHER: dict[Direction, Direction] = {"request": "reply", "reply": "request"}


def _proofs(
    missing: Direction, opposite: list[SeenPacket], capture: Capture, observed: Observed
) -> Iterator[tuple[Packet, str]]:
    """Packets of the other direction that show that there were some of this one, each with what it shows."""
    tokens = [attempt.token.encode() for attempt in observed.attempts if attempt.token]
    for packet in (seen.packet for seen in opposite):
        if packet.ip.protocol == "tcp":
            if "A" in packet.tcp.flags and (missing == "request" or not set(packet.tcp.flags) & {"S", "R"}):
                yield packet, f"a packet the other way acknowledges it (flags {packet.tcp.flags}, ack {packet.tcp.ack})"
        elif missing == "request":
            if packet.icmp.type in _ECHO_REPLIES and packet.ip.protocol in ("icmp", "icmpv6"):
                yield packet, f"an echo reply repeats its number ({packet.icmp.id}, {packet.icmp.seq})"
            elif any(token in packet.payload for token in tokens):
                yield packet, "an answer to it repeats its token"
            elif dns_questions(packet):
                yield packet, "an answer to it repeats its question"
    if missing == "reply" and _answered_here(capture, observed):
        yield from ((seen.packet, "the client got the answer") for seen in opposite)


def _answered_here(capture: Capture, observed: Observed) -> bool:
    """Whether every exchange was answered, and every answer passed this port."""
    if capture.point == "client-pod":
        return bool(observed.attempts) and all(came(attempt) for attempt in observed.attempts)
    replies = [attempt.reply for attempt in observed.attempts]
    identity = observed.observation.bindings.get("server.identity")
    return bool(replies) and all(reply is not None and reply.identity == identity for reply in replies)


def _passed_unseen(capture: Capture, observed: Observed) -> bool:
    """Whether packets must have passed this port, although none is there: the client got an answer of that server, and
    no cache can have given it. What a pod says to itself, or one on its node's network to that node, need not pass."""
    case, bindings = observed.case, observed.observation.bindings
    role = "client" if capture.point == "client-pod" else "server"
    own_port = case.client != case.server and bindings.get(f"{role}.ip") != bindings.get(f"{role}.node.ip")
    answers = [attempt.reply for attempt in observed.attempts]
    return own_port and all(answers) and _answered_here(capture, observed)


def _turned(packet: Packet) -> Packet:
    """The ends of the packet that this one answers, or that answers this one."""
    return Packet(
        at=packet.at,
        ip=Ip(src=packet.ip.dst, dst=packet.ip.src, protocol=packet.ip.protocol),
        ports=Ports(sport=packet.ports.dport, dport=packet.ports.sport),
    )
