"""The runs that a gate is asked about, from their folders; and the gate, from the command line's point of view."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from podwire.gate import Gate, Refused, Run, hold
from podwire.gate_numbers import Rules
from podwire.reporting.observation_file import read_observations
from podwire.reporting.record_file import load_record
from podwire.stored import exchanges
from podwire.waiver_file import load_waivers


def load_run(path: Path) -> Run:
    """A run from its folder, or from the `run.json` in it. ValueError tells in one line what is wrong with it."""
    record = load_record(path)
    folder = path if path.is_dir() else path.parent
    several = read_observations(record, folder, exchanges)
    files = {file for case in record.cases for file in case.evidence}
    absent = tuple(sorted(file for file in files if not _is_there(folder, file)))
    return Run(record=record, exchanges=tuple(several), folder=str(folder), absent=absent)


def _is_there(folder: Path, file: str) -> bool:
    try:
        return (folder / file).is_file()
    except ValueError:
        return False


def gate_of(
    baseline: Sequence[Path],
    candidate: Sequence[Path],
    rules: Rules,
    waivers: Path | None = None,
    *,
    allow_emulated: bool = False,
) -> Gate:
    """The gate over these runs, today. Raises ValueError, `WaiverError` and `Refused`."""
    known = load_waivers(waivers) if waivers else ()
    problems: list[str] = []
    sides: list[list[Run]] = [[], []]
    for side, paths in zip(sides, (baseline, candidate), strict=True):
        for path in paths:
            try:
                side.append(load_run(path))
            except ValueError as problem:
                problems.append(str(problem))
    if problems:
        raise Refused("\n".join(problems))
    today = datetime.now(UTC).date()
    return hold(sides[0], sides[1], rules, waivers=known, today=today, allow_emulated=allow_emulated)
