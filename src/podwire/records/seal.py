"""`seal.json`: a chain of the SHA-256 of every file behind a run's verdicts. It shows which file changed later.

The seal is not a signature: whoever edits a file can write a new seal. It finds changes by accident or by hand. The
gate judges the observations again, and `podwire signoff` signs.
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
REMEDY = "use the original files of the run"


class SealedFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of the run: its path in the run's folder, its size in bytes, its SHA-256, and the chain up to it."""

    path: str
    size: int
    sha256: str
    chain: str


class SealForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The form of `seal.json`. `run_id` is the record's."""

    schema: Literal["podwire.seal/1"]
    run_id: str
    files: tuple[SealedFile, ...]


_DECODER = msgspec.json.Decoder(SealForm)


def write_seal(record: RunRecord, folder: Path, environment: bytes | None = None) -> Path:
    """Seal the files of a finished run: observations, evidence, environment and record. Returns the seal's path.

    `environment` is the content of `environment.json`; without it, the environment of this process is written.
    """
    if environment is None:
        write_environment(folder)
    else:
        write_atomically(folder / ENVIRONMENT, environment)
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
    """The files that the seal of a record covers, in order: observations, evidence, environment, the record itself."""
    evidence = sorted({file for case in record.cases for file in case.evidence})
    return [*([record.observations.file] if record.observations else []), *evidence, ENVIRONMENT, RECORD]


def broken(record: RunRecord, folder: Path) -> Iterator[str]:
    """A line for each file that is missing or differs from the seal. Each line has the file and what to do."""
    try:
        seal = json_as(bytes_of(folder / NAME, MOST_BYTES), _DECODER)
    except FileNotFoundError:
        if _writes_seals(record):
            yield f"{NAME}: missing, although podwire {record.setup.version} seals its runs; {REMEDY}"
        return
    except (OSError, ValueError) as problem:
        yield f"{NAME}: cannot be read as the seal of run {record.run_id}: {problem}; {REMEDY}"
        return
    if seal.run_id != record.run_id:
        yield f"{NAME}: belongs to another run than {record.run_id}; {REMEDY}"
        return
    if [sealed.path for sealed in seal.files] != sealed_paths(record):
        yield f"{NAME}: lists other files than the record; {REMEDY}"
        return
    before = record.run_id
    for sealed in seal.files:
        before = _link(before, sealed.path, sealed.sha256)
        try:
            file = folder / sealed.path
            data = file.read_bytes() if file.stat().st_size == sealed.size else b""
        except (OSError, ValueError):
            yield f"{sealed.path}: missing, although {NAME} lists it; {REMEDY}"
            continue
        if hashlib.sha256(data).hexdigest() != sealed.sha256 or len(data) != sealed.size:
            yield f"{sealed.path}: changed after the run ended, says {NAME}; {REMEDY}"
        elif before != sealed.chain:
            yield f"{NAME}: its chain breaks at {sealed.path}; {REMEDY}"
            return


def _link(before: str, path: str, digest: str) -> str:
    return hashlib.sha256(f"{before}\0{path}\0{digest}".encode()).hexdigest()


def _writes_seals(record: RunRecord) -> bool:
    """Podwire 0.1 wrote no seals; no podwire that judges a run again leaves them out."""
    return record.setup.judged_again is not None or not record.setup.version.startswith("0.1.")
