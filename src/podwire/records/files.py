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
from podwire.visible import visible

NAME = "run.json"
MOST_BYTES = 512 << 20
"""The limit in bytes: a hundred times the record of a large run."""


def write_record(record: RunRecord, directory: Path) -> Path:
    """Write `run.json` into the run's folder. A reader sees the old file or the complete new one, never a part."""
    path = directory / NAME
    write_atomically(path, record_text(record))
    return path


def as_stored(record: RunRecord) -> RunRecord:
    """The record as whoever loads it sees it: without secrets. What is made of it can break a text as it likes."""
    return parse_record(file_bytes(record_text(record)))


def load_record(path: Path) -> RunRecord:
    """The record in a file or in a run's folder. ValueError says in one line why it cannot be read."""
    file = path / NAME if path.is_dir() else path
    try:
        return parse_record(bytes_of(file, MOST_BYTES))
    except OSError as error:
        raise ValueError(f"{file}: {error.strerror or error}") from None
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def file_bytes(text: str) -> bytes:
    """A text as every file gets it: without secrets, and with characters that harm a terminal written out.

    JSON holds the same values then, for JSON reads what is written out as what it was.
    """
    return visible(redacted(text)).encode("utf-8")


def write_text(path: Path, text: str) -> None:
    """Write a file, as `file_bytes` has it. OSError as the system gives it."""
    path.write_bytes(file_bytes(text))


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a temporary file, then rename it to `path`. A text passes `file_bytes`, bytes do not. Raises OSError."""
    with replacing(path) as file:
        file.write(file_bytes(content) if isinstance(content, str) else content)


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
