"""How busy the runner's own machine was. On a busy machine answers come late, so a missing answer proves little.

Linux counts the time in which a runnable process waited for a processor (Documentation/accounting/psi.rst: the `some`
line of /proc/pressure/cpu, `total` in microseconds). For a kernel without this count, podwire compares the load average
of the last minute with the number of processors.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

PRESSURE = Path("/proc/pressure/cpu")


class Waited:
    """Measures the share of time, 0 to 1, in which a process of this machine waited for a processor."""

    def __init__(
        self, read: Callable[[], float | None] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read, self._clock = read or waited_seconds, clock
        self._before, self._began = self._read(), self._clock()

    def share(self) -> float:
        """The share since the measurement began; from the load average if the kernel has no count."""
        now, elapsed = self._read(), self._clock() - self._began
        if now is None or self._before is None or elapsed <= 0:
            return share_of_load(os.getloadavg()[0], os.cpu_count() or 1)
        return min(1.0, max(0.0, (now - self._before) / elapsed))


def waited_seconds(file: Path = PRESSURE) -> float | None:
    """Seconds for which a process has waited for a processor since the machine started; None without a count."""
    try:
        lines = file.read_text(encoding="ascii").splitlines()
        [some] = [line for line in lines if line.startswith("some ")]
        return int(some.rpartition("total=")[2]) / 1e6
    except (OSError, ValueError):
        return None


def share_of_load(load: float, processors: int) -> float:
    """The share of waiting processes in a load average: 0 up to one process for each processor."""
    return max(0.0, 1.0 - processors / load) if load > 0 else 0.0
