"""The observations of one case in all rounds of a run. A run with several rounds keeps them on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast, overload

from podwire.model.observations import Observation
from podwire.packets.pcap import Frame
from podwire.probing.sightings import Sighting
from podwire.running.spool import Entry, Spool

Frames = Mapping[str, Sequence[Frame]]


class Rounds(Sequence[Observation]):
    """The observations of a case, one for each round.

    Each access reads the spool: the judge reads an observation once, and only evidence needs raw frames. With
    `in_memory`, for a run with one round, observations stay in memory; frames never do.
    """

    def __init__(self, spool: Spool, *, in_memory: bool) -> None:
        self._spool, self._in_memory = spool, in_memory
        self._observations: list[Observation | Entry] = []
        self._frames: list[Entry | None] = []

    def add(self, sighting: Sighting) -> None:
        """Add the sighting of the next round. Raises OSError."""
        observation, frames = sighting.observation, sighting.frames
        self._observations.append(observation if self._in_memory else self._spool.put(observation))
        self._frames.append(self._spool.put(frames) if any(frames.values()) else None)

    def __len__(self) -> int:
        return len(self._observations)

    @overload
    def __getitem__(self, number: int) -> Observation: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[Observation]: ...
    def __getitem__(self, number: int | slice) -> Observation | Sequence[Observation]:
        if isinstance(number, slice):
            return [self[at] for at in range(*number.indices(len(self)))]
        stored = self._observations[number]
        return stored if isinstance(stored, Observation) else cast("Observation", self._spool.get(stored))

    def frames(self, number: int) -> Frames:
        """The raw frames of a round, by capture point."""
        entry = self._frames[number]
        return cast("Frames", self._spool.get(entry)) if entry else {}
