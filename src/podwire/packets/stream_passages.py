"""What a capture saw of a stream: which numbered messages passed, how often, in which order. Pure.

The agent's messages begin with `TOKEN.N ` and their size, or `one-way`; the echo's answers are JSON with the same token
(`agent.streams`). Padding repeats the token, so only beginnings count.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from podwire.model.observations import SeenPacket
from podwire.model.streams.numbers import Interval
from podwire.model.streams.seen import Copies, Passage, StreamSeen

MOST_COPIES = 1000
"""Messages at most whose copies are listed."""
_BEGINS = rb'%s\.([0-9]{1,9})(?: (?:[0-9]{1,9}|one-way)\n|")'
WAYS = ("request", "reply")


def messages_in(packets: Mapping[int, SeenPacket], token: str) -> list[tuple[int, int]]:
    """The messages that begin in these packets, in order, as index of the packet and number."""
    begins = re.compile(_BEGINS % re.escape(token.encode()))
    return [
        (at, number)
        for at in sorted(packets)
        for number in sorted({int(match[1]) for match in begins.finditer(packets[at].packet.payload)})
        if packets[at].direction in WAYS
    ]


def passages(point: str, packets: Mapping[int, SeenPacket], messages: Sequence[tuple[int, int]]) -> tuple[Passage, ...]:
    """What this capture point saw of the messages, one passage each way."""
    found = []
    for way in WAYS:
        numbers = [number for at, number in messages if packets[at].direction == way]
        counts = Counter(numbers)
        found.append(
            Passage(
                point=point,
                way=way,  # type: ignore[arg-type]
                seen=intervals(counts),
                again=tuple(Copies(n, counts[n]) for n in sorted(counts) if counts[n] > 1)[:MOST_COPIES],
                reordered=_out_of_order(numbers),
            )
        )
    return tuple(found)


def intervals(numbers: Iterable[int]) -> tuple[Interval, ...]:
    """Numbers as intervals of neighbours, in order."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return tuple(Interval(first, last) for first, last in found)


def numbers_at(stream: StreamSeen, point: str, way: str) -> set[int]:
    """The numbers of the messages, or answers, that a capture point saw."""
    passed = [passage for passage in stream.passages if (passage.point, passage.way) == (point, way)]
    return {
        number for passage in passed for interval in passage.seen for number in range(interval.first, interval.last + 1)
    }


def _out_of_order(numbers: Iterable[int]) -> int:
    """How many numbers come for the first time after a higher one."""
    highest, seen, count = 0, set[int](), 0
    for number in numbers:
        if number not in seen:
            count += number < highest
            highest = max(highest, number)
            seen.add(number)
    return count


def slowest_answer(packets: Mapping[int, SeenPacket], messages: Sequence[tuple[int, int]]) -> int:
    """The longest time in milliseconds between the first copy of a message and the first of its answer."""
    asked: dict[int, float] = {}
    answered: dict[int, float] = {}
    for at, number in messages:
        first = asked if packets[at].direction == "request" else answered
        first.setdefault(number, packets[at].packet.at)
    waits = (answered[number] - moment for number, moment in asked.items() if number in answered)
    return max(0, round(1000 * max(waits, default=0.0)))
