"""What a record says of its cases, held against its own observations: a verdict counts only if it can be judged again.

A record is a text file that anybody can edit. Its observations are judged once more, with the suites of this podwire,
and whatever the record says otherwise is a line. Under the suites that judged the run (the digests are the same) every
field of a case must come out the same, the numbers in its findings too; under other suites the outcome must.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import asdict, replace

from podwire.content import suites_digest
from podwire.gating.rejudge import Today
from podwire.model.verdicts import Finding, Verdict
from podwire.records.observations import Stored
from podwire.records.run import CaseRecord, RunRecord
from podwire.records.run_form import case_form

_FREE = ("evidence",)
"""Fields of a case that no observation tells: the files of evidence are held against the seal."""


def contradictions(record: RunRecord, rounds: Mapping[str, Sequence[Stored]], today: Today) -> Iterator[str]:
    """What the record says and its observations do not, a line each. `rounds` are the observations by case id."""
    same = record.setup.suite == suites_digest()
    for case in record.cases:
        yield from (f"{case.id}: {line}" for line in _of_case(case, rounds[case.id], today, same=same))
    if same:
        yield from _of_plan(record, today)


def _of_case(then: CaseRecord, rounds: Sequence[Stored], today: Today, *, same: bool) -> Iterator[str]:
    told = today.recorded(then.id, rounds)
    if isinstance(told, str):
        yield f"cannot be judged again by this podwire: {told}"
        return
    if then.verdict.outcome is not told.verdict.outcome:
        yield f"the record says {then.verdict.outcome}, its observations say {told.verdict.outcome}"
        return
    if any(one.observation.case_id != then.id for one in rounds):
        yield "its observations are of another case"
    if tuple(one.outcome for one in rounds) != (then.rounds or (then.verdict.outcome,)):
        yield "the outcomes of its rounds are not those of its observations"
    if same:
        cut = any(one.cut for one in rounds)
        now = asdict(case_form(told))
        for name, before in asdict(case_form(then)).items():
            if name not in _FREE:
                after = now[name]
                if name == "verdict" and cut:
                    before, after = _without_counts(before), _without_counts(after)  # noqa: PLW2901
                if before != after:
                    yield f"{name}: the record says {_short(before)}, its observations say {_short(after)}"


def _of_plan(record: RunRecord, today: Today) -> Iterator[str]:
    """Exclusions follow from the facts, and hide cases: none may be there that the facts do not give."""
    known = {(one.requirement, one.cases, one.reason) for one in today.exclusions}
    for one in record.exclusions:
        if (one.requirement, one.cases, one.reason) not in known:
            yield f"exclusions: {one.requirement}: the facts of the record do not give {_short(one.reason)}"


def _without_counts(verdict: Verdict) -> Verdict:
    """Of a passing case of many exchanges not all packets are kept: how many there were cannot be told again."""

    def blurred(one: Finding) -> Finding:
        return replace(one, actual=re.sub(r"\d+", "0", one.actual))

    return replace(verdict, findings=tuple(blurred(one) for one in verdict.findings))


def _short(value: object) -> str:
    return ascii(value)[:80]
