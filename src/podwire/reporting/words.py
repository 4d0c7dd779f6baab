"""Words and colours of all reports."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from podwire.model.verdicts import Finding, Outcome
from podwire.planning.coverage import coverage
from podwire.records.machine import machine_of
from podwire.records.run import CaseRecord, RunRecord
from podwire.visible import visible

MISSING = "no result"

MEANINGS: Mapping[str, str] = {
    Outcome.PASS: "the packets are as expected at every capture point that the test names",
    Outcome.LIMITATION_CONFIRMED: "does not work, and fails exactly as a document says it does",
    Outcome.LIMITATION_LIFTED: "works, although a document says that it does not; the document may be out of date",
    Outcome.KNOWN_ISSUE: "fails as a known bug of this Windows build does",
    Outcome.INCONCLUSIVE: "nothing can be concluded: a probe died, a capture missed its beacon, a control failed",
    Outcome.FAIL: "does not meet the requirement, or fails in another way than documented",
    MISSING: "planned, but the run ended without a result",
}
"""The meaning of each outcome, and of a missing one."""

_PLURALS = {
    Outcome.PASS: ("passed", "passed"),
    Outcome.LIMITATION_CONFIRMED: ("limitation confirmed", "limitations confirmed"),
    Outcome.LIMITATION_LIFTED: ("limitation lifted", "limitations lifted"),
    Outcome.KNOWN_ISSUE: ("known issue", "known issues"),
    Outcome.INCONCLUSIVE: ("inconclusive", "inconclusive"),
    Outcome.FAIL: ("failed", "failed"),
}
_URL = re.compile(r"https?://[^\s<>\"')\]]+")


def counted(number: int, outcome: Outcome) -> str:
    """`1 known issue`, `3 known issues`."""
    return f"{number} {_PLURALS[outcome][number != 1]}"


def tally(record: RunRecord) -> str:
    """The numbers of a run in one line, without outcomes that no case has."""
    parts = [counted(record.count(outcome), outcome) for outcome in Outcome if record.count(outcome)]
    if record.missing:
        parts.append(f"{len(record.missing)} without a result")
    return ", ".join(parts) if parts else "no case"


def nodes_used(record: RunRecord) -> Iterator[str]:
    """What of the cluster the cases of a run judge: which nodes, and how many pairs of them."""

    def end(case: CaseRecord, role: str) -> str:
        kind = case.parameters.get(role, "").rpartition(" ")[2]
        return case.nodes.get(role, "") if kind in ("pod", "host") else ""

    return coverage(((end(case, "client"), end(case, "server")) for case in record.cases), record.facts)


def brackets(case_id: str) -> str:
    """The part of a case id that tells its cases apart, `tcp-v4-windows-linux-cross-node`."""
    return case_id.partition("[")[2].removesuffix("]")


def area_of(case_id: str) -> str:
    return case_id.partition("/")[0]


def requirement_of(case_id: str) -> str:
    return case_id.partition("/")[2].partition("[")[0]


def by_area(cases: Sequence[CaseRecord]) -> Mapping[str, list[CaseRecord]]:
    """The cases of each area, areas and cases in the order of the record."""
    areas: dict[str, list[CaseRecord]] = {}
    for case in cases:
        areas.setdefault(case.area, []).append(case)
    return areas


def unmet(case: CaseRecord) -> list[Finding]:
    """The findings that did not hold."""
    return [finding for finding in case.verdict.findings if not finding.met]


def links(sources: Sequence[str]) -> Iterator[tuple[str, str]]:
    """`(address, words)` of every source with a web address."""
    for source in sources:
        match = _URL.search(source)
        if match:
            url = match.group().rstrip(".,;")
            words = source.replace(match.group(), "").strip(" ,;:<>()[]") or url
            yield url, words


def message(case: CaseRecord) -> str:
    """One line with the outcome of a case and the reason; empty for a pass without a remark.

    It starts with the outcome, except for a plain pass or failure, which every report shows by itself.
    """
    verdict = case.verdict
    if verdict.outcome is Outcome.PASS or (verdict.outcome is Outcome.FAIL and verdict.reason):
        return verdict.reason
    limitation = f" ({verdict.limitation})" if verdict.limitation else ""
    return f"{verdict.outcome}{limitation}: {verdict.reason}" if verdict.reason else f"{verdict.outcome}{limitation}"


def seconds(value: float) -> str:
    """A duration for a person: `85 ms`, `1.4 s`, `3 min 05 s`."""
    if value < 0.9995:
        return f"{value * 1000:.0f} ms"
    if value < 119.95:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest:02d} s"


def machine_words(record: RunRecord) -> str:
    """The load of the runner's machine and the agents; empty if the record does not say."""
    machine = machine_of(record.timings)
    parts = []
    if machine.waited is not None:
        parts.append(f"waited for a CPU {machine.waited:.0%} of the time".replace("%", " %"))
    if machine.most_late is not None:
        parts.append(f"agents were up to {seconds(machine.most_late)} late")
    return f"the runner's machine {', '.join(parts)}" if machine.waited is not None else ", ".join(parts)


def hint_of_load(record: RunRecord) -> str:
    """A likely reason for all inconclusive cases, and what to do; empty if the machine was not busy."""
    unsure = record.count(Outcome.INCONCLUSIVE)
    if not unsure or not machine_of(record.timings).busy:
        return ""
    cases = "1 case is" if unsure == 1 else f"{unsure} cases are"
    return (
        f"{cases} inconclusive, and {machine_words(record)}. Run it again on an idle machine, "
        "or with a longer --probe-timeout."
    )


def one_line(text: str) -> str:
    """A text from anywhere in one line of a report, without anything that a terminal obeys or that is invisible."""
    return visible(" ".join(text.split()))
