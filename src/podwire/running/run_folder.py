"""Where a run leaves everything, and where Allure keeps what it shows of earlier runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from podwire.content import runs_folder
from podwire.errors import UsageError
from podwire.records import observation_files
from podwire.records.files import NAME
from podwire.reporting import evidence

LEFT_BY_A_RUN = (NAME, observation_files.NAME, evidence.FOLDER)


class RunFolder:
    """The folder of one run: the one that was asked for, or one of its own among all runs."""

    def __init__(self, asked: Path | None, run_id: str) -> None:
        self._asked = asked
        self.path = asked or runs_folder() / run_id

    def check(self) -> None:
        """`UsageError` where the folder holds a run already, or can never be made. Nothing is written."""
        try:
            held = next((name for name in LEFT_BY_A_RUN if (self.path / name).exists()), None)
            above = next(one for one in (self.path, *self.path.absolute().parents) if one.exists())
        except OSError as problem:
            raise self._unusable(problem.strerror or str(problem)) from problem
        if held is not None:
            raise UsageError(f"--run-dir {self.path}: holds a run already ({held}); choose another folder")
        if not above.is_dir():
            raise self._unusable(f"{above} is no folder")

    def make(self) -> None:
        """Make the folder, before anything is seen that has to be kept, and prove that it can be written."""
        self.check()
        with self.written():
            self.path.mkdir(parents=True, exist_ok=True)
            probe = self.path / ".writable"
            probe.touch()
            probe.unlink()

    def if_made(self) -> Path | None:
        """The folder; None as long as it is not made."""
        return self.path if self.path.is_dir() else None

    @contextmanager
    def written(self) -> Iterator[None]:
        """A block that writes into the folder: `UsageError` where the system does not let it."""
        try:
            yield
        except OSError as problem:
            raise self._unusable(problem.strerror or str(problem)) from problem

    def _unusable(self, why: str) -> UsageError:
        return UsageError(f"--run-dir {self.path}: cannot be written: {why}; choose another folder")

    def history(self, asked: Path | None, cluster: str) -> Path | None:
        """Where Allure keeps earlier runs on the same cluster: the file that was asked for, or one beside the runs.

        None for a run that was led elsewhere: its folder has no neighbours that are known.
        """
        if asked is not None or self._asked is not None:
            return asked
        return runs_folder() / f"history-{re.sub(r'[^A-Za-z0-9.-]+', '-', cluster)}.jsonl"
