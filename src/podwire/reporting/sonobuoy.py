"""`sonobuoy_results.yaml`: the record as a Sonobuoy tree, for a plugin with the result format `manual`.

Source: Sonobuoy, docs/plugins (result types) and pkg/client/results: an item has a name, a status of any word, texts in
`meta`, `details` and items below it; `passed`, `failed`, `skipped` and `unknown` are known words, others are counted as
they are. Sonobuoy takes the status of the top item and sums nothing up itself, so this module does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from podwire.model.verdicts import Outcome
from podwire.records.files import write_atomically
from podwire.records.run import CaseRecord, RunRecord
from podwire.reporting.words import MISSING, area_of, message, requirement_of
from podwire.visible import visible_tree

NAME = "sonobuoy_results.yaml"
STATUS = {
    Outcome.PASS: "passed",
    Outcome.LIMITATION_CONFIRMED: "skipped",
    Outcome.LIMITATION_LIFTED: "passed",
    Outcome.KNOWN_ISSUE: "skipped",
    Outcome.INCONCLUSIVE: "inconclusive",
    Outcome.FAIL: "failed",
}
_WORST_FIRST = ("failed", "inconclusive", "passed", "skipped")
Item = dict[str, Any]


def write_sonobuoy(record: RunRecord, directory: Path) -> Path:
    """Write `sonobuoy_results.yaml` into the run's folder, as JSON, which is YAML too."""
    path = directory / NAME
    write_atomically(
        path, json.dumps(visible_tree(sonobuoy_tree(record)), ensure_ascii=False, separators=(",", ":")) + "\n"
    )
    return path


def sonobuoy_tree(record: RunRecord) -> Item:
    """The run, its areas, their requirements, their cases. Planned cases without a result have failed."""
    cases = [*map(_case, record.cases), *map(_without_result, record.missing)]
    areas: dict[str, dict[str, list[Item]]] = {}
    for item in cases:
        areas.setdefault(area_of(item["name"]), {}).setdefault(requirement_of(item["name"]), []).append(item)
    below = [
        _branch(area, [_branch(requirement, cases) for requirement, cases in requirements.items()])
        for area, requirements in areas.items()
    ]
    top = _branch("podwire", below)
    if record.interrupted is not None or not cases:
        top["status"] = "failed" if record.interrupted is not None else "unknown"
    top["meta"] = {
        "type": "summary",
        "run": record.run_id,
        "podwire": record.setup.version,
        "emulated": str(record.emulated).lower(),
        "complete": str(record.complete).lower(),
    }
    return top


def _branch(name: str, items: list[Item]) -> Item:
    return {"name": name, "status": _together(item["status"] for item in items), "items": items}


def _together(statuses: Iterable[str]) -> str:
    present = set(statuses)
    return next((status for status in _WORST_FIRST if status in present), "unknown")


def _case(case: CaseRecord) -> Item:
    details: Item = {
        "outcome": str(case.verdict.outcome),
        "statement": case.rule.statement,
        "sources": list(case.rule.sources),
    }
    if message(case):
        details["message"] = message(case)
    if case.evidence:
        details["evidence"] = list(case.evidence)
    return {"name": case.id, "status": STATUS[case.verdict.outcome], "details": details}


def _without_result(case_id: str) -> Item:
    return {"name": case_id, "status": "failed", "details": {"outcome": MISSING, "message": "no result came"}}
