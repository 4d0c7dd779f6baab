"""`matrix.html`: every case of a run as a mark, by requirement, pair of systems, placement, protocol and family.

The tables are plain HTML. What a case came to, and its packets, lie beside them compressed: a run has some
thirty thousand packets, which as text would be many megabytes.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from podwire.causes.causes import Causes, causes_of
from podwire.model.observations import Observation
from podwire.records.files import write_atomically
from podwire.records.run import CaseRecord, RunRecord
from podwire.redaction import redacted
from podwire.reporting.causes_html import causes_html
from podwire.reporting.convergence import convergence_table
from podwire.reporting.ladder import ladder
from podwire.reporting.pages import MARKS, chips, mark, page, run_head, text, totals
from podwire.reporting.paths import paths_table
from podwire.reporting.words import MISSING, by_area, links
from podwire.visible import visible_in_json

NAME = "matrix.html"
PASSED_RUNGS = 14
"""Of a case that passed, its first packets are enough to see the way that all of them took."""
_PARTS = {"outside": "outside", "backends": "backends", "dns": "DNS server"}
_AREAS = {"dns": "DNS"}
_PLACEMENTS = ("itself", "same-node", "cross-node", "anywhere", "outside")
Column = tuple[str, str, str]


def write_matrix(
    record: RunRecord,
    directory: Path,
    seen: Mapping[str, Observation] | None = None,
    causes: Causes | None = None,
) -> Path:
    """Write `matrix.html` into the run's folder. `seen` is what was observed, by case id; without it no packets."""
    path = directory / NAME
    write_atomically(path, matrix_html(record, seen or {}, causes))
    return path


def matrix_html(record: RunRecord, seen: Mapping[str, Observation], causes: Causes | None = None) -> str:
    """The whole page."""
    causes = causes or causes_of(record, {})
    numbers = {case.id: number for number, case in enumerate(record.cases)}
    body = [chips(totals(record), "cases"), causes_html(causes), _missing(record)]
    body += [_area(area, cases, numbers) for area, cases in by_area(record.cases).items()]
    body += [
        paths_table(record.paths),
        convergence_table(record.convergence),
        _exclusions(record),
        '<dialog id="panel" aria-labelledby="panel-title"></dialog>',
    ]
    return page(
        title=f"podwire {record.run_id}: matrix",
        head=run_head(record, "Every flow, and what its packets showed"),
        body="".join(body),
        current="matrix",
        scripts=("panel.js", "ladder.js"),
        data=_packed(_data(record, seen, causes)),
    )


def _area(area: str, cases: Sequence[CaseRecord], numbers: Mapping[str, int]) -> str:
    columns = sorted({_column(case) for case in cases}, key=_order)
    rows: dict[str, list[CaseRecord]] = {}
    for case in cases:
        rows.setdefault(case.requirement, []).append(case)
    title = _AREAS.get(area, area.replace("_", " ").capitalize())
    shown = "".join(_row(requirement_cases, columns, numbers) for requirement_cases in rows.values())
    return (
        f'<section class="area"><h2 id="{text(area)}">{text(title)}</h2>'
        f'<div class="scroll" tabindex="0" role="region" aria-labelledby="{text(area)}">'
        f'<table class="matrix"><caption>{text(title)}: requirements and their cases ({len(cases)}) by client, '
        f"server and placement</caption><thead>{_heads(columns)}</thead><tbody>{shown}</tbody></table></div></section>"
    )


def _heads(columns: Sequence[Column]) -> str:
    pairs = [(pair, len(list(group))) for pair, group in groupby(columns, key=lambda column: column[:2])]
    above = "".join(
        f'<th scope="colgroup" colspan="{number}">{text(_part(client))}'
        f'<span class="to">→ {text(_part(server))}</span></th>'
        for (client, server), number in pairs
    )
    below = "".join(f'<th scope="col">{text(placement.replace("-", " "))}</th>' for _, _, placement in columns)
    return f'<tr><th scope="col" rowspan="2" class="rule">Requirement</th>{above}</tr><tr>{below}</tr>'


def _row(cases: Sequence[CaseRecord], columns: Sequence[Column], numbers: Mapping[str, int]) -> str:
    first, rule = cases[0], cases[0].rule
    cells: dict[Column, list[CaseRecord]] = {}
    for case in cases:
        cells.setdefault(_column(case), []).append(case)
    marked = "".join(f"<td>{_cell(cells.get(column, ()), numbers)}</td>" for column in columns)
    return (
        f'<tr><th scope="row" class="rule"><span class="id">{text(first.requirement)}</span>'
        f'<span class="level">{text(rule.level)}</span><span class="says">{text(rule.statement)}</span></th>'
        f"{marked}</tr>"
    )


def _cell(cases: Sequence[CaseRecord], numbers: Mapping[str, int]) -> str:
    groups: dict[tuple[str, str], list[CaseRecord]] = {}
    for case in cases:
        groups.setdefault((_of(case, "protocol"), _of(case, "family").removeprefix("ipv")), []).append(case)
    return "".join(
        f'<div class="way"><span class="kind" aria-hidden="true">{text(protocol)}<sub>{text(family)}</sub></span>'
        f"{''.join(_button(case, numbers[case.id]) for case in group)}</div>"
        for (protocol, family), group in groups.items()
    )


