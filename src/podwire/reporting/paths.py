"""The table of paths: how many exchanges each had, and how many needed a second try."""

from __future__ import annotations

from collections.abc import Sequence

from podwire.records.run import PathRecord
from podwire.reporting.pages import text

HEADS = (
    "From",
    "To",
    "Placement",
    "By",
    "Exchanges",
    "Lost at first",
    "Share lost (99.9 %)",
    "Noticed from",
    "Only late",
    "Not known",
)
FAMILIES = {"ipv4": "IPv4", "ipv6": "IPv6"}


def paths_table(paths: Sequence[PathRecord]) -> str:
    """The section of a page; empty without paths. Those with losses come first."""
    if not paths:
        return ""
    rows = "".join(_row(path) for path in sorted(paths, key=lambda path: -path.low))
    heads = "".join(f'<th scope="col">{text(head)}</th>' for head in HEADS)
    lost, total = sum(path.lost for path in paths), sum(path.exchanges for path in paths)
    return (
        '<section class="aside"><h2 id="paths">First tries</h2>'
        f"<details><summary>{lost} of {total} exchanges on {len(paths)} paths needed a second try because a packet "
        "was lost</summary>"
        '<div class="scroll" tabindex="0" role="region" aria-labelledby="paths"><table class="list">'
        "<caption>Paths, and what became of the first try of each exchange. A path that loses the share under "
        "&#8220;noticed from&#8221; is red in 99 of 100 runs, if a case stands for it (FLOW-FIRST-TRY, STREAM-LOSS); a "
        "healthy run has a red path in 1 of 1000</caption>"
        f"<thead><tr>{heads}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div></details></section>"
    )


def _row(path: PathRecord) -> str:
    way = f"{path.entry}, {path.protocol.upper()} over {FAMILIES.get(path.family, path.family)}"
    share = f"{path.low:.2%} to {path.high:.2%}" + "".join(f"; {place}" for place in path.vanished)
    cells = (
        path.server,
        path.placement,
        way,
        path.exchanges,
        path.lost,
        share,
        _noticed(path),
        path.late,
        path.unknown,
    )
    return (
        f'<tr><th scope="row">{text(path.client)}</th>{"".join(f"<td>{text(str(cell))}</td>" for cell in cells)}</tr>'
    )


def _noticed(path: PathRecord) -> str:
    """The share of losses that such a run notices."""
    if path.noticed is None:
        return "not told"
    return "no loss" if path.noticed >= 1 else f"{path.noticed:.2%}"
