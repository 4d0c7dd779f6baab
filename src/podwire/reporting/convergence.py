"""The table of changes: how long each took to show, on the nodes of each operating system."""

from __future__ import annotations

import math
from collections.abc import Sequence

from podwire.records.run import ConvergenceRecord
from podwire.reporting.pages import text

HEADS = ("Change", "Seen by", "Nodes", "P50", "P99", "Largest", "On", "Never")
CLOUD = "load balancer"
WIDTH, HEIGHT, MARGIN = 240, 18, 6
"""The size of a plot and the free space at its sides, in the units of the drawing."""
FASTEST, SLOWEST = 0.01, 100.0
"""The seconds at both ends of a plot; times beyond are drawn there."""
TICKS = {0.1: "100 ms", 1.0: "1 s", 10.0: "10 s"}


def convergence_table(records: Sequence[ConvergenceRecord]) -> str:
    """The section of a page; empty without changes. Each row is a change on the nodes of one OS."""
    if not records:
        return ""
    groups: dict[tuple[str, str], list[ConvergenceRecord]] = {}
    for record in records:
        groups.setdefault((record.change, record.os if record.node else CLOUD), []).append(record)
    largest = max(records, key=lambda record: record.seconds)
    rows = "".join(_row(change, os, measured) for (change, os), measured in groups.items())
    heads = "".join(f'<th scope="col">{text(head)}</th>' for head in HEADS)
    return (
        '<section class="aside"><h2 id="convergence">Changes</h2>'
        f"<details><summary>{len(groups)} kinds of changes and nodes; the slowest change showed after "
        f"{milliseconds(largest.seconds)}</summary>"
        '<div class="scroll" tabindex="0" role="region" aria-labelledby="convergence"><table class="list">'
        "<caption>Milliseconds from the API server's answer to the first exchange that is as the change says</caption>"
        f'<thead><tr>{heads}<th scope="col">{_axis()}</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div></details></section>"
    )


def _row(change: str, os: str, measured: Sequence[ConvergenceRecord]) -> str:
    times = sorted(record.seconds for record in measured)
    slowest = max(measured, key=lambda record: record.seconds)
    never = sum(record.never for record in measured)
    shares = (milliseconds(percentile(times, 50)), milliseconds(percentile(times, 99)), milliseconds(times[-1]))
    cells = (os, len(times), *shares, slowest.node or CLOUD, f"{never} cases" if never else "")
    columns = "".join(f"<td>{text(str(cell))}</td>" for cell in cells)
    return f'<tr><th scope="row">{text(change)}</th>{columns}<td>{_plot(change, os, measured)}</td></tr>'


def _plot(change: str, os: str, measured: Sequence[ConvergenceRecord]) -> str:
    """A dot for each node on a logarithmic line of time; hollow where a case never saw the change."""
    label = f"{change}, {os}: the times of {len(measured)} nodes from 10 ms to 100 s"
    dots = "".join(
        f'<circle class="{"never" if record.never else "seen"}" cx="{_place(record.seconds):.1f}" cy="{HEIGHT / 2:g}" '
        f'r="4"><title>{text(_words(record))}</title></circle>'
        for record in sorted(measured, key=lambda record: record.seconds)
    )
    ticks = "".join(f'<line x1="{_place(at):.1f}" x2="{_place(at):.1f}" y1="0" y2="{HEIGHT}"/>' for at in TICKS)
    return _drawing(f'role="img" aria-label="{text(label)}"', f"{ticks}{dots}")


def _axis() -> str:
    words = "".join(f'<text x="{_place(at):.1f}" y="13">{word}</text>' for at, word in TICKS.items())
    return _drawing('role="img" aria-label="Each node"', words)


def _drawing(role: str, body: str) -> str:
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    return f'<svg class="strip" {size} {role}>{body}</svg>'


def _place(seconds: float) -> float:
    """Where a time is in a plot."""
    shown = min(max(seconds, FASTEST), SLOWEST)
    share = math.log10(shown / FASTEST) / math.log10(SLOWEST / FASTEST)
    return MARGIN + (WIDTH - 2 * MARGIN) * share


def _words(record: ConvergenceRecord) -> str:
    never = f", {record.never} of {record.cases} cases never saw it" if record.never else ""
    return f"{record.node or CLOUD}: {milliseconds(record.seconds)}{never}"


def percentile(ordered: Sequence[float], percent: int) -> float:
    """The smallest of these values that so many percent of them do not exceed (nearest rank)."""
    return ordered[max(1, math.ceil(len(ordered) * percent / 100)) - 1]


def milliseconds(seconds: float) -> str:
    """A time as `120 ms`."""
    return f"{seconds * 1000:,.0f} ms"
