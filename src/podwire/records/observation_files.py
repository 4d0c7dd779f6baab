"""`observations.jsonl.gz`: everything that was seen in a run, one line of JSON a case and round."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from podwire.records.files import replacing
from podwire.records.observations import Stored
from podwire.records.run import RunRecord, StoredObservations
from podwire.records.trees import Malformed
from podwire.redaction import redacted

NAME = "observations.jsonl.gz"
GZIP = 16 + zlib.MAX_WBITS
"""What zlib calls the format of gzip; its header has no name and no time."""
T = TypeVar("T")


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
            line = json.dumps(one.to_tree(), separators=(",", ":"), ensure_ascii=True)
            put(packer.compress(redacted(f"{line}\n").encode("ascii")))
            count += 1
        put(packer.flush())
    return StoredObservations(file=NAME, sha256=digest.hexdigest(), count=count)


def read_observations(record: RunRecord, directory: Path, read: Callable[[Any], T]) -> list[T]:
    """Every observation of a record, by `Stored.from_tree` or `exchanges`.

    ValueError tells in one line, with file and field, why they cannot be read or are not those of this record.
    """
    known = record.observations
    if known is None:
        raise ValueError(f"{directory}: observations: the record has none; make the run again with this podwire")
    path = directory / known.file
    if path.parent != directory:
        raise ValueError(f"{directory}: observations.file: {ascii(known.file)[:60]} is not in the folder of the run")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}; it belongs beside the run.json that names it") from None
    except ValueError:
        raise ValueError(f"{directory}: observations.file: {ascii(known.file)[:60]} is no file name") from None
    if hashlib.sha256(data).hexdigest() != known.sha256:
        raise ValueError(f"{path}: its SHA-256 is not the one in run.json; take the file that the run wrote")
    found = list(_lines(data, path, read))
    if len(found) != known.count:
        raise ValueError(f"{path}: holds {len(found)} observations, run.json counts {known.count}")
    return found


def _lines(data: bytes, path: Path, read: Callable[[Any], T]) -> Iterator[T]:
    try:
        text = gzip.decompress(data).decode("ascii")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a compressed file of observations: {error}") from None
    for number, line in enumerate(text.splitlines(), 1):
        try:
            yield read(json.loads(line))
        except (Malformed, ValueError, RecursionError) as error:
            raise ValueError(f"{path}: line {number}: {error}") from None
