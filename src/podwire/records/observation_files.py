"""`observations.jsonl.gz`: all observations of a run, one line of JSON for each case and round."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from podwire.files.bounded import FileError, bytes_of
from podwire.records.files import MOST_BYTES, replacing
from podwire.records.observation_form import line_of, observation_of
from podwire.records.observations import Stored
from podwire.records.run import RunRecord, StoredObservations
from podwire.redaction import redacted

NAME = "observations.jsonl.gz"
LONGEST_LINE = 64 << 20
MOST_TEXT = 4 << 30
"""The limit of the unpacked text in bytes."""
_CHUNK = 1 << 20
GZIP = 16 + zlib.MAX_WBITS
"""The `wbits` for gzip in zlib. The header has neither a file name nor a time, so equal runs give equal files."""


def write_observations(observations: Iterable[Stored], directory: Path) -> StoredObservations:
    """Write the file into the run's folder, one observation at a time. Returns its entry in the record."""
    count, digest = 0, hashlib.sha256()
    # The fastest level: the next level makes the file a fifth smaller and takes twice the time.
    packer = zlib.compressobj(level=1, wbits=GZIP)
    with replacing(directory / NAME) as file:

        def put(data: bytes) -> None:
            digest.update(data)
            file.write(data)

        for observation in observations:
            line = line_of(observation).decode("ascii")
            put(packer.compress(redacted(f"{line}\n").encode("ascii")))
            count += 1
        put(packer.flush())
    return StoredObservations(file=NAME, sha256=digest.hexdigest(), count=count)


def read_observations(record: RunRecord, directory: Path) -> list[Stored]:
    """Every observation of a record.

    ValueError says in one line, with file and field, why they cannot be read or do not belong to this record.
    """
    entry = record.observations
    if entry is None:
        raise ValueError(f"{directory}: observations: the record has none; repeat the run with this podwire")
    path = directory / entry.file
    if path.parent != directory:
        raise ValueError(f"{directory}: observations.file: {ascii(entry.file)[:60]} is not in the folder of the run")
    if "\0" in entry.file:
        raise ValueError(f"{directory}: observations.file: {ascii(entry.file)[:60]} is not a file name")
    try:
        data = bytes_of(path, MOST_BYTES)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}; put the file beside the run.json that names it") from None
    except FileError as error:
        raise ValueError(f"{path}: {error}") from None
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        raise ValueError(f"{path}: its SHA-256 differs from the one in run.json; use the original file of the run")
    observations: list[Stored] = []
    for number, line in enumerate(_lines(data, path), 1):
        try:
            observations.append(observation_of(line))
        except FileError as error:
            raise ValueError(f"{path}: line {number}: {error}") from None
    if len(observations) != entry.count:
        raise ValueError(f"{path}: holds {len(observations)} observations, but run.json counts {entry.count}")
    return observations


def _lines(data: bytes, path: Path) -> Iterator[bytes]:
    """The unpacked lines, one at a time: the whole text may not fit into memory."""
    rest, total, unpacker = b"", 0, zlib.decompressobj(wbits=31)
    try:
        while data and not unpacker.eof:
            text = unpacker.decompress(data, _CHUNK)
            data, total = unpacker.unconsumed_tail, total + len(text)
            *lines, rest = (rest + text).split(b"\n")
            yield from lines
            if len(rest) > LONGEST_LINE or total > MOST_TEXT:
                raise ValueError(f"{path}: larger than the observations of any run")
    except zlib.error as error:
        raise ValueError(f"{path}: not a compressed file of observations: {error}") from None
    if not unpacker.eof:
        raise ValueError(f"{path}: not a compressed file of observations: it is cut off")
    if rest:
        yield rest