def _button(case: CaseRecord, number: int) -> str:
    outcome = case.verdict.outcome
    kind, letter = MARKS[outcome]
    words = " ".join(filter(None, (_of(case, name) for name in ("protocol", "family", "via"))))
    size = f" {_of(case, 'payload')} bytes" if _of(case, "payload") else ""
    return (
        f'<button type="button" class="m {kind}" data-o="{kind}" data-n="{number}"'
        f' aria-label="{text(f"{words}{size}: {outcome}")}">{letter}</button>'
    )


def _missing(record: RunRecord) -> str:
    if not record.missing:
        return ""
    why = f" {text(record.interrupted)}" if record.interrupted else ""
    rows = "".join(
        f'<tr data-o="missing"><td>{mark(MISSING, spoken=True)}</td><th scope="row">{text(case_id)}</th></tr>'
        for case_id in record.missing
    )
    return (
        '<section class="area"><h2>No result</h2><table class="list"><caption>Planned, without a result: '
        f"{len(record.missing)} cases.{why}</caption><tbody>{rows}</tbody></table></section>"
    )


def _exclusions(record: RunRecord) -> str:
    if not record.exclusions:
        return ""
    reasons: dict[str, list[str]] = {}
    for exclusion in record.exclusions:
        reasons.setdefault(exclusion.reason, []).append(f"{exclusion.requirement}: {exclusion.cases}")
    items = "".join(
        f"<details><summary>{text(reason)} <b>{len(excluded)}</b></summary><ul>"
        f"{''.join(f'<li>{text(case)}</li>' for case in excluded)}</ul></details>"
        for reason, excluded in reasons.items()
    )
    return f'<section class="aside"><h2>Not applicable on this cluster</h2>{items}</section>'


def _of(case: CaseRecord, name: str) -> str:
    return case.parameters.get(name, "")


def _column(case: CaseRecord) -> Column:
    return (_end(case, "client"), _end(case, "server"), _of(case, "placement"))


def _end(case: CaseRecord, role: str) -> str:
    """`windows pod`, with the pool of its node where there are pools: `windows pod, pool new`."""
    pool = _of(case, f"{role} pool")
    return f"{_of(case, role)}, pool {pool}" if pool else _of(case, role)


def _order(column: Column) -> tuple[bool, str, bool, str, int]:
    client, server, placement = column
    at = _PLACEMENTS.index(placement) if placement in _PLACEMENTS else len(_PLACEMENTS)
    return ("pod" not in client, client, "pod" not in server, server, at)


def _part(words: str) -> str:
    """`linux pod` as `Linux pod`; whom the record names by its kind twice, by one name."""
    kind = words.rpartition(" ")[2]
    return _PARTS.get(kind, words.replace("linux ", "Linux ").replace("windows ", "Windows "))


def _data(record: RunRecord, seen: Mapping[str, Observation], causes: Causes) -> dict[str, Any]:
    rules: dict[str, dict[str, Any]] = {}
    for case in record.cases:
        if case.requirement not in rules:
            rules[case.requirement] = {
                "level": case.rule.level,
                "says": case.rule.statement,
                "sources": _sources(case.rule.sources),
            }
    return {"rules": rules, "cases": [_case(case, rules, seen, causes) for case in record.cases]}


def _case(
    case: CaseRecord, rules: Mapping[str, Any], seen: Mapping[str, Observation], causes: Causes
) -> dict[str, Any]:
    verdict, sources = case.verdict, _sources(case.rule.sources)
    tree: dict[str, Any] = {
        "id": case.id,
        "rule": case.requirement,
        "title": case.title,
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        "limitation": verdict.limitation,
        "findings": [
            [finding.expected, finding.actual, finding.where, int(finding.met)] for finding in verdict.findings
        ],
        "with": [
            *((name, _part(words)) for name, words in case.parameters.items()),
            *((f"{role} node", node) for role, node in case.nodes.items()),
        ],
        "rounds": case.rounds,
        "evidence": case.evidence,
    }
    if case.id in causes.headlines:
        tree["headline"] = causes.headlines[case.id]
    cause = causes.of(case.id)
    if cause:
        tree["cause"] = str(cause)
    if not verdict.findings:
        tree["expected"] = case.expected
    if sources != rules[case.requirement]["sources"]:
        tree["sources"] = sources
    if case.id in seen:
        most = {"most": PASSED_RUNGS} if verdict.outcome == "pass" else {}
        rungs = ladder(seen[case.id], **most)
        tree["ladder"] = rungs.to_tree() if rungs else None
    return tree


def _sources(sources: Sequence[str]) -> list[tuple[str, str]]:
    return [next(_link(source)) for source in sources]


def _link(source: str) -> Iterator[tuple[str, str]]:
    """(address or '', words) of a source."""
    yield from links([source])
    yield "", source


def _packed(tree: Mapping[str, Any]) -> str:
    # No net below finds a secret in what is packed.
    data = visible_in_json(redacted(json.dumps(tree, separators=(",", ":"), ensure_ascii=False))).encode("utf-8")
    return base64.b64encode(gzip.compress(data, compresslevel=2, mtime=0)).decode("ascii")
