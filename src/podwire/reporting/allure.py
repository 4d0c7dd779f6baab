"""Allure results written from a run record: no test framework takes part, so the record and the report cannot differ.

File formats: the model classes of allure-python-commons; tested with Allure 3.18.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attr
from allure_commons import model2

from podwire.model.verdicts import Finding, Outcome
from podwire.records.files import write_text
from podwire.records.run import CaseRecord, RunRecord
from podwire.reporting.allure_text import environment, finding_line, markdown
from podwire.reporting.words import MISSING, area_of, brackets, links, message, requirement_of, unmet
from podwire.visible import visible_tree

FOLDER = "allure-results"
OUTCOME_LABEL = "outcome"

STATUS = {
    Outcome.PASS: model2.Status.PASSED,
    Outcome.LIMITATION_CONFIRMED: model2.Status.SKIPPED,
    Outcome.LIMITATION_LIFTED: model2.Status.PASSED,
    Outcome.KNOWN_ISSUE: model2.Status.SKIPPED,
    Outcome.INCONCLUSIVE: model2.Status.BROKEN,
    Outcome.FAIL: model2.Status.FAILED,
}
_SEVERITY = {"MUST": "critical", "SHOULD": "normal", "MAY": "minor"}
_TYPES = {
    ".pcap": "application/vnd.tcpdump.pcap",
    ".txt": "text/plain",
    ".json": "application/json",
    ".yaml": "application/yaml",
    ".log": "text/plain",
}
# The name of every category, and the outcome label that selects its results.
CATEGORIES = (
    ("Failed", Outcome.FAIL.value, ("failed",)),
    ("Inconclusive: nothing was proved", Outcome.INCONCLUSIVE.value, ("broken",)),
    ("Planned, and no result came", MISSING, ("broken",)),
    ("Known issue", Outcome.KNOWN_ISSUE.value, ("skipped",)),
    ("Limitation lifted: works, although documented not to", Outcome.LIMITATION_LIFTED.value, ("passed",)),
    ("Limitation confirmed", Outcome.LIMITATION_CONFIRMED.value, ("skipped",)),
)


def write_allure_results(record: RunRecord, run_directory: Path, folder: str = FOLDER) -> Path:
    """Write the whole record as Allure results into `<run>/<folder>`, which is emptied first. Returns that folder.

    Evidence files come from the run's folder. If the record lists a file that is missing, the result says so.
    """
    directory = run_directory / folder
    if directory.exists():
        shutil.rmtree(directory)
    directory.mkdir(parents=True)
    writer = _Writer(record, run_directory, directory)
    for case in record.cases:
        writer.case(case)
    for case_id in record.missing:
        writer.missing(case_id)
    write_text(directory / "environment.properties", environment(record))
    _put_json(directory / "executor.json", _executor(record))
    _put_json(directory / "categories.json", categories_json())
    return directory


def categories_json() -> list[dict[str, Any]]:
    """`categories.json` for Allure 2 readers. They ignore labels, so the outcome comes from the start of the
    message."""
    categories = [
        {"name": name, "matchedStatuses": list(statuses), "messageRegex": f"(?s){outcome}.*"}
        for name, outcome, statuses in CATEGORIES
        if outcome not in (Outcome.FAIL, Outcome.LIMITATION_LIFTED)
    ]
    return [*categories, {"name": CATEGORIES[0][0], "matchedStatuses": ["failed"]}]


def category_rules() -> list[dict[str, Any]]:
    """`categories.rules` of an Allure 3 configuration: the outcome label decides."""
    return [
        {"name": name, "matchers": {"labels": {OUTCOME_LABEL: f"^{outcome}$"}}, "expand": False}
        for name, outcome, _ in CATEGORIES
    ]


class _Writer:
    def __init__(self, record: RunRecord, run_directory: Path, directory: Path) -> None:
        self.record, self.run_directory, self.directory = record, run_directory, directory
        self.space = uuid.uuid5(uuid.NAMESPACE_URL, f"podwire:{record.run_id}")
        self.host = record.facts.name or ("lab" if record.emulated else "cluster")

    def case(self, case: CaseRecord) -> None:
        start = round((case.started or self.record.started) * 1000)
        result = self._result(case.id, start, start + round(case.elapsed * 1000))
        outcome = case.verdict.outcome
        result.name = f"{case.title} [{brackets(case.id)}]"
        result.status = STATUS[outcome]
        result.description = markdown(case)
        text = message(case)
        if text:
            result.statusDetails = model2.StatusDetails(message=text, trace=_trace(case) if outcome.red else None)
        result.parameters = [model2.Parameter(name=name, value=value) for name, value in case.parameters.items()]
        result.labels += _labels(
            ("story", case.title),
            ("severity", _SEVERITY.get(case.rule.level, "normal")),
            ("tag", case.rule.level),
            *(("tag", value) for value in dict.fromkeys(case.parameters.values())),
            ("tag", str(outcome)),
            (OUTCOME_LABEL, str(outcome)),
            *([("limitation", case.verdict.limitation)] if case.verdict.limitation else []),
        )
        result.links = [model2.Link(type="link", url=url, name=words) for url, words in links(case.rule.sources)]
        result.steps = [_step(finding, start, outcome) for finding in case.verdict.findings]
        result.attachments = list(self._attachments(case))
        self._report(result)

    def missing(self, case_id: str) -> None:
        at = round(self.record.finished * 1000)
        result = self._result(case_id, at, at)
        result.name = f"{requirement_of(case_id)} [{brackets(case_id)}]"
        result.status = model2.Status.BROKEN
        why = f": {self.record.interrupted}" if self.record.interrupted else ""
        result.statusDetails = model2.StatusDetails(message=f"{MISSING}: the case was planned and never judged{why}")
        result.labels += _labels(("severity", "critical"), ("tag", MISSING), (OUTCOME_LABEL, MISSING))
        self._report(result)

    def _result(self, case_id: str, start: int, stop: int) -> model2.TestResult:
        """The common fields of every result. The history of a case depends on its id alone: the name of a test may
        change."""
        identity = hashlib.md5(case_id.encode(), usedforsecurity=False).hexdigest()
        area, requirement = area_of(case_id), requirement_of(case_id)
        return model2.TestResult(
            uuid=str(uuid.uuid5(self.space, case_id)),
            historyId=identity,
            testCaseId=identity,
            fullName=case_id,
            titlePath=[area, requirement],
            stage="finished",
            start=start,
            stop=stop,
            labels=_labels(
                ("epic", area),
                ("feature", requirement),
                ("parentSuite", "podwire"),
                ("suite", area),
                ("subSuite", requirement),
                ("host", self.host),
                ("framework", "podwire"),
                ("language", "python"),
            ),
        )

    def _attachments(self, case: CaseRecord) -> Iterator[model2.Attachment]:
        for number, file in enumerate(case.evidence):
            source = self.run_directory / file
            suffix = source.suffix
            name = f"{uuid.uuid5(self.space, f'{case.id} {number} {file}')}-attachment{suffix or '.bin'}"
            shown = source.name
            if not _link(source, self.directory / name):
                shown, suffix = f"{source.name} (missing)", ".txt"
                name = f"{name}.txt"
                write_text(self.directory / name, f"The record lists {file}, and the run's folder has no such file.\n")
            yield model2.Attachment(name=shown, source=name, type=_TYPES.get(suffix, "application/octet-stream"))

    def _report(self, result: model2.TestResult) -> None:
        tree = attr.asdict(result, filter=lambda _, value: bool(value) or value is False or value == 0)
        name = model2.TEST_CASE_PATTERN.format(prefix=result.uuid)
        _put_json(self.directory / name, tree)


def _labels(*pairs: tuple[str, str]) -> list[model2.Label]:
    return [model2.Label(name=name, value=value) for name, value in pairs]


def _step(finding: Finding, start: int, outcome: Outcome) -> model2.TestStepResult:
    """One finding. An excused finding does not show as failed: in a skipped case an unmet finding is skipped too."""
    status = model2.Status.PASSED if finding.met else STATUS[outcome]
    details = None if finding.met else model2.StatusDetails(message=f"Actual: {finding.actual}")
    return model2.TestStepResult(
        name=finding_line(finding), status=status, statusDetails=details, stage="finished", start=start, stop=start
    )


def _trace(case: CaseRecord) -> str:
    blocks = [f"Expected: {f.expected}\nActual:   {f.actual}\nWhere:    {f.where}" for f in unmet(case)]
    return "\n\n".join(blocks) or "\n".join(f"Expected: {sentence}" for sentence in case.expected)


def _executor(record: RunRecord) -> Mapping[str, Any]:
    return {
        "name": "podwire",
        "type": "podwire",
        "buildName": f"{record.facts.name or 'cluster'} {record.run_id}",
        "buildOrder": round(record.started),
        "reportName": f"podwire {record.run_id}",
    }


def _link(source: Path, target: Path) -> bool:
    """Give a file a second name, or copy it where that is impossible. False if there is no such file."""
    try:
        os.link(source, target)
    except FileNotFoundError:
        return False
    except OSError:
        shutil.copyfile(source, target)
    return True


def _put_json(path: Path, tree: Mapping[str, Any] | Sequence[Any]) -> None:
    write_text(path, json.dumps(visible_tree(tree), ensure_ascii=False))
