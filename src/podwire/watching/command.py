"""The command of `podwire watch -- COMMAND`: it runs while the streams do, and gets the signals of the watch.

podwire never kills it: half an upgrade is worse than one that goes on without a watch.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence

from podwire.errors import UsageError
from podwire.records.watch import CommandRecord
from podwire.redaction import REDACTED

GRACE = 10.0
"""Seconds that the command has to end after a signal. Then the watch ends without it."""
_SECRET = re.compile(r"(?i)token|passw|secret|credential|api[-_]?key|signature")


class Command:
    """A command line, not yet started. Its standard streams are those of podwire.

    Raises:
        UsageError: there is no such program.
    """

    def __init__(self, words: Sequence[str]) -> None:
        if shutil.which(words[0]) is None:
            raise UsageError(f"-- {words[0]}: there is no such program; write the command as for a shell")
        self._words = tuple(words)
        self.words = tuple(_shown(words))
        """The words for people and for the record, without what looks like a secret."""
        self._process: subprocess.Popen[bytes] | None = None
        self._of_terminal = False

    def start(self, environment: Mapping[str, str]) -> None:
        """Start it, with these variables beside podwire's own. Raises `UsageError` if it cannot run.

        In the foreground of a terminal it shares podwire's process group, so that it may ask the user and gets Ctrl-C
        from the terminal. Elsewhere it has a group of its own: a signal reaches all of it once, through podwire.
        """
        self._of_terminal = _in_foreground()
        group = None if self._of_terminal else 0
        try:
            self._process = subprocess.Popen(self._words, env={**os.environ, **environment}, process_group=group)
        except OSError as error:
            raise UsageError(f"-- {self.words[0]}: cannot be started: {error.strerror}") from error

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def signal(self, number: int) -> None:
        """Pass a signal on, unless the terminal has done so. Never raises."""
        process = self._process
        if process is None or process.poll() is not None or (self._of_terminal and number == signal.SIGINT):
            return
        with contextlib.suppress(OSError):
            if self._of_terminal:
                process.send_signal(number)
            else:
                os.killpg(process.pid, number)

    def await_end(self, seconds: float = GRACE) -> bool:
        """Wait for its end. False if it goes on."""
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
        return not self.running

    @property
    def described(self) -> str:
        """The program and its process, for people."""
        return f"{self.words[0]} (process {self._process.pid if self._process else '?'})"

    def record(self) -> CommandRecord:
        """How it ended, or that it has not."""
        code = self._process.poll() if self._process is not None else None
        if code is not None and code < 0:
            return CommandRecord(words=self.words, exit_code=128 - code, signal=signal.Signals(-code).name)
        return CommandRecord(words=self.words, exit_code=code)


def _in_foreground() -> bool:
    """Whether a terminal gives this process its signals and its input."""
    try:
        with open("/dev/tty", "rb", buffering=0) as terminal:
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:
        return False


def _shown(words: Sequence[str]) -> Iterator[str]:
    """The words, but not what follows an option or a variable whose name says that it is a secret."""
    secret_follows = False
    for word in words:
        name, equals, _ = word.partition("=")
        if secret_follows and not word.startswith("-"):
            yield REDACTED
        elif equals and _SECRET.search(name):
            yield f"{name}={REDACTED}"
        else:
            yield word
        secret_follows = word.startswith("-") and not equals and bool(_SECRET.search(word))
