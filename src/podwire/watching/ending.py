"""When a watch ends: after its command or its time, and then as soon as every path is back, or will not come back."""

from __future__ import annotations

import signal
from collections.abc import Sequence

from podwire.model.gaps.paths import Budget
from podwire.running.target import Say
from podwire.watching.command import GRACE, Command
from podwire.watching.timeline import TimeLine

SHORTEST = 2.0
"""Seconds for which a watch goes on at least: what a command did last shows a moment later."""
LONG, LONGEST = 15.0, 120.0
"""Seconds for which it goes on while a stream waits for an answer, and while a path of the beginning has no stream."""
_SPEAK = 10.0


class Ending:
    """The end of one watch. `seconds` None: no time is set. All moments are times of `time.monotonic`."""

    def __init__(
        self, command: Command | None, seconds: float | None, budgets: Sequence[Budget], line: TimeLine, say: Say
    ) -> None:
        self._command, self._line, self._say = command, line, say
        self._end = None if seconds is None else line.began + seconds
        limits = [budget.seconds for budget in budgets if budget.seconds is not None]
        self._patience = min(max([LONG, *(limit + SHORTEST for limit in limits)]), LONGEST)
        """A wait that is still within its budget goes on until it is not, where that can be awaited."""
        self._signalled: float | None = None
        self._over: float | None = None
        self._spoke = 0.0

    def has_come(self, now: float) -> bool:
        """Whether the command has ended, or the time is over. A command that runs too long gets SIGTERM."""
        if self._over is None and self._is_over(now):
            self._over = now
        return self._over is not None

    def _is_over(self, now: float) -> bool:
        command = self._command
        if command is not None and not command.running:
            record = command.record()
            how = f"ended with exit code {record.exit_code}" + (f" ({record.signal})" if record.signal else "")
            self._line.add("command", command.words[0], how)
            return True
        if self._end is None or now < self._end:
            return False
        if command is None:
            return True
        if self._signalled is None:
            self._signalled = now
            self._line.add("command", command.words[0], "the time is over: SIGTERM")
            command.signal(signal.SIGTERM)
        elif now - self._signalled > GRACE:
            self._line.add("command", command.words[0], "goes on after SIGTERM; podwire does not wait for it")
            return True
        return False

    def may_end(self, now: float, waits: bool, missing: Sequence[str]) -> bool:
        """Whether the watch may end now. `waits`: some stream has waited for so long that it is a gap."""
        assert self._over is not None
        passed = now - self._over
        if passed < SHORTEST:
            return False
        patience = LONGEST if missing and not self._failed() else self._patience if waits or missing else 0.0
        if passed >= patience:
            return True
        if now - self._spoke > _SPEAK:
            self._spoke = now
            why = f"{', '.join(missing)} to come back" if missing else "answers that are due"
            self._say(f"waiting for {why}, for {patience - passed:.0f} s at most")
        return False

    def _failed(self) -> bool:
        """Whether the command has failed: then nobody can say that the watch has seen all of it, whatever comes."""
        return self._command is not None and self._command.record().exit_code != 0
