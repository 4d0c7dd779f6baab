"""An observation as it is on disk: a line of JSON, in which a packet is a row whose columns the line names. Pure."""

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
    """A line of the file. The captures stand beside the rest of the observation."""

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
    captures = {point: _capture(one) for point, one in form.captures.items()}
    return Stored(
        case=case_of(form.case),
        observation=structs.replace(form.observation, captures=captures),
        outcome=form.outcome,
        round=form.round,
        cut=form.cut,
    )


def line_of(one: Stored) -> bytes:
    """An observation as a line of ASCII, without its end; `observation_of` is its inverse."""
    seen = one.observation
    form = LineForm(
        case=form_of_case(one.case),
        # msgspec leaves a field out whose value is the default itself: another zero, equal to it, would be written.
        observation=structs.replace(seen, captures={}, settled=seen.settled or _USUAL.settled),
        outcome=one.outcome,
        round=one.round,
        cut=one.cut,
        columns=COLUMNS,
        captures={point: _capture_form(capture) for point, capture in one.observation.captures.items()},
    )
    line = msgspec.json.encode(form)
    # Readers of the first releases take ASCII only; so that equal runs are equal files, DEL is escaped as it was.
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
    """A line whose rows have other columns, with those of today: in another order, or without what is usual."""
    columns = tree.get("columns") if isinstance(tree, dict) else None
    captures = tree.get("captures") if isinstance(tree, dict) else None
    if not isinstance(columns, list) or not isinstance(captures, dict) or tuple(columns) == COLUMNS:
        return tree
    for at, name in enumerate(columns):
        if not isinstance(name, str) or name not in USUAL or columns.index(name) != at:
            raise FileError(f"columns[{at}]: {shown(name)} is not known here")
    for name, default in USUAL.items():
        if default is msgspec.NODEFAULT and name not in columns:
            raise FileError(f"columns: {name} is missing")
    for point, capture in captures.items():
        rows = capture.get("packets") if isinstance(capture, dict) else None
        for at, row in enumerate(rows if isinstance(rows, list) else ()):
            if not isinstance(row, list) or len(row) != len(columns):
                place = dotted(("captures", point, "packets", at))
                raise FileError(f"{place}: a list of {len(columns)} values is needed, found {shown(row)}")
            values = {**USUAL, **dict(zip(columns, row, strict=True))}
            if "mtu" not in columns and values["quoted"] is not None:
                values["direction"] = "error"  # In older records an ICMP error is a request or a reply.
            capture["packets"][at] = list(values.values())
    return {**tree, "columns": list(COLUMNS)}


def _check(seen: Observation) -> None:
    if seen.captures:
        raise FileError("observation.captures: is not known here")
    for name, value in seen.bindings.items():
        if isinstance(value, tuple) and not _is_build(value) and not all(isinstance(one, str) for one in value):
            place = dotted(("observation", "bindings", name))
            raise FileError(f"{place}: texts or two whole numbers are needed, found {shown(value)}")


def _is_build(value: tuple[int | str, ...]) -> bool:
    return len(value) == 2 and all(isinstance(one, int) for one in value)


def _capture(form: CaptureForm) -> Capture:
    packets: list[SeenPacket] = []
    for at, row in enumerate(form.packets):
        try:
            packets.append(SeenPacket(direction=row.direction, packet=packet_of(row)))
        except UnicodeEncodeError as error:
            place = dotted(("captures", form.point, "packets", at, "payload"))
            raise FileError(f"{place}: bytes are needed, a character each, found {shown(error.object)}") from None
    return Capture(point=form.point, where=form.where, usable=form.usable, reason=form.reason, packets=tuple(packets))


def _capture_form(capture: Capture) -> CaptureForm:
    return CaptureForm(
        point=capture.point,
        where=capture.where,
        usable=capture.usable,
        reason=capture.reason,
        packets=tuple(row_of(one.direction, one.packet) for one in capture.packets),
    )
