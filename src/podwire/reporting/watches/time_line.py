"""The time line of a watch as an SVG: a lane for each thing that changed, and one for each path with its gaps.

Colour is never alone: a gap over its budget is also taller, a bar that shows no fault of
the network is hollow, and every mark has its words as a title.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from podwire.gating.budgets import budget_of
from podwire.model.gaps.durations import in_words, moment_words
from podwire.model.gaps.paths import Budget
from podwire.records.watch import PathRecord, TimedEvent, WatchRecord
from podwire.reporting.pages import text
from podwire.reporting.watches.text import event_words

LEFT, WIDTH, ROW, HEAD = 230, 1150, 22, 26
NAMES: dict[str, str] = {
    "pod": "pods of the watch",
    "network": "kube-proxy and CNI",
    "api": "API server",
    "command": "command",
    "watch": "podwire",
}
KEY = (
    ("blind", 7, 6, "nobody knows"),
    ("busy", 5, 10, "the client was late"),
    ("gap", 5, 10, "no answer"),
    ("over", 1, 18, "over its budget"),
    ("away", 5, 10, "not ready"),
)
"""The kinds of bars, each with its top, its height and its meaning, from the lowest to what lies above all others."""
LEAST = 2.0
"""The width of the shortest bar, in the drawing's units."""
APART, MOST_WORDS = 2.0, 8
"""Events nearer to each other than that, in the drawing's units, have one mark; it tells so many of them."""
Draw = Callable[["_Scale"], Iterator[str]]
"""Draws the marks of a lane."""
_STEPS = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 43200, 86400, 172800)
MOST_LABELS = 12


def time_line(record: WatchRecord, budgets: Sequence[Budget]) -> str:
    """The whole drawing, which scales to the width of its place."""
    lanes: list[tuple[str, Draw]] = [*_event_lanes(record), *_path_lanes(record, budgets)]
    height = HEAD + ROW * (len(lanes) + 1) + 6
    scale = _Scale(record.head.length)
    rows = "".join(
        f'<g transform="translate(0 {HEAD + ROW * at})"><text class="lane" x="{LEFT - 10}" y="15">{text(name)}</text>'
        f'<line class="rule" x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{ROW - 1}" y2="{ROW - 1}"/>{"".join(marks)}</g>'
        for at, (name, marks) in enumerate((name, draw(scale)) for name, draw in lanes)
    )
    length = in_words(record.head.length / 1000)
    label = f"Time line of {len(record.paths)} paths and {len(record.events)} events over {length}"
    return (
        f'<svg class="timeline" viewBox="0 0 {LEFT + WIDTH + 20} {height}" role="img" aria-label="{text(label)}">'
        f"{''.join(_axis(scale, height - ROW))}{rows}{_key(HEAD + ROW * len(lanes) + 6)}</svg>"
    )


class _Scale:
    """Moments, in milliseconds, as places in the drawing."""

    def __init__(self, length: int) -> None:
        self.length = max(length, 1)

    def at(self, moment: float) -> float:
        return LEFT + WIDTH * min(max(moment, 0), self.length) / self.length

    def width(self, length: float) -> float:
        return max(LEAST, WIDTH * length / self.length)


