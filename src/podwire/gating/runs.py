"""The runs of a gate, from their folders; and the gate as the command line calls it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from podwire.causes.causes import Causes, causes_of, decisive
from podwire.gating.changes import Gate, Refused, Run
from podwire.gating.confirm import contradictions
from podwire.gating.gate import hold, unfit
from podwire.gating.numbers import Rules
from podwire.gating.pools import Sides, sides_of
from podwire.gating.rejudge import Today, rounds_of
from podwire.gating.waiver_file import load_waivers
from podwire.gating.waivers import Waiver
from podwire.records.files import load_record
from podwire.records.observation_files import NAME, read_observations
from podwire.records.observations import Exchanges
from podwire.records.run import RunRecord
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
    exchanges_seen = decisive(record, (exchange for of_case in rounds.values() for exchange in of_case))
    return Run(
        record=record,
        exchanges=tuple(exchanges),
        causes=causes_of(record, exchanges_seen),
        folder=str(folder),
        absent=absent,
    )


def record_with_causes(path: Path) -> tuple[RunRecord, Causes]:
    """The record of a run, and the causes of what is red in it. ValueError tells which file cannot be read, and why.

    Where the observations do not lie beside the record, each failing case stands alone.
    """
    record, folder = load_record(path), path if path.is_dir() else path.parent
    there = record.observations is not None and (folder / NAME).exists()
    return record, causes_of(record, decisive(record, read_observations(record, folder) if there else ()))


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


def gate_over_pools(
    run: Run,
    pools: tuple[str, str],
    rules: Rules,
    waivers: Sequence[Waiver] = (),
    *,
    today: date | None = None,
    allow_emulated: bool = False,
) -> tuple[Gate, Sides]:
    """The gate over two pools of this run, the old and the new one, as of `today` (UTC), and its two sides.

    Raises:
        Refused: the pools cannot be compared.
    """
    why = list(unfit(run, allow_emulated=allow_emulated))
    if why:
        raise Refused("\n".join(why))
    sides = sides_of(run, *pools)
    today = today or datetime.now(UTC).date()
    gate = hold(
        [sides.old], [sides.new], rules, waivers=waivers, today=today, allow_emulated=allow_emulated, notes=sides.notes
    )
    return replace(gate, outcomes_before=sides.outcomes_of_old), sides


def gate_of_pools(
    path: Path, pools: tuple[str, str], rules: Rules, waivers: Path | None = None, *, allow_emulated: bool = False
) -> Gate:
    """The gate over two pools of one run, the old and the new one, today. Raises as `gate_of`."""
    known = load_waivers(waivers) if waivers else ()
    return gate_over_pools(load_run(path), pools, rules, known, allow_emulated=allow_emulated)[0]


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
