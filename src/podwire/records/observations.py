"""An observation as it is kept beside the record: with its case, and without what no verdict needs. Pure.

Packets keep the beginning of their payload, where the token is, and those of DNS all of it: verdicts read the questions
in them. A passing case of many exchanges keeps, at each capture point, the first packets each way: all of them met the
same patterns.
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
PACKETS_EACH_WAY = 50


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What was seen of a case in one round of its run. `cut` counts the packets that are not kept, by capture point."""

    case: Case
    observation: Observation
    outcome: Outcome
    round: int = 0
    cut: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Exchanges:
    """The attempts of a case in one round, without its packets: all that a comparison of runs asks for."""

    case_id: str
    round: int
    attempts: tuple[Attempt, ...]


def stored(case: Case, observation: Observation, outcome: Outcome, number: int = 0) -> Stored:
    """What is kept of an observation."""
    cut: dict[str, int] = {}
    captures: dict[str, Capture] = {}
    spare = outcome is Outcome.PASS and len(observation.attempts) > 1
    for point, capture in observation.captures.items():
        kept = _first(capture.packets) if spare else capture.packets
        if len(kept) < len(capture.packets):
            cut[point] = len(capture.packets) - len(kept)
        captures[point] = replace(capture, packets=tuple(_trimmed(one) for one in kept))
    return Stored(
        case=case, observation=replace(observation, captures=captures), outcome=outcome, round=number, cut=cut
    )


def _first(packets: tuple[SeenPacket, ...]) -> tuple[SeenPacket, ...]:
    left = dict.fromkeys(get_args(Direction), PACKETS_EACH_WAY)
    kept: list[SeenPacket] = []
    for one in packets:
        if left[one.direction]:
            left[one.direction] -= 1
            kept.append(one)
    return tuple(kept)


def _trimmed(one: SeenPacket) -> SeenPacket:
    if len(one.packet.payload) <= PAYLOAD or DNS_PORT in (one.packet.ports.sport, one.packet.ports.dport):
        return one
    return replace(one, packet=replace(one.packet, payload=one.packet.payload[:PAYLOAD]))
