"""What was seen of one case in all rounds of a run; a run of several rounds has all of them on disk."""

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

    What is in the spool is read whenever it is asked for: judging reads each observation once, and only evidence needs
    raw frames. The observation of an only round stays in memory (`in_memory`), its frames do not.
    """

    def __init__(self, spool: Spool, *, in_memory: bool) -> None:
        self._spool, self._in_memory = spool, in_memory
        self._observations: list[Observation | Entry] = []
        self._frames: list[Entry | None] = []

    def add(self, sighting: Sighting) -> None:
        """One more round. OSError as the system gives it."""
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
        found = self._observations[number]
        return found if isinstance(found, Observation) else cast("Observation", self._spool.get(found))

    def frames(self, number: int) -> Frames:
        """The raw frames behind the observation of a round, by capture point."""
        entry = self._frames[number]
        return cast("Frames", self._spool.get(entry)) if entry else {}
