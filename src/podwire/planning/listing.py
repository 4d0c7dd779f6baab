"""A plan as text and as JSON: its cases with their expectations, its acts with their changes, its exclusions. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from podwire.model.changes.table import CHANGES
from podwire.model.sizes import SIZES
from podwire.planning.acts import Act, acts_of
from podwire.planning.plan import Plan


def listing(
    plan: Plan,
    sentences: Mapping[str, Sequence[str]],
    unready: Mapping[str, str] | None = None,
    notes: Iterable[str] = (),
) -> str:
    """The plan as text: every case with its expectation, the acts, every exclusion with its reason.

    `sentences` are the expectations by case id. `unready` has by case id the reason why a case will be inconclusive.
    `notes` are lines about nodes that cannot be used.
    """
    lines: list[str] = []
    for case in plan.cases.values():
        limit = f"   (limitation: {case.limitation})" if case.limitation else ""
        lines.append(f"{case.id}{limit}")
        if case.flow.load.size:
            lines.append(f"    request and answer are {SIZES[case.flow.load.size].words}")
        if case.flow.load.sends:
            lines.append(f"    sends {case.flow.load.sends}")
        lines += [f"    {sentence}" for sentence in sentences[case.id]]
        if unready and case.id in unready:
            lines.append(f"    will be inconclusive: {unready[case.id]}")
    lines.append("")
    lines += _acts(acts_of(plan.cases.values()))
    lines += notes
    if unready:
        lines.append(
            f"{len(unready)} of {len(plan.cases)} cases will be inconclusive, because their nodes are not ready"
        )
    lines.append(f"{len(plan.cases)} cases, {len(plan.exclusions)} exclusions")
    lines += [f"  excluded {excluded.requirement}[{excluded.cases}]: {excluded.reason}" for excluded in plan.exclusions]
    return "\n".join(lines) + "\n"


def _acts(acts: Sequence[Act]) -> Iterator[str]:
    """A line for each act, and one for each change that begins it."""
    yield _counted(len(acts), "act")
    for act in acts:
        begin = f"after {_counted(len(act.changes), 'change')}" if act.changes else "as found"
        alone = ", alone because it needs a whole node" if act.alone else ""
        again = f", and first {len(act.before)} that act {act.number + 1} repeats" if act.before else ""
        yield f"  act {act.number}, the cluster {begin}{alone}: {_counted(len(act.cases), 'case')}{again}"
        if act.readings:
            yield f"    {_counted(len(act.readings), 'case')} read a node at the start and at the end of the act"
        for name in act.changes:
            number = sum(case.flow.change.after == name for case in act.cases)
            yield f"    {name} ({_counted(number, 'case')}): {CHANGES[name].does}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def tree(
    plan: Plan,
    sentences: Mapping[str, Sequence[str]],
    unready: Mapping[str, str],
    notes: Iterable[str],
) -> dict[str, Any]:
    """The plan as values for JSON, with the same parameters as `listing`."""
    acts = acts_of(plan.cases.values())
    numbers = {case.id: act.number for act in acts for case in act.cases}
    return {
        "cases": [
            {
                "id": case.id,
                "act": numbers[case.id],
                "expected": list(sentences[case.id]),
                **({"sends": case.flow.load.sends} if case.flow.load.sends else {}),
                "limitation": case.limitation,
                "inconclusive": unready.get(case.id),
            }
            for case in plan.cases.values()
        ],
        "acts": [
            {
                "number": act.number,
                "changes": [
                    {
                        "name": name,
                        "does": CHANGES[name].does,
                        "cases": sum(case.flow.change.after == name for case in act.cases),
                    }
                    for name in act.changes
                ],
                "cases": len(act.cases),
                "repeated_in_the_next": len(act.before),
                "readings": len(act.readings),
                "alone": act.alone,
            }
            for act in acts
        ],
        "exclusions": [
            {"requirement": excluded.requirement, "cases": excluded.cases, "reason": excluded.reason}
            for excluded in plan.exclusions
        ],
        "notes": list(notes),
    }
