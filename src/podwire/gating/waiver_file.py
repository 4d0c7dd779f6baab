"""The file of waivers and its strict reader."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from podwire.files.bounded import FileError
from podwire.files.kinds import Text, WebAddress, one_line
from podwire.files.typed import yaml_as
from podwire.files.words import shown
from podwire.gating.waivers import Waiver

SHORTEST_SYMPTOM = 8


class WaiverError(FileError):
    """The file of waivers is wrong; the text is one line for its author."""


class WaiverEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Failures with an owner and an expiry date."""

    case: Text
    """A case id, in which `*` stands for any text."""
    owner: Text
    link: WebAddress
    reason: Text
    expires: date
    """The last day on which it counts."""
    symptom: Annotated[Text, Meta(extra_json_schema={"minLength": SHORTEST_SYMPTOM})]
    """Text of the verdict or of one of its findings; a failure without it is not excused."""

    def __post_init__(self) -> None:
        if len(one_line(self.symptom)) < SHORTEST_SYMPTOM:
            text = shown(self.symptom)
            raise ValueError(f"symptom: {text} fits too many failures; use {SHORTEST_SYMPTOM} characters or more")


class WaiversFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Failures that the gate does not count (`--waivers FILE`)."""

    waivers: tuple[WaiverEntry, ...]


def load_waivers(path: Path) -> tuple[Waiver, ...]:
    """The waivers of a file.

    Raises:
        WaiverError: the file is wrong.
    """
    try:
        file = yaml_as(path, WaiversFile)
    except FileError as problem:
        raise WaiverError(str(problem)) from None
    waivers = tuple(_waiver(entry) for entry in file.waivers)
    for at, waiver in enumerate(waivers):
        if waiver in waivers[:at]:
            raise WaiverError(f"{path}: waivers: {waiver.case} is in the file twice; remove one")
    return waivers


def _waiver(entry: WaiverEntry) -> Waiver:
    return Waiver(
        case=one_line(entry.case),
        owner=one_line(entry.owner),
        link=entry.link,
        reason=one_line(entry.reason),
        expires=entry.expires,
        symptom=one_line(entry.symptom),
    )
