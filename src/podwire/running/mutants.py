"""Break it to believe it: one run a fault on the lab, held against a healthy run. Which requirement noticed?

A fault is killed when every requirement that it names has a case whose verdict changed to a failure, or to a lifted
limitation. A change to inconclusive counts as nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from podwire.judging.judge import judge
from podwire.model.verdicts import Outcome, Verdict
from podwire.running.run_options import LabOptions, RunOptions
from podwire.running.runner import Runner
from podwire_lab.faults.registry import FAULTS

Say = Callable[[str], object]
Outcomes = Mapping[str, Outcome]
NOTICED = (Outcome.FAIL, Outcome.LIMITATION_LIFTED)


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """What one fault came to. `survived`: named requirements that did not notice; `collateral`: others that did."""

    fault: str
    killed: tuple[str, ...]
    survived: tuple[str, ...]
    collateral: tuple[str, ...]
    inconclusive: int
    seconds: float

    @property
    def dead(self) -> bool:
        return bool(self.killed) and not self.survived


def outcomes(options: RunOptions) -> Outcomes:
    """Run the whole plan once, without pytest, and give every case's outcome."""
    return {identity: verdict.outcome for identity, verdict in verdicts(options).items()}


def verdicts(options: RunOptions, say: Say = lambda text: None) -> Mapping[str, Verdict]:
    """The same with the reasons, by the cases' ids."""
    runner = Runner(options, say)
    scope = runner.scope
    try:
        cases = list(scope.plan.cases.values())
        seen = runner.observe(cases)
        return {
            case.id: judge(case, scope.expectation(case), seen[case.id][0], scope.limitation(case)) for case in cases
        }
    finally:
        for line in runner.close():
            say(line)


def requirement_of(case_id: str) -> str:
    """The requirement in a case id, `<area>/<requirement>[<words>]`."""
    return case_id.partition("/")[2].partition("[")[0]


def mutant(fault: str, kills: Sequence[str], healthy: Outcomes, sick: Outcomes, seconds: float) -> Mutant:
    """Compare a run with a fault with the healthy one."""
    noticed = {
        requirement_of(identity)
        for identity, outcome in sick.items()
        if outcome in NOTICED and healthy[identity] is not outcome
    }
    able = {requirement_of(identity) for identity in healthy}
    named = [requirement for requirement in kills if requirement in able]
    return Mutant(
        fault=fault,
        killed=tuple(requirement for requirement in named if requirement in noticed),
        survived=tuple(requirement for requirement in named if requirement not in noticed),
        collateral=tuple(sorted(noticed - set(named))),
        inconclusive=sum(1 for outcome in sick.values() if outcome is Outcome.INCONCLUSIVE),
        seconds=seconds,
    )


class Hunt:
    """All faults of a profile, one run each, held against a healthy run of the same kind of lab.

    A run has only the cases of the requirements that its fault names; with `whole` it has all, and tells what else
    notices. A fault that needs other Windows nodes (`dsr`, `build`) or a lab that is set up in another way
    (`variations`) is held against a healthy lab of that kind.
    """

    def __init__(self, options: RunOptions, say: Say, *, whole: bool = False) -> None:
        self.options = replace(options, selection=replace(options.selection, fill_nodes=True))
        self._say, self._whole = say, whole
        self._healthy: dict[RunOptions, Outcomes] = {}
        self.red = 0

    def healthy(self, options: RunOptions) -> Outcomes:
        """The outcomes of a healthy lab, from one run for all faults that are held against it."""
        if options not in self._healthy:
            found = self._healthy[options] = outcomes(options)
            red = [identity for identity, outcome in found.items() if outcome.red]
            kind = _kind(options.lab)
            self._say(f"{options.lab.profile}{kind}: healthy, {len(found)} cases, {len(red)} of them red")
            for identity in red:
                self._say(f"  red without a fault: {identity}: {found[identity]}")
            self.red += len(red)
        return self._healthy[options]

    def mutant(self, name: str) -> Mutant:
        """Inject one fault and see who notices."""
        fault, began = FAULTS[name], time.monotonic()
        options = self.options
        if fault.dsr is not None or fault.build is not None or fault.variations:
            lab = replace(options.lab, dsr=fault.dsr, windows_build=fault.build, variations=fault.variations)
            options = replace(options, lab=lab)
        healthy = self.healthy(options)
        able = {requirement_of(identity) for identity in healthy}
        named = tuple(requirement for requirement in fault.kills if requirement in able)
        if not self._whole and named:
            options = replace(options, selection=replace(options.selection, requirements=named))
        sick = outcomes(replace(options, lab=replace(options.lab, faults=(name,))))
        return mutant(name, named, healthy, sick, time.monotonic() - began)

    def unbroken(self, dead: Sequence[Mutant]) -> list[str]:
        """The requirements that no fault killed, of all kinds of labs that were looked at."""
        able = {requirement_of(identity) for found in self._healthy.values() for identity in found}
        return sorted(able - {requirement for one in dead for requirement in one.killed})


def _kind(lab: LabOptions) -> str:
    dsr = {True: ", DSR on", False: ", DSR off", None: ""}[lab.dsr]
    varied = "".join(f", {name}" for name in lab.variations)
    return dsr + (f", build {lab.windows_build}" if lab.windows_build else "") + varied


def run_mutants(options: RunOptions, names: Sequence[str] = (), say: Say = print, *, whole: bool = False) -> int:
    """Run every fault of the profile (or those named) and print what became of it; 0 when nothing survived.

    Without names, a requirement that no fault kills is a survivor too.
    """
    hunt = Hunt(options, say, whole=whole)
    hunt.healthy(hunt.options)
    wanted = [name for name, fault in FAULTS.items() if fault.fits(options.lab.profile)]
    done: list[Mutant] = []
    for name in names or wanted:
        done.append(hunt.mutant(name))
        say(line(done[-1]))
    alive = [one for one in done if not one.dead]
    say(f"{options.lab.profile}: {len(done) - len(alive)} of {len(done)} faults killed")
    unbroken = [] if names else hunt.unbroken(done)
    for requirement in unbroken:
        say(f"  no fault kills {requirement}")
    return 1 if hunt.red or alive or unbroken else 0


def line(one: Mutant) -> str:
    """A mutant as a line of the table."""
    state = "killed  " if one.dead else "SURVIVED"
    parts = [f"{state} {one.fault}  by {', '.join(one.killed) or 'nothing'}"]
    if one.survived:
        parts.append(f"not noticed by {', '.join(one.survived)}")
    if one.collateral:
        parts.append(f"also {', '.join(one.collateral)}")
    if one.inconclusive:
        parts.append(f"{one.inconclusive} inconclusive")
    return "; ".join(parts) + f"  ({one.seconds:.0f} s)"
