"""Runs the suite on each lab profile, one after the other, each run in its own process."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from podwire.errors import UsageError
from podwire.records.files import load_record
from podwire.records.run import RunRecord
from podwire.reporting.words import tally
from podwire.running.option_values import require_names

Say = Callable[[str], object]
JUDGED = (0, 1, 10)
"""Exit codes of a run that has verdicts."""


@dataclass
class ProfileRuns:
    """The records by profile, the reason for each profile without a record, and one exit code: the worst."""

    records: dict[str, RunRecord] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    codes: list[int] = field(default_factory=list)
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        if self.interrupted:
            return 2
        if self.problems or not self.records:
            return 3
        return next((code for code in (1, 10) if code in self.codes), 0)


def chosen(names: Sequence[str], known: Sequence[str]) -> list[str]:
    """The profiles with these names, or all profiles. `UsageError` for an unknown name."""
    require_names("profiles:", names, known)
    return list(names or known)


def run_profiles(names: Sequence[str], folder: Path, say: Say, *, more: Sequence[str] = ()) -> ProfileRuns:
    """Run the suite on each profile into `<folder>/<profile>`. `more` are further words of its command line.

    An interrupt stops after the current run and keeps the results so far.
    """
    runs = ProfileRuns()
    for name in names:
        began, place = time.monotonic(), folder / name
        try:
            code, last = _run(name, place, more)
        except KeyboardInterrupt:
            runs.interrupted = True
            break
        try:
            if code not in JUDGED:
                raise ValueError(f"the run gave no verdicts: {last}")
            runs.records[name] = load_record(place)
        except ValueError as problem:
            runs.problems[name] = str(problem)
            say(f"{name}: {problem}")
            continue
        runs.codes.append(code)
        record = runs.records[name]
        say(f"{name}: {len(record.cases)} cases, {tally(record)}  ({time.monotonic() - began:.0f} s)")
    return runs


def _run(name: str, place: Path, more: Sequence[str]) -> tuple[int, str]:
    command = [sys.executable, "-m", "podwire", "run", "--lab", name, "--run-dir", str(place)]
    command += ["--no-report", "--fill-nodes", "--disruptive", *more]  # A lab has room for it.
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True)
    try:
        out, err = process.communicate()
    except KeyboardInterrupt:
        process.communicate()  # the signal reached it too; let it write its record
        raise
    return process.returncode, ((err or out).strip().splitlines()[-1:] or [f"exit code {process.returncode}"])[0]


def read_runs(paths: Sequence[Path], profile_of: Callable[[RunRecord], str]) -> ProfileRuns:
    """The records of finished runs. `UsageError` for a folder without a run, and for two runs of one profile."""
    runs = ProfileRuns()
    for path in paths:
        try:
            record = load_record(path)
        except ValueError as problem:
            raise UsageError(f"profiles: {problem}") from problem
        name = profile_of(record)
        if name in runs.records:
            raise UsageError(f"profiles: {path}: a second run of profile {name}; give one run for each profile")
        runs.records[name] = record
        runs.codes.append(1 if any(case.verdict.outcome.red for case in record.cases) else 0)
    return runs


def in_order(records: Mapping[str, RunRecord], known: Sequence[str]) -> dict[str, RunRecord]:
    """The records in the order of `known`; profiles that are not in it come last."""
    return {name: records[name] for name in (*known, *records) if name in records}
