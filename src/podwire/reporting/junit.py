"""`junit.xml`: the record as JUnit XML, for CI systems.

It is valid against Jenkins' junit-10.xsd, which admits properties on a suite and not on a test case: a requirement is a
`testsuite`, with its level and sources as properties. A failed case has a `failure`, an inconclusive or missing one an
`error`, a confirmed limitation and a known issue a `skipped` with a message.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from podwire.model.verdicts import Outcome
from podwire.records.files import write_atomically
from podwire.records.run import CaseRecord, RunRecord
from podwire.reporting.terminal import explain
from podwire.reporting.words import MISSING, brackets, message
from podwire.visible import visible

NAME = "junit.xml"
# XML 1.0 has no way to write these, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
ELEMENTS: Mapping[Outcome, str] = {
    Outcome.PASS: "",
    Outcome.LIMITATION_CONFIRMED: "skipped",
    Outcome.LIMITATION_LIFTED: "",
    Outcome.KNOWN_ISSUE: "skipped",
    Outcome.INCONCLUSIVE: "error",
    Outcome.FAIL: "failure",
}
"""The element inside a `testcase`; empty for one that passed."""


def write_junit(record: RunRecord, directory: Path) -> Path:
    """Write `junit.xml` into the run's folder."""
    path = directory / NAME
    write_atomically(path, junit_xml(record))
    return path


def junit_xml(record: RunRecord) -> str:
    """The whole record, planned cases without a result included, as one XML document."""
    root = ET.Element("testsuites", name="podwire")
    suites: dict[str, tuple[list[CaseRecord], list[str]]] = {}
    for case in record.cases:
        suites.setdefault(f"{case.area}/{case.requirement}", ([], []))[0].append(case)
    for case_id in record.missing:
        suites.setdefault(case_id.partition("[")[0], ([], []))[1].append(case_id)
    totals = [_suite(root, record, name, *members) for name, members in suites.items()] or [(0, 0, 0)]
    for name, values in zip(("tests", "failures", "errors"), zip(*totals, strict=True), strict=True):
        root.set(name, str(sum(values)))
    root.set("time", f"{max(record.finished - record.started, 0.0):.3f}")
    ET.indent(root, " ")
    return f"<?xml version='1.0' encoding='utf-8'?>\n{ET.tostring(root, encoding='unicode')}\n"


def _suite(
    root: ET.Element, record: RunRecord, name: str, cases: Sequence[CaseRecord], missing: Sequence[str]
) -> tuple[int, int, int]:
    outcomes = [case.verdict.outcome for case in cases]
    counts = (
        len(cases) + len(missing),
        outcomes.count(Outcome.FAIL),
        outcomes.count(Outcome.INCONCLUSIVE) + len(missing),
    )
    suite = ET.SubElement(
        root,
        "testsuite",
        name=_text(name),
        tests=str(counts[0]),
        failures=str(counts[1]),
        errors=str(counts[2]),
        skipped=str(sum(1 for outcome in outcomes if ELEMENTS[outcome] == "skipped")),
        time=f"{sum(case.elapsed for case in cases):.3f}",
        timestamp=datetime.fromtimestamp(record.started, UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        hostname=_text(record.facts.name or "cluster"),
    )
    properties = ET.SubElement(suite, "properties")
    for key, value in _facts(record, name, cases):
        ET.SubElement(properties, "property", name=key, value=_text(value))
    for case in cases:
        _case(suite, case)
    for case_id in missing:
        text = "planned, and no result came" + (f": {record.interrupted}" if record.interrupted else "")
        ET.SubElement(_element(suite, case_id, 0.0), "error", message=_text(text), type=MISSING)
    return counts


def _facts(record: RunRecord, name: str, cases: Sequence[CaseRecord]) -> list[tuple[str, str]]:
    area, _, requirement = name.partition("/")
    facts = [("run", record.run_id), ("emulated", str(record.emulated).lower())]
    facts += [("complete", str(record.complete).lower()), ("area", area), ("requirement", requirement)]
    if cases:
        facts += [("level", cases[0].rule.level), ("statement", cases[0].rule.statement)]
    return facts + [("source", source) for source in dict.fromkeys(s for case in cases for s in case.rule.sources)]


def _case(suite: ET.Element, case: CaseRecord) -> None:
    element = _element(suite, case.id, case.elapsed)
    outcome = case.verdict.outcome
    tag = ELEMENTS[outcome]
    if tag:
        problem = ET.SubElement(element, tag, message=_text(message(case)), type=str(outcome))
        if outcome.red:
            problem.text = _text(explain(case))
    elif message(case):
        ET.SubElement(element, "system-out").text = _text(message(case))


def _element(suite: ET.Element, case_id: str, elapsed: float) -> ET.Element:
    """A `testcase` whose class and name together are the case id."""
    classname, name = case_id.partition("[")[0].replace("/", "."), brackets(case_id)
    return ET.SubElement(
        suite, "testcase", classname=_text(classname), name=_text(name or case_id), time=f"{elapsed:.3f}"
    )


def _text(text: str) -> str:
    return _FORBIDDEN.sub("?", visible(text))
