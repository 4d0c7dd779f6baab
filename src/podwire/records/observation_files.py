"""`observations.jsonl.gz`: everything that was seen in a run, one line of JSON a case and round."""

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
"""Bytes, unpacked."""
_CHUNK = 1 << 20
GZIP = 16 + zlib.MAX_WBITS
"""What zlib calls the format of gzip; its header has no name and no time."""


def write_observations(several: Iterable[Stored], directory: Path) -> StoredObservations:
    """Write the file into the run's folder, one observation after the other, and return what the record says of it."""
    count, digest = 0, hashlib.sha256()
    # The fastest level: the next ones make the file a fifth smaller and take twice the time.
    packer = zlib.compressobj(level=1, wbits=GZIP)
    with replacing(directory / NAME) as file:

        def put(data: bytes) -> None:
            digest.update(data)
            file.write(data)

        for one in several:
            line = line_of(one).decode("ascii")
            put(packer.compress(redacted(f"{line}\n").encode("ascii")))
            count += 1
        put(packer.flush())
    return StoredObservations(file=NAME, sha256=digest.hexdigest(), count=count)


def read_observations(record: RunRecord, directory: Path) -> list[Stored]:
    """Every observation of a record.

    ValueError tells in one line, with file and field, why they cannot be read or are not those of this record.
    """
    known = record.observations
    if known is None:
        raise ValueError(f"{directory}: observations: the record has none; make the run again with this podwire")
    path = directory / known.file
    if path.parent != directory:
        raise ValueError(f"{directory}: observations.file: {ascii(known.file)[:60]} is not in the folder of the run")
    if "\0" in known.file:
        raise ValueError(f"{directory}: observations.file: {ascii(known.file)[:60]} is no file name")
    try:
        data = bytes_of(path, MOST_BYTES)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}; it belongs beside the run.json that names it") from None
    except FileError as error:
        raise ValueError(f"{path}: {error}") from None
    if hashlib.sha256(data).hexdigest() != known.sha256:
        raise ValueError(f"{path}: its SHA-256 is not the one in run.json; take the file that the run wrote")
    found: list[Stored] = []
    for number, line in enumerate(_lines(data, path), 1):
        try:
            found.append(observation_of(line))
        except FileError as error:
            raise ValueError(f"{path}: line {number}: {error}") from None
    if len(found) != known.count:
        raise ValueError(f"{path}: holds {len(found)} observations, run.json counts {known.count}")
    return found


def _lines(data: bytes, path: Path) -> Iterator[bytes]:
    """The lines of the text that was compressed, which may be many times the memory that there is."""
    rest, total, unpacker = b"", 0, zlib.decompressobj(wbits=31)
    try:
        while data and not unpacker.eof:
            text = unpacker.decompress(data, _CHUNK)
            data, total = unpacker.unconsumed_tail, total + len(text)
            *lines, rest = (rest + text).split(b"\n")
            yield from lines
            if len(rest) > LONGEST_LINE or total > MOST_TEXT:
                raise ValueError(f"{path}: holds more than any run can have seen")
    except zlib.error as error:
        raise ValueError(f"{path}: not a compressed file of observations: {error}") from None
    if not unpacker.eof:
        raise ValueError(f"{path}: not a compressed file of observations: it is cut off")
    if rest:
        yield rest
