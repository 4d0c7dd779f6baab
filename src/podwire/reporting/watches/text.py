"""A watch for the terminal: the table of its paths, the time line of the cluster, and what its budgets say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from podwire.gating.budgets import Judged, budget_of
from podwire.model.gaps.durations import in_words
from podwire.model.gaps.paths import Budget
from podwire.records.watch import PathRecord, TimedEvent, WatchRecord

NEAR_BEFORE, NEAR_AFTER = 5_000, 1_000
"""Events from this long before a gap until this long after its start stand beside it (milliseconds)."""
MOST_BESIDE = 2
MOST_IN_TEXT = 60
_RANKS = ("network", "node", "pod", "api", "command")


def watch_text(record: WatchRecord, judged: Judged, budgets: Sequence[Budget]) -> str:
    """The whole text."""
    return (
        "\n".join([*_head(record), "", *_table(record, budgets), "", *_events(record), *_end(record, judged, budgets)])
        + "\n"
    )


def beside(record: WatchRecord, path: PathRecord) -> list[TimedEvent]:
    """What happened in the cluster when the longest gap of a path began: the nearest events that could be its cause."""
    longest = max(path.gaps, key=lambda gap: gap.length, default=None)
    if longest is None:
        return []
    until = longest.at + max(NEAR_AFTER, longest.length // 2)
    near = [e for e in record.events if e.kind in _RANKS and longest.at - NEAR_BEFORE <= e.at <= until]
    ends = {longest.client, longest.server}
    near.sort(key=lambda e: (e.subject not in ends, abs(e.at - longest.at), _RANKS.index(e.kind)))
    return sorted(near[:MOST_BESIDE], key=lambda e: e.at)


def event_words(event: TimedEvent) -> str:
    """`12.3 s windows-1 cordoned`."""
    return f"{event.at / 1000:.1f} s {event.subject} {event.text}"


def head_words(record: WatchRecord) -> list[str]:
    """What was watched, in sentences."""
    head = record.head
    when = datetime.fromtimestamp(head.started, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    lines = [f"{head.cluster}, {in_words(head.length / 1000)} from {when}, a message every {head.every} ms"]
    if head.emulated:
        lines.append("a watch of the embedded lab: emulated, no evidence about Windows")
    if record.command is not None:
        code = record.command.exit_code
        ended = "had not ended" if code is None else f"ended with exit code {code}"
        by = f" ({record.command.signal})" if record.command.signal else ""
        lines.append(f"the command {' '.join(record.command.words)} {ended}{by}")
    return lines


def _head(record: WatchRecord) -> Iterator[str]:
    yield f"watch {record.head.run_id}"
    yield from head_words(record)


def _table(record: WatchRecord, budgets: Sequence[Budget]) -> Iterator[str]:
    rows = [("path", "longest gap", "lost", "resets", "budget", "beside the longest gap")]
    for path in sorted(record.paths, key=lambda each: (-each.longest, each.path)):
        budget = budget_of(path.path, budgets)
        allowed = "" if budget is None else in_words(budget.seconds)
        mark = " !" if budget is not None and path.longest > budget.seconds * 1000 else ""
        near = "; ".join(map(event_words, beside(record, path)))
        rows.append((path.path, f"{path.longest} ms{mark}", str(path.lost), str(path.resets), allowed, near))
    if not budgets:
        rows = [(*row[:4], *row[5:]) for row in rows]  # type: ignore[misc]
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        cells = [
            text.rjust(width) if 0 < at < 4 else text.ljust(width)
            for at, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield f"  {'  '.join(cells)}".rstrip()


def _events(record: WatchRecord) -> Iterator[str]:
    shown = [event for event in record.events if event.kind != "event"]
    if not shown:
        return
    yield "what happened in the cluster"
    for event in shown[:MOST_IN_TEXT]:
        yield f"  {event.at / 1000:8.1f} s  {event.subject}: {event.text}"
    rest = len(shown) - MOST_IN_TEXT + record.left_off
    if rest > 0:
        yield f"  and {rest} more: watch.html, watch.json"
    yield ""


def _end(record: WatchRecord, judged: Judged, budgets: Sequence[Budget]) -> Iterator[str]:
    unseen = sum(path.unseen for path in record.paths)
    if unseen:
        yield f"{unseen} streams ended with their client, and nobody saw their last seconds"
    yield from record.remarks
    for over in judged.over:
        yield f"over budget: {over}"
    for text in judged.unknown:
        yield f"cannot judge: {text}"
    if budgets and not judged.over and not judged.unknown:
        yield f"within budgets: {len(record.paths)} paths"


def decision_tree(record: WatchRecord, judged: Judged, budgets: Sequence[Budget]) -> dict[str, object]:
    """What budgets say of a watch, for a program: milliseconds everywhere."""
    paths = [
        {
            "path": path.path,
            "longest": path.longest,
            "lost": path.lost,
            "resets": path.resets,
            "budget": None if (budget := budget_of(path.path, budgets)) is None else round(budget.seconds * 1000),
            "beside": [event_words(event) for event in beside(record, path)],
        }
        for path in record.paths
    ]
    return {
        "schema": "podwire.watch-gate/1",
        "run_id": record.head.run_id,
        "decision": str(judged.decision),
        "over": [str(over) for over in judged.over],
        "unknown": list(judged.unknown),
        "paths": paths,
    }
