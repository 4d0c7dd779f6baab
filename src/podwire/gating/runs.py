"""The runs of a gate, from their folders; and the gate as the command line calls it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from podwire.gating.confirm import contradictions
from podwire.gating.gate import Gate, Refused, Run, hold
from podwire.gating.numbers import Rules
from podwire.gating.rejudge import Today, rounds_of
from podwire.gating.waiver_file import load_waivers
from podwire.gating.waivers import Waiver
from podwire.records.files import load_record
from podwire.records.observations import Exchanges
from podwire.records.seal import broken

MOST_LINES = 10
"""The largest number of contradictions that are listed."""


def load_run(path: Path) -> Run:
    """A run from its folder, or from the `run.json` in it, if its own observations confirm it.

    Raises:
        ValueError: what is wrong with it: one line, or a line for each case that its observations contradict.
    """
    record = load_record(path)
    folder = path if path.is_dir() else path.parent
    rounds = rounds_of(record, folder)
    wrong = [*broken(record, folder), *contradictions(record, rounds, Today.of(record))]
    if wrong:
        further = [f"... and {len(wrong) - MOST_LINES} more"] if len(wrong) > MOST_LINES else []
        raise ValueError("\n".join(f"{folder}: {line}" for line in (*wrong[:MOST_LINES], *further)))
    exchanges = (
        Exchanges(case_id=stored.case.id, round=stored.round, attempts=stored.observation.attempts)
        for stored_rounds in rounds.values()
        for stored in stored_rounds
    )
    files = {file for case in record.cases for file in case.evidence}
    absent = tuple(sorted(file for file in files if not (folder / file).is_file()))
    return Run(record=record, exchanges=tuple(exchanges), folder=str(folder), absent=absent)


def load_runs(baseline: Sequence[Path], candidate: Sequence[Path]) -> tuple[list[Run], list[Run]]:
    """The runs of both sides.

    Raises:
        Refused: with a line for each run that cannot be read.
    """
    problems: list[str] = []
    sides: tuple[list[Run], list[Run]] = ([], [])
    for side, paths in zip(sides, (baseline, candidate), strict=True):
        for path in paths:
            try:
                side.append(load_run(path))
            except ValueError as problem:
                problems.append(str(problem))
    if problems:
        raise Refused("\n".join(problems))
    return sides


def gate_over(
    baseline: Sequence[Run],
    candidate: Sequence[Run],
    rules: Rules,
    waivers: Sequence[Waiver] = (),
    *,
    today: date | None = None,
    allow_emulated: bool = False,
) -> Gate:
    """The gate over these runs, as of `today` (UTC).

    Raises:
        Refused: the runs cannot be compared.
    """
    today = today or datetime.now(UTC).date()
    return hold(baseline, candidate, rules, waivers=waivers, today=today, allow_emulated=allow_emulated)


def gate_of(
    baseline: Sequence[Path],
    candidate: Sequence[Path],
    rules: Rules,
    waivers: Path | None = None,
    *,
    allow_emulated: bool = False,
) -> Gate:
    """The gate over the runs in these folders, today.

    Raises:
        ValueError: a run cannot be read.
        WaiverError: the file of waivers is wrong.
        Refused: the runs cannot be compared.
    """
    known = load_waivers(waivers) if waivers else ()
    return gate_over(*load_runs(baseline, candidate), rules, known, allow_emulated=allow_emulated)
