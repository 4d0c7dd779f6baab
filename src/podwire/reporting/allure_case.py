"""One case of a record as an Allure result. Both ways to Allure use it: the writer of a record, and `testing.allure`.

File formats: the model classes of allure-python-commons.
"""

from __future__ import annotations

import hashlib
import uuid

from allure_commons import model2

from podwire.model.verdicts import Finding, Outcome
from podwire.records.run import CaseRecord
from podwire.reporting.allure_text import finding_line, markdown
from podwire.reporting.words import area_of, brackets, links, message, requirement_of, unmet

OUTCOME_LABEL = "outcome"
CAUSE_LABEL = "cause"
"""What a red case shares with others."""

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


def base_result(case_id: str, host: str, start: int, stop: int) -> model2.TestResult:
    """The common fields of every result; times in milliseconds since the epoch.

    The history of a case depends on its id alone: the name of a test may change. `uuid` is left to the caller.
    """
    identity = hashlib.md5(case_id.encode(), usedforsecurity=False).hexdigest()
    area, requirement = area_of(case_id), requirement_of(case_id)
    return model2.TestResult(
        historyId=identity,
        testCaseId=identity,
        fullName=case_id,
        titlePath=[area, requirement],
        stage="finished",
        start=start,
        stop=stop,
        labels=labels(
            ("epic", area),
            ("feature", requirement),
            ("parentSuite", "podwire"),
            ("suite", area),
            ("subSuite", requirement),
            ("host", host),
            ("framework", "podwire"),
            ("language", "python"),
        ),
    )


def case_result(case: CaseRecord, host: str, began: float) -> model2.TestResult:
    """What the case itself says, without its evidence and what it shares with others.

    `host` is the cluster, `began` (seconds since the epoch) the time of a case that has none.
    """
    start = round((case.started or began) * 1000)
    result = base_result(case.id, host, start, start + round(case.elapsed * 1000))
    outcome = case.verdict.outcome
    result.name = f"{case.title} [{brackets(case.id)}]"
    result.status = STATUS[outcome]
    result.description = markdown(case)
    result.statusDetails = details(case, message(case))
    result.parameters = [model2.Parameter(name=name, value=value) for name, value in case.parameters.items()]
    result.labels += labels(
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
    return result


def details(case: CaseRecord, text: str) -> model2.StatusDetails | None:
    """The message of a result, and of a red one what was expected and seen; None without a text."""
    return (
        model2.StatusDetails(message=text, trace=_trace(case) if case.verdict.outcome.red else None) if text else None
    )


def labels(*pairs: tuple[str, str]) -> list[model2.Label]:
    return [model2.Label(name=name, value=value) for name, value in pairs]


def file_type(suffix: str) -> str:
    """The media type of an evidence file by the end of its name."""
    return _TYPES.get(suffix, "application/octet-stream")


def attachment_name(space: uuid.UUID, case_id: str, number: int, file: str, suffix: str) -> str:
    """The name of an evidence file among Allure's results."""
    return f"{uuid.uuid5(space, f'{case_id} {number} {file}')}-attachment{suffix or '.bin'}"


def _step(finding: Finding, start: int, outcome: Outcome) -> model2.TestStepResult:
    """One finding. An excused finding does not show as failed: in a skipped case an unmet finding is skipped too."""
    status = model2.Status.PASSED if finding.met else STATUS[outcome]
    reason = None if finding.met else model2.StatusDetails(message=f"Actual: {finding.actual}")
    return model2.TestStepResult(
        name=finding_line(finding), status=status, statusDetails=reason, stage="finished", start=start, stop=start
    )


def _trace(case: CaseRecord) -> str:
    blocks = [f"Expected: {f.expected}\nActual:   {f.actual}\nWhere:    {f.where}" for f in unmet(case)]
    return "\n\n".join(blocks) or "\n".join(f"Expected: {sentence}" for sentence in case.expected)
