"""The decision of a gate for a terminal, for a pull request (Markdown), and for programs (JSON)."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping

import msgspec

from podwire.gating.gate import Change, Gate, Kind
from podwire.gating.numbers import Compared
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
            *(line for told in gate.nodes for line in _wrapped("", told)),
        ],
        list(_facts(gate)),
        *(list(_kind(gate, kind)) for kind in Kind),
        list(numbers(gate)),
    ]
    return visible("\n\n".join("\n".join(block) for block in blocks if block) + "\n")


def headline(gate: Gate) -> str:
    """What the decision rests on, in one line."""
    parts = []
    for kind in Kind:
        several = gate.of(kind)
        waived = sum(1 for one in several if one.waiver)
        if several:
            more = f" ({waived} waived)" if waived else ""
            parts.append(f"{len(several)} {_PLURALS.get(kind, kind) if len(several) > 1 else kind}{more}")
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
    for one in gate.facts:
        yield from _wrapped(f"  {one.name}: ", f"{one.before} -> {one.after}")


def _kind(gate: Gate, kind: Kind) -> Iterator[str]:
    several = gate.of(kind)
    if not several:
        return
    yield f"{kind} ({len(several)}):"
    for one in several[:_MOST]:
        yield from _change(one)
    if len(several) > _MOST:
        yield f"  and {len(several) - _MOST} more; --format json has them all"


def _change(change: Change) -> Iterator[str]:
    limitation = f" ({change.limitation})" if change.limitation else ""
    yield f"  {change.case_id}"
    yield from _wrapped("    ", f"{change.before} -> {change.after}{limitation}")
    if change.reason and not change.deciding:
        yield from _wrapped("    ", change.reason)
    for one in change.deciding:
        yield from _wrapped("    Expected: ", one.expected)
        yield from _wrapped("    Actual:   ", one.actual)
        yield from _wrapped("    Where:    ", f"{one.where}, run {one.run}")
        if one.evidence:
            yield f"    Packets:  {one.evidence}"
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
    """What the comparisons of losses and latencies could show at all."""
    rules = gate.rules
    share, more = f"{rules.loss:.0%}", f"{rules.slower:g} times and {rules.delay * 1000:g} ms"
    yield f"losses: {_compared(gate.losses, 'exchanges')} (Fisher's exact test; {share} more or above count)"
    yield f"latencies: {_compared(gate.latencies, 'rounds')} (Mann-Whitney test; {more} more or above count)"
    yield f"The risk of any false difference is {rules.risk:g} for each of the two (Holm)."


def _compared(compared: Compared, values: str) -> str:
    few = compared.cases - compared.able
    able = f"{len(compared.worse)} of {compared.able} cases are worse"
    return f"{able}, {few} more cases have too few {values} to tell" if few else able


def gate_markdown(gate: Gate) -> str:
    """For a pull request: the decision, what it rests on, and the rest folded."""
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
        blocks.append([f"- {_prose(told)}" for told in gate.nodes])
    if gate.facts:
        rows = [f"| {_cell(one.name)} | {_cell(one.before)} | {_cell(one.after)} |" for one in gate.facts]
        blocks.append(["### Facts that changed", "", "| fact | before | after |", "|---|---|---|", *rows])
    for kind in Kind:
        several = gate.of(kind)
        if several:
            blocks.append(list(_section(kind, several)))
    blocks.append([f"- {line}" for line in numbers(gate)])
    return visible("\n\n".join("\n".join(block) for block in blocks) + "\n")


def _section(kind: Kind, several: tuple[Change, ...]) -> Iterator[str]:
    """A kind of change: open when it decides, folded when it does not."""
    decides = kind is Kind.INCONCLUSIVE or any(one.rejects for one in several)
    yield f"<details{' open' if decides else ''}><summary><b>{kind}</b> ({len(several)})</summary>"
    yield ""
    for one in several[:_MOST]:
        yield f"- `{_code(one.case_id)}`: {_prose(f'{one.before} → {one.after}')}"
        if one.reason and not one.deciding:
            yield f"  - {_prose(one.reason)}"
        for part in one.deciding:
            yield f"  - expected `{_code(part.expected)}`, actual `{_code(part.actual)}`"
            yield f"    at {_prose(part.where)}, run {_prose(part.run)}" + (
                f", packets in `{_code(part.evidence)}`" if part.evidence else ""
            )
        if one.waiver:
            by = f"{one.waiver.expires} by {_prose(one.waiver.owner)}"
            yield f"  - waived until {by}: {_prose(one.waiver.reason)} <{one.waiver.link}>"
    if len(several) > _MOST:
        yield f"- and {len(several) - _MOST} more"
    yield ""
    yield "</details>"


def _cell(text: str) -> str:
    return _prose(text).replace("|", "\\|")


def _prose(text: str) -> str:
    """Text that Markdown and HTML leave alone."""
    plain_text = one_line(text).replace("&", "&amp;").replace("<", "&lt;")
    for mark in ("\\", "`", "*", "_", "["):
        plain_text = plain_text.replace(mark, f"\\{mark}")
    return plain_text


def _code(text: str) -> str:
    return one_line(text).replace("`", "'")
