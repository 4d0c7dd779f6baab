"""Cases whose outcome varies: how often, where the cause is, and how many runs it takes to see it again. Pure.

An observation of a case is one round of one run. It is off if its outcome is worse than the best outcome of the case.
What several such cases have in common shows where to look.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from podwire.gating.statistics import fisher, holm, rate_interval, runs_to_see
from podwire.model.verdicts import Outcome
from podwire.records.run import CaseRecord, RunRecord

HARNESS = "harness"
UNKNOWN = "the case itself"


@dataclass(frozen=True, kw_only=True)
class Flake:
    """A case that was off in `off` of `rounds` observations, in these runs.

    `low` and `high` bound its rate. `origin` is the harness, `node <name>`, `path <from> to <to> by <via>`, or the case
    itself if it shares nothing that steady cases lack. After `needed` rounds without it, it may be called gone at its
    observed rate; `needed_at_low` is the same for the lower bound of the interval.
    """

    case_id: str
    outcomes: Mapping[str, int]
    off: int
    rounds: int
    low: float
    high: float
    origin: str
    runs: tuple[str, ...]
    needed: int
    needed_at_low: int

    @property
    def rate(self) -> float:
        return self.off / self.rounds


@dataclass(frozen=True, kw_only=True)
class History:
    """The result of several runs. `steady` counts the cases with one outcome in two or more observations."""

    runs: tuple[str, ...]
    flakes: tuple[Flake, ...]
    steady: int
    once: int
    risk: float


def history(records: Sequence[RunRecord], risk: float = 1e-3) -> History:
    """All cases of these runs; `risk` applies to the intervals, to a missed flake, and to a wrong origin."""
    rounds: dict[str, list[tuple[str, Outcome]]] = {}
    cases: dict[str, CaseRecord] = {}
    for record in records:
        for case in record.cases:
            cases[case.id] = case
            outcomes = case.rounds or (case.verdict.outcome,)
            rounds.setdefault(case.id, []).extend((record.run_id, outcome) for outcome in outcomes)
    uneven = {
        case_id: outcomes for case_id, outcomes in rounds.items() if len({outcome for _, outcome in outcomes}) > 1
    }
    repeated = [case_id for case_id, outcomes in rounds.items() if len(outcomes) > 1]
    origins = _origins([cases[case_id] for case_id in repeated], uneven, risk)
    return History(
        runs=tuple(record.run_id for record in records),
        flakes=tuple(_flake(case_id, outcomes, origins[case_id], risk) for case_id, outcomes in uneven.items()),
        steady=len(repeated) - len(uneven),
        once=len(rounds) - len(repeated),
        risk=risk,
    )


def _flake(case_id: str, outcomes: Sequence[tuple[str, Outcome]], origin: str, risk: float) -> Flake:
    off = [run for run, outcome in outcomes if outcome is not _best(outcomes)]
    low, high = rate_interval(len(off), len(outcomes), risk)
    counts = Counter(outcome for _, outcome in outcomes)
    return Flake(
        case_id=case_id,
        outcomes={str(outcome): counts[outcome] for outcome in Outcome if counts[outcome]},
        off=len(off),
        rounds=len(outcomes),
        low=low,
        high=high,
        origin=origin,
        runs=tuple(dict.fromkeys(off)),
        needed=runs_to_see(len(off) / len(outcomes), risk),
        needed_at_low=runs_to_see(low, risk),
    )


def _best(outcomes: Sequence[tuple[str, Outcome]]) -> Outcome:
    return min((outcome for _, outcome in outcomes), key=list(Outcome).index)


def _origins(
    cases: Sequence[CaseRecord], uneven: Mapping[str, Sequence[tuple[str, Outcome]]], risk: float
) -> dict[str, str]:
    """The origin of each flake.

    A trait is an origin if flakes have it more often than chance explains (Fisher's exact test, Holm over all traits);
    of several, the least likely one. Inconclusive rounds belong to the harness and count for no trait.
    """
    origins = {case_id: HARNESS for case_id, outcomes in uneven.items() if _harness(outcomes)}
    judged = [case for case in cases if case.id not in origins]
    off = [case for case in judged if case.id in uneven]
    traits = sorted({trait for case in off for trait in _traits(case)})
    chances = []
    for trait in traits:
        having = [case for case in judged if trait in _traits(case)]
        among = sum(1 for case in having if case.id in uneven)
        chances.append(fisher(len(off) - among, len(judged) - len(having), among, len(having)))
    counts = holm(chances, risk)
    likely = sorted((chance, trait) for chance, trait, counted in zip(chances, traits, counts, strict=True) if counted)
    for case in off:
        origins[case.id] = next((trait for _, trait in likely if trait in _traits(case)), UNKNOWN)
    return origins


def _harness(outcomes: Sequence[tuple[str, Outcome]]) -> bool:
    """Whether all rounds that were off were inconclusive: a probe, a control or a capture did not work."""
    return {outcome for _, outcome in outcomes if outcome is not _best(outcomes)} == {Outcome.INCONCLUSIVE}


def _traits(case: CaseRecord) -> frozenset[str]:
    return frozenset(_named_traits(case))


def _named_traits(case: CaseRecord) -> Iterator[str]:
    yield from (f"node {node}" for node in case.nodes.values())
    parameters = case.parameters
    path = f"path {parameters.get('client', '?')} to {parameters.get('server', '?')}"
    yield path
    yield f"{path} by {parameters.get('via', '?')}"
