"""The first tries of a path as a record tells them. Pure."""

from __future__ import annotations

from podwire.model.spread import exact_interval
from podwire.packets.paths import Path, Tries
from podwire.records.run import PathRecord

DIGITS = 6


def path_record(path: Path, tries: Tries) -> PathRecord:
    """A path and its tries, with the interval of the share that was lost."""
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
    )
