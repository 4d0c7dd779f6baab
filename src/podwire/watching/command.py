"""The command of `podwire watch -- COMMAND`: it runs while the streams do, and gets the signals of the watch."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence

from podwire.errors import UsageError
from podwire.records.watch import CommandRecord

GRACE = 10.0
"""Seconds that the command has to end after a signal."""


class Command:
    """A command line, not yet started. Its streams are those of podwire.

    It has a process group of its own: a signal reaches it once, through podwire.

    Raises:
        UsageError: there is no such program.
    """

    def __init__(self, words: Sequence[str]) -> None:
        if shutil.which(words[0]) is None:
            raise UsageError(f"-- {words[0]}: there is no such program; write the command as for a shell")
        self.words = tuple(words)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, environment: Mapping[str, str]) -> None:
        """Start it, with these variables beside podwire's own. Raises `UsageError` if it cannot run."""
        try:
            self._process = subprocess.Popen(self.words, env={**os.environ, **environment}, process_group=0)
        except OSError as error:
            raise UsageError(f"-- {self.words[0]}: cannot be started: {error.strerror}") from error

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def end(self, number: int = signal.SIGTERM, grace: float = GRACE) -> None:
        """Pass a signal on and wait for the end; after `grace` seconds the system ends it. Never raises."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        for name, seconds in ((number, grace), (signal.SIGKILL, GRACE)):
            with contextlib.suppress(OSError):
                os.killpg(process.pid, name)
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                continue
            return

    def record(self) -> CommandRecord:
        """How it ended, or that it has not."""
        code = self._process.poll() if self._process is not None else None
        if code is not None and code < 0:
            return CommandRecord(words=self.words, exit_code=128 - code, signal=signal.Signals(-code).name)
        return CommandRecord(words=self.words, exit_code=code)
