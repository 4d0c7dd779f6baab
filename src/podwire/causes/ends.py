"""Where the packets of a failing case end: the last place where they were seen, and the first where they were not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from podwire.causes.route import Spot, Stage, route
from podwire.model.cases import Case
from podwire.model.observations import Attempt, Observation, SeenPacket
from podwire.model.packets import Packet
from podwire.model.verdicts import Finding, Verdict

Kind = Literal["lost", "unsent", "unanswered", "told", "name", "wrong"]
_HEADERS = {"ipv4": 20, "ipv6": 40}
_ETHERNET, _TCP_AT_MOST, _TUNNEL_AT_MOST = 14, 60, 70
_ECHO_REPLIES = (0, 129)
LOOKED_AT = 20
"""Exchanges of a case that are looked at, of those that went wrong."""
DNS = "DNS"
WRONG = "with a wrong outer"
UNTRANSLATED = "still addressed to the Service"
_PREFIX = 32


@dataclass(frozen=True, kw_only=True)
class End:
    """What became of the packets of a failing case.

    `lost` packets have a `last` spot and a `missing` one. `unanswered` ones reached the server, `last`, which sent
    nothing. `told` is a refusal or an ICMP error, `last` where it comes from as far as one sees. `name` is a name that
    did not resolve for another reason than lost packets. `wrong` is a case whose exchange ended as it should and whose
    packets or answers are not as required. `note` says what is odd of the packets at `last`.
    """

    kind: Kind
    way: str = "request"
    what: str = ""
    last: Spot | None = None
    missing: Spot | None = None
    note: str = ""
    size: int = 0
    """Bytes of the lost frame, where smaller ones passed; 0 otherwise."""
    target: str = ""
    """The server's end of the lost packet, as it was last seen."""


def end_of(case: Case, observation: Observation, verdict: Verdict) -> End:
    """The end of a failing case, in the exchange that went wrong first."""
    unmet = [finding for finding in verdict.findings if not finding.met]
    failed = [attempt for attempt in observation.attempts if attempt.error]
    if not failed or not any(finding.where == "client" for finding in unmet):
        return _wrong(unmet)
    ends = [_of_attempt(case, observation, attempt) for attempt in failed[:LOOKED_AT]]
    return next((end for end in ends if end.kind == "lost"), ends[0])


def _of_attempt(case: Case, observation: Observation, failed: Attempt) -> End:
    assert failed.error is not None
    if failed.error.stage == "resolve":
        return _of_a_name(case, observation, failed)
    stages = route(case, observation, failed)
    lost = _lost(stages, observation)
    if lost and failed.error.kind not in ("refused", "reset", "unreachable"):
        return lost
    return _told(stages) or lost or _without_loss(stages, failed, case)


def _wrong(unmet: Sequence[Finding]) -> End:
    first = unmet[0] if unmet else None
    where = first.where.partition(" (")[0] if first else ""
    field = first.actual.partition(" has ")[2].partition(" = ")[0] if first else ""
    return End(kind="wrong", what=field or (first.expected.partition(" (")[0] if first else ""), note=where)


def _of_a_name(case: Case, observation: Observation, failed: Attempt) -> End:
    """What became of a look-up. The questions are read where the client's own packets are captured."""
    assert failed.error is not None
    stages = route(case, observation, None, names=True)
    lost = _lost(stages, observation, DNS)
    if lost:
        return lost
    last = stages[0].spot if stages else None
    if any(lookup.rcode is None for lookup in observation.lookups):
        return End(kind="unanswered", what=DNS, last=last)
    codes = [lookup.rcode for lookup in observation.lookups if lookup.rcode]
    if codes:
        return End(kind="name", what=codes[-1])
    return End(kind="unsent", what=DNS, last=last)


def _without_loss(stages: Sequence[Stage], failed: Attempt, case: Case) -> End:
    assert failed.error is not None
    reached = [stage for stage in stages if stage.of("request")]
    if stages and not reached:
        return End(kind="unsent", last=stages[0].spot)
    if reached and not any(_answers(reply.packet) for reply in reached[-1].of("reply")):
        packet = reached[-1].of("request")[-1].packet
        # Of a Service with several backends nobody captures at the one that the packet is for.
        kind: Kind = "lost" if case.server.probe == "backends" else "unanswered"
        return End(kind=kind, what=_kind_of(packet), last=reached[-1].spot, target=packet.ip.dst)
    return End(kind="wrong", what=f"{failed.error.kind} at {failed.error.stage}", note="client")


def _answers(packet: Packet) -> bool:
    """Whether a packet of the server is more than an acknowledgement."""
    return packet.ip.protocol != "tcp" or bool(packet.payload)


