"""`seal.json`: the SHA-256 of every file that a run's verdicts rest on, chained, so that a later edit is named by file.

The seal is no signature: who edits a file can make a new seal. It names what was changed by accident or by hand; what a
record says of its cases is judged again from the observations, and `podwire signoff` signs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from podwire.files.bounded import bytes_of
from podwire.files.typed import json_as
from podwire.records.environment import NAME as ENVIRONMENT
from podwire.records.environment import write_environment
from podwire.records.files import NAME as RECORD
from podwire.records.files import write_atomically
from podwire.records.run import RunRecord

NAME = "seal.json"
MOST_BYTES = 64 << 20
REMEDY = "take the files that the run wrote"


class SealedFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of the run: its path in the run's folder, its bytes, and the chain up to and including it."""

    path: str
    size: int
    sha256: str
    chain: str


class SealForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file. `run_id` is that of the record."""

    schema: Literal["podwire.seal/1"]
    run_id: str
    files: tuple[SealedFile, ...]


_DECODER = msgspec.json.Decoder(SealForm)


def write_seal(record: RunRecord, folder: Path) -> Path:
    """Seal what a run that has ended leaves: observations, evidence, its environment, and the record."""
    write_environment(folder)
    files: list[SealedFile] = []
    for path in sealed_paths(record):
        data = (folder / path).read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        chain = _link(files[-1].chain if files else record.run_id, path, digest)
        files.append(SealedFile(path=path, size=len(data), sha256=digest, chain=chain))
    seal = SealForm(schema="podwire.seal/1", run_id=record.run_id, files=tuple(files))
    write_atomically(folder / NAME, msgspec.json.format(msgspec.json.encode(seal).decode(), indent=1) + "\n")
    return folder / NAME


def sealed_paths(record: RunRecord) -> list[str]:
    """What the seal of a record is over: observations, evidence, environment, and the record itself last."""
    evidence = sorted({file for case in record.cases for file in case.evidence})
    return [*([record.observations.file] if record.observations else []), *evidence, ENVIRONMENT, RECORD]


def broken(record: RunRecord, folder: Path) -> Iterator[str]:
    """What is not as it was sealed, a line each, by its path in the run's folder."""
    try:
        seal = json_as(bytes_of(folder / NAME, MOST_BYTES), _DECODER)
    except FileNotFoundError:
        if _writes_seals(record):
            yield f"{NAME}: is not there, and podwire {record.setup.version} seals its runs; {REMEDY}"
        return
    except (OSError, ValueError) as problem:
        yield f"{NAME}: is not the seal of run {record.run_id}: {problem}; {REMEDY}"
        return
    if seal.run_id != record.run_id:
        yield f"{NAME}: is not the seal of run {record.run_id}; {REMEDY}"
        return
    if [one.path for one in seal.files] != sealed_paths(record):
        yield f"{NAME}: does not name the files of the record; {REMEDY}"
        return
    before = record.run_id
    for one in seal.files:
        before = _link(before, one.path, one.sha256)
        try:
            file = folder / one.path
            data = file.read_bytes() if file.stat().st_size == one.size else b""
        except (OSError, ValueError):
            yield f"{one.path}: is not there, and {NAME} names it; {REMEDY}"
            continue
        if hashlib.sha256(data).hexdigest() != one.sha256 or len(data) != one.size:
            yield f"{one.path}: was changed after the run ended ({NAME}); {REMEDY}"
        elif before != one.chain:
            yield f"{NAME}: its chain breaks at {one.path}; {REMEDY}"
            return


def _link(before: str, path: str, digest: str) -> str:
    return hashlib.sha256(f"{before}\0{path}\0{digest}".encode()).hexdigest()


def _writes_seals(record: RunRecord) -> bool:
    """Podwire 0.1 wrote no seals."""
    return not record.setup.version.startswith("0.1.")
