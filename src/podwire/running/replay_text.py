"""A replay as text, Markdown and JSON: what the gate caught, and what a plain connect check would have."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence

import msgspec

from podwire.running.replay import Replayed

SCHEMA = "podwire.replay/1"
NOTE = "Faults of the lab imitate what reports describe, so this is no evidence about Windows."
_WIDTH = 120


def counts(several: Sequence[Replayed]) -> str:
    """How many were caught, by whom."""
    shown = [one for one in several if one.regression.shown]
    gate, connect = sum(one.by_gate for one in shown), sum(one.by_connect for one in shown)
    left = len(several) - len(shown)
    more = f"; the lab cannot show {left} more" if left else ""
    return f"the gate caught {gate} of {len(shown)}, a plain connect check {connect} of {len(shown)}{more}"


def replay_text(several: Sequence[Replayed]) -> str:
    """For a terminal: one block a regression."""
    blocks = ["\n".join(_block(one)) for one in several]
    return "\n\n".join([*blocks, NOTE, counts(several)]) + "\n"


def _block(one: Replayed) -> Iterator[str]:
    regression = one.regression
    yield f"{_mark(one)} {regression.id}: {regression.title} ({regression.when})"
    if not regression.shown:
        yield from _wrapped("not shown", regression.unshown)
        return
    yield from _wrapped("lab", _lab(one))
    if one.problem:
        yield from _wrapped("problem", one.problem)
        return
    yield from _wrapped("gate", f"{one.decision}: {one.said}")
    if one.decides:
        yield from _wrapped("", one.decides.case_id)
        for found in one.decides.deciding[:1]:
            yield from _wrapped("", f"expected {found.expected}, seen {found.actual} at {found.where}")
    yield from _wrapped("connect", _connect(one))


def _mark(one: Replayed) -> str:
    return "-" if not one.regression.shown else "caught" if one.by_gate else "MISSED"


def _lab(one: Replayed) -> str:
    """What the two runs were made on, and what came between them."""
    regression = one.regression
    if not regression.shown:
        return "–"
    same = regression.before == regression.after
    parts = [
        regression.profile,
        f"Windows {regression.before}" + ("" if same else f" -> {regression.after}"),
        *([] if regression.dsr is None else [f"DSR {'on' if regression.dsr else 'off'}"]),
        *(f"fault {name}" for name in regression.faults),
    ]
    return ", ".join(parts)


def _connect(one: Replayed) -> str:
    if one.by_connect:
        return f"red: {one.connect_lost} of {one.connect_asked} connects are lost"
    return f"green: all {one.connect_asked} connects still work"


def _wrapped(label: str, text: str) -> Iterator[str]:
    lines = textwrap.wrap(" ".join(text.split()), _WIDTH - 13, break_on_hyphens=False)
    for number, line in enumerate(lines or [""]):
        yield f"  {label if number == 0 else '':9}  {line}"


def replay_markdown(several: Sequence[Replayed]) -> str:
    """A table that a page of documentation can hold."""
    rows = (
        (
            f"[{one.regression.title}]({one.regression.source})",
            one.regression.when,
            _lab(one),
            _gate_cell(one),
            _cell(one),
        )
        for one in several
    )
    lines = [
        "| regression | when | lab | gate | plain connect check |",
        "|---|---|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
        f"{counts(several).capitalize()}. {NOTE}",
    ]
    return "\n".join(lines) + "\n"


def _cell(one: Replayed) -> str:
    return _connect(one) if one.decision else "–"


def _gate_cell(one: Replayed) -> str:
    if not one.regression.shown:
        return f"not shown: {one.regression.unshown}"
    if one.problem:
        return f"no answer: {one.problem}"
    deciding = f"<br>`{one.decides.case_id}`" if one.decides else ""
    return f"**{one.decision}**: {one.said}{deciding}"


def replay_json(several: Sequence[Replayed]) -> str:
    """Everything as JSON."""
    tree = {"schema": SCHEMA, "summary": counts(several), "regressions": msgspec.to_builtins(list(several))}
    return json.dumps(tree, indent=1, ensure_ascii=False) + "\n"
