"""Values that a run will need again, on disk instead of in memory."""

from __future__ import annotations

import os
import pickle
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, NamedTuple


class Entry(NamedTuple):
    """Where a value lies: its first byte, and how many there are."""

    offset: int
    length: int


class Spool:
    """A file without a name: nobody else can open it, and it goes with the process, however that ends.

    `folder` tells in which file system it is made. Several threads may use it. `put` raises OSError as the system gives
    it.
    """

    def __init__(self, folder: Callable[[], Path | None]) -> None:
        self._folder, self._lock = folder, threading.Lock()
        self._file: IO[bytes] | None = None
        self._end = 0

    def put(self, value: object) -> Entry:
        """Write a value."""
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
