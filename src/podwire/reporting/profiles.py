"""Profile × requirement: the result of a run on each profile of the lab, in one table, as text and as a page.

A cell shows the worst outcome of the requirement's cases there, or the reason why the profile has none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from podwire.model.requirements import Catalogue
from podwire.model.verdicts import Outcome
from podwire.records.run import RunRecord
from podwire.reporting.pages import MARKS, NOT_RUN, chips, mark, page, text, words_of
from podwire.reporting.words import MISSING, one_line, requirement_of, tally

NAME = "profiles.html"
WORST_FIRST = (
    Outcome.FAIL,
    MISSING,
    Outcome.INCONCLUSIVE,
    Outcome.KNOWN_ISSUE,
    Outcome.LIMITATION_LIFTED,
    Outcome.LIMITATION_CONFIRMED,
    Outcome.PASS,
)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A requirement on a profile: its cases by outcome, worst first, and why there are none or not more of them."""

    came_to: tuple[tuple[str, int], ...] = ()
    why: tuple[str, ...] = ()

    @property
    def outcome(self) -> str:
        return self.came_to[0][0] if self.came_to else NOT_RUN


@dataclass(frozen=True, kw_only=True)
class Row:
    """A requirement, and its cell on each profile."""

    id: str
    area: str
    level: str
    statement: str
    cells: tuple[Cell, ...]


def table(records: Mapping[str, RunRecord], catalogue: Catalogue) -> tuple[Row, ...]:
    """A row for every requirement of the catalogue, a cell for every profile that has a run."""
    tallies = {name: _tallies(record) for name, record in records.items()}
    reasons = {name: _reasons(record) for name, record in records.items()}
    return tuple(
        Row(
            id=rule.id,
            area=rule.area,
            level=rule.level,
            statement=one_line(rule.statement),
            cells=tuple(_cell(tallies[name].get(rule.id), reasons[name].get(rule.id, ())) for name in records),
        )
        for rule in catalogue.requirements.values()
    )


def _tallies(record: RunRecord) -> dict[str, Counter[str]]:
    tallies: dict[str, Counter[str]] = {}
    for case in record.cases:
        tallies.setdefault(case.requirement, Counter())[case.verdict.outcome] += 1
    for case_id in record.missing:
        tallies.setdefault(requirement_of(case_id), Counter())[MISSING] += 1
    return tallies


def _reasons(record: RunRecord) -> dict[str, tuple[str, ...]]:
    reasons_by_requirement: dict[str, dict[str, None]] = {}
    for exclusion in record.exclusions:
        reasons_by_requirement.setdefault(exclusion.requirement, {})[exclusion.reason] = None
    return {requirement: tuple(reasons) for requirement, reasons in reasons_by_requirement.items()}


def _cell(numbers: Counter[str] | None, why: tuple[str, ...]) -> Cell:
    counted = numbers or Counter()
    return Cell(came_to=tuple((outcome, counted[outcome]) for outcome in WORST_FIRST if counted[outcome]), why=why)


# Text


def profiles_text(records: Mapping[str, RunRecord], rows: Sequence[Row]) -> str:
    """The table for a terminal: profiles as numbered columns, outcomes as letters, and what they mean."""
    lines = [f"  {number:2}  {name:28} {tally(record)}" for number, (name, record) in enumerate(records.items(), 1)]
    width = max((len(row.id) for row in rows), default=0) + 1
    head = " " * (width + 2) + "".join(f"{number:>3}" for number in range(1, len(records) + 1))
    area = ""
    for row in rows:
        if row.area != area:
            area = row.area
            lines += ["", f"{area}{head[len(area) :]}"]
        lines.append(f"  {row.id:{width}}" + "".join(f"{_letter(cell):>3}" for cell in row.cells))
    met = {cell.outcome for row in rows for cell in row.cells if cell.came_to}
    legend = "   ".join(f"{MARKS[outcome][1]} {outcome}" for outcome in reversed(WORST_FIRST) if outcome in met)
    return "\n".join([*lines, "", f"{legend}   · not of this profile"]) + "\n"


def _letter(cell: Cell) -> str:
    return MARKS[cell.outcome][1] if cell.came_to else "·"


# Page


def profiles_html(records: Mapping[str, RunRecord], rows: Sequence[Row]) -> str:
    """The same as a page: hover or focus a cell for its numbers, or for why the profile has none."""
    numbers = Counter(cell.outcome for row in rows for cell in row.cells if cell.came_to)
    areas: dict[str, list[Row]] = {}
    for row in rows:
        areas.setdefault(row.area, []).append(row)
    emulated = any(record.emulated for record in records.values())
    note = '<p class="note">Runs on the embedded lab: emulated, no evidence about Windows.</p>' if emulated else ""
    shown = "".join(_area(name, rows, tuple(records)) for name, rows in areas.items())
    return page(
        title="podwire: profiles and requirements",
        head=f"<h1>Every profile and every requirement</h1>{note}{_runs(records)}",
        body=chips(((outcome, numbers[outcome]) for outcome in WORST_FIRST), "requirements") + shown,
        current="",
    )


def _runs(records: Mapping[str, RunRecord]) -> str:
    items = "".join(
        f"<div><dt>{text(name)}</dt><dd>{len(record.cases)} cases: {text(tally(record))}</dd></div>"
        for name, record in records.items()
    )
    return f'<dl class="facts">{items}</dl>'


def _area(name: str, rows: Sequence[Row], profiles: Sequence[str]) -> str:
    heads = "".join(f'<th scope="col">{text(profile)}</th>' for profile in profiles)
    return (
        f'<section class="area"><h2>{text(name)}</h2><div class="scroll"><table class="list profiles">'
        f"<caption>{text(name)}: requirements by profile</caption>"
        f'<thead><tr><th scope="col">Requirement</th>{heads}</tr></thead>'
        f"<tbody>{''.join(_row(row) for row in rows)}</tbody></table></div></section>"
    )


def _row(row: Row) -> str:
    kinds = " ".join(dict.fromkeys(MARKS[cell.outcome][0] for cell in row.cells if cell.came_to))
    return (
        f'<tr data-o="{kinds}"><th scope="row"><span class="id">{text(row.id)}</span>'
        f'<span class="level">{text(row.level)}</span><span class="says">{text(row.statement)}</span></th>'
        f"{''.join(_shown(cell) for cell in row.cells)}</tr>"
    )


def _shown(cell: Cell) -> str:
    words = "; ".join(_words(cell))
    number = sum(count for _, count in cell.came_to)
    inside = f"{mark(cell.outcome)}<small>{number}</small>" if cell.came_to else mark(NOT_RUN)
    return f'<td class="tally" tabindex="0" title="{text(words)}" aria-label="{text(words)}">{inside}</td>'


def _words(cell: Cell) -> Iterator[str]:
    yield from (words_of(outcome, number) for outcome, number in cell.came_to)
    if not cell.came_to:
        yield f"not of this profile: {'; '.join(cell.why) or 'no flow of it is possible here'}"
