"""Runs of podwire that a signal ends at a random moment, and what each leaves."""

from __future__ import annotations

import contextlib
import os
import random
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL)
SELECTION = ("--lab", "overlay-win-overlay", "--area", "egress", "--family", "ipv4", "--no-report")
CASES = ("--", "-k", "tcp", "-p", "no:cacheprovider")
ANCHORS = {"": 3.0, "ready after": 1.5, "probes ready": 1.5, "in flight": 3.0, "captured at": 1.0, "[100%]": 1.0}
"""Texts in a run's output, and the seconds after each until its latest moment: every part of a run has its share."""
PATIENCE = 120.0


@dataclass(frozen=True, kw_only=True)
class Moment:
    """The moment of a signal: this many seconds after the first line with this text ('' for the start)."""

    number: int
    signal: signal.Signals
    anchor: str
    delay: float

    def __str__(self) -> str:
        return f"{self.number}-{self.signal.name}-{self.anchor.replace(' ', '-') or 'start'}-{self.delay:.2f}"


def moments(count: int) -> list[Moment]:
    """The same moments every time; signals take turns."""
    chance = random.Random(16)
    anchors = list(ANCHORS)
    return [
        Moment(
            number=number,
            signal=SIGNALS[number % len(SIGNALS)],
            anchor=(anchor := chance.choice(anchors)),
            delay=chance.uniform(0.0, ANCHORS[anchor]),
        )
        for number in range(count)
    ]


@dataclass(kw_only=True)
class Killed:
    """The result of a run: its exit code as `subprocess` gives it, its output, its folder, and its temporary folder."""

    code: int
    text: str
    folder: Path
    temporary: Path
    sent: bool
    descendants: set[int] = field(default_factory=set)

    def alive(self) -> set[int]:
        """The processes of the run that still exist after 10 seconds."""
        until = time.monotonic() + 10
        left = {pid for pid in self.descendants if _is_there(pid)}
        while left and time.monotonic() < until:
            time.sleep(0.02)
            left = {pid for pid in left if _is_there(pid)}
        return left


def killed(moment: Moment, folder: Path, temporary: Path) -> Killed:
    """Start a run, send it the signal at this moment, and wait for its end."""
    # What starts the tests may ignore signals, and a process inherits that.
    command = ["env", "--default-signal=INT,HUP,TERM", sys.executable, "-m", "podwire", "run"]
    command += ["--run-dir", str(folder), *SELECTION, *CASES]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    with subprocess.Popen(
        command,
        cwd=CHECKOUT,
        env={**environment, "TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        output = _Output(process.stdout.fileno())
        try:
            if moment.anchor:
                output.read(lambda: moment.anchor in output.text, PATIENCE)
            # The moment itself: nothing is waited for, the run goes on meanwhile.
            output.read(lambda: False, moment.delay)
            sent = process.poll() is None
            descendants = _descendants(process.pid)
            if sent:
                # A terminal sends Ctrl-C to all processes in its foreground.
                (os.killpg if moment.signal is signal.SIGINT else os.kill)(process.pid, moment.signal)
            output.read(lambda: False, PATIENCE)
            process.wait(PATIENCE)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    return Killed(
        code=process.returncode,
        text=output.text,
        folder=folder,
        temporary=temporary,
        sent=sent,
        descendants=descendants,
    )


class _Output:
    """The output of a process, read as it comes."""

    def __init__(self, fd: int) -> None:
        self._fd, self._data = fd, b""

    @property
    def text(self) -> str:
        return self._data.decode(errors="replace")

    def read(self, enough, seconds: float) -> None:
        """Read until `enough()`, the end of the output, or the end of the time."""
        until = time.monotonic() + seconds
        while not enough() and select.select([self._fd], [], [], max(0.0, until - time.monotonic()))[0]:
            piece = os.read(self._fd, 65536)
            if not piece:
                return
            self._data += piece


def _descendants(pid: int) -> set[int]:
    found = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True)
    parents = {
        int(child_pid): int(parent) for child_pid, parent in (line.split() for line in found.stdout.splitlines())
    }
    descendants, new = set(), {pid}
    while new:
        new = {child for child, parent in parents.items() if parent in new}
        descendants |= new
    return descendants


def _is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