def _axis(scale: _Scale, height: int) -> Iterator[str]:
    seconds = scale.length / 1000
    step = next((step for step in _STEPS if seconds / step <= MOST_LABELS), _STEPS[-1])
    for number in range(int(seconds // step) + 1):
        x = scale.at(number * step * 1000)
        yield f'<line class="tick" x1="{x:.1f}" x2="{x:.1f}" y1="{HEAD - 6}" y2="{height}"/>'
        yield f'<text class="axis" x="{x:.1f}" y="14">{text(in_words(number * step) if number else "0")}</text>'


def _key(y: int) -> str:
    """What the marks mean."""
    entries = "".join(
        f'<g transform="translate({LEFT + 165 * at} 0)">'
        f'<rect class="{kind}" x="0" y="{top}" width="26" height="{high}"/>'
        f'<text class="key" x="34" y="14">{text(words)}</text></g>'
        for at, (kind, top, high, words) in enumerate(KEY)
    )
    return f'<g transform="translate(0 {y})" aria-hidden="true">{entries}</g>'


class _Events:
    """A lane of events: a mark for each, and a bar while something is away."""

    def __init__(self, events: Sequence[TimedEvent]) -> None:
        self._events = events

    def __call__(self, scale: _Scale) -> Iterator[str]:
        spans = [(begin, end - begin, words) for begin, end, words in _spans(self._events, scale.length)]
        for at, length, words in _merged(spans, scale):
            yield _bar("away", scale.at(at), scale.width(length), 5, 10, words)
        for events in self._groups(scale):
            words = "; ".join(map(event_words, events[:MOST_WORDS]))
            rest = f"; {len(events) - MOST_WORDS} more" if len(events) > MOST_WORDS else ""
            yield (
                f'<g class="mark"><title>{text(words + rest)}</title>'
                f'<circle cx="{scale.at(events[0].at):.1f}" cy="10" r="3.5"/></g>'
            )

    def _groups(self, scale: _Scale) -> Iterator[list[TimedEvent]]:
        """Events whose marks would lie on each other, together."""
        group: list[TimedEvent] = []
        for event in self._events:
            if group and scale.at(event.at) - scale.at(group[0].at) > APART:
                yield group
                group = []
            group.append(event)
        if group:
            yield group


class _Gaps:
    """A lane of a path: a bar for each gap, and one for each time in which nobody knows of a client.

    Bars of one kind that would touch are one bar, so a day with a thousand gaps stays readable.
    """

    def __init__(self, path: PathRecord, allowed: float | None) -> None:
        self._path, self._allowed = path, allowed

    def __call__(self, scale: _Scale) -> Iterator[str]:
        for kind, top, height, _ in KEY:
            spans = [(at, length, words) for of, at, length, words in self._spans() if of == kind]
            for at, length, words in _merged(spans, scale):
                yield _bar(kind, scale.at(at), scale.width(length), top, height, words)

    def _spans(self) -> Iterator[tuple[str, int, int, str]]:
        for gap in self._path.gaps:
            over = self._allowed is not None and gap.certain > self._allowed
            kind = "over" if over else "busy" if gap.own_delay >= gap.length // 2 else "gap"
            late = f", the client itself was {gap.own_delay} ms late" if kind == "busy" else ""
            still = ", and still none when the watch ended" if gap.open else ""
            words = f"{gap.length} ms from {moment_words(gap.at)} on, {gap.client} to {gap.server}{late}{still}"
            yield kind, gap.at, gap.length, words
        for time in self._path.blind:
            words = f"nobody knows of {time.client} for {time.length} ms from {moment_words(time.at)} on"
            yield "blind", time.at, time.length, words


def _merged(spans: Sequence[tuple[int, int, str]], scale: _Scale) -> Iterator[tuple[int, int, str]]:
    """Spans of (at, length, words) in the order of time, those that would touch in the drawing as one."""
    group: list[tuple[int, int, str]] = []
    for span in sorted(spans):
        if group and scale.at(span[0]) > max(scale.at(at) + scale.width(length) for at, length, _ in group) + 0.5:
            yield _joined(group)
            group = []
        group.append(span)
    if group:
        yield _joined(group)


def _joined(group: Sequence[tuple[int, int, str]]) -> tuple[int, int, str]:
    begin, end = group[0][0], max(at + length for at, length, _ in group)
    longest = max(group, key=lambda span: span[1])[2]
    return begin, end - begin, longest if len(group) == 1 else f"{len(group)} of them, the longest: {longest}"


def _bar(kind: str, x: float, width: float, top: int, height: int, words: str) -> str:
    place = f'x="{x:.1f}" y="{top}" width="{width:.1f}" height="{height}"'
    return f'<rect class="{kind}" {place}><title>{text(words)}</title></rect>'


def _spans(events: Sequence[TimedEvent], length: int) -> Iterator[tuple[int, int, str]]:
    """The times in which something was away: from `not ready` or `does not answer` until it was back."""
    since: dict[str, TimedEvent] = {}
    for event in events:
        began = since.get(event.subject)
        if began is None and event.text.startswith(("not ready", "does not answer")):
            since[event.subject] = event
        elif began is not None and event.text.startswith(("ready", "answers again", "deleted", "gone")):
            del since[event.subject]
            lasted = in_words((event.at - began.at) / 1000)
            yield began.at, event.at, f"{began.subject} {began.text}, {lasted}"
    for began in since.values():
        yield began.at, length, f"{began.subject} {began.text}, until the end of the watch"


def _event_lanes(record: WatchRecord) -> Iterator[tuple[str, _Events]]:
    nodes: dict[str, list[TimedEvent]] = {}
    others: dict[str, list[TimedEvent]] = {}
    for event in record.events:
        if event.kind == "node":
            nodes.setdefault(event.subject, []).append(event)
        elif event.kind in NAMES:
            others.setdefault(event.kind, []).append(event)
    yield from ((f"node {name}", _Events(events)) for name, events in sorted(nodes.items()))
    yield from ((NAMES[kind], _Events(others[kind])) for kind in NAMES if kind in others)


def _path_lanes(record: WatchRecord, budgets: Sequence[Budget]) -> Iterator[tuple[str, _Gaps]]:
    for path in sorted(record.paths, key=lambda each: (-each.longest, each.path)):
        budget = budget_of(path.path, budgets)
        yield path.path, _Gaps(path, None if budget is None or budget.seconds is None else budget.seconds * 1000)
