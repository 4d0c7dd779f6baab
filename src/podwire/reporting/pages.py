"""The common parts of a run's pages: one self-contained file each, the marks of outcomes, the filters.

Styles and scripts are files in `templates/`; the page contains them and loads nothing from elsewhere.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from importlib.resources import files

from podwire.model.node_notes import remarks
from podwire.model.verdicts import Outcome
from podwire.platforms.windows_builds import named
from podwire.records.run import RunRecord
from podwire.reporting.words import MISSING, counted, hint_of_load, machine_words, seconds
from podwire.visible import visible

STATED = "stated, not tested"
NOT_RUN = "without a case"
ABSENT = "not in this run"
# Colour, letter and shape say the same, so that no one has to tell colours apart: (class of the style, letter).
MARKS = {
    Outcome.PASS: ("pass", "✓"),
    Outcome.LIMITATION_CONFIRMED: ("confirmed", "L"),
    Outcome.LIMITATION_LIFTED: ("lifted", "↑"),
    Outcome.KNOWN_ISSUE: ("issue", "K"),
    Outcome.INCONCLUSIVE: ("unsure", "?"),
    Outcome.FAIL: ("fail", "✗"),
    MISSING: ("missing", "∅"),
    STATED: ("fact", "S"),
    NOT_RUN: ("none", "–"),
    ABSENT: ("absent", "–"),
}
PAGES = {"matrix": "matrix.html", "coverage": "coverage.html"}


def page(*, title: str, head: str, body: str, current: str, scripts: Sequence[str] = (), data: str = "") -> str:
    """A whole page. `head` and `body` are HTML, `data` is text for the scripts and must hold no `<`."""
    filled = {
        "title": text(title),
        "style": _template("page.css"),
        "pages": _pages(current),
        "head": head,
        "body": body,
        "data": data,
        "script": "\n".join(_template(name) for name in ("page.js", *scripts)),
    }
    parts = _template("page.html").split("@@")
    # Every second part is the name of a place; what is put there is not looked through for names again.
    return "".join(filled[part] if at % 2 else part for at, part in enumerate(parts))


def text(value: object) -> str:
    """Any text as HTML, also inside of quoted attributes; what a person would not see in it is written out."""
    return html.escape(visible(str(value)), quote=True)


def mark(outcome: str, *, spoken: bool = False) -> str:
    """The mark of an outcome; not `spoken` where its words stand beside it."""
    kind, letter = MARKS[outcome]
    heard = f'role="img" aria-label="{text(outcome)}"' if spoken else 'aria-hidden="true"'
    return f'<span class="m {kind}" {heard}>{letter}</span>'


def run_head(record: RunRecord, title: str) -> str:
    """What the run is: its name, when, where, and that it is emulated."""
    facts = record.facts
    when = datetime.fromtimestamp(record.started, UTC).strftime("%Y-%m-%d %H:%M UTC")
    builds = dict.fromkeys(named(node.build) for node in facts.nodes if node.build is not None)
    entries = [
        ("Run", record.run_id),
        ("Started", f"{when}, {seconds(max(record.finished - record.started, 0.0))}"),
        ("Cluster", facts.name or "?"),
        ("Kubernetes", facts.version or "?"),
        ("Network", f"{facts.network.mode}, {' and '.join(facts.network.families)}"),
        ("Windows", ", ".join(builds) or "no node"),
        ("podwire", record.setup.version),
    ]
    machine = machine_words(record)
    if machine:
        entries.append(("Load", machine))
    items = "".join(f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in entries)
    parts = [f'<h1>{text(title)}</h1><dl class="facts">{items}</dl>']
    if record.emulated:
        parts.append('<p class="note">A run on the embedded lab: emulated, no evidence about Windows.</p>')
    parts += [f'<p class="note">{text(remark[0].upper() + remark[1:])}</p>' for remark in remarks(facts)]
    if record.interrupted:
        parts.append(f'<p class="note bad">Interrupted: {text(record.interrupted)}</p>')
    hint = hint_of_load(record)
    if hint:
        parts.append(f'<p class="note bad">{text(hint)}</p>')
    return "".join(parts)


def chips(numbers: Iterable[tuple[str, int]], subject: str) -> str:
    """The filters: a switch for every outcome that there is, and a field for text."""
    shown = "".join(
        f'<button type="button" class="chip" aria-pressed="false" data-only="{MARKS[outcome][0]}">'
        f"{mark(outcome)}{text(words_of(outcome, number))}</button>"
        for outcome, number in numbers
        if number
    )
    return (
        f'<form class="filters" role="search" aria-label="Filter of {text(subject)}">{shown}'
        f'<input type="search" id="find" aria-label="Show only {text(subject)} with this text"'
        f' placeholder="Filter by text" autocomplete="off"><output id="shown" aria-live="polite"></output></form>'
    )


def words_of(outcome: str, number: int) -> str:
    """`3 known issues`, `2 without a case`."""
    if outcome in (STATED, NOT_RUN) and number == 1:
        return outcome
    return counted(number, outcome) if isinstance(outcome, Outcome) else f"{number} {outcome}"


def totals(record: RunRecord) -> Iterator[tuple[str, int]]:
    """How many cases came to each outcome, and how many to none."""
    yield from ((outcome, record.count(outcome)) for outcome in Outcome)
    yield MISSING, len(record.missing)


def _pages(current: str) -> str:
    pages = ((name, file) for name, file in PAGES.items())
    marked = (
        f'<a href="{file}"{" aria-current=page" if name == current else ""}>{name.capitalize()}</a>'
        for name, file in pages
    )
    return "".join(marked) if current in PAGES else ""


def _template(name: str) -> str:
    return (files("podwire.reporting") / "templates" / name).read_text(encoding="utf-8")
