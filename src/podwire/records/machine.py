"""How busy the machines of a run were, as its record holds it: beside the times of its parts, which older readers read.

A machine that has no time makes answers late. It is a likely reason for what is inconclusive, and never one to excuse a
failure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

WAITED = "share of the time in which processes of the runner's machine waited for a CPU"
MOST_LATE = "most that an agent was late"
SHARE_LATE = "share of the agents' timers that were late"
NO_PARTS = frozenset({WAITED, MOST_LATE, SHARE_LATE})
"""Among the timings of a record, those that are no part of the run."""
BUSY_SHARE, BUSY_SECONDS = 0.5, 1.0
"""From then on the machine is named as a likely reason of what is inconclusive."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """`waited` and `share_late` are shares, 0 to 1, `most_late` is in seconds; None is not known."""

    waited: float | None
    most_late: float | None
    share_late: float | None

    @property
    def busy(self) -> bool:
        return (self.waited or 0.0) >= BUSY_SHARE or (self.most_late or 0.0) >= BUSY_SECONDS


def machine_of(timings: Mapping[str, float]) -> Machine:
    """What the timings of a record say of it."""
    return Machine(waited=timings.get(WAITED), most_late=timings.get(MOST_LATE), share_late=timings.get(SHARE_LATE))
