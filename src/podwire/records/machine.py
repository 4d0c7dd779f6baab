"""How busy the machines of a run were. The record keeps these figures among its timings, where older readers expect
them.

A busy machine makes answers late. That is a likely reason for an inconclusive case, and never excuses a failure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

WAITED = "share of the time in which processes of the runner's machine waited for a CPU"
MOST_LATE = "most that an agent was late"
SHARE_LATE = "share of the agents' timers that were late"
NO_PARTS = frozenset({WAITED, MOST_LATE, SHARE_LATE})
"""The timings of a record that are not the duration of a part."""
BUSY_SHARE, BUSY_SECONDS = 0.5, 1.0
"""From these values on, reports name the busy machine as a likely reason for inconclusive cases."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """How busy the runner and the agents were.

    `waited` and `share_late` are shares (0 to 1), `most_late` is in seconds; None when not measured.
    """

    waited: float | None
    most_late: float | None
    share_late: float | None

    @property
    def busy(self) -> bool:
        return (self.waited or 0.0) >= BUSY_SHARE or (self.most_late or 0.0) >= BUSY_SECONDS


def machine_of(timings: Mapping[str, float]) -> Machine:
    """The figures in the timings of a record."""
    return Machine(waited=timings.get(WAITED), most_late=timings.get(MOST_LATE), share_late=timings.get(SHARE_LATE))
