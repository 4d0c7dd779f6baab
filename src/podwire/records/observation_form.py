"""The stored form of an observation: a line of JSON. A packet in it is a row of values; the line names the columns.
Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct, field, structs

from podwire.files.bounded import FileError
from podwire.files.typed import REFUSED, check_once, dotted, json_tree, tree_as
from podwire.files.words import shown
from podwire.model.observations import Capture, Observation, Point, SeenPacket
from podwire.model.verdicts import Outcome
from podwire.records.case_form import StoredCaseForm, case_of, form_of_case
from podwire.records.observations import Stored
from podwire.records.packet_form import COLUMNS, USUAL, Row, packet_of, row_of


class CaptureForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The packets of a case at one capture point."""

    point: Point
    where: str
    usable: bool = True
    reason: str = ""
    packets: tuple[Row, ...]


class LineForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A line of the file. The captures are beside the rest of the observation."""

    case: StoredCaseForm
    observation: Observation
    outcome: Outcome
    round: int = 0
    cut: Mapping[str, int] = field(default_factory=dict)
    columns: tuple[str, ...]
    captures: Mapping[str, CaptureForm]


_USUAL = Observation(case_id="")
_LINE = msgspec.json.Decoder(LineForm)


def observation_of(line: bytes) -> Stored:
    """The observation in a line. Raises `FileError`, which names the field."""
    form = _form_of(line)
    _check(form.observation)
    captures = {point: _capture(capture) for point, capture in form.captures.items()}
    return Stored(
        case=case_of(form.case),
        observation=structs.replace(form.observation, captures=captures),
        outcome=form.outcome,
        round=form.round,
        cut=form.cut,
    )


def line_of(stored: Stored) -> bytes:
    """An observation as a line of ASCII without the line end; `observation_of` is its inverse."""
    observation = stored.observation
    form = LineForm(
        case=form_of_case(stored.case),
        # msgspec leaves a field out only if its value is the default object itself, so an equal zero is replaced by it.
        observation=structs.replace(observation, captures={}, settled=observation.settled or _USUAL.settled),
        outcome=stored.outcome,
        round=stored.round,
        cut=stored.cut,
        columns=COLUMNS,
        captures={point: _capture_form(capture) for point, capture in stored.observation.captures.items()},
    )
    line = msgspec.json.encode(form)
    # Readers of the first releases accept ASCII only. They escaped DEL, and so does this: equal runs give equal files.
    return line if line.isascii() and b"\x7f" not in line else _NOT_ASCII.sub(_escaped, line.decode()).encode("ascii")


_NOT_ASCII = re.compile(r"[^\x00-\x7e]+")


def _escaped(text: re.Match[str]) -> str:
    return json.dumps(text[0])[1:-1]


def _form_of(line: bytes) -> LineForm:
    try:
        form = _LINE.decode(line)
    except REFUSED:
        return tree_as(_with_todays_columns(json_tree(line)), LineForm)
    if form.columns == COLUMNS:
        check_once(line, form)
        return form
    return tree_as(_with_todays_columns(json_tree(line)), LineForm)


def _with_todays_columns(tree: Any) -> Any:
    """A line of another podwire, with its rows rewritten to today's columns and defaults for missing columns."""
    columns = tree.get("columns") if isinstance(tree, dict) else None
    captures = tree.get("captures") if isinstance(tree, dict) else None
    if not isinstance(columns, list) or not isinstance(captures, dict) or tuple(columns) == COLUMNS:
        return tree
    for at, name in enumerate(columns):
        if not isinstance(name, str) or name not in USUAL or columns.index(name) != at:
            raise FileError(f"columns[{at}]: {shown(name)} is unknown")
    for name, default in USUAL.items():
        if default is msgspec.NODEFAULT and name not in columns:
            raise FileError(f"columns: {name} is missing")
    for point, capture in captures.items():
        rows = capture.get("packets") if isinstance(capture, dict) else None
        for at, row in enumerate(rows if isinstance(rows, list) else ()):
            if not isinstance(row, list) or len(row) != len(columns):
                place = dotted(("captures", point, "packets", at))
                raise FileError(f"{place}: needs a list of {len(columns)} values, found {shown(row)}")
            values = {**USUAL, **dict(zip(columns, row, strict=True))}
            if "mtu" not in columns and values["quoted"] is not None:
                values["direction"] = "error"  # In older records an ICMP error is a request or a reply.
            capture["packets"][at] = list(values.values())
    return {**tree, "columns": list(COLUMNS)}


def _check(observation: Observation) -> None:
    if observation.captures:
        raise FileError("observation.captures: unknown field")
    for name, value in observation.bindings.items():
        if isinstance(value, tuple) and not _is_build(value) and not all(isinstance(text, str) for text in value):
            place = dotted(("observation", "bindings", name))
            raise FileError(f"{place}: needs texts or two whole numbers, found {shown(value)}")


def _is_build(value: tuple[int | str, ...]) -> bool:
    return len(value) == 2 and all(isinstance(part, int) for part in value)


def _capture(form: CaptureForm) -> Capture:
    packets: list[SeenPacket] = []
    for at, row in enumerate(form.packets):
        try:
            packets.append(SeenPacket(direction=row.direction, packet=packet_of(row)))
        except UnicodeEncodeError as error:
            place = dotted(("captures", form.point, "packets", at, "payload"))
            raise FileError(f"{place}: needs one character for each byte, found {shown(error.object)}") from None
    return Capture(point=form.point, where=form.where, usable=form.usable, reason=form.reason, packets=tuple(packets))


def _capture_form(capture: Capture) -> CaptureForm:
    return CaptureForm(
        point=capture.point,
        where=capture.where,
        usable=capture.usable,
        reason=capture.reason,
        packets=tuple(row_of(seen.direction, seen.packet) for seen in capture.packets),
    )
