"""`watch.html`: the time line of a watch, the table of its paths, and the events of the cluster."""

from __future__ import annotations

from collections.abc import Sequence

from podwire.gating.budgets import Judged, budget_of
from podwire.model.gaps.durations import moment_words
from podwire.model.gaps.paths import Budget
from podwire.records.watch import PACKETS, WatchRecord
from podwire.reporting.pages import page, text
from podwire.reporting.watches.text import beside_words, head_words, limit_words, notes, watched_words
from podwire.reporting.watches.time_line import time_line

NAME = "watch.html"
MOST_NOTES = 10
"""Sentences of the page's head; the others are folded."""
MOST_ROWS = 2000
"""Events in the page's table; the record has the others."""


def watch_html(record: WatchRecord, judged: Judged, budgets: Sequence[Budget]) -> str:
    """The whole page."""
    body = (
        '<section><h2>Time line</h2><div class="scroll">'
        f"{time_line(record, budgets)}</div></section>{_paths(record, judged, budgets)}{_packets(record)}"
        f"{_events(record)}"
    )
    return page(title=f"podwire: {record.head.run_id}", head=_head(record, judged, budgets), body=body, current="watch")


def _head(record: WatchRecord, judged: Judged, budgets: Sequence[Budget]) -> str:
    parts = [f"<h1>Gaps of {len(record.paths)} paths</h1>"]
    parts += [f'<p class="lead">{text(line[0].upper() + line[1:])}.</p>' for line in head_words(record)]
    told = [("note bad", f"Over budget: {over}") for over in judged.over]
    told += [("note bad", f"Cannot judge: {why}") for why in judged.unknown]
    if budgets and not judged.over and not judged.unknown:
        told.append(("note", "All paths are within their budgets."))
    told += [("note", remark[0].upper() + remark[1:]) for remark in notes(record, judged)]
    lines = [f'<div><p class="{kind}">{text(words)}</p></div>' for kind, words in told]
    rest = f"<details><summary>{len(lines) - MOST_NOTES} more</summary>{''.join(lines[MOST_NOTES:])}</details>"
    shown = "".join(lines[:MOST_NOTES]) + (rest if len(lines) > MOST_NOTES else "")
    return "".join(parts) + f'<div class="notes">{shown}</div>'


def _paths(record: WatchRecord, judged: Judged, budgets: Sequence[Budget]) -> str:
    names = (
        "Path", "Longest gap, ms", "Gaps", "Lost", "Resets", "Streams", "Watched", "Budget", "Beside the longest gap",
    )  # fmt: skip
    heads = "".join(f'<th scope="col">{name}</th>' for name in names)
    rows = ""
    for path in sorted(record.paths, key=lambda each: (-each.longest, each.path)):
        budget = budget_of(path.path, budgets)
        counts = path.counts
        numbers = (path.longest, path.gap_count, counts.lost, counts.resets, counts.streams)
        cells = "".join(f"<td>{number}</td>" for number in (*numbers, watched_words(record, path)))
        allowed = "" if budget is None else limit_words(budget) + (" (over)" if judged.is_over(path) else "")
        near = "; ".join(beside_words(record, path))
        rows += f'<tr><th scope="row"><span class="id">{text(path.path)}</span></th>{cells}'
        rows += f"<td>{text(allowed)}</td><td>{text(near)}</td></tr>"
    return (
        '<section><h2>Paths</h2><div class="scroll"><table class="list"><caption>Paths, the longest gap first</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div></section>"
    )


def _packets(record: WatchRecord) -> str:
    """The files with packets around gaps; a link works while the page lies in the watch's folder."""
    if not record.packets:
        return ""
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("Pod", "From", "To", "Packets", "File"))
    rows = "".join(
        f'<tr><th scope="row"><span class="id">{text(file.pod)}</span></th><td>{moment_words(file.at)}</td>'
        f"<td>{moment_words(file.until)}</td><td>{file.packets}</td>"
        f'<td><a href="{PACKETS}/{text(file.file)}">{text(file.file)}</a></td></tr>'
        for file in record.packets[:MOST_ROWS]
    )
    return (
        '<section><h2>Packets around gaps</h2><div class="scroll"><table class="list"><caption>What Linux pods at the '
        f"ends of gaps saw</caption><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div></section>"
    )


def _events(record: WatchRecord) -> str:
    if not record.events:
        return "<section><h2>Events</h2><p>Nothing happened in the cluster.</p></section>"
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("After", "Kind", "Subject", "What happened"))
    rows = "".join(
        f'<tr><td>{moment_words(event.at)}</td><td>{text(event.kind)}</td><th scope="row"><span class="id">'
        f"{text(event.subject)}</span></th><td>{text(event.text)}</td></tr>"
        for event in record.events[:MOST_ROWS]
    )
    rest = max(0, len(record.events) - MOST_ROWS)
    left = f"<p>{rest} more are in watch.json.</p>" if rest else ""
    left += f"<p>{record.left_off} more are not listed anywhere.</p>" if record.left_off else ""
    return (
        '<section><h2>Events</h2><div class="scroll"><table class="list"><caption>Events by time</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>{left}</section>"
    )
