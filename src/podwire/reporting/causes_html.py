"""What several red cases share, as a part of a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from podwire.causes.causes import Cause, Causes
from podwire.model.verdicts import Outcome
from podwire.reporting.pages import mark, text


def causes_html(causes: Causes) -> str:
    """A list of the causes; each opens to its controls and its cases, the most basic requirement first."""
    items = [*_items(causes.failing, Outcome.FAIL), *_items(causes.unsure, Outcome.INCONCLUSIVE)]
    if not items:
        return ""
    return f'<section class="aside"><h2>What red cases share</h2>{"".join(items)}</section>'


def _items(causes: Sequence[Cause], outcome: Outcome) -> Iterator[str]:
    for cause in causes:
        controls = "".join(f"<li>Control: {text(control)}</li>" for control in cause.controls)
        cases = "".join(f"<li>{text(case_id)}</li>" for case_id in cause.cases)
        yield (
            f"<details><summary>{mark(outcome, spoken=True)} {text(cause.line)} <b>{text(cause.size)}</b></summary>"
            f"<ul>{controls}</ul><ul>{cases}</ul></details>"
        )
