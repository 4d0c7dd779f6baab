"""`manifest.json` of a bundle: what was decided, on which runs, and every file with its size and SHA-256."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from podwire.gating.numbers import Rules
from podwire.records.trees import Malformed, plain, value_of

SCHEMA = "podwire.signoff/1"
MANIFEST, SIGNATURE = "manifest.json", "manifest.json.sig"


@dataclass(frozen=True, kw_only=True)
class File:
    """A file of the bundle. `path` is relative and has forward slashes; `size` is in bytes."""

    path: str
    size: int
    sha256: str

    @classmethod
    def of(cls, path: str, data: bytes) -> File:
        return cls(path=path, size=len(data), sha256=hashlib.sha256(data).hexdigest())


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What the signature is over. `made` is a time in UTC (ISO 8601); `baseline` and `candidate` are ids of runs.

    `rules` and `waivers` (a path in the bundle, or nothing) are what the gate was asked with; whoever verifies asks it
    again.
    """

    schema: str
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

    def to_bytes(self) -> bytes:
        return (json.dumps(plain(self), indent=1, ensure_ascii=False) + "\n").encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        """ValueError tells in one line what is wrong."""
        try:
            tree = json.loads(data)
            if not isinstance(tree, dict) or tree.get("schema") != SCHEMA:
                raise ValueError(f"{MANIFEST}: schema: {SCHEMA} is needed")
            return value_of(cls, tree)
        except UnicodeDecodeError:
            raise ValueError(f"{MANIFEST}: is not UTF-8 text") from None
        except (json.JSONDecodeError, RecursionError) as error:
            raise ValueError(f"{MANIFEST}: is not JSON: {error}") from None
        except Malformed as problem:
            raise ValueError(f"{MANIFEST}: {problem}") from None
