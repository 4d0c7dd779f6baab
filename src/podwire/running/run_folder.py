"""The folder of a run, and the file in which Allure keeps earlier runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from podwire.content import runs_folder
from podwire.errors import UsageError
from podwire.records import observation_files, watch
from podwire.records.files import NAME
from podwire.reporting import evidence

LEFT_BY_A_RUN = (NAME, watch.NAME, observation_files.NAME, evidence.FOLDER)


class RunFolder:
    """The folder of one run: the user's choice (`--run-dir`), or a new one in `reports/runs`."""

    def __init__(self, chosen: Path | None, run_id: str) -> None:
        self._asked = chosen
        self.path = chosen or runs_folder() / run_id

    def check(self) -> None:
        """Raise `UsageError` if the folder holds a run or cannot be made. Writes nothing."""
        try:
            held = next((name for name in LEFT_BY_A_RUN if (self.path / name).exists()), None)
            above = next(folder for folder in (self.path, *self.path.absolute().parents) if folder.exists())
        except OSError as problem:
            raise self._unusable(problem.strerror or str(problem)) from problem
        if held is not None:
            raise UsageError(f"--run-dir {self.path}: already holds a run ({held}); choose another folder")
        if not above.is_dir():
            raise self._unusable(f"{above} is not a folder")

    def make(self) -> None:
        """Make the folder and prove that podwire can write into it. Raises `UsageError`."""
        self.check()
        with self.written():
            self.path.mkdir(parents=True, exist_ok=True)
            probe = self.path / ".writable"
            probe.touch()
            probe.unlink()

    def if_made(self) -> Path | None:
        """The folder, or None before it is made."""
        return self.path if self.path.is_dir() else None

    @contextmanager
    def written(self) -> Iterator[None]:
        """A block that writes into the folder. It turns OSError into `UsageError`."""
        try:
            yield
        except OSError as problem:
            raise self._unusable(problem.strerror or str(problem)) from problem

    def _unusable(self, why: str) -> UsageError:
        return UsageError(f"--run-dir {self.path}: cannot be written: {why}; choose another folder")

    def history(self, chosen: Path | None, cluster: str) -> Path | None:
        """The file in which Allure keeps earlier runs of the same cluster: `chosen`, or one in `reports/runs`.

        None for a run with `--run-dir` and without `--history`.
        """
        if chosen is not None or self._asked is not None:
            return chosen
        return runs_folder() / f"history-{re.sub(r'[^A-Za-z0-9.-]+', '-', cluster)}.jsonl"
