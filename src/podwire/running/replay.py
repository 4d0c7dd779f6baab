"""Regression replay: runs each dated regression of Windows networking on the lab, and asks the gate about it.

A regression has two runs, like a release: one on the build before, and one on the build after, with the faults. Each
is a complete run of podwire in its own process; the gate then compares the two. Their plan has the requirements that
the faults name, and those that a plain connect check covers.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from podwire.errors import UsageError
from podwire.gating.gate import Change, Decision, Gate, Refused
from podwire.gating.numbers import Rules
from podwire.gating.runs import gate_over, load_run
from podwire.reporting.gate_text import headline
from podwire.reporting.words import requirement_of
from podwire.running.connect_check import REQUIREMENTS, connects, newly_lost
from podwire.running.option_values import require_names
from podwire.running.regressions import Regression, RegressionError, load_regressions
from podwire_lab.faults.registry import FAULTS

Say = Callable[[str], object]
JUDGED = (0, 1, 10)
"""Exit codes of a run that has verdicts."""


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """The result of one regression.

    `said` is the gate's headline and `decides` the change behind its decision. Of `connect_asked` connects that worked
    before, `connect_lost` do not work after. `problem` says why there is no decision.
    """

    regression: Regression
    decision: Decision | None = None
    said: str = ""
    decides: Change | None = None
    connect_lost: int = 0
    connect_asked: int = 0
    problem: str = ""

    @property
    def by_gate(self) -> bool:
        return self.decision is Decision.REJECT

    @property
    def by_connect(self) -> bool:
        return self.connect_lost > 0


def chosen(names: Sequence[str]) -> list[Regression]:
    """The regressions with these names, or all. `UsageError` for an unknown name or a mistake in the file."""
    try:
        known = {regression.id: regression for regression in load_regressions()}
    except RegressionError as problem:
        raise UsageError(f"replay: {problem}") from problem
    require_names("replay:", names, known)
    return [known[name] for name in names or known]


class Replay:
    """Replays regressions into a folder: `<regression>/` is a candidate run, `healthy/<number>/` a baseline run."""

    def __init__(self, folder: Path, say: Say, *, whole: bool = False) -> None:
        self._folder, self._say, self._whole = folder, say, whole
        self._healthy: dict[tuple[str, ...], Path] = {}

    def replay(self, regressions: Sequence[Regression]) -> list[Replayed]:
        """The result of each regression, in their order. A regression that the lab cannot show is not run."""
        requirements: dict[tuple[str, ...], set[str]] = {}
        for regression in regressions:
            if regression.shown:
                requirements.setdefault(_kind(regression, regression.before), set()).update(_requirements(regression))
        return [self._one(regression, requirements) for regression in regressions]

    def _one(self, regression: Regression, requirements: Mapping[tuple[str, ...], set[str]]) -> Replayed:
        if not regression.shown:
            return Replayed(regression=regression)
        try:
            kind = _kind(regression, regression.before)
            if kind not in self._healthy:
                place = self._folder / "healthy" / str(len(self._healthy) + 1)
                self._healthy[kind] = self._run(kind, requirements[kind], (), place)
            faulty = _kind(regression, regression.after)
            place = self._run(faulty, requirements[kind], regression.faults, self._folder / regression.id)
            replayed = _held(regression, self._healthy[kind], place)
        except (Refused, ValueError) as problem:
            replayed = Replayed(regression=regression, problem=str(problem).splitlines()[0])
        self._say(f"{regression.id}: {replayed.decision or replayed.problem}")
        return replayed

    def _run(self, kind: Sequence[str], requirements: set[str], faults: Sequence[str], place: Path) -> Path:
        """Make one run of podwire and return its folder. ValueError when the run gave no verdicts."""
        command = [sys.executable, "-m", "podwire", "run", *kind, "--run-dir", str(place), "--no-report"]
        command += [word for fault in faults for word in ("--fault", fault)]
        if not self._whole:
            command += [word for requirement in sorted(requirements) for word in ("--requirement", requirement)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode not in JUDGED:
            last = (done.stderr or done.stdout).strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
            raise ValueError(f"the run gave no verdicts: {last[0]}")
        return place


def _kind(regression: Regression, build: str) -> tuple[str, ...]:
    """The command-line options for the regression's lab with this Windows build."""
    dsr = () if regression.dsr is None else ("--dsr", "on" if regression.dsr else "off")
    image = ("--windows-image", regression.windows_image) if regression.windows_image else ()
    return ("--lab", regression.profile, "--windows-build", build, *dsr, *image)


def _requirements(regression: Regression) -> set[str]:
    named = {requirement for fault in regression.faults for requirement in FAULTS[fault].kills}
    return {*named, *regression.notices, *REQUIREMENTS}


def _held(regression: Regression, before: Path, after: Path) -> Replayed:
    old, new = load_run(before), load_run(after)
    gate = gate_over([old], [new], Rules(), allow_emulated=True)
    worked = connects(old.record, old.exchanges)
    lost = newly_lost(worked, connects(new.record, new.exchanges))
    return Replayed(
        regression=regression,
        decision=gate.decision,
        said=headline(gate),
        decides=_deciding(gate, regression),
        connect_lost=len(lost),
        connect_asked=sum(worked.values()),
    )


def _deciding(gate: Gate, regression: Regression) -> Change | None:
    """The change to show: the first rejecting one of a named requirement, a case with a Windows node if possible; else
    the first that rejects."""
    named = set(regression.notices).union(*(FAULTS[fault].kills for fault in regression.faults))
    rejecting = [change for change in gate.changes if change.rejects]
    fitting = [change for change in rejecting if requirement_of(change.case_id) in named and change.deciding]
    fitting.sort(key=lambda change: "windows" not in change.case_id)
    return next(iter(fitting or rejecting), None)
