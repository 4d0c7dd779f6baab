"""The observation that a run keeps: with its case, and without the data that no verdict needs. Pure.

A packet keeps the first bytes of its payload, which hold the token; a DNS packet keeps all of it, because verdicts read
its questions. A passing case of many exchanges keeps the first packets each way at each capture point: all of them met
the same patterns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import get_args

from msgspec.structs import replace

from podwire.model.cases import Case
from podwire.model.observations import Attempt, Capture, Observation, SeenPacket
from podwire.model.patterns import Direction
from podwire.model.verdicts import Outcome
from podwire.packets.dns import DNS_PORT

PAYLOAD = 64
"""Bytes of a payload that are kept."""
PACKETS_EACH_WAY = 50


@dataclass(frozen=True, kw_only=True)
class Stored:
    """The observation of a case in one round. `cut` counts the packets that were not kept, by capture point."""

    case: Case
    observation: Observation
    outcome: Outcome
    round: int = 0
    cut: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Exchanges:
    """The attempts of a case in one round, without packets: all that the comparison of runs needs."""

    case_id: str
    round: int
    attempts: tuple[Attempt, ...]


def stored(case: Case, observation: Observation, outcome: Outcome, number: int = 0) -> Stored:
    """An observation, reduced to the data that is kept. `number` is the round, from 0."""
    cut: dict[str, int] = {}
    captures: dict[str, Capture] = {}
    spare = outcome is Outcome.PASS and len(observation.attempts) > 1
    for point, capture in observation.captures.items():
        packets = _first(capture.packets) if spare else capture.packets
        if len(packets) < len(capture.packets):
            cut[point] = len(capture.packets) - len(packets)
        captures[point] = replace(capture, packets=tuple(_trimmed(packet) for packet in packets))
    return Stored(
        case=case, observation=replace(observation, captures=captures), outcome=outcome, round=number, cut=cut
    )


def _first(packets: tuple[SeenPacket, ...]) -> tuple[SeenPacket, ...]:
    left = dict.fromkeys(get_args(Direction), PACKETS_EACH_WAY)
    kept: list[SeenPacket] = []
    for packet in packets:
        if left[packet.direction]:
            left[packet.direction] -= 1
            kept.append(packet)
    return tuple(kept)


def _trimmed(seen: SeenPacket) -> SeenPacket:
    if len(seen.packet.payload) <= PAYLOAD or DNS_PORT in (seen.packet.ports.sport, seen.packet.ports.dport):
        return seen
    return replace(seen, packet=replace(seen.packet, payload=seen.packet.payload[:PAYLOAD]))
