"""Mutation testing: one lab run for each fault, compared with a healthy run. Which requirements notice the fault?

A fault is killed when every requirement that it names has a case whose verdict changed to *fail* or to *limitation
lifted*. A change to *inconclusive* does not count.
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
    """The result of one fault. `survived`: named requirements that did not notice; `collateral`: others that did.

    `inconclusive` counts cases of the faulty run, `seconds` is how long both runs took.
    """

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
    """Run the whole plan once, without pytest. Returns the outcome of every case by its id."""
    return {identity: verdict.outcome for identity, verdict in verdicts(options).items()}


def verdicts(options: RunOptions, say: Say = lambda text: None) -> Mapping[str, Verdict]:
    """Run the whole plan once, without pytest. Returns the verdict of every case by its id."""
    runner = Runner(options, say)
    scope = runner.scope
    try:
        cases = list(scope.plan.cases.values())
        rounds = runner.observe(cases)
        return {
            case.id: judge(case, scope.expectation(case), rounds[case.id][0], scope.limitation(case)) for case in cases
        }
    finally:
        for line in runner.close():
            say(line)


def requirement_of(case_id: str) -> str:
    """The requirement in a case id, `<area>/<requirement>[<words>]`."""
    return case_id.partition("/")[2].partition("[")[0]


def mutant(fault: str, kills: Sequence[str], healthy: Outcomes, sick: Outcomes, seconds: float) -> Mutant:
    """Compare a run with a fault (`sick`) and a healthy one. `kills` are the requirements that the fault names."""
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
    """Runs each fault of a profile and compares it with a healthy run of the same kind of lab.

    A run has only the cases of the requirements that its fault names. With `whole` it has all cases, so it also shows
    which other requirements notice. A fault that needs other Windows nodes (`dsr`, `build`) or a lab with another
    set-up (`variations`) is compared with a healthy lab of that kind.
    """

    def __init__(self, options: RunOptions, say: Say, *, whole: bool = False) -> None:
        self.options = replace(options, selection=replace(options.selection, fill_nodes=True, disruptive=True))
        self._say, self._whole = say, whole
        self._healthy: dict[RunOptions, Outcomes] = {}
        self.red = 0

    def healthy(self, options: RunOptions) -> Outcomes:
        """The outcomes of a healthy lab by case id. All faults of the same kind of lab share one healthy run."""
        if options not in self._healthy:
            outcomes_by_case = self._healthy[options] = outcomes(options)
            red = [identity for identity, outcome in outcomes_by_case.items() if outcome.red]
            kind = _kind(options.lab)
            self._say(f"{options.lab.profile}{kind}: healthy, {len(outcomes_by_case)} cases, {len(red)} of them red")
            for identity in red:
                self._say(f"  red without a fault: {identity}: {outcomes_by_case[identity]}")
            self.red += len(red)
        return self._healthy[options]

    def mutant(self, name: str) -> Mutant:
        """Run the plan with one fault, and compare it with the healthy run."""
        fault, began = FAULTS[name], time.monotonic()
        options = self.options
        if (fault.dsr, fault.build, fault.ports, fault.variations) != (None, None, None, ()):
            lab = replace(
                options.lab,
                dsr=fault.dsr,
                windows_build=fault.build,
                windows_ports=fault.ports,
                variations=fault.variations,
            )
            options = replace(options, lab=lab)
        healthy = self.healthy(options)
        able = {requirement_of(identity) for identity in healthy}
        named = tuple(requirement for requirement in fault.kills if requirement in able)
        if not self._whole and named:
            options = replace(options, selection=replace(options.selection, requirements=named))
        sick = outcomes(replace(options, lab=replace(options.lab, faults=(name,))))
        return mutant(name, named, healthy, sick, time.monotonic() - began)

    def unbroken(self, mutants: Sequence[Mutant]) -> list[str]:
        """The requirements with cases in the healthy runs that no fault killed, sorted."""
        able = {requirement_of(identity) for healthy in self._healthy.values() for identity in healthy}
        return sorted(able - {requirement for mutant in mutants for requirement in mutant.killed})


def _kind(lab: LabOptions) -> str:
    dsr = {True: ", DSR on", False: ", DSR off", None: ""}[lab.dsr]
    ports = f", ports {', '.join(lab.windows_ports)}" if lab.windows_ports else ""
    varied = "".join(f", {name}" for name in lab.variations)
    return dsr + (f", build {lab.windows_build}" if lab.windows_build else "") + ports + varied


def run_mutants(options: RunOptions, names: Sequence[str] = (), say: Say = print, *, whole: bool = False) -> int:
    """Run every fault of the profile, or the named ones, and print a line for each. Returns the exit code.

    The code is 1 when a fault survived or a healthy case is red; without names also when no fault kills some
    requirement. Else it is 0.
    """
    hunt = Hunt(options, say, whole=whole)
    hunt.healthy(hunt.options)
    fitting = [name for name, fault in FAULTS.items() if fault.fits(options.lab.profile)]
    done: list[Mutant] = []
    for name in names or fitting:
        done.append(hunt.mutant(name))
        say(line(done[-1]))
    alive = [mutant for mutant in done if not mutant.dead]
    say(f"{options.lab.profile}: {len(done) - len(alive)} of {len(done)} faults killed")
    unbroken = [] if names else hunt.unbroken(done)
    for requirement in unbroken:
        say(f"  no fault kills {requirement}")
    return 1 if hunt.red or alive or unbroken else 0


def line(mutant: Mutant) -> str:
    """A mutant as a line of the table."""
    state = "killed  " if mutant.dead else "SURVIVED"
    parts = [f"{state} {mutant.fault}  by {', '.join(mutant.killed) or 'nothing'}"]
    if mutant.survived:
        parts.append(f"not noticed by {', '.join(mutant.survived)}")
    if mutant.collateral:
        parts.append(f"also {', '.join(mutant.collateral)}")
    if mutant.inconclusive:
        parts.append(f"{mutant.inconclusive} inconclusive")
    return "; ".join(parts) + f"  ({mutant.seconds:.0f} s)"
