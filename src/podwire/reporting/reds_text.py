"""What is red in a run, for a terminal: what several cases share first, then each case that stands alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from podwire.causes.causes import Cause, Causes
from podwire.model.verdicts import Outcome
from podwire.planning.readiness import is_about_a_node
from podwire.records.run import CaseRecord, RunRecord
from podwire.reporting.case_text import COLOURS, Paint, explained, wrapped
from podwire.reporting.words import brackets, by_area

_MOST_RED, _MOST_ALIKE = 12, 6
_NUMBERS = re.compile(r"[0-9.:]+")


def failing(record: RunRecord, causes: Causes, paint: Paint) -> Iterator[str]:
    """Failing cases: a block for each cause that several share, with its most basic case in full; then the others."""
    by_id = {case.id: case for case in record.cases}
    for number, cause in enumerate(causes.failing):
        if number >= _MOST_RED:
            left = sum(len(later.cases) for later in causes.failing[number:])
            yield paint.outcome(f"and {left} more failing cases; see run.json", Outcome.FAIL)
            break
        yield _cause(cause, by_id, causes, paint)
    alone = set(causes.alone)
    cases = [case for case in record.cases if case.id in alone]
    yield from _alike(causes.basic_first(cases), Outcome.FAIL, causes, paint)


def inconclusive(record: RunRecord, causes: Causes, paint: Paint) -> Iterator[str]:
    """Inconclusive cases, those of one reason together; what stands on a node that is not ready comes by node."""
    unsure = [case for case in record.cases if case.verdict.outcome is Outcome.INCONCLUSIVE and not _lacks_node(case)]
    yield from _alike(causes.basic_first(unsure), Outcome.INCONCLUSIVE, causes, paint)


def _cause(cause: Cause, by_id: dict[str, CaseRecord], causes: Causes, paint: Paint) -> str:
    head = paint.outcome(paint.bold(f"FAIL  {cause.size}, one cause"), Outcome.FAIL)
    first = by_id[cause.cases[0]]
    counted = Counter(by_id[case_id].requirement for case_id in cause.cases)
    names = [f"{name} {number}" for name, number in counted.items()]
    more = f" and {len(names) - _MOST_ALIKE} more" if len(names) > _MOST_ALIKE else ""
    lines = [
        *wrapped("", cause.line, paint, COLOURS[Outcome.FAIL]),
        *(line for control in cause.controls for line in wrapped("Control: ", control)),
        *wrapped("Requirements: ", ", ".join(names[:_MOST_ALIKE]) + more),
        f"The most basic case: {first.id}",
        f"  {first.title}",
        *(f"  {line}" for line in explained(first, paint, causes.headlines.get(first.id, ""))),
    ]
    return "\n".join([head, *(f"  {line}".rstrip() for line in lines)])


def _alike(cases: Sequence[CaseRecord], outcome: Outcome, causes: Causes, paint: Paint) -> Iterator[str]:
    """Red cases in full, one for each way of failing; all others that fail the same way as a line.

    Failures are alike within a requirement, inconclusive cases wherever the reason is the same.
    """
    alike: dict[tuple[object, str], list[CaseRecord]] = {}
    for case in cases:
        shared = causes.of(case.id)
        way = _NUMBERS.sub("", case.verdict.reason.partition("expected")[2] or case.verdict.reason)
        alike.setdefault(("", shared.line) if shared else (case.requirement, way), []).append(case)
    for number, (first, *similar) in enumerate(alike.values()):
        if number >= _MOST_RED:
            left = sum(map(len, list(alike.values())[number:]))
            yield paint.outcome(f"and {left} more {outcome} cases; see run.json", outcome)
            return
        lines = [_red(first, causes, paint)]
        if similar:
            lines += [f"  {line}" for line in wrapped(f"{len(similar)} more like this: ", _named(similar, first))]
        yield "\n".join(lines)


def _named(similar: Sequence[CaseRecord], first: CaseRecord) -> str:
    names = [
        brackets(case.id) if case.requirement == first.requirement else f"{case.requirement}[{brackets(case.id)}]"
        for case in similar
    ]
    return ", ".join(names[:_MOST_ALIKE]) + (" ..." if len(names) > _MOST_ALIKE else "")


def _lacks_node(case: CaseRecord) -> bool:
    return case.verdict.outcome is Outcome.INCONCLUSIVE and is_about_a_node(case.verdict.reason)


def without_node(record: RunRecord, paint: Paint) -> Iterator[str]:
    """Cases that were never sent because a node is not ready: a block for each node, whatever their requirements."""
    alike: dict[str, list[CaseRecord]] = {}
    for case in filter(_lacks_node, record.cases):
        alike.setdefault(case.verdict.reason, []).append(case)
    for reason, cases in alike.items():
        number = f"{len(cases)} case{'s' if len(cases) > 1 else ''}"
        areas = ", ".join(f"{area} {len(of_area)}" for area, of_area in by_area(cases).items())
        head = paint.outcome(paint.bold(f"INCONCLUSIVE  {number} not sent"), Outcome.INCONCLUSIVE)
        lines = [*wrapped("No verdict: ", reason, paint, COLOURS[Outcome.INCONCLUSIVE]), *wrapped("Areas: ", areas)]
        yield "\n".join([head, *(f"  {line}" for line in lines)])


def _red(case: CaseRecord, causes: Causes, paint: Paint) -> str:
    outcome = case.verdict.outcome
    head = paint.outcome(paint.bold(f"{str(outcome).upper()}  {case.id}"), outcome)
    lines = explained(case, paint, causes.headlines.get(case.id, ""))
    return "\n".join([head, f"  {case.title}", *(f"  {line}".rstrip() for line in lines)])
