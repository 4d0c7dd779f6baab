"""The summary at the end of a run."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping

from podwire.causes.causes import Causes, causes_of
from podwire.model.facts import UNKNOWN, ClusterFacts
from podwire.model.node_notes import remarks
from podwire.model.verdicts import Outcome
from podwire.platforms.profiles import profile_of
from podwire.platforms.windows_builds import named
from podwire.records.machine import NO_PARTS
from podwire.records.run import CaseRecord, RunRecord
from podwire.reporting.case_text import COLOURS, WIDTH, Paint, wrapped
from podwire.reporting.reds_text import failing, inconclusive, without_node
from podwire.reporting.words import (
    brackets,
    by_area,
    counted,
    hint_of_load,
    machine_words,
    nodes_used,
    one_line,
    seconds,
    tally,
)

MODE_CONFLICT = "conflict: network mode"
_MOST_MISSING = 20


def summary(
    record: RunRecord,
    reports: Mapping[str, str] | None = None,
    causes: Causes | None = None,
    *,
    colour: bool = False,
) -> str:
    """The printed summary of a run. `reports` are the places of the reports by name, in the order to print them.

    Without `causes` every failing case stands alone.
    """
    paint, causes = Paint(colour), causes or causes_of(record, {})
    blocks = [
        _head(record, paint),
        _areas(record, paint),
        *failing(record, causes, paint),
        _load(record, paint),
        *inconclusive(record, causes, paint),
        *without_node(record, paint),
        _missing(record, paint),
        _by_limitation(
            record,
            Outcome.LIMITATION_LIFTED,
            "Limitations lifted: these work, although a document says that they do not",
            paint,
        ),
        _by_limitation(record, Outcome.KNOWN_ISSUE, "Known issues: these fail as a known bug does", paint),
        _by_limitation(record, Outcome.LIMITATION_CONFIRMED, "Limitations confirmed: these fail as documented", paint),
        _exclusions(record, paint),
        _foot(record, reports or {}, paint),
    ]
    return paint.finished("\n\n".join(block for block in blocks if block) + "\n")


def _head(record: RunRecord, paint: Paint) -> str:
    facts = record.facts
    nodes = Counter(node.os for node in facts.nodes)
    nodes_by_os = [("Linux", nodes["linux"]), ("Windows", nodes["windows"])]
    where = [
        "the embedded lab (emulated: no evidence about Windows)"
        if facts.origin.emulated
        else f"cluster {facts.name or '?'}",
        f"Kubernetes {facts.version}" if facts.version else "",
        ", ".join(f"{number} {name} node{'s' if number > 1 else ''}" for name, number in nodes_by_os if number),
        f"network mode {facts.network.mode} ({_profile(facts)}), {' and '.join(facts.network.families)}",
        *_builds(facts),
        machine_words(record),
    ]
    lines = textwrap.wrap("; ".join(part for part in where if part), WIDTH)
    notes = (*_judged_again(record), *nodes_used(record), *_conflicts(facts), *remarks(facts))
    lines += [line for note in notes for line in textwrap.wrap(one_line(note), WIDTH)]
    return "\n".join([paint.bold(f"podwire {record.setup.version}, run {record.run_id}"), *lines])


def _judged_again(record: RunRecord) -> Iterator[str]:
    if again := record.setup.judged_again:
        yield f"judged again by podwire {again.version}, from the observations of run {again.run_id}"


def _profile(facts: ClusterFacts) -> str:
    name = profile_of(facts)
    return f"profile {name}" if name != UNKNOWN else "unknown profile"


def _conflicts(facts: ClusterFacts) -> Iterator[str]:
    """Where signals disagree about the mode, it is unknown, and what depends on it is not judged."""
    for signal in facts.origin.signals:
        if signal.startswith(MODE_CONFLICT):
            conflict = signal.removeprefix("conflict: ").partition(";")[0]
            yield f"profile conflict: {conflict}; podwire judges only what does not depend on the mode"


def _builds(facts: ClusterFacts) -> Iterator[str]:
    """What the Windows nodes run, and what of it is newer than podwire."""
    builds = dict.fromkeys((node.build, node.software.judged_as) for node in facts.nodes)
    for build, taken in builds:
        if build is not None:
            newer = f", newer than podwire's table of builds and judged like {named(taken)}" if taken else ""
            yield f"Windows build {named(build)}{newer}"


def _areas(record: RunRecord, paint: Paint) -> str:
    areas = by_area(record.cases)
    if not areas:
        return ""
    width = max(len(area) for area in areas)
    lines = []
    for area, cases in areas.items():
        counts = Counter(case.verdict.outcome for case in cases)
        words = ", ".join(paint.outcome(counted(counts[o], o), o) for o in Outcome if counts[o])
        lines.append(f"  {area:<{width}}  {len(cases):>4} case{'s' if len(cases) > 1 else ' '}  {words}")
    return "\n".join(lines)


def _load(record: RunRecord, paint: Paint) -> str:
    """Above what is inconclusive: that the machine was too busy, if it was."""
    return "\n".join(wrapped("", hint_of_load(record), paint, COLOURS[Outcome.INCONCLUSIVE])).strip()


def _missing(record: RunRecord, paint: Paint) -> str:
    if not record.missing:
        return ""
    lines = [paint(f"Planned, but without a result ({len(record.missing)}):", COLOURS[Outcome.FAIL])]
    lines += [f"  {case_id}" for case_id in record.missing[:_MOST_MISSING]]
    rest = len(record.missing) - _MOST_MISSING
    return "\n".join([*lines, f"  and {rest} more; see run.json"] if rest > 0 else lines)


def _by_limitation(record: RunRecord, outcome: Outcome, title: str, paint: Paint) -> str:
    groups: dict[str, list[CaseRecord]] = {}
    for case in record.cases:
        if case.verdict.outcome is outcome:
            groups.setdefault(case.verdict.limitation or case.requirement, []).append(case)
    if not groups:
        return ""
    lines = [paint.outcome(f"{title}:", outcome)]
    for limitation, cases in groups.items():
        first, more_rules = cases[0], len({case.requirement for case in cases}) - 1
        subject = brackets(first.id) if len(cases) == 1 else f"{len(cases)} cases"
        more = f" and {more_rules} more" if more_rules else ""
        lines.append(f"  {limitation} ({first.requirement}{more}, {subject})")
        lines += [f"    {line}" for line in wrapped("", first.verdict.reason or first.rule.statement)]
        lines += [f"    {line}" for source in first.rule.sources for line in wrapped("Source: ", source)]
    return "\n".join(lines)


def _exclusions(record: RunRecord, paint: Paint) -> str:
    if not record.exclusions:
        return ""
    reasons = Counter(exclusion.reason for exclusion in record.exclusions)
    lines = [f"Not applicable here ({len(record.exclusions)}):"]
    lines += [f"  {number:>4}  {reason}" for reason, number in reasons.most_common()]
    return "\n".join(lines)


def _foot(record: RunRecord, reports: Mapping[str, str], paint: Paint) -> str:
    worst = max((case.verdict.outcome for case in record.cases), key=list(Outcome).index, default=Outcome.INCONCLUSIVE)
    if not record.complete:
        worst = Outcome.FAIL
    lines = [paint.outcome(paint.bold(f"{len(record.cases)} cases: {tally(record)}"), worst)]
    if record.interrupted:
        lines.append(paint(f"Interrupted: {record.interrupted}", COLOURS[Outcome.FAIL]))
    spent = ", ".join(f"{name} {seconds(value)}" for name, value in record.timings.items() if name not in NO_PARTS)
    lines.append(f"{seconds(max(record.finished - record.started, 0.0))} in all{': ' + spent if spent else ''}")
    width = max((len(name) for name in reports), default=0)
    lines += [f"{name:<{width}}  {place}" for name, place in reports.items()]
    return "\n".join(lines)
