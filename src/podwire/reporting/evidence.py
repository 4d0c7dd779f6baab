"""Evidence of one case as files: captures with their decode, the socket transcript, the verdict, the bindings."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import structs

from podwire.model.observations import POINTS, Capture, Observation
from podwire.model.patterns import Direction
from podwire.model.verdicts import Verdict
from podwire.packets.pcap import Frame, write_frames
from podwire.records.files import file_bytes
from podwire.reporting.decode_text import decode_capture

FOLDER = "evidence"
VERDICT = "verdict.json"
_LONGEST = 120
_MARKS: dict[Direction, str] = {"request": "->", "reply": "<-", "error": "!!"}


def folder_of(case_id: str) -> str:
    """The folder of a case's evidence below the run's folder: `evidence/<area>/<requirement>/<words>`.

    The same id always gives the same folder. An id with characters that a file system may refuse, or a very long one,
    gets a short hash, so that two ids never share a folder.
    """
    area, _, rest = case_id.partition("/")
    requirement, _, words = rest.partition("[")
    plain = f"{area}/{requirement}[{words.removesuffix(']')}]" == case_id
    parts = [_safe(part or "_") for part in (area, requirement, words.removesuffix("]"))]
    named_by_case = plain and parts == [area, requirement, words.removesuffix("]")]
    if not named_by_case:
        parts[-1] = (
            f"{parts[-1][: _LONGEST - 9]}-{hashlib.sha256(case_id.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
        )
    return "/".join([FOLDER, *parts])


def write_evidence(
    run_directory: Path,
    observation: Observation,
    verdict: Verdict,
    frames: Mapping[str, Sequence[Frame]] | None = None,
) -> tuple[str, ...]:
    """Write all observations of one case. Returns the files relative to the run's folder, for the record.

    For every capture point: `<point>.txt` (its packets, a line each, and whether the point was reliable) and, if
    `frames` has the raw frames of the case at this point, `<point>.pcap`. Then `verdict.json`, `attempts.json` (the
    sockets' results, the controls, the DNS lookups) and `bindings.json` (the values of the symbols in the expectation).
    """
    raw = frames or {}
    folder = folder_of(observation.case_id)
    directory = run_directory / folder
    directory.mkdir(parents=True, exist_ok=True)
    written: list[str] = []

    def put(name: str, content: bytes) -> None:
        (directory / name).write_bytes(content)
        written.append(f"{folder}/{name}")

    tokens = {attempt.token for attempt in observation.attempts}
    for point in sorted({*observation.captures, *raw}, key=_order):
        capture = observation.captures.get(point)
        if capture is not None:
            put(f"{_safe(point)}.txt", file_bytes(_decode(capture, tokens)))
        if point in raw:
            put(f"{_safe(point)}.pcap", write_frames(raw[point]))
    put("attempts.json", _json(_transcript(observation)))
    put("bindings.json", _json(dict(observation.bindings)))
    put(VERDICT, _json(verdict))
    return tuple(written)


def write_verdict(path: Path, verdict: Verdict) -> None:
    """Write the `verdict.json` of a case that was judged again. Raises OSError."""
    path.write_bytes(_json(verdict))


def _order(point: str) -> tuple[int, str]:
    return (POINTS.index(point), point) if point in POINTS else (len(POINTS), point)


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", text).lstrip(".")[:_LONGEST].rstrip(".") or "_"


def _json(tree: Any) -> bytes:
    text = json.dumps(tree, default=structs.asdict, indent=1, ensure_ascii=False) + "\n"
    return file_bytes(text)


def _transcript(observation: Observation) -> dict[str, Any]:
    captures = {
        point: {
            "where": capture.where,
            "usable": capture.usable,
            "reason": capture.reason,
            "packets": len(capture.packets),
        }
        for point, capture in observation.captures.items()
    }
    return {
        "case": observation.case_id,
        "problem": observation.problem,
        "attempts": observation.attempts,
        "controls": observation.controls,
        "lookups": observation.lookups,
        "captures": captures,
    }


def _decode(capture: Capture, tokens: set[str]) -> str:
    trust = "" if capture.usable else f" - NOT USABLE: {capture.reason}"
    if capture.usable and capture.reason:
        trust = f" - FRAMES WERE LOST: {capture.reason}"
    marks = (_MARKS[seen.direction] for seen in capture.packets)
    title = f"{capture.point} at {capture.where}{trust}"
    return decode_capture((seen.packet for seen in capture.packets), marks=marks, tokens=tokens, title=title)
