"""Two sets of runs compared: may the state that the candidate runs tested be released? Pure.

The rule: what worked in a run of the baseline must work in every run of the candidate, and every case of the baseline
must be there. What is unknown is never accepted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

from podwire.gating.changes import Change, Deciding, Decision, Gate, Kind, Refused, Run
from podwire.gating.facts import fact_changes
from podwire.gating.numbers import Compared, Rules, Worse, convergences, latencies, losses
from podwire.gating.waivers import Waiver, problems, unused
from podwire.model.node_notes import remarks
from podwire.model.observations import Attempt
from podwire.model.verdicts import Outcome
from podwire.records.run import CaseRecord, ConvergenceRecord

WORKS = (Outcome.PASS, Outcome.LIMITATION_LIFTED)
_FROM_BEST = (
    Outcome.PASS,
    Outcome.LIMITATION_LIFTED,
    Outcome.LIMITATION_CONFIRMED,
    Outcome.KNOWN_ISSUE,
    Outcome.INCONCLUSIVE,
    Outcome.FAIL,
)
"""Outcomes by whether the flow works, documented or not."""
_MOST_DECIDING = 3


def hold(
    baseline: Sequence[Run],
    candidate: Sequence[Run],
    rules: Rules | None = None,
    *,
    waivers: Sequence[Waiver] = (),
    today: date = date.min,
    allow_emulated: bool = False,
    notes: Sequence[str] = (),
) -> Gate:
    """Compare the candidate with the baseline. `notes` are lines to show with the decision.

    Raises:
        Refused: the runs cannot be compared.
    """
    rules = rules or Rules()
    why = list(refusals(baseline, candidate, allow_emulated=allow_emulated))
    why += problems(waivers, {case.id for run in (*baseline, *candidate) for case in run.record.cases}, today)
    if why:
        raise Refused("\n".join(why))
    before, after = _rounds(baseline), _rounds(candidate)
    lost, slow = losses(before, after, rules), latencies(before, after, rules)
    late = convergences(_convergences(baseline), _convergences(candidate), rules)
    unwaived = [*_judged(baseline, candidate), *_numbers(lost, Kind.MORE_LOSS), *_numbers(slow, Kind.SLOWER)]
    unwaived += _numbers(late, Kind.LATER)
    # The most basic requirement comes first within a kind.
    unwaived.sort(key=lambda change: (list(Kind).index(change.kind), candidate[0].causes.place(change.case_id)))
    changes = tuple(_waived(change, waivers, candidate) for change in unwaived)
    stale = list(unused(waivers, [change.waiver for change in changes if change.waiver]))
    if stale:
        raise Refused("\n".join(stale))
    return Gate(
        decision=_decision(changes),
        emulated=any(run.record.emulated for run in (*baseline, *candidate)),
        baseline=tuple(run.record.run_id for run in baseline),
        candidate=tuple(run.record.run_id for run in candidate),
        changes=changes,
        facts=tuple(fact_changes([run.record for run in baseline], [run.record for run in candidate])),
        nodes=(*_nodes("baseline", baseline), *_nodes("candidate", candidate), *notes),
        outcomes_before=counted(baseline),
        outcomes_after=counted(candidate),
        losses=lost,
        latencies=slow,
        convergences=late,
        rules=rules,
        causes=tuple(cause for run in candidate for cause in run.causes.failing),
    )


def refusals(baseline: Sequence[Run], candidate: Sequence[Run], *, allow_emulated: bool) -> Iterator[str]:
    """Why these runs cannot be compared, a line each."""
    runs = (*baseline, *candidate)
    for run in runs:
        yield from unfit(run, allow_emulated=allow_emulated)
    for identity, number in Counter(run.record.observed_in for run in runs).items():
        if number > 1:
            yield f"run {identity}: is named {number} times; name each run once, judged again or not"
    if len({run.record.emulated for run in runs}) > 1:
        yield "runs of the lab cannot be compared with runs of a real cluster"
    sides = [{case.id for run in side for case in run.record.cases} for side in (baseline, candidate)]
    if all(sides) and not sides[0] & sides[1]:
        yield "baseline and candidate have no case in common: their suites, network modes or selections differ"


def unfit(run: Run, *, allow_emulated: bool) -> Iterator[str]:
    """Why nothing can be concluded from a run, a line each."""
    record, place = run.record, run.folder or run.record.run_id
    if not record.cases:
        yield f"{place}: has no case"
    if record.interrupted is not None:
        yield f"{place}: was interrupted ({record.interrupted}); run it again"
    if record.missing:
        yield f"{place}: {len(record.missing)} planned cases have no result ({record.missing[0]}); run it again"
    if record.emulated and not allow_emulated:
        yield f"{place}: is of the lab, which proves nothing about a cluster; to try the gate, add --allow-emulated"
    case_ids = {exchanges.case_id for exchanges in run.exchanges}
    unseen = [case.id for case in record.cases if case.id not in case_ids]
    if unseen:
        yield f"{place}: {len(unseen)} cases have no observation ({unseen[0]}); take the files that the run wrote"
    bare = [case.id for case in record.cases if case.verdict.outcome is not Outcome.PASS and not case.evidence]
    if bare:
        yield f"{place}: {len(bare)} cases that did not pass have no evidence ({bare[0]})"
    if run.absent:
        yield f"{place}: {len(run.absent)} files of evidence are missing ({run.absent[0]})"


def _rounds(side: Sequence[Run]) -> dict[str, list[Sequence[Attempt]]]:
    """The attempts of a side by case: one entry for each round of each of its runs."""
    attempts_by_case: dict[str, list[Sequence[Attempt]]] = {}
    for run in side:
        for exchanges in run.exchanges:
            attempts_by_case.setdefault(exchanges.case_id, []).append(exchanges.attempts)
    return attempts_by_case


def _convergences(side: Sequence[Run]) -> dict[str, list[ConvergenceRecord]]:
    """How long changes took on a side, by change and OS in words."""
    records_by_change: dict[str, list[ConvergenceRecord]] = {}
    for run in side:
        for record in run.record.convergence:
            where = f"{record.os} nodes" if record.node else "the load balancer"
            records_by_change.setdefault(f"{record.change} on {where}", []).append(record)
    return records_by_change


def _nodes(name: str, side: Sequence[Run]) -> Iterator[str]:
    """The nodes that could not be used on a side, once if its runs agree."""
    yield from dict.fromkeys(f"{name}: {remark}" for run in side for remark in remarks(run.record.facts))


def counted(side: Sequence[Run]) -> dict[str, int]:
    """How many cases of a side came to each outcome, outcomes without a case left out."""
    counts = Counter(case.verdict.outcome for run in side for case in run.record.cases)
    return {str(outcome): counts[outcome] for outcome in Outcome if counts[outcome]}


# --- outcomes ---------------------------------------------------------------------------------------------------------

Seen = Sequence[tuple[Run, CaseRecord]]


def _judged(baseline: Sequence[Run], candidate: Sequence[Run]) -> Iterator[Change]:
    before, after = _by_case(baseline), _by_case(candidate)
    for case_id in dict.fromkeys((*before, *after)):
        old, new = before.get(case_id, []), after.get(case_id, [])
        if old and len(new) < len(candidate):
            yield _vanished(case_id, old, candidate)
        if not new:
            continue
        unsure = [(run, case) for run, case in new if case.verdict.outcome is Outcome.INCONCLUSIVE]
        if unsure:
            yield _change(case_id, Kind.INCONCLUSIVE, old, unsure, rejects=False)
        sure = [(run, case) for run, case in new if case.verdict.outcome is not Outcome.INCONCLUSIVE]
        kind = classified(best(old), worst(sure)) if sure else None
        if kind is not None:
            yield _change(case_id, kind[0], old, sure, rejects=kind[1])


def _by_case(side: Sequence[Run]) -> dict[str, list[tuple[Run, CaseRecord]]]:
    runs_by_case: dict[str, list[tuple[Run, CaseRecord]]] = {}
    for run in side:
        for case in run.record.cases:
            runs_by_case.setdefault(case.id, []).append((run, case))
    return runs_by_case


def best(seen: Seen) -> Outcome | None:
    """The best conclusive outcome of a side: what worked once can work."""
    sure = [case.verdict.outcome for _, case in seen if case.verdict.outcome is not Outcome.INCONCLUSIVE]
    return min(sure, key=_FROM_BEST.index, default=None)


def worst(seen: Seen) -> Outcome:
    """The worst outcome of a side: one run cannot undo the failure of another."""
    return max((case.verdict.outcome for _, case in seen), key=_FROM_BEST.index)


def classified(before: Outcome | None, after: Outcome) -> tuple[Kind, bool] | None:
    """The change of a case, and whether it rejects; None without a change.

    `before` is None for a case without a verdict in the baseline.
    """
    worked = before in WORKS
    if after is Outcome.FAIL:
        if before is None:
            return Kind.NEW_FAILURE, True
        return (Kind.STILL_FAILS, False) if before is Outcome.FAIL else (Kind.REGRESSION, True)
    if after is Outcome.KNOWN_ISSUE:
        return None if before is after else (Kind.KNOWN_ISSUE_APPEARED, worked)
    if after is Outcome.LIMITATION_CONFIRMED:
        if before is Outcome.LIMITATION_LIFTED:
            return Kind.LIMITATION_NO_LONGER_LIFTED, True
        return None if before in (after, None) else (Kind.LIMITATION_APPEARED, worked)
    if after is Outcome.LIMITATION_LIFTED:
        return None if before is after else (Kind.LIMITATION_LIFTED, False)
    if before is Outcome.KNOWN_ISSUE:
        return Kind.KNOWN_ISSUE_GONE, False
    return None if before in (Outcome.PASS, None) else (Kind.FIXED, False)


def _change(case_id: str, kind: Kind, old: Seen, new: Seen, *, rejects: bool) -> Change:
    """A change of outcome. The packets of the side where the flow did not work decide."""
    outcome = worst(new)
    shown = [(run, case) for run, case in new if case.verdict.outcome is outcome]
    verdict = shown[0][1].verdict
    failing = [(run, case) for run, case in old if case.verdict.outcome not in WORKS] if outcome in WORKS else shown
    return Change(
        case_id=case_id,
        kind=kind,
        rejects=rejects,
        before=_words(old) if old else "was not there",
        after=_words(new),
        reason=verdict.reason,
        limitation=verdict.limitation or next((case.verdict.limitation for _, case in failing), None),
        deciding=tuple(part for run, case in failing for part in deciding(run, case))[:_MOST_DECIDING],
    )


def _words(seen: Seen) -> str:
    """The outcomes of a side: one word for all its runs, or how many runs had each outcome."""
    counts = Counter(case.verdict.outcome for _, case in seen)
    if len(counts) == 1:
        return str(next(iter(counts)))
    return ", ".join(f"{outcome} in {counts[outcome]} of {len(seen)} runs" for outcome in _FROM_BEST if counts[outcome])


def deciding(run: Run, case: CaseRecord) -> Iterator[Deciding]:
    """The unmet findings of a case, each with the file of evidence that shows it."""
    for finding in case.verdict.findings:
        if not finding.met:
            point = finding.where.partition(" ")[0]
            wanted_point = {"DNS": "client-pod"}.get(point, point)
            named = (
                file
                for file in case.evidence
                if file.rpartition("/")[2] in (f"{wanted_point}.pcap", f"{wanted_point}.txt")
            )
            attempts = (file for file in case.evidence if file.endswith("/attempts.json"))
            file = next(named, None) or next(attempts, "")
            yield Deciding(
                run=run.record.run_id,
                expected=finding.expected,
                actual=finding.actual,
                where=finding.where,
                evidence=f"{run.folder}/{file}" if file and run.folder else file,
            )


def _vanished(case_id: str, old: Seen, candidate: Sequence[Run]) -> Change:
    without = [run for run in candidate if run.case(case_id) is None]
    requirement = case_id.partition("/")[2].partition("[")[0]
    words = case_id.partition("[")[2].removesuffix("]")
    excluded = [
        exclusion.reason
        for run in without
        for exclusion in run.record.exclusions
        if exclusion.requirement == requirement and exclusion.cases in (words, "all")
    ]
    reason = f"the facts exclude it: {excluded[0]}" if excluded else "it was not planned, and no exclusion says why"
    missing = "is not there" if len(without) == len(candidate) else f"is missing in {len(without)} runs"
    return Change(case_id=case_id, kind=Kind.VANISHED, rejects=True, before=_words(old), after=missing, reason=reason)


def _numbers(compared: Compared, kind: Kind) -> Iterator[Change]:
    for worse in compared.worse:
        case_id, before, after = worse.case_id, worse.before, worse.after
        yield Change(case_id=case_id, kind=kind, rejects=True, before=before, after=after, reason=_chance(worse))


def _chance(worse: Worse) -> str:
    return f"chance alone gives such a difference with a probability of {worse.chance:.1e}"


# --- waivers and the decision -----------------------------------------------------------------------------------------


def _waived(change: Change, waivers: Sequence[Waiver], candidate: Sequence[Run]) -> Change:
    """The change with the waiver that excuses it, if there is one: every run of the candidate must show its symptom.

    A vanished case shows no symptom, and an inconclusive one proves nothing: no waiver excuses either.
    """
    if change.kind in (Kind.VANISHED, Kind.INCONCLUSIVE) or not (change.rejects or change.kind is Kind.STILL_FAILS):
        return change
    shown = list(_shown(change, candidate))
    fitting = (waiver for waiver in waivers if waiver.fits(change.case_id) and all(map(waiver.shown_in, shown)))
    found = next(fitting, None)
    return replace(change, waiver=found, rejects=change.rejects and found is None)


def _shown(change: Change, candidate: Sequence[Run]) -> Iterator[list[str]]:
    """The texts that each run shows about a change."""
    if change.kind in (Kind.MORE_LOSS, Kind.SLOWER, Kind.LATER):
        yield [change.kind, change.before, change.after]
        return
    for run in candidate:
        case = run.case(change.case_id)
        if case is not None and case.verdict.outcome not in (*WORKS, Outcome.INCONCLUSIVE):
            unmet = (finding for finding in case.verdict.findings if not finding.met)
            yield [case.verdict.reason, *(text for finding in unmet for text in (finding.expected, finding.actual))]


def _decision(changes: Sequence[Change]) -> Decision:
    if any(change.rejects for change in changes):
        return Decision.REJECT
    return Decision.CANNOT_JUDGE if any(change.kind is Kind.INCONCLUSIVE for change in changes) else Decision.ACCEPT
