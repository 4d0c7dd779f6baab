"""One run with two pools of nodes as two sides of a gate: what worked in the old pool must work wherever the new one
takes part. Pure.

A case in which a node of the new pool takes part (from old to new, from new to old, within the new one) is held against
the cases within the old pool that are the same but for their nodes. What there is within the old pool must be there
within the new one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from msgspec.structs import replace as with_fields

from podwire.gating.changes import Refused, Run
from podwire.gating.gate import counted
from podwire.model.facts import ClusterFacts
from podwire.model.machines import Pools
from podwire.model.verdicts import Outcome
from podwire.records.run import CaseRecord, RunRecord

_NODES = re.compile(r"-node-[0-9]+(-to-node-[0-9]+)?$")
_MOST = 10


@dataclass(frozen=True, kw_only=True)
class Sides:
    """A run as baseline and as candidate.

    The candidate's cases keep their ids. A case of the baseline is there once for each that is held against it, under
    the id of that one, and under its own where the new pool lacks it.
    """

    old: Run
    new: Run
    outcomes_of_old: Mapping[str, int]
    """How many cases within the old pool came to each outcome."""
    notes: tuple[str, ...] = ()
    """Which cases are not compared."""


def sides_of(run: Run, old: str, new: str) -> Sides:
    """The two sides of the gate. Raises `Refused` where the run has no such pools, or nothing to compare."""
    _check(run.record, old, new)
    within_old, with_new = _cases_of(run.record, old, new)
    counterparts: dict[str, list[CaseRecord]] = {}
    for case in within_old:
        counterparts.setdefault(_alike(case, new, old), []).append(case)
    held: list[tuple[CaseRecord, str]] = []
    alone: list[CaseRecord] = []
    met: set[str] = set()  # what the new pool has within itself, too
    for case in with_new:
        key = _alike(case, new, old)
        held += [(counterpart, case.id) for counterpart in counterparts.get(key, ())]
        if set(_pools(case).values()) <= {"", new}:
            met.add(key)
        if key not in counterparts:
            alone.append(case)
    if not held:
        raise Refused(f"{_place(run)}: no case of pool {new} has a counterpart in pool {old}")
    held += [(cases[0], cases[0].id) for key, cases in counterparts.items() if key not in met]
    return Sides(
        old=_baseline(run, held, old),
        new=_candidate(run, with_new, old, new),
        outcomes_of_old=counted([replace(run, record=replace(run.record, cases=tuple(within_old)))]),
        notes=(*_without_counterpart(alone, old), *_of_no_pool(run.record)),
    )


def _check(record: RunRecord, old: str, new: str) -> None:
    known = sorted({node.part.pool for node in record.facts.nodes} - {""})
    if old == new:
        raise Refused(f"--pools {old} {new}: name two different pools")
    for name in (old, new):
        if name not in known:
            there = f"its pools are {' and '.join(known)}" if known else "it has no pools; make one with --pool, twice"
            raise Refused(f"--pools {old} {new}: run {record.run_id} has no pool {name}; {there}")


def _cases_of(record: RunRecord, old: str, new: str) -> tuple[list[CaseRecord], list[CaseRecord]]:
    """The cases within the old pool, and those that the new pool takes part in; a case of no pool says nothing."""
    named = [(case, set(_pools(case).values()) - {""}) for case in record.cases]
    return [case for case, pools in named if pools == {old}], [case for case, pools in named if new in pools]


def _pools(case: CaseRecord) -> Mapping[str, str]:
    return {
        name: case.parameters.get(name.replace("_", " "), "") for name in ("client_pool", "server_pool", "entry_pool")
    }


def _alike(case: CaseRecord, new: str, old: str) -> str:
    """The id of a case without its nodes, as if all of them were of the old pool."""
    pools = _pools(case)
    replaced = {name: old if pool == new else pool for name, pool in pools.items()}
    words = case.id.removesuffix("]").removesuffix(Pools(**pools).words)
    return _NODES.sub("", words) + Pools(**replaced).words + "]"


def _baseline(run: Run, held: Sequence[tuple[CaseRecord, str]], old: str) -> Run:
    ids: dict[str, list[str]] = {}
    for case, identity in held:
        ids.setdefault(case.id, []).append(identity)
    cases = tuple(replace(case, id=identity) for case, identity in held)
    exchanges = tuple(
        replace(exchange, case_id=name) for exchange in run.exchanges for name in ids.get(exchange.case_id, ())
    )
    return replace(run, record=_record(run.record, cases, old), exchanges=exchanges)


def _candidate(run: Run, cases: Sequence[CaseRecord], old: str, new: str) -> Run:
    record = _record(run.record, tuple(cases), new)
    exclusions = tuple(
        with_fields(exclusion, cases=_of_old(exclusion.cases, old, new)) for exclusion in record.exclusions
    )
    ids = {case.id for case in cases}
    exchanges = tuple(exchange for exchange in run.exchanges if exchange.case_id in ids)
    return replace(run, record=replace(record, exclusions=exclusions), exchanges=exchanges)


def _of_old(words: str, old: str, new: str) -> str:
    """The words of an exclusion of the new pool as those of the case of the old one."""
    return re.sub(rf"-(from|to|by)-{re.escape(new)}(?=-from-|-to-|-by-|$)", rf"-\1-{old}", words)


def _record(record: RunRecord, cases: tuple[CaseRecord, ...], pool: str) -> RunRecord:
    identity = f"{record.run_id} (pool {pool})"
    setup = replace(record.setup, judged_again=None)  # Both pools are of the one run that observed.
    return replace(record, run_id=identity, setup=setup, cases=cases, facts=_facts(record.facts, pool))


def _facts(facts: ClusterFacts, pool: str) -> ClusterFacts:
    """The facts of the nodes of a pool, and of those that are of none."""
    nodes = tuple(node for node in facts.nodes if node.part.chosen and node.part.pool in ("", pool))
    return with_fields(facts, nodes=nodes)


def _of_no_pool(record: RunRecord) -> Iterator[str]:
    cases = [case for case in record.cases if not any(_pools(case).values())]
    failed = sum(case.verdict.outcome is Outcome.FAIL for case in cases)
    if cases:
        yield f"{len(cases)} cases use no node of a pool and are not compared; {failed} of them failed"


def _without_counterpart(alone: Sequence[CaseRecord], old: str) -> Iterator[str]:
    for case in alone[:_MOST]:
        yield f"pool {old} has no counterpart of {case.id} ({case.verdict.outcome})"
    if len(alone) > _MOST:
        yield f"pool {old} has no counterpart of {len(alone) - _MOST} more cases"


def _place(run: Run) -> str:
    return run.folder or run.record.run_id
