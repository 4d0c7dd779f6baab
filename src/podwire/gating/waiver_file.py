"""The file of waivers, read strictly."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from podwire.gating.waivers import Waiver
from podwire.strict_yaml import FileError, Reader

_FIELDS = ("case", "owner", "link", "reason", "expires", "symptom")


class WaiverError(FileError):
    """The file of waivers is not as it must be; the text is one line for its author."""


class _Reader(Reader):
    raises = WaiverError

    def day(self, name: str) -> date:
        """A date, which YAML may have read as one already."""
        value = self.tree.get(name)
        if type(value) is date:
            return value
        try:
            return date.fromisoformat(self.text(name))
        except ValueError:
            raise self.error(name, f"a date is needed, as 2026-12-31, found {value!r}") from None


def load_waivers(path: Path) -> tuple[Waiver, ...]:
    """The waivers of a file. Raises `WaiverError`."""
    tree = _Reader.file(path, required=("waivers",))
    waivers = tuple(_waiver(entry) for entry in tree.entries("waivers"))
    for at, waiver in enumerate(waivers):
        if waiver in waivers[:at]:
            raise tree.error("waivers", f"{waiver.case} is there twice")
    return waivers


def _waiver(entry: _Reader) -> Waiver:
    entry.keys(required=_FIELDS)
    link, symptom = entry.text("link"), entry.text("symptom")
    if not link.startswith(("https://", "http://")):
        raise entry.error("link", f"a web address is needed, found {link!r}")
    if len(symptom) < 8:
        raise entry.error("symptom", f"{symptom!r} would be in too many failures: 8 characters or more")
    return Waiver(
        case=entry.text("case"),
        owner=entry.text("owner"),
        link=link,
        reason=entry.text("reason"),
        expires=entry.day("expires"),
        symptom=symptom,
    )
