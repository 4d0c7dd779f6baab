"""The first tries of a path as a record tells them. Pure."""

from __future__ import annotations

from podwire.model.spread import exact_interval, share_to_notice
from podwire.packets.first_tries import risk_of_a_path
from podwire.packets.paths import Path, Tries
from podwire.records.run import PathRecord

DIGITS = 6


def path_record(path: Path, tries: Tries, *, limit: float, judged: int) -> PathRecord:
    """A path and its tries, with the interval of the share that was lost, and the share that the run would notice:
    `judged` cases stand for a path, and admit `limit`."""
    low, high = exact_interval(tries.lost, tries.exchanges)
    return PathRecord(
        **path._asdict(),
        exchanges=tries.exchanges,
        lost=tries.lost,
        late=tries.late,
        unknown=tries.unknown,
        low=round(low, DIGITS),
        high=round(high, DIGITS),
        vanished=tries.places,
        noticed=round(share_to_notice(tries.exchanges, limit, risk_of_a_path(judged)), DIGITS),
    )
