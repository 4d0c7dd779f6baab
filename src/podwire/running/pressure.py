"""How busy the runner's own machine was: on one that is, answers come late, and a missing one tells of nothing else.

Linux counts the time in which a process that could have run had to wait (Documentation/accounting/psi.rst: the `some`
line of /proc/pressure/cpu, whose `total` is in microseconds). Where a kernel has no such count, the load average of the
last minute is held against the number of processors.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

PRESSURE = Path("/proc/pressure/cpu")


class Waited:
    """The share of a span of time in which some process of this machine waited for a processor, 0 to 1."""

    def __init__(
        self, read: Callable[[], float | None] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read, self._clock = read or waited_seconds, clock
        self._before, self._began = self._read(), self._clock()

    def share(self) -> float:
        """The share since the beginning; by the load average where the kernel counts nothing."""
        now, elapsed = self._read(), self._clock() - self._began
        if now is None or self._before is None or elapsed <= 0:
            return share_of_load(os.getloadavg()[0], os.cpu_count() or 1)
        return min(1.0, max(0.0, (now - self._before) / elapsed))


def waited_seconds(file: Path = PRESSURE) -> float | None:
    """How long some process has waited for a processor since the machine started; None where it is not counted."""
    try:
        lines = file.read_text(encoding="ascii").splitlines()
        [some] = [line for line in lines if line.startswith("some ")]
        return int(some.rpartition("total=")[2]) / 1e6
    except (OSError, ValueError):
        return None


def share_of_load(load: float, processors: int) -> float:
    """What a load average says of waiting: nothing up to one process for each processor, then the part that waits."""
    return max(0.0, 1.0 - processors / load) if load > 0 else 0.0
