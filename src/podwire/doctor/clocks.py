"""The clock of this machine against the API server's. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parsedate_to_datetime

from podwire.doctor.remark import Remark

MOST = 30.0
"""Seconds. Tokens and certificates are judged by the clock, and events of the cluster stand beside podwire's times."""


def remarks_on_clocks(date: str, before: float, after: float) -> Iterator[Remark]:
    """A remark on the difference of the clocks.

    `date` is the `Date` header of an answer that was asked for at `before` and came at `after` (seconds since 1970).
    """
    try:
        theirs = parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError):
        yield Remark(state="unknown", what="clocks: the API server does not tell its time")
        return
    ahead = before - (theirs + 1) if theirs + 1 < before else min(0.0, after - theirs)
    if abs(ahead) <= MOST:
        yield Remark(state="good", what="clocks: this machine and the API server agree")
        return
    yield Remark(
        state="note",
        what=f"clocks: this machine is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the API server",
        why="tokens may count as expired, and events of the cluster stand at the wrong place beside podwire's times",
        do="set the clock of this machine by NTP",
    )
