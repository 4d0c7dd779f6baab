"""Break it to believe it: one run a fault on the lab, held against a healthy run. Which requirement noticed?

A fault is killed when every requirement that it names has a case whose verdict changed to a failure, or to a lifted
limitation. A change to inconclusive counts as nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from podwire.judge import judge
from podwire.lab.faults import FAULTS
from podwire.runner import Runner, RunOptions
from podwire.suite import expectation_of
from podwire.verdicts import Outcome

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
    runner = Runner(options)
    try:
        cases = list(runner.plan.cases.values())
        seen = runner.observe(cases)
        tests = {f"{test.module}::{test.name}": test for test in runner.tests}
        return {
            case.id: judge(
                case, expectation_of(tests[case.test], case.flow), seen[case.id].observation, runner.limitation(case)
            ).outcome
            for case in cases
        }
    finally:
        runner.close()


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


def run_mutants(options: RunOptions, names: Sequence[str] = (), say: Say = print) -> int:
    """Run every fault of the profile (or those named) and print what became of it; 0 when nothing survived.

    Without names, a requirement that no fault kills is a survivor too.
    """
    healthy = outcomes(options)
    red = [identity for identity, outcome in healthy.items() if outcome.red]
    say(f"{options.lab}: healthy, {len(healthy)} cases, {len(red)} of them red")
    for identity in red:
        say(f"  red without a fault: {identity}: {healthy[identity]}")
    wanted = [name for name, fault in FAULTS.items() if not fault.profiles or options.lab in fault.profiles]
    dead: list[Mutant] = []
    alive: list[Mutant] = []
    for name in names or wanted:
        began = time.monotonic()
        sick = outcomes(replace(options, faults=(name,)))
        one = mutant(name, FAULTS[name].kills, healthy, sick, time.monotonic() - began)
        (dead if one.dead else alive).append(one)
        say(line(one))
    unbroken = {requirement_of(identity) for identity in healthy} - {
        rule for one in dead + alive for rule in one.killed
    }
    say(f"{options.lab}: {len(dead)} of {len(dead) + len(alive)} faults killed")
    if not names:
        for requirement in sorted(unbroken):
            say(f"  no fault kills {requirement}")
    return 1 if red or alive or (unbroken and not names) else 0


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
