"""The table of changes: how long each took to show, on the nodes of each operating system."""

from __future__ import annotations

import math
from collections.abc import Sequence

from podwire.records.run import ConvergenceRecord
from podwire.reporting.pages import text

HEADS = ("Change", "Seen by", "Nodes", "P50", "P99", "Largest", "On", "Never")
CLOUD = "load balancer"


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
        f"<thead><tr>{heads}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div></details></section>"
    )


def _row(change: str, os: str, measured: Sequence[ConvergenceRecord]) -> str:
    times = sorted(record.seconds for record in measured)
    slowest = max(measured, key=lambda record: record.seconds)
    never = sum(record.never for record in measured)
    shares = (milliseconds(percentile(times, 50)), milliseconds(percentile(times, 99)), milliseconds(times[-1]))
    cells = (os, len(times), *shares, slowest.node or CLOUD, f"{never} cases" if never else "")
    return f'<tr><th scope="row">{text(change)}</th>{"".join(f"<td>{text(str(cell))}</td>" for cell in cells)}</tr>'


def percentile(ordered: Sequence[float], percent: int) -> float:
    """The smallest of these values that so many percent of them do not exceed (nearest rank)."""
    return ordered[max(1, math.ceil(len(ordered) * percent / 100)) - 1]


def milliseconds(seconds: float) -> str:
    """A time as `120 ms`."""
    return f"{seconds * 1000:,.0f} ms"
