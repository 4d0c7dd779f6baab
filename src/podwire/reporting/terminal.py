"""The summary at the end of a run, and the text of one failing case.

The rule precedes what was expected and seen, so that nobody has to open the catalogue to understand a failure.
"""

from __future__ import annotations

import posixpath
import re
import secrets
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping

from podwire.model.facts import UNKNOWN, ClusterFacts
from podwire.model.node_notes import remarks
from podwire.model.verdicts import Outcome
from podwire.planning.readiness import is_about_a_node
from podwire.platforms.profiles import profile_of
from podwire.platforms.windows_builds import named
from podwire.records.machine import NO_PARTS
from podwire.records.run import CaseRecord, RunRecord
from podwire.reporting.words import (
    brackets,
    by_area,
    counted,
    hint_of_load,
    machine_words,
    one_line,
    seconds,
    tally,
    unmet,
)
from podwire.visible import visible

MODE_CONFLICT = "conflict: network mode"
_WIDTH = 110
_COLOURS = {
    Outcome.PASS: "32",
    Outcome.LIMITATION_CONFIRMED: "36",
    Outcome.LIMITATION_LIFTED: "35",
    Outcome.KNOWN_ISSUE: "36",
    Outcome.INCONCLUSIVE: "33",
    Outcome.FAIL: "31",
}
_MOST_MISSING = 20
_MOST_RED, _MOST_ALIKE = 12, 6
_NUMBERS = re.compile(r"[0-9.:]+")


class Paint:
    """Colours, or none. A mark that nobody knows before stands for them until the text is `finished`: what looks like a
    colour in a text from the cluster is none."""

    def __init__(self, on: bool) -> None:
        self.on, self._mark = on, f"<{secrets.token_hex(8)}>"

    def __call__(self, text: str, code: str) -> str:
        return f"{self._mark}[{code}m{text}{self._mark}[0m" if self.on and text else text

    def finished(self, text: str) -> str:
        """The text as it is printed."""
        return visible(text).replace(self._mark, "\033")

    def outcome(self, text: str, outcome: Outcome) -> str:
        return self(text, _COLOURS[outcome])

    def bold(self, text: str) -> str:
        return self(text, "1")


