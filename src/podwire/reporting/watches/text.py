"""A watch for the terminal: the table of its paths, the time line of the cluster, and what its budgets say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from podwire.gating.budgets import Judged, budget_of
from podwire.model.gaps.durations import in_words, moment_words
from podwire.model.gaps.paths import Budget
from podwire.records.watch import PACKETS, PathRecord, TimedEvent, WatchRecord

NEAR_BEFORE, NEAR_AFTER = 5_000, 1_000
"""Events from this long before a gap until this long after its start stand beside it (milliseconds)."""
MOST_BESIDE = 2
MOST_IN_TEXT = 60
_RANKS = ("network", "node", "pod", "api", "command")


def watch_text(record: WatchRecord, judged: Judged, budgets: Sequence[Budget]) -> str:
    """The whole text."""
    return (
        "\n".join(
            [*_head(record), "", *_table(record, judged, budgets), "", *_events(record), *_end(record, judged, budgets)]
        )
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


def beside_words(record: WatchRecord, path: PathRecord) -> list[str]:
    """What stands beside the longest gap of a path: how late its client was itself, and what happened."""
    longest = max(path.gaps, key=lambda gap: gap.length, default=None)
    late = longest is not None and longest.own_delay >= longest.length // 2
    own = [f"the client itself was {longest.own_delay} ms late"] if longest is not None and late else []
    return own + [event_words(event) for event in beside(record, path)]


def limit_words(budget: Budget) -> str:
    """What a budget allows."""
    return "any" if budget.seconds is None else in_words(budget.seconds)


def watched_words(record: WatchRecord, path: PathRecord) -> str:
    """For how much of the watch a path had a stream: `100 %`."""
    return f"{min(100, round(100 * path.watched / max(record.head.length, 1)))} %"


def notes(record: WatchRecord, judged: Judged) -> list[str]:
    """What limits the watch, in sentences, but for what its budgets say of it already."""
    found = list(record.remarks)
    for name in record.unanswered:
        found.append(f"{name}: no answer before the watch, so nothing is said of it; podwire run says why")
    for path in record.paths:
        for client in path.silent:
            found.append(f"{path.path}: {client} had no answer before the watch; only other clients count")
    found = [why for why in found if not any(why.split(": ")[0] == known.split(": ")[0] for known in judged.unknown)]
    found += [why for why in record.unwatched if why not in judged.unknown]
    blind = [time for path in record.paths for time in path.blind]
    if blind:
        clients = sorted({time.client for time in blind})
        longest = max(blind, key=lambda time: time.length)
        found.append(
            f"podwire lost the agents of {counted_clients(clients)} while they ran; nobody knows of up to "
            f"{longest.length} ms ({longest.client}, {moment_words(longest.at)} after the start)"
        )
    left_off = sum(path.counts.left_off for path in record.paths)
    if left_off:
        found.append(f"agents counted {left_off} gaps and errors that they had no room to list")
    return found


def packet_words(record: WatchRecord) -> str:
    """How many files with packets there are."""
    files, pods = len(record.packets), len({file.pod for file in record.packets})
    return (
        f"packets around gaps: {files} file{'s' * (files != 1)} of {pods} Linux pod{'s' * (pods != 1)} in the folder "
        f"{PACKETS}"
    )


def counted_clients(names: Sequence[str]) -> str:
    """Up to three names, and how many more."""
    rest = len(names) - 3
    return ", ".join(names[:3]) + (f" and {rest} more" if rest > 0 else "")


def event_words(event: TimedEvent) -> str:
    """`12.3 s windows-1 cordoned`."""
    return f"{moment_words(event.at)} {event.subject} {event.text}"


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


def _table(record: WatchRecord, judged: Judged, budgets: Sequence[Budget]) -> Iterator[str]:
    rows = [("path", "longest gap", "lost", "resets", "watched", "budget", "beside the longest gap")]
    for path in sorted(record.paths, key=lambda each: (-each.longest, each.path)):
        budget = budget_of(path.path, budgets)
        allowed = "" if budget is None else limit_words(budget)
        mark = " !" if judged.is_over(path) else ""
        near = "; ".join(beside_words(record, path))
        counts = path.counts
        share = watched_words(record, path)
        rows.append((path.path, f"{path.longest} ms{mark}", f"{counts.lost}", f"{counts.resets}", share, allowed, near))
    if not budgets:
        rows = [(*row[:5], *row[6:]) for row in rows]  # type: ignore[misc]
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        cells = [
            text.rjust(width) if 0 < at < 5 else text.ljust(width)
            for at, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield f"  {'  '.join(cells)}".rstrip()


def _events(record: WatchRecord) -> Iterator[str]:
    shown = [event for event in record.events if event.kind != "event"]
    if not shown:
        return
    yield "what happened in the cluster"
    for event in shown[:MOST_IN_TEXT]:
        yield f"  {moment_words(event.at):>10}  {event.subject}: {event.text}"
    rest = len(shown) - MOST_IN_TEXT + record.left_off
    if rest > 0:
        yield f"  and {rest} more: watch.html, watch.json"
    yield ""


def _end(record: WatchRecord, judged: Judged, budgets: Sequence[Budget]) -> Iterator[str]:
    yield from notes(record, judged)
    if record.packets:
        yield packet_words(record)
    for over in judged.over:
        yield f"over budget: {over}"
    for text in judged.unknown:
        yield f"cannot judge: {text}"
    if budgets and not judged.over and not judged.unknown:
        yield f"within budgets: {sum(budget_of(path.path, budgets) is not None for path in record.paths)} paths"


def decision_tree(record: WatchRecord, judged: Judged, budgets: Sequence[Budget]) -> dict[str, object]:
    """What budgets say of a watch, for a program: milliseconds everywhere."""
    paths = [
        {
            "path": path.path,
            "longest": path.longest,
            "lost": path.counts.lost,
            "resets": path.counts.resets,
            "watched": path.watched,
            "budget": _limit(budget_of(path.path, budgets)),
            "beside": beside_words(record, path),
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


def _limit(budget: Budget | None) -> int | None:
    return None if budget is None or budget.seconds is None else round(budget.seconds * 1000)
