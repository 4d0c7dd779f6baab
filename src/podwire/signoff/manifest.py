"""`manifest.json` of a bundle: the decision, its runs, and every file with its size and SHA-256."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from podwire.files.bounded import FileError
from podwire.files.typed import json_as
from podwire.gating.numbers import Rules

SCHEMA: Literal["podwire.signoff/1"] = "podwire.signoff/1"
MANIFEST, SIGNATURE = "manifest.json", "manifest.json.sig"


class File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of the bundle. `path` is relative and has forward slashes; `size` is in bytes."""

    path: str
    size: int
    sha256: str

    @classmethod
    def of(cls, path: str, data: bytes) -> File:
        return cls(path=path, size=len(data), sha256=hashlib.sha256(data).hexdigest())


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The signed content. `made` is a time in UTC (ISO 8601); `baseline` and `candidate` are ids of runs.

    With `pools`, an old and a new one, the sides are these pools of the one run in `candidate`; `baseline` is empty.
    `rules` and `waivers` (a path in the bundle, or None) are the arguments of the gate; a verifier asks it again.
    """

    schema: Literal["podwire.signoff/1"]
    podwire: str
    made: str
    emulated: bool
    decision: str
    headline: str
    rules: Rules
    baseline: tuple[str, ...]
    candidate: tuple[str, ...]
    outcomes: Mapping[str, int]
    waivers: str | None
    files: tuple[File, ...]
    pools: tuple[str, str] | None = None

    def to_bytes(self) -> bytes:
        return msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n"

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        """ValueError tells in one line what is wrong."""
        try:
            return json_as(data, _DECODER, _form_of)
        except FileError as problem:
            raise ValueError(f"{MANIFEST}: {problem}") from None


_DECODER = msgspec.json.Decoder(Manifest)


def _form_of(tree: Any) -> type[Manifest]:
    if not isinstance(tree, dict) or tree.get("schema") != SCHEMA:
        raise FileError(f"schema: must be {SCHEMA}")
    return Manifest
