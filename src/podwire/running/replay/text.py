"""A replay as text, Markdown and JSON: what the gate caught, and what a plain connect check would have."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence

import msgspec

from podwire.running.replay.replay import Replayed

SCHEMA = "podwire.replay/1"
NOTE = "The lab's faults imitate published reports. A replay is no evidence about Windows."
_WIDTH = 120


def counts(replays: Sequence[Replayed]) -> str:
    """One line: how many regressions the gate and a plain connect check caught."""
    shown = [replayed for replayed in replays if replayed.regression.shown]
    gate, connect = sum(replayed.by_gate for replayed in shown), sum(replayed.by_connect for replayed in shown)
    left = len(replays) - len(shown)
    more = f"; the lab cannot show {left} more" if left else ""
    return f"the gate caught {gate} of {len(shown)}, a plain connect check {connect} of {len(shown)}{more}"


def replay_text(replays: Sequence[Replayed]) -> str:
    """The replays for a terminal, one block for each regression."""
    blocks = ["\n".join(_block(replayed)) for replayed in replays]
    return "\n\n".join([*blocks, NOTE, counts(replays)]) + "\n"


def _block(replayed: Replayed) -> Iterator[str]:
    regression = replayed.regression
    yield f"{_mark(replayed)} {regression.id}: {regression.title} ({regression.when})"
    if not regression.shown:
        yield from _wrapped("not shown", regression.unshown)
        return
    yield from _wrapped("lab", _lab(replayed))
    if replayed.problem:
        yield from _wrapped("problem", replayed.problem)
        return
    yield from _wrapped("gate", f"{replayed.decision}: {replayed.said}")
    if replayed.decides:
        yield from _wrapped("", replayed.decides.case_id)
        for finding in replayed.decides.deciding[:1]:
            yield from _wrapped("", f"expected {finding.expected}, seen {finding.actual} at {finding.where}")
    yield from _wrapped("connect", _connect(replayed))


def _mark(replayed: Replayed) -> str:
    return "-" if not replayed.regression.shown else "caught" if replayed.by_gate else "MISSED"


def _lab(replayed: Replayed) -> str:
    """The lab of the two runs, and the change between them: builds and faults."""
    regression = replayed.regression
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


def _connect(replayed: Replayed) -> str:
    if replayed.by_connect:
        return f"red: {replayed.connect_lost} of {replayed.connect_asked} connects fail"
    return f"green: all {replayed.connect_asked} connects still work"


def _wrapped(label: str, text: str) -> Iterator[str]:
    lines = textwrap.wrap(" ".join(text.split()), _WIDTH - 13, break_on_hyphens=False)
    for number, line in enumerate(lines or [""]):
        yield f"  {label if number == 0 else '':9}  {line}"


def replay_markdown(replays: Sequence[Replayed]) -> str:
    """The replays as a Markdown table."""
    rows = (
        (
            f"[{replayed.regression.title}]({replayed.regression.source})",
            replayed.regression.when,
            _lab(replayed),
            _gate_cell(replayed),
            _cell(replayed),
        )
        for replayed in replays
    )
    lines = [
        "| regression | when | lab | gate | plain connect check |",
        "|---|---|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
        f"{counts(replays).capitalize()}. {NOTE}",
    ]
    return "\n".join(lines) + "\n"


def _cell(replayed: Replayed) -> str:
    return _connect(replayed) if replayed.decision else "–"


def _gate_cell(replayed: Replayed) -> str:
    if not replayed.regression.shown:
        return f"not shown: {replayed.regression.unshown}"
    if replayed.problem:
        return f"no answer: {replayed.problem}"
    deciding = f"<br>`{replayed.decides.case_id}`" if replayed.decides else ""
    return f"**{replayed.decision}**: {replayed.said}{deciding}"


def replay_json(replays: Sequence[Replayed]) -> str:
    """The replays as JSON (schema `podwire.replay/1`)."""
    tree = {"schema": SCHEMA, "summary": counts(replays), "regressions": msgspec.to_builtins(list(replays))}
    return json.dumps(tree, indent=1, ensure_ascii=False) + "\n"
