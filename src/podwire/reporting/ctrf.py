"""`ctrf.json`: the record in the Common Test Report Format.

Source: the schema of the format, https://github.com/ctrf-io/ctrf (schema/ctrf.schema.json, version 0.0.0). It admits
extra
fields only below `extra`. An inconclusive case is `other`, since it neither passed nor failed; a planned case without a
result is `failed`.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from podwire.causes.causes import Causes, causes_of
from podwire.model.verdicts import Outcome
from podwire.records.files import write_atomically
from podwire.records.run import CaseRecord, RunRecord
from podwire.reporting.case_text import explain
from podwire.reporting.words import MISSING, area_of, message, requirement_of
from podwire.visible import visible_tree

NAME = "ctrf.json"
STATUS = {
    Outcome.PASS: "passed",
    Outcome.LIMITATION_CONFIRMED: "skipped",
    Outcome.LIMITATION_LIFTED: "passed",
    Outcome.KNOWN_ISSUE: "skipped",
    Outcome.INCONCLUSIVE: "other",
    Outcome.FAIL: "failed",
}
_TYPES = {".json": "application/json", ".txt": "text/plain", ".pcap": "application/vnd.tcpdump.pcap"}
_STATUSES = ("passed", "failed", "skipped", "pending", "other")


def write_ctrf(record: RunRecord, directory: Path, causes: Causes | None = None) -> Path:
    """Write `ctrf.json` into the run's folder."""
    path, tree = directory / NAME, visible_tree(ctrf_tree(record, causes))
    write_atomically(path, json.dumps(tree, ensure_ascii=False, separators=(",", ":")) + "\n")
    return path


def ctrf_tree(record: RunRecord, causes: Causes | None = None) -> dict[str, Any]:
    """The whole record, planned cases without a result included, as the JSON tree of the format."""
    causes_of_run = causes or causes_of(record, {})
    tests = [
        *(_test(case, causes_of_run) for case in record.cases),
        *(_without_result(case_id, record) for case_id in record.missing),
    ]
    statuses = Counter(test["status"] for test in tests)
    summary = {
        "tests": len(tests),
        **{status: statuses[status] for status in _STATUSES},
        "suites": len({tuple(test["suite"]) for test in tests}),
        "start": _ms(record.started),
        "stop": _ms(record.finished),
    }
    return {
        "reportFormat": "CTRF",
        "specVersion": "0.0.0",
        "reportId": _uuid(record.run_id),
        "timestamp": datetime.fromtimestamp(record.finished, UTC).isoformat(timespec="seconds"),
        "generatedBy": f"podwire {record.setup.version}",
        "results": {
            "tool": {"name": "podwire", "version": record.setup.version},
            "summary": summary,
            "tests": tests,
            "environment": {
                "appName": record.facts.name or "cluster",
                "appVersion": record.facts.version,
                "testEnvironment": "lab" if record.emulated else "cluster",
                "extra": {"emulated": record.emulated, "complete": record.complete, "mode": record.facts.network.mode},
            },
        },
    }


def _test(case: CaseRecord, causes: Causes) -> dict[str, Any]:
    outcome = case.verdict.outcome
    test: dict[str, Any] = {
        "id": _uuid(case.id),
        "name": case.id,
        "status": STATUS[outcome],
        "duration": _ms(case.elapsed),
        "suite": [case.area, case.requirement],
        "rawStatus": str(outcome),
        "tags": [case.rule.level],
        "parameters": dict(case.parameters),
        "extra": {"statement": case.rule.statement, "sources": list(case.rule.sources)},
    }
    if case.started:
        test |= {"start": _ms(case.started), "stop": _ms(case.started) + _ms(case.elapsed)}
    headline, cause = causes.headlines.get(case.id, ""), causes.of(case.id)
    if headline or message(case):
        test["message"] = headline or message(case)
    if outcome.red:
        test["trace"] = explain(case, headline)
    if cause:
        test["extra"]["cause"] = str(cause)
    if case.evidence:
        test["attachments"] = [
            {
                "name": file.rpartition("/")[2],
                "contentType": _TYPES.get(Path(file).suffix, "application/octet-stream"),
                "path": file,
            }
            for file in case.evidence
        ]
    return test


def _without_result(case_id: str, record: RunRecord) -> dict[str, Any]:
    return {
        "id": _uuid(case_id),
        "name": case_id,
        "status": "failed",
        "duration": 0,
        "suite": [area_of(case_id), requirement_of(case_id)],
        "rawStatus": MISSING,
        "message": "planned, and no result came" + (f": {record.interrupted}" if record.interrupted else ""),
    }


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _uuid(name: str) -> str:
    """The same id for the same name in every run: the format calls it stable."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"podwire:{name}"))
