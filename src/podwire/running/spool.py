"""Keeps values that a run needs later on disk instead of in memory."""

from __future__ import annotations

import os
import pickle
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, NamedTuple


class Entry(NamedTuple):
    """The place of a value in the spool: its offset and length in bytes."""

    offset: int
    length: int


class Spool:
    """An unnamed temporary file: no other process can open it, and the system removes it when this process ends.

    `folder` returns the folder whose file system it uses (None: the system's temporary folder). Thread-safe. `put`
    raises OSError.
    """

    def __init__(self, folder: Callable[[], Path | None]) -> None:
        self._folder, self._lock = folder, threading.Lock()
        self._file: IO[bytes] | None = None
        self._end = 0

    def put(self, value: object) -> Entry:
        """Write a value and return its place."""
        data = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
        with self._lock:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._folder())  # noqa: SIM115 - open as long as the run
            entry = Entry(self._end, len(data))
            self._file.write(data)
            self._file.flush()
            self._end += len(data)
        return entry

    def get(self, entry: Entry) -> object:
        """The value of an entry that `put` returned."""
        assert self._file is not None
        return pickle.loads(os.pread(self._file.fileno(), entry.length, entry.offset))
