"""`run.json`: the record on disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from podwire.files.bounded import bytes_of
from podwire.records.run import RunRecord
from podwire.records.run_form import parse_record, record_text
from podwire.redaction import redacted

NAME = "run.json"
MOST_BYTES = 512 << 20
"""The limit in bytes: a hundred times the record of a large run."""


def write_record(record: RunRecord, directory: Path) -> Path:
    """Write `run.json` into the run's folder. A reader sees the old file or the complete new one, never a part."""
    path = directory / NAME
    write_atomically(path, record_text(record))
    return path


def load_record(path: Path) -> RunRecord:
    """The record in a file or in a run's folder. ValueError says in one line why it cannot be read."""
    file = path / NAME if path.is_dir() else path
    try:
        return parse_record(bytes_of(file, MOST_BYTES))
    except OSError as error:
        raise ValueError(f"{file}: {error.strerror or error}") from None
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a temporary file, then rename it to `path`. A text is redacted first. Raises OSError."""
    with replacing(path) as file:
        file.write(redacted(content).encode("utf-8") if isinstance(content, str) else content)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A block that writes a temporary file, which replaces `path` when the block ends. Raises OSError."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as file:
            yield file
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
