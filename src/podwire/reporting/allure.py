"""Allure results written from a run record: no test framework takes part, so the record and the report cannot differ.

File formats: the model classes of allure-python-commons; tested with Allure 3.18.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attr
from allure_commons import model2

from podwire.causes.causes import Causes, causes_of
from podwire.model.facts import ClusterFacts
from podwire.model.verdicts import Outcome
from podwire.records.files import write_text
from podwire.records.run import CaseRecord, RunRecord
from podwire.reporting.allure_case import (
    CAUSE_LABEL,
    OUTCOME_LABEL,
    attachment_name,
    base_result,
    case_result,
    details,
    file_type,
    labels,
)
from podwire.reporting.allure_text import environment
from podwire.reporting.words import MISSING, brackets, message, requirement_of
from podwire.visible import visible_tree

FOLDER = "allure-results"
# The name of every category, and the outcome label that selects its results.
CATEGORIES = (
    ("Failed", Outcome.FAIL.value, ("failed",)),
    ("Inconclusive: nothing was proved", Outcome.INCONCLUSIVE.value, ("broken",)),
    ("Planned, and no result came", MISSING, ("broken",)),
    ("Known issue", Outcome.KNOWN_ISSUE.value, ("skipped",)),
    ("Limitation lifted: works, although documented not to", Outcome.LIMITATION_LIFTED.value, ("passed",)),
    ("Limitation confirmed", Outcome.LIMITATION_CONFIRMED.value, ("skipped",)),
)


def write_allure_results(
    record: RunRecord, run_directory: Path, causes: Causes | None = None, folder: str = FOLDER
) -> Path:
    """Write the whole record as Allure results into `<run>/<folder>`, which is emptied first. Returns that folder.

    Evidence files come from the run's folder. If the record lists a file that is missing, the result says so.
    """
    directory = run_directory / folder
    if directory.exists():
        shutil.rmtree(directory)
    directory.mkdir(parents=True)
    causes = causes or causes_of(record, {})
    results = CaseResults(record, causes, run_directory, directory)
    for case in causes.basic_first(record.cases):
        results.write_case(case)
    for case_id in record.missing:
        results.write_missing(case_id)
    write_about_the_run(record, directory)
    _put_json(directory / "executor.json", _executor(record))
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


class CaseResults:
    """The results of the cases of one record in one folder, with their evidence and their causes."""

    def __init__(
        self, record: RunRecord, causes: Causes, run_directory: Path, directory: Path, *, linked: bool = True
    ) -> None:
        """`run_directory` has the evidence, `directory` gets the results. With `linked`, a file of the evidence gets a
        second name there; without, it is copied."""
        self.causes, self.linked = causes, linked
        self.record, self.run_directory, self.directory = record, run_directory, directory
        self.space = uuid.uuid5(uuid.NAMESPACE_URL, f"podwire:{record.run_id}")
        self.host = host_of(record.facts, emulated=record.emulated)

    def write_case(self, case: CaseRecord) -> None:
        """Write the result of a judged case."""
        result = case_result(case, self.host, self.record.started)
        result.statusDetails = self.details(case)
        result.labels += self.cause_labels(case)
        result.attachments = self.attached(case)
        self._report(result)

    def details(self, case: CaseRecord) -> model2.StatusDetails | None:
        """The message of a case in the words of what it shares with others, where it shares something."""
        return details(case, self.causes.headlines.get(case.id) or message(case))

    def cause_labels(self, case: CaseRecord) -> list[model2.Label]:
        cause = self.causes.of(case.id)
        return labels((CAUSE_LABEL, str(cause))) if cause else []

    def attached(self, case: CaseRecord) -> list[model2.Attachment]:
        """Bring the evidence of a case into the folder of the results. Returns its attachments; raises OSError."""
        return list(self._attachments(case))

    def write_missing(self, case_id: str) -> None:
        """Write the result of a case that was planned and never judged."""
        at = round(self.record.finished * 1000)
        result = base_result(case_id, self.host, at, at)
        result.name = f"{requirement_of(case_id)} [{brackets(case_id)}]"
        result.status = model2.Status.BROKEN
        why = f": {self.record.interrupted}" if self.record.interrupted else ""
        result.statusDetails = model2.StatusDetails(message=f"{MISSING}: the case was planned and never judged{why}")
        result.labels += labels(("severity", "critical"), ("tag", MISSING), (OUTCOME_LABEL, MISSING))
        self._report(result)

    def _attachments(self, case: CaseRecord) -> Iterator[model2.Attachment]:
        for number, file in enumerate(case.evidence):
            source = self.run_directory / file
            suffix = source.suffix
            name = attachment_name(self.space, case.id, number, file, suffix)
            shown = source.name
            if not _brought(source, self.directory / name, linked=self.linked):
                shown, suffix = f"{source.name} (missing)", ".txt"
                name = f"{name}.txt"
                write_text(self.directory / name, f"The record lists {file}, and the run's folder has no such file.\n")
            yield model2.Attachment(name=shown, source=name, type=file_type(suffix))

    def _report(self, result: model2.TestResult) -> None:
        result.uuid = str(uuid.uuid5(self.space, result.fullName))
        tree = attr.asdict(result, filter=lambda _, value: bool(value) or value is False or value == 0)
        name = model2.TEST_CASE_PATTERN.format(prefix=result.uuid)
        _put_json(self.directory / name, tree)


def host_of(facts: ClusterFacts, *, emulated: bool) -> str:
    """What the label `host` says: the name of the cluster, if it has one."""
    return facts.name or ("lab" if emulated else "cluster")


def write_about_the_run(record: RunRecord, directory: Path) -> None:
    """Write what Allure shows beside the results: the environment of the run and the categories. Raises OSError."""
    write_text(directory / "environment.properties", environment(record))
    _put_json(directory / "categories.json", categories_json())


def _executor(record: RunRecord) -> Mapping[str, Any]:
    return {
        "name": "podwire",
        "type": "podwire",
        "buildName": f"{record.facts.name or 'cluster'} {record.run_id}",
        "buildOrder": round(record.started),
        "reportName": f"podwire {record.run_id}",
    }


def _brought(source: Path, target: Path, *, linked: bool) -> bool:
    """Give a file a second name if `linked`, or copy it, where that is impossible too. False if there is no such file.

    A copy has the mode of a new file.
    """
    if linked:
        with contextlib.suppress(OSError):
            os.link(source, target)
            return True
    try:
        shutil.copyfile(source, target)
    except FileNotFoundError:
        return False
    return True


def _put_json(path: Path, tree: Mapping[str, Any] | Sequence[Any]) -> None:
    write_text(path, json.dumps(visible_tree(tree), ensure_ascii=False))
