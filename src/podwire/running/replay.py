"""Regression replay: each dated regression of Windows networking on the lab, and what the gate says of it.

A regression has two runs, as a release has: one on the build before, and one on the build after, with the fault. Both
are whole runs of the product in processes of their own; the gate then compares what they left. Their plan is focused:
the requirements that the faults name, and all that a plain connect check would ask.
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
    """What came of a regression. `connect_lost` of `connect_asked` connects worked before and not after it."""

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
    """The regressions of these names, or all. `UsageError` for a name that there is not, or a wrong file of them."""
    try:
        known = {regression.id: regression for regression in load_regressions()}
    except RegressionError as problem:
        raise UsageError(f"replay: {problem}") from problem
    require_names("replay:", names, known)
    return [known[name] for name in names or known]


class Replay:
    """Replays regressions into a folder: `<regression>/` for each candidate, `healthy/<number>/` for the baselines."""

    def __init__(self, folder: Path, say: Say, *, whole: bool = False) -> None:
        self._folder, self._say, self._whole = folder, say, whole
        self._healthy: dict[tuple[str, ...], Path] = {}

    def replay(self, several: Sequence[Regression]) -> list[Replayed]:
        """What came of each, in their order. One that the lab cannot show is not run."""
        wanted: dict[tuple[str, ...], set[str]] = {}
        for one in several:
            if one.shown:
                wanted.setdefault(_kind(one, one.before), set()).update(_requirements(one))
        return [self._one(one, wanted) for one in several]

    def _one(self, regression: Regression, wanted: Mapping[tuple[str, ...], set[str]]) -> Replayed:
        if not regression.shown:
            return Replayed(regression=regression)
        try:
            kind = _kind(regression, regression.before)
            if kind not in self._healthy:
                place = self._folder / "healthy" / str(len(self._healthy) + 1)
                self._healthy[kind] = self._run(kind, wanted[kind], (), place)
            faulty = _kind(regression, regression.after)
            place = self._run(faulty, wanted[kind], regression.faults, self._folder / regression.id)
            found = _held(regression, self._healthy[kind], place)
        except (Refused, ValueError) as problem:
            found = Replayed(regression=regression, problem=str(problem).splitlines()[0])
        self._say(f"{regression.id}: {found.decision or found.problem}")
        return found

    def _run(self, kind: Sequence[str], requirements: set[str], faults: Sequence[str], place: Path) -> Path:
        """Make a run of the product; its folder. ValueError when it came to no verdicts."""
        command = [sys.executable, "-m", "podwire", "run", *kind, "--run-dir", str(place), "--no-report"]
        command += [word for fault in faults for word in ("--fault", fault)]
        if not self._whole:
            command += [word for one in sorted(requirements) for word in ("--requirement", one)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode not in JUDGED:
            last = (done.stderr or done.stdout).strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
            raise ValueError(f"the run came to nothing: {last[0]}")
        return place


def _kind(regression: Regression, build: str) -> tuple[str, ...]:
    """The options of a lab of that kind."""
    dsr = () if regression.dsr is None else ("--dsr", "on" if regression.dsr else "off")
    image = ("--windows-image", regression.windows_image) if regression.windows_image else ()
    return ("--lab", regression.profile, "--windows-build", build, *dsr, *image)


def _requirements(regression: Regression) -> set[str]:
    named = {one for fault in regression.faults for one in FAULTS[fault].kills}
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
    """The change that says most of the regression: of a requirement that it names, with a Windows node if there is one;
    else the first that rejects."""
    named = {one for fault in regression.faults for one in FAULTS[fault].kills} | set(regression.notices)
    rejecting = [one for one in gate.changes if one.rejects]
    fitting = [one for one in rejecting if requirement_of(one.case_id) in named and one.deciding]
    fitting.sort(key=lambda one: "windows" not in one.case_id)
    return next(iter(fitting or rejecting), None)