def _told(stages: Sequence[Stage]) -> End | None:
    """Who refused, as far as one sees: the place nearest to the server where the refusal was captured."""
    for stage in reversed(stages):
        for seen in stage.packets:
            packet = seen.packet
            if seen.direction == "error":
                return End(kind="told", way="error", what=f"an ICMP error of {packet.ip.src}", last=stage.spot)
            if seen.direction == "reply" and "R" in packet.tcp.flags:
                return End(kind="told", way="reply", what="a reset", last=stage.spot)
    return None


def _lost(stages: Sequence[Stage], observation: Observation, lost_kind: str = "") -> End | None:
    """The first packet, in time, that one stage saw and the next that must see it did not, either way."""
    losses = [*_losses(stages, "request"), *_losses(tuple(reversed(stages)), "reply")]
    if not losses:
        return None
    seen, last, missing = min(losses, key=lambda loss: loss[0].packet.at)
    packet = seen.packet
    return End(
        kind="lost",
        way=seen.direction,
        what=lost_kind or _kind_of(packet),
        last=last.spot,
        missing=missing.spot,
        note=_note(seen, last, observation),
        size=_only_large(packet, seen.direction, last, missing),
        target=packet.ip.dst if seen.direction == "request" else packet.ip.src,
    )


def _losses(stages: Sequence[Stage], way: str) -> Iterator[tuple[SeenPacket, Stage, Stage]]:
    for at, before in enumerate(stages[:-1]):
        sent = before.of(way)
        if not sent:
            continue
        following = next(
            (stage for stage in stages[at + 1 :] if stage.certain and (stage.needed or stage.of(way))), None
        )
        if following is None:
            continue
        passed = [seen.packet for seen in following.of(way)]
        for candidate in sent:
            if _counts(candidate.packet, way) and not any(
                _same(candidate.packet, next_packet) for next_packet in passed
            ):
                yield candidate, before, following
                break


def _counts(packet: Packet, way: str) -> bool:
    """Acknowledgements alone may be merged on the way, and what ends a connection after a time-out proves nothing."""
    if packet.ip.protocol != "tcp":
        return not (packet.ip.fragment and packet.ports.sport is None)
    return bool(packet.payload) or "S" in packet.tcp.flags or (way == "reply" and "R" in packet.tcp.flags)


def _same(packet: Packet, following: Packet) -> bool:
    """Whether a packet of the next place is this one, or holds its beginning: network cards divide and merge."""
    tcp = packet.tcp
    if packet.ip.protocol == "tcp":
        if following.ip.protocol != "tcp" or tcp.seq is None or following.tcp.seq is None:
            return False
        if "S" in tcp.flags or "S" in following.tcp.flags:
            return tcp.seq == following.tcp.seq and ("S" in tcp.flags) is ("S" in following.tcp.flags)
        return bool(following.payload) and 0 <= (tcp.seq - following.tcp.seq) % (1 << 32) < max(_held(following), 1)
    if packet.ip.fragment or following.ip.fragment:
        return packet.ip.protocol == following.ip.protocol
    return (packet.ip.protocol, packet.icmp.seq, packet.payload[:_PREFIX]) == (
        following.ip.protocol,
        following.icmp.seq,
        following.payload[:_PREFIX],
    )


def _held(packet: Packet) -> int:
    """Bytes of TCP that a packet holds at least: a record keeps the beginning of a payload alone."""
    headers = _HEADERS["ipv6" if ":" in packet.ip.src else "ipv4"] + _ETHERNET + _TCP_AT_MOST
    return packet.length - headers - (_TUNNEL_AT_MOST if packet.outer else 0)


def _only_large(packet: Packet, way: str, last: Stage, missing: Stage) -> int:
    """The bytes of the lost frame if every frame that passed is smaller, and at least one did; else 0."""
    passed = [seen.packet.length for seen in missing.of(way)]
    return packet.length if passed and max(passed) < packet.length else 0


def _note(seen: SeenPacket, last: Stage, observation: Observation) -> str:
    packet = seen.packet
    if packet.outer and packet.outer.wrong:
        return f"{WRONG} {packet.outer.wrong}"
    service = observation.bindings.get("service.cluster_ip")
    if last.spot.kind == "NIC" and seen.direction == "request" and packet.ip.dst == service:
        return UNTRANSLATED
    return ""


def _kind_of(packet: Packet) -> str:
    if packet.ip.protocol == "tcp":
        return "SYN-ACK" if packet.tcp.flags == "SA" else "SYN" if "S" in packet.tcp.flags else "TCP data"
    if packet.ip.protocol in ("icmp", "icmpv6"):
        return "echo reply" if packet.icmp.type in _ECHO_REPLIES else "echo request"
    return "datagram"
