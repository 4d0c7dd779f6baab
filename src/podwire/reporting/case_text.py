"""One failing case as it is shown to a person, and the colours and lines of a terminal.

The rule stands above what was expected and what was seen, so that nobody has to open the catalogue to understand a
failure.
"""

from __future__ import annotations

import posixpath
import secrets
import textwrap
from collections.abc import Iterator

from podwire.model.verdicts import Outcome
from podwire.records.run import CaseRecord
from podwire.reporting.words import one_line, unmet
from podwire.visible import visible

WIDTH = 110
COLOURS = {
    Outcome.PASS: "32",
    Outcome.LIMITATION_CONFIRMED: "36",
    Outcome.LIMITATION_LIFTED: "35",
    Outcome.KNOWN_ISSUE: "36",
    Outcome.INCONCLUSIVE: "33",
    Outcome.FAIL: "31",
}


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
        return self(text, COLOURS[outcome])

    def bold(self, text: str) -> str:
        return self(text, "1")


def explain(case: CaseRecord, headline: str = "", *, colour: bool = False) -> str:
    """One case with its rule, and what was expected and seen at each place where the two differ.

    `headline` is what its packets show (`causes.Causes.headlines`).
    """
    paint = Paint(colour)
    return paint.finished("\n".join(explained(case, paint, headline)))


def explained(case: CaseRecord, paint: Paint, headline: str = "") -> Iterator[str]:
    """The lines of `explain`."""
    yield from wrapped(f"{case.rule.level}: ", case.rule.statement)
    for source in case.rule.sources:
        yield from wrapped("Source: ", source)
    yield from _judged(case, paint)
    if headline:
        yield ""
        yield from wrapped("Packets:  ", headline, paint, COLOURS[case.verdict.outcome])
    differing = unmet(case)
    for finding in differing:
        yield ""
        yield from wrapped("Expected: ", finding.expected)
        yield from wrapped("Actual:   ", finding.actual, paint, COLOURS[case.verdict.outcome])
        yield from wrapped("Where:    ", finding.where)
    if not case.verdict.findings and case.expected:
        yield ""
        for sentence in case.expected:
            yield from wrapped("Expected: ", sentence)
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
        yield from wrapped("No verdict: ", reason or "the reason was not recorded", paint, COLOURS[outcome])
    elif reason and (case.verdict.limitation or not unmet(case)):
        yield ""
        yield from wrapped("Verdict: ", reason if outcome is Outcome.FAIL else f"{outcome}, {reason}")


def wrapped(label: str, text: str, paint: Paint | None = None, code: str = "") -> Iterator[str]:
    """A text below its label, in lines as wide as a terminal."""
    lines = textwrap.wrap(one_line(text), WIDTH - len(label), break_on_hyphens=False, break_long_words=False) or [""]
    for number, line in enumerate(lines):
        shown = paint(line, code) if paint else line
        yield f"{label if number == 0 else ' ' * len(label)}{shown}"