def summary(record: RunRecord, reports: Mapping[str, str] | None = None, *, colour: bool = False) -> str:
    """The printed summary of a run. `reports` are the places of the reports by name, in the order to print them."""
    paint = Paint(colour)
    blocks = [
        _head(record, paint),
        _areas(record, paint),
        *_reds(record, Outcome.FAIL, paint),
        _load(record, paint),
        *_reds(record, Outcome.INCONCLUSIVE, paint),
        *_without_node(record, paint),
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


def explain(case: CaseRecord, *, colour: bool = False) -> str:
    """One case with its rule, and what was expected and seen at each place where the two differ."""
    paint = Paint(colour)
    return paint.finished("\n".join(_explained(case, paint)))


def _explained(case: CaseRecord, paint: Paint) -> Iterator[str]:
    yield from _wrapped(f"{case.rule.level}: ", case.rule.statement)
    for source in case.rule.sources:
        yield from _wrapped("Source: ", source)
    yield from _judged(case, paint)
    differing = unmet(case)
    for finding in differing:
        yield ""
        yield from _wrapped("Expected: ", finding.expected)
        yield from _wrapped("Actual:   ", finding.actual, paint, _COLOURS[case.verdict.outcome])
        yield from _wrapped("Where:    ", finding.where)
    if not case.verdict.findings and case.expected:
        yield ""
        for sentence in case.expected:
            yield from _wrapped("Expected: ", sentence)
    held = len(case.verdict.findings) - len(differing)
    if held or case.evidence:
        yield ""
    if held:
        yield f"{held}{' other' if differing else ''} expectation{'s' if held > 1 else ''} held."
    if case.evidence:
        yield f"Evidence: {posixpath.commonpath([posixpath.dirname(file) for file in case.evidence])}"


def _judged(case: CaseRecord, paint: Paint) -> Iterator[str]:
    """The reason of the verdict, unless it is only the first finding once more."""
    outcome, reason = case.verdict.outcome, case.verdict.reason
    if outcome is Outcome.INCONCLUSIVE:
        yield ""
        yield from _wrapped("No verdict: ", reason or "the reason was not recorded", paint, _COLOURS[outcome])
    elif reason and (case.verdict.limitation or not unmet(case)):
        yield ""
        yield from _wrapped("Verdict: ", reason if outcome is Outcome.FAIL else f"{outcome}, {reason}")


def _wrapped(label: str, text: str, paint: Paint | None = None, code: str = "") -> Iterator[str]:
    lines = textwrap.wrap(one_line(text), _WIDTH - len(label), break_on_hyphens=False, break_long_words=False) or [""]
    for number, line in enumerate(lines):
        shown = paint(line, code) if paint else line
        yield f"{label if number == 0 else ' ' * len(label)}{shown}"


def _head(record: RunRecord, paint: Paint) -> str:
    facts = record.facts
    nodes = Counter(node.os for node in facts.nodes)
    known = [("Linux", nodes["linux"]), ("Windows", nodes["windows"])]
    where = [
        "the embedded lab (emulated: no evidence about Windows)"
        if facts.origin.emulated
        else f"cluster {facts.name or '?'}",
        f"Kubernetes {facts.version}" if facts.version else "",
        ", ".join(f"{number} {name} node{'s' if number > 1 else ''}" for name, number in known if number),
        f"network mode {facts.network.mode} ({_profile(facts)}), {' and '.join(facts.network.families)}",
        *_builds(facts),
        machine_words(record),
    ]
    lines = textwrap.wrap("; ".join(part for part in where if part), _WIDTH)
    lines += [
        line for remark in (*_conflicts(facts), *remarks(facts)) for line in textwrap.wrap(one_line(remark), _WIDTH)
    ]
    return "\n".join([paint.bold(f"podwire {record.setup.version}, run {record.run_id}"), *lines])


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
    found = dict.fromkeys((node.build, node.software.judged_as) for node in facts.nodes)
    for build, taken in found:
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
        found = Counter(case.verdict.outcome for case in cases)
        words = ", ".join(paint.outcome(counted(found[o], o), o) for o in Outcome if found[o])
        lines.append(f"  {area:<{width}}  {len(cases):>4} case{'s' if len(cases) > 1 else ' '}  {words}")
    return "\n".join(lines)


def _reds(record: RunRecord, outcome: Outcome, paint: Paint) -> Iterator[str]:
    """Red cases in full, one for each requirement and way of failing; all others that fail the same way as a line."""
    alike: dict[tuple[str, str], list[CaseRecord]] = {}
    for case in record.cases:
        if case.verdict.outcome is outcome and not _lacks_node(case):
            symptom = _NUMBERS.sub("", case.verdict.reason.partition("expected")[2] or case.verdict.reason)
            alike.setdefault((case.requirement, symptom), []).append(case)
    for number, (first, *similar) in enumerate(alike.values()):
        if number >= _MOST_RED:
            cases = sum(map(len, list(alike.values())[number:]))
            yield paint.outcome(f"and {cases} more {outcome} cases; see run.json", outcome)
            return
        text = _red(first, paint)
        if similar:
            names = [brackets(case.id) for case in similar]
            names_shown = ", ".join(names[:_MOST_ALIKE]) + (" ..." if len(names) > _MOST_ALIKE else "")
            text += "\n" + "\n".join(f"  {line}" for line in _wrapped(f"{len(similar)} more like this: ", names_shown))
        yield text


def _lacks_node(case: CaseRecord) -> bool:
    return case.verdict.outcome is Outcome.INCONCLUSIVE and is_about_a_node(case.verdict.reason)


def _without_node(record: RunRecord, paint: Paint) -> Iterator[str]:
    """Cases that were never sent because a node is not ready: a block for each node, whatever their requirements."""
    alike: dict[str, list[CaseRecord]] = {}
    for case in filter(_lacks_node, record.cases):
        alike.setdefault(case.verdict.reason, []).append(case)
    for reason, cases in alike.items():
        number = f"{len(cases)} case{'s' if len(cases) > 1 else ''}"
        areas = ", ".join(f"{area} {len(in_area)}" for area, in_area in by_area(cases).items())
        head = paint.outcome(paint.bold(f"INCONCLUSIVE  {number} not sent"), Outcome.INCONCLUSIVE)
        lines = [*_wrapped("No verdict: ", reason, paint, _COLOURS[Outcome.INCONCLUSIVE]), *_wrapped("Areas: ", areas)]
        yield "\n".join([head, *(f"  {line}" for line in lines)])


def _load(record: RunRecord, paint: Paint) -> str:
    """Above what is inconclusive: that the machine was too busy, if it was."""
    return "\n".join(_wrapped("", hint_of_load(record), paint, _COLOURS[Outcome.INCONCLUSIVE])).strip()


def _red(case: CaseRecord, paint: Paint) -> str:
    outcome = case.verdict.outcome
    head = paint.outcome(paint.bold(f"{str(outcome).upper()}  {case.id}"), outcome)
    return "\n".join([head, f"  {case.title}", *(f"  {line}".rstrip() for line in _explained(case, paint))])


def _missing(record: RunRecord, paint: Paint) -> str:
    if not record.missing:
        return ""
    lines = [paint(f"Planned, but without a result ({len(record.missing)}):", _COLOURS[Outcome.FAIL])]
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
        lines += [f"    {line}" for line in _wrapped("", first.verdict.reason or first.rule.statement)]
        lines += [f"    {line}" for source in first.rule.sources for line in _wrapped("Source: ", source)]
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
        lines.append(paint(f"Interrupted: {record.interrupted}", _COLOURS[Outcome.FAIL]))
    spent = ", ".join(f"{name} {seconds(value)}" for name, value in record.timings.items() if name not in NO_PARTS)
    lines.append(f"{seconds(max(record.finished - record.started, 0.0))} in all{': ' + spent if spent else ''}")
    width = max((len(name) for name in reports), default=0)
    lines += [f"{name:<{width}}  {place}" for name, place in reports.items()]
    return "\n".join(lines)
