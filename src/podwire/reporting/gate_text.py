"""The decision of a gate for a terminal, for a pull request (Markdown), and for programs (JSON)."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping

import msgspec

from podwire.gating.changes import Change, Gate, Kind
from podwire.gating.numbers import LATER, Compared
from podwire.reporting.words import one_line
from podwire.visible import visible

SCHEMA = "podwire.gate/1"
_WIDTH = 118
_MOST = 20
_PLURALS = {
    Kind.NEW_FAILURE: "new failures",
    Kind.KNOWN_ISSUE_APPEARED: "known issues appeared",
    Kind.LIMITATION_APPEARED: "limitations appeared",
    Kind.LIMITATION_NO_LONGER_LIFTED: "limitations no longer lifted",
    Kind.STILL_FAILS: "still fail",
    Kind.KNOWN_ISSUE_GONE: "known issues gone",
    Kind.LIMITATION_LIFTED: "limitations lifted",
    Kind.LATER: "changes show later",
    Kind.REGRESSION: "regressions",
    Kind.VANISHED: "vanished cases",
}
NOTE = "These runs are of the lab: they prove nothing about a cluster."


def gate_json(gate: Gate) -> str:
    """Everything as JSON; `decision`, `exit_code` and `emulated` come first."""
    head = {"schema": SCHEMA, "exit_code": gate.decision.exit_code}
    return json.dumps({**head, **msgspec.to_builtins(gate)}, indent=1, ensure_ascii=False) + "\n"


def gate_text(gate: Gate) -> str:
    """For a terminal."""
    blocks = [
        [f"gate: {str(gate.decision).upper()}  {headline(gate)}", *([NOTE] if gate.emulated else [])],
        [
            f"baseline   {_runs(gate.baseline)}: {_outcomes(gate.outcomes_before)}",
            f"candidate  {_runs(gate.candidate)}: {_outcomes(gate.outcomes_after)}",
            *(line for remark in gate.nodes for line in _wrapped("", remark)),
        ],
        list(_facts(gate)),
        list(_causes(gate)),
        *(list(_kind(gate, kind)) for kind in Kind),
        list(numbers(gate)),
    ]
    return visible("\n\n".join("\n".join(block) for block in blocks if block) + "\n")


def headline(gate: Gate) -> str:
    """The reasons for the decision, in one line."""
    parts = []
    for kind in Kind:
        changes = gate.of(kind)
        waived = sum(1 for change in changes if change.waiver)
        if changes:
            waivers = f" ({waived} waived)" if waived else ""
            parts.append(f"{len(changes)} {_PLURALS.get(kind, kind) if len(changes) > 1 else kind}{waivers}")
    return ", ".join(parts) or "nothing changed"


def _runs(runs: tuple[str, ...]) -> str:
    return f"run{'s' if len(runs) > 1 else ''} {', '.join(runs)}"


def _outcomes(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {outcome}" for outcome, number in counted.items())


def _facts(gate: Gate) -> Iterator[str]:
    if not gate.facts:
        yield "No fact changed."
        return
    yield "Facts that changed:"
    for fact in gate.facts:
        yield from _wrapped(f"  {fact.name}: ", f"{fact.before} -> {fact.after}")


def _causes(gate: Gate) -> Iterator[str]:
    """What failing cases of the candidate share; told once, before each of them is."""
    if gate.causes:
        yield "What failing cases of the candidate share:"
    for cause in gate.causes:
        yield from _wrapped("  ", str(cause))
        for control in cause.controls:
            yield from _wrapped("    control: ", control)


def _kind(gate: Gate, kind: Kind) -> Iterator[str]:
    changes = gate.of(kind)
    if not changes:
        return
    yield f"{kind} ({len(changes)}):"
    for change in changes[:_MOST]:
        yield from _change(change)
    if len(changes) > _MOST:
        yield f"  and {len(changes) - _MOST} more; --format json has them all"


def _change(change: Change) -> Iterator[str]:
    limitation = f" ({change.limitation})" if change.limitation else ""
    yield f"  {change.case_id}"
    yield from _wrapped("    ", f"{change.before} -> {change.after}{limitation}")
    if change.reason and not change.deciding:
        yield from _wrapped("    ", change.reason)
    for finding in change.deciding:
        yield from _wrapped("    Expected: ", finding.expected)
        yield from _wrapped("    Actual:   ", finding.actual)
        yield from _wrapped("    Where:    ", f"{finding.where}, run {finding.run}")
        if finding.evidence:
            yield f"    Packets:  {finding.evidence}"
    if change.waiver:
        waiver = change.waiver
        yield from _wrapped(
            "    Waived:   ", f"{waiver.reason} ({waiver.owner}, until {waiver.expires}, {waiver.link})"
        )


def _wrapped(label: str, text: str) -> Iterator[str]:
    lines = textwrap.wrap(one_line(text), _WIDTH - len(label), break_on_hyphens=False) or [""]
    for number, line in enumerate(lines):
        yield f"{label if number == 0 else ' ' * len(label)}{line}"


def numbers(gate: Gate) -> Iterator[str]:
    """The power of the comparisons of losses and latencies."""
    rules = gate.rules
    share, slower = f"{rules.loss:.0%}", f"{rules.slower:g} times and {rules.delay * 1000:g} ms"
    yield f"losses: {_compared(gate.losses, 'exchanges')} (Fisher's exact test; {share} slower or above count)"
    yield f"latencies: {_compared(gate.latencies, 'rounds')} (Mann-Whitney test; {slower} slower or above count)"
    if gate.convergences.cases:
        later = f"{rules.slower:g} times and {LATER * 1000:g} ms"
        words = _compared(gate.convergences, "times").replace("cases", "changes")
        yield f"changes: {words} (Mann-Whitney test; {later} slower or above count)"
    yield f"The risk of any false difference is {rules.risk:g} for each of them (Holm)."


def _compared(compared: Compared, values: str) -> str:
    few = compared.cases - compared.able
    able = f"{len(compared.worse)} of {compared.able} cases are worse"
    return f"{able}, {few} more cases have too few {values} to tell" if few else able


def gate_markdown(gate: Gate) -> str:
    """For a pull request: the decision and its reasons, the rest folded."""
    blocks = [[f"## podwire gate: {gate.decision}", "", f"{headline(gate)}."]]
    if gate.emulated:
        blocks.append([f"> **{NOTE}**"])
    blocks.append(
        [
            "| | runs | outcomes |",
            "|---|---|---|",
            f"| baseline | {_cell(', '.join(gate.baseline))} | {_outcomes(gate.outcomes_before)} |",
            f"| candidate | {_cell(', '.join(gate.candidate))} | {_outcomes(gate.outcomes_after)} |",
        ]
    )
    if gate.nodes:
        blocks.append([f"- {_prose(remark)}" for remark in gate.nodes])
    if gate.facts:
        rows = [f"| {_cell(fact.name)} | {_cell(fact.before)} | {_cell(fact.after)} |" for fact in gate.facts]
        blocks.append(["### Facts that changed", "", "| fact | before | after |", "|---|---|---|", *rows])
    if gate.causes:
        lines = [f"- {_prose(str(cause))}" for cause in gate.causes]
        blocks.append(["### What failing cases of the candidate share", "", *lines])
    for kind in Kind:
        changes = gate.of(kind)
        if changes:
            blocks.append(list(_section(kind, changes)))
    blocks.append([f"- {line}" for line in numbers(gate)])
    return visible("\n\n".join("\n".join(block) for block in blocks) + "\n")


def _section(kind: Kind, changes: tuple[Change, ...]) -> Iterator[str]:
    """A kind of change: open if it decides, else folded."""
    decides = kind is Kind.INCONCLUSIVE or any(change.rejects for change in changes)
    yield f"<details{' open' if decides else ''}><summary><b>{kind}</b> ({len(changes)})</summary>"
    yield ""
    for change in changes[:_MOST]:
        yield f"- `{_code(change.case_id)}`: {_prose(f'{change.before} → {change.after}')}"
        if change.reason and not change.deciding:
            yield f"  - {_prose(change.reason)}"
        for part in change.deciding:
            yield f"  - expected `{_code(part.expected)}`, actual `{_code(part.actual)}`"
            yield f"    at {_prose(part.where)}, run {_prose(part.run)}" + (
                f", packets in `{_code(part.evidence)}`" if part.evidence else ""
            )
        if change.waiver:
            until = f"{change.waiver.expires} until {_prose(change.waiver.owner)}"
            yield f"  - waived until {until}: {_prose(change.waiver.reason)} <{change.waiver.link}>"
    if len(changes) > _MOST:
        yield f"- and {len(changes) - _MOST} more"
    yield ""
    yield "</details>"


def _cell(text: str) -> str:
    return _prose(text).replace("|", "\\|")


def _prose(text: str) -> str:
    """Text that Markdown and HTML show unchanged."""
    plain_text = one_line(text).replace("&", "&amp;").replace("<", "&lt;")
    for mark in ("\\", "`", "*", "_", "["):
        plain_text = plain_text.replace(mark, f"\\{mark}")
    return plain_text


def _code(text: str) -> str:
    return one_line(text).replace("`", "'")
