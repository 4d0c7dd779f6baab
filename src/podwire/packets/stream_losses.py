"""Where messages of a stream were lost: seen at one capture point and not at the next. Pure.

What TCP makes of it changes nothing: a message that the client's point saw twice and the server's once was lost once,
also where its retransmission arrived. Only the outermost points decide whether something was lost, because a NIC may
see a packet twice on its way; the points between say where.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from podwire.model.observations import POINTS, Capture
from podwire.model.streams.seen import Passage, StreamSeen


@dataclass(frozen=True, kw_only=True)
class Losses:
    """What became of the messages of a stream on their way.

    `messages` is how many the first point saw. `lost` has the place by the number of each message of which a copy was
    lost, or a copy of its answer. `doubled` counts messages of which more copies arrived than were sent. `unknown` says
    why the captures tell nothing.
    """

    messages: int = 0
    lost: Mapping[int, str] = field(default_factory=dict)
    doubled: int = 0
    reordered: int = 0
    unknown: str = ""


def losses_of(stream: StreamSeen, captures: Mapping[str, Capture], protocol: str) -> Losses:
    """The losses of one stream, by what each capture point saw of it."""
    points = [point for point in POINTS if point in captures]
    ends = [captures[point] for point in (*points[:1], *points[-1:])]
    for capture in ends:
        if not capture.usable or capture.reason:
            return Losses(unknown=f"the capture at the {capture.point} ({capture.where}): {capture.reason}")
    if len(points) < 2 or not points[-1].startswith("server"):
        return Losses(unknown="no capture is at the server")
    sure = [point for point in points if captures[point].usable and not captures[point].reason]
    requests, replies = (_by_point(stream.passages, way) for way in ("request", "reply"))
    sent, arrived = (_copies(requests.get(point)) for point in (points[0], points[-1]))
    answered, came_back = (_copies(replies.get(point)) for point in (points[-1], points[0]))
    lost = {
        number: _place(number, sure, requests, "request") for number in sent if arrived.get(number, 0) < sent[number]
    }
    back = list(reversed(sure))
    for number in answered:
        if came_back.get(number, 0) < answered[number] and number not in lost:
            lost[number] = _place(number, back, replies, "reply")
    if protocol == "udp" and stream.numbers.counts.answered:
        beyond = "request at the server" if points[-1] == "server-pod" else f"beyond {points[-1]}"
        lost |= {number: beyond for number in arrived if number not in answered and number not in lost}
    doubled = sum(arrived.get(number, 0) > count for number, count in sent.items())
    doubled += sum(came_back.get(number, 0) > count for number, count in answered.items())
    return Losses(messages=len(sent), lost=lost, doubled=doubled, reordered=_reordered(points, requests, replies))


def _reordered(points: Sequence[str], requests: Mapping[str, Passage], replies: Mapping[str, Passage]) -> int:
    """How many messages and answers were overtaken between the outermost points."""
    ways = ((requests, points[0], points[-1]), (replies, points[-1], points[0]))
    return sum(
        max(0, passages[last].reordered - passages[first].reordered)
        for passages, first, last in ways
        if first in passages and last in passages
    )


def _by_point(passages: Sequence[Passage], way: str) -> dict[str, Passage]:
    return {passage.point: passage for passage in passages if passage.way == way}


def _copies(passage: Passage | None) -> dict[int, int]:
    """How often each message passed."""
    if passage is None:
        return {}
    counts = dict.fromkeys(_numbers(passage), 1)
    counts.update({copies.number: copies.count for copies in passage.again})
    return counts


def _numbers(passage: Passage) -> Iterator[int]:
    for interval in passage.seen:
        yield from range(interval.first, interval.last + 1)


def _place(number: int, points: Sequence[str], passages: Mapping[str, Passage], way: str) -> str:
    """Between which two points a copy of a message was lost. A point that saw nothing of the stream is none of its
    way."""
    on_the_way = [point for point in points if point in passages and passages[point].seen]
    counts = [(point, _count(number, passages[point])) for point in on_the_way]
    for (here, sent), (there, came) in pairwise(counts):
        if came < sent and came < counts[0][1]:
            return f"{way} between {here} and {there}"
    return f"{way} between {points[0]} and {points[-1]}"


def _count(number: int, passage: Passage) -> int:
    if not any(interval.first <= number <= interval.last for interval in passage.seen):
        return 0
    return next((copies.count for copies in passage.again if copies.number == number), 1)
