"""The page that shows two runs side by side: changed facts, then changed cases, worst first.

It shows and does not decide; `podwire gate` does that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from podwire.gating.facts import fact_changes
from podwire.model.verdicts import Outcome
from podwire.records.run import RunRecord
from podwire.reporting.pages import ABSENT, MARKS, chips, mark, page, run_head, text, words_of
from podwire.reporting.words import MISSING, area_of, message

_ORDER = (*(outcome for outcome in Outcome if not outcome.red), ABSENT, Outcome.INCONCLUSIVE, MISSING, Outcome.FAIL)


@dataclass(frozen=True, kw_only=True)
class Change:
    """A case on both sides: each an outcome, `MISSING` or `ABSENT`. `told` is the text of the later run that has it."""

    id: str
    before: str
    after: str
    told: str = ""

    @property
    def same(self) -> bool:
        return self.before == self.after


def compare_html(before: RunRecord, after: RunRecord) -> str:
    """The whole page."""
    changes_of_runs = changes(before, after)
    changed = sorted((change for change in changes_of_runs if not change.same), key=_weight)
    numbers = Counter(change.after for change in changed)
    body = [
        _facts(before, after),
        chips(((outcome, numbers[outcome]) for outcome in (*Outcome, MISSING, ABSENT)), "changed cases"),
        _changed(changed),
        _same([change for change in changes_of_runs if change.same]),
    ]
    return page(
        title=f"podwire: {before.run_id} and {after.run_id}",
        head=run_head(after, "What changed between two runs")
        + f'<p class="lead">Held against the run {text(before.run_id)}: '
        f"{len(changed)} of {len(changes_of_runs)} cases changed.</p>",
        body="".join(body),
        current="compare",
    )


def changes(before: RunRecord, after: RunRecord) -> tuple[Change, ...]:
    """Every case of either run."""
    first, second = _outcomes(before), _outcomes(after)
    says = {case.id: message(case) for record in (before, after) for case in record.cases}
    return tuple(
        Change(
            id=case_id, before=first.get(case_id, ABSENT), after=second.get(case_id, ABSENT), told=says.get(case_id, "")
        )
        for case_id in dict.fromkeys((*second, *first))
    )


def _outcomes(record: RunRecord) -> dict[str, str]:
    return {case.id: case.verdict.outcome for case in record.cases} | dict.fromkeys(record.missing, MISSING)


def _weight(change: Change) -> tuple[int, int, str]:
    """Worst first: by the outcome now, then by how good it was before."""
    return (-_ORDER.index(change.after), _ORDER.index(change.before), change.id)


def _facts(before: RunRecord, after: RunRecord) -> str:
    rows = "".join(
        f'<tr><th scope="row">{text(fact.name)}</th><td>{text(fact.before)}</td><td>{text(fact.after)}</td></tr>'
        for fact in fact_changes([before], [after])
    )
    if not rows:
        return "<section><h2>Facts</h2><p>All facts of the two runs are the same.</p></section>"
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("Fact", "Before", "After"))
    return (
        '<section><h2>Facts that changed</h2><table class="list"><caption>Facts that changed</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></section>"
    )


def _changed(changes: Sequence[Change]) -> str:
    if not changes:
        return '<section class="area"><h2>Changed cases</h2><p>No case changed.</p></section>'
    rows = "".join(
        f'<tr data-o="{MARKS[change.after][0]}"><td class="tally">{_side(change.before)}</td>'
        f'<td class="tally">{_side(change.after)}</td><th scope="row"><span class="id">{text(change.id)}</span>'
        f'<p class="why">{text(change.told)}</p></th></tr>'
        for change in changes
    )
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("Before", "After", "Case and reason"))
    return (
        '<section class="area"><h2>Changed cases</h2><table class="list"><caption>Changed cases, worst first</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></section>"
    )


def _side(outcome: str) -> str:
    return f"<div>{mark(outcome)}<span>{text(outcome)}</span></div>"


def _same(changes: Sequence[Change]) -> str:
    areas: dict[str, Counter[str]] = {}
    for change in changes:
        areas.setdefault(area_of(change.id), Counter())[change.after] += 1
    items = "".join(
        f"<li>{text(area.replace('_', ' '))}: "
        f"{', '.join(text(words_of(outcome, numbers[outcome])) for outcome in _ORDER if numbers[outcome])}</li>"
        for area, numbers in areas.items()
    )
    return f'<section class="aside"><h2>As before: {len(changes)} cases</h2><ul>{items}</ul></section>'
