"""The traceback of an error that its text alone does not explain: a file of the run, for whoever mends podwire."""

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
    """A block whose `MalformedAnswer` leaves its traceback in the folder, and says where."""
    try:
        yield
    except MalformedAnswer as error:
        file = folder / NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_atomically(file, "".join(traceback.format_exception(error)))
        except OSError:
            raise error from None  # The line that explains it is worth more than where it comes from.
        raise MalformedAnswer(f"{error}; where: {file}") from error
