"""What was seen of one case in all rounds of a run: in memory only what a run of one round needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast, overload

from podwire.model.observations import Observation
from podwire.packets.pcap import Frame
from podwire.probing.sightings import Sighting
from podwire.running.spool import Entry, Spool

Frames = Mapping[str, Sequence[Frame]]


class Rounds(Sequence[Observation]):
    """The observations of a case, round by round.

    The first one stays in memory. Further ones, and the raw frames of all, are read from the spool whenever they are
    asked for: judging reads each once, and only evidence needs frames.
    """

    def __init__(self, spool: Spool, first: Sighting) -> None:
        self._spool, self._first = spool, first.observation
        self._later: list[Entry] = []
        self._frames = [self._kept(first)]

    def add(self, sighting: Sighting) -> None:
        """One more round. OSError as the system gives it."""
        self._later.append(self._spool.put(sighting.observation))
        self._frames.append(self._kept(sighting))

    def _kept(self, sighting: Sighting) -> Entry | None:
        return self._spool.put(sighting.frames) if any(sighting.frames.values()) else None

    def __len__(self) -> int:
        return 1 + len(self._later)

    @overload
    def __getitem__(self, number: int) -> Observation: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[Observation]: ...
    def __getitem__(self, number: int | slice) -> Observation | Sequence[Observation]:
        if isinstance(number, slice):
            return [self[at] for at in range(*number.indices(len(self)))]
        at = range(len(self))[number]
        return cast("Observation", self._spool.get(self._later[at - 1])) if at else self._first

    def frames(self, number: int) -> Frames:
        """The raw frames behind the observation of a round, by capture point."""
        entry = self._frames[number]
        return cast("Frames", self._spool.get(entry)) if entry else {}
