"""What a capture point saw of a stream, and the few packets of it that are kept: those that tell something. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import structs

from podwire.model.cases import Case
from podwire.model.observations import Point, SeenPacket
from podwire.model.streams.seen import StreamSeen
from podwire.packets.stream_passages import messages_in, passages, slowest_answer

MOST_USUAL, MOST_ODD = 6, 40
"""Packets of a stream that a capture point keeps: the first ones each way, and those around what is odd."""


def with_passages(stream: StreamSeen, case: Case, point: Point, packets: Mapping[int, SeenPacket]) -> StreamSeen:
    """The stream with what this point saw of it."""
    messages = messages_in(packets, stream.token)
    if point == case.points[-1] and point.startswith("server"):
        stream = structs.replace(stream, served=slowest_answer(packets, messages))
    return structs.replace(stream, passages=stream.passages + passages(point, packets, messages))


def telling(packets: Mapping[int, SeenPacket], streams: Mapping[str, StreamSeen]) -> dict[int, SeenPacket]:
    """The packets to keep: the first ones each way, all that open, end or refuse a connection, and those of messages
    that were lost, that passed this point more than once, or that were sent around a change of the Service."""
    odd: set[int] = set()
    for token, stream in streams.items():
        numbers = _odd(stream)
        odd |= {at for at, number in messages_in(packets, token) if number in numbers} if numbers else set()
    left = {"request": MOST_USUAL, "reply": MOST_USUAL, "error": MOST_ODD}
    ends = others = MOST_ODD
    kept: dict[int, SeenPacket] = {}
    for at in sorted(packets):
        seen = packets[at]
        flags = seen.packet.tcp.flags
        if left[seen.direction]:
            left[seen.direction] -= 1
        elif ends and ("S" in flags or "F" in flags or "R" in flags):
            ends -= 1
        elif others and at in odd:
            others -= 1
        else:
            continue
        kept[at] = seen
    return kept


def _odd(stream: StreamSeen) -> set[int]:
    """The numbers of messages without an answer in time, of those around a change of the Service, and of those that
    passed a point more than once."""
    lost = {number for interval in stream.numbers.lost for number in range(interval.first, interval.last + 1)}
    around = {number for mark in stream.marks for end in (mark.before, mark.shown) for number in (end, end + 1)}
    return lost | around | {copies.number for passage in stream.passages for copies in passage.again}
