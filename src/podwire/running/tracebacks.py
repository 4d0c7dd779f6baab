"""Keeps the traceback of an unexpected answer as a file in the run's folder, for a bug report."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from podwire.errors import MalformedAnswer
from podwire.records.files import write_atomically

NAME = "traceback.txt"


@contextmanager
def traceback_kept(folder: Path) -> Iterator[None]:
    """A block that writes the traceback of a `MalformedAnswer` into the folder and adds its path to the message."""
    try:
        yield
    except MalformedAnswer as error:
        file = folder / NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_atomically(file, "".join(traceback.format_exception(error)))
        except OSError:
            raise error from None  # The message is worth more than the traceback.
        raise MalformedAnswer(f"{error}; traceback: {file}") from error
