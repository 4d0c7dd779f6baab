"""`run.json`: the record on disk."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from podwire.records.run import REMEDY, RunRecord
from podwire.redaction import redacted

NAME = "run.json"


def write_record(record: RunRecord, directory: Path) -> Path:
    """Write `run.json` into the run's folder; a reader sees the old file or the whole new one, never a part."""
    path = directory / NAME
    text = json.dumps(record.to_dict(), indent=1, ensure_ascii=False)
    write_atomically(path, text + "\n")
    return path


def load_record(path: Path) -> RunRecord:
    """The record in a file, or in a run's folder. ValueError tells in one line why it cannot be read."""
    file = path / NAME if path.is_dir() else path
    try:
        return parse_record(file.read_bytes())
    except OSError as error:
        raise ValueError(f"{file}: {error.strerror or error}") from None
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def parse_record(data: bytes) -> RunRecord:
    """The record in the bytes of a file. ValueError tells in one line what is wrong with them."""
    try:
        tree = json.loads(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise ValueError(f"not a run record: it is not UTF-8 text; {REMEDY}") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}; {REMEDY}") from None
    if not isinstance(tree, dict):
        raise ValueError(f"not a run record: it holds a {type(tree).__name__}, not an object; {REMEDY}")
    return RunRecord.from_dict(tree)


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write beside the file, then rename over it; a text without the secrets in it. OSError as the system gives it."""
    with replacing(path) as file:
        file.write(redacted(content).encode("utf-8") if isinstance(content, str) else content)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A block that writes a file beside this one, which takes its place at the end. OSError as the system gives it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as file:
            yield file
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
