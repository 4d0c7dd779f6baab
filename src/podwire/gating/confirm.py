"""A record compared with its own observations: a verdict counts only if its observations give it again.

A record is a text file that anybody can edit. podwire judges its observations again, with its own suites, and reports
each difference in a line. With the suites that judged the run (the digests are the same) every field of a case must
come out the same, the numbers in its findings too; with other suites the outcome must.
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

REMEDY = "other suites judged it: judge it with today's (podwire judge RUN --write DIR), and name DIR here"
_FREE = ("evidence",)
"""Fields of a case that no observation determines; the seal protects the files of evidence."""


def contradictions(record: RunRecord, rounds: Mapping[str, Sequence[Stored]], today: Today) -> Iterator[str]:
    """The differences between the record and its observations, a line each. `rounds` are the observations by case
    id."""
    same_suites = record.setup.suite == suites_digest()
    for case in record.cases:
        yield from (f"{case.id}: {line}" for line in _of_case(case, rounds[case.id], today, same_suites=same_suites))
    if same_suites:
        yield from _of_plan(record, today)


def _of_case(recorded: CaseRecord, rounds: Sequence[Stored], today: Today, *, same_suites: bool) -> Iterator[str]:
    judged = today.recorded(recorded.id, rounds)
    if isinstance(judged, str):
        yield f"cannot be judged again by this podwire: {judged}"
        return
    if recorded.verdict.outcome is not judged.verdict.outcome:
        difference = f"the record says {recorded.verdict.outcome}, its observations say {judged.verdict.outcome}"
        yield difference if same_suites else f"{difference}; {REMEDY}"
        return
    yield from mixed_up(recorded, rounds)
    if same_suites:
        cut = any(stored.cut for stored in rounds)
        now = asdict(case_form(judged))
        for name, before in asdict(case_form(recorded)).items():
            if name not in _FREE:
                after = now[name]
                if name == "verdict" and cut:
                    before, after = _without_counts(before), _without_counts(after)  # noqa: PLW2901
                if before != after:
                    yield f"{name}: the record says {_short(before)}, its observations say {_short(after)}"


def mixed_up(recorded: CaseRecord, rounds: Sequence[Stored]) -> Iterator[str]:
    """How the observations of a case are not those that its record was made of, whatever suites judged them."""
    if any(stored.observation.case_id != recorded.id for stored in rounds):
        yield "its observations are of another case"
    if tuple(stored.outcome for stored in rounds) != recorded.outcomes:
        yield "the outcomes of its rounds are not those of its observations"


def _of_plan(record: RunRecord, today: Today) -> Iterator[str]:
    """Exclusions follow from the facts, and hide cases: the facts must give each of them."""
    known = {(exclusion.requirement, exclusion.cases, exclusion.reason) for exclusion in today.exclusions}
    for exclusion in record.exclusions:
        if (exclusion.requirement, exclusion.cases, exclusion.reason) not in known:
            yield f"exclusions: {exclusion.requirement}: the facts of the record do not give {_short(exclusion.reason)}"


def _without_counts(verdict: Verdict) -> Verdict:
    """A passing case of many exchanges does not keep all packets, so their number cannot be checked."""

    def blurred(finding: Finding) -> Finding:
        return replace(finding, actual=re.sub(r"\d+", "0", finding.actual))

    return replace(verdict, findings=tuple(blurred(finding) for finding in verdict.findings))


def _short(value: object) -> str:
    return ascii(value)[:80]
