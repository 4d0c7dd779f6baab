"""Times in which nobody knows what a client of a watch has seen: podwire lost its agent, and with it what it counted.

A client that was itself down in such a time had no gap: its container has restarted, or its node has. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from podwire.records.watch import BlindTime
from podwire.watching.plan import Slot


class Witness(Protocol):
    """Who knows whether a client was down."""

    def was_down(self, uid: str, since: int, until: int) -> bool:
        """Whether the pod of this uid, or its node, restarted between two moments."""


@dataclass
class Absence:
    """One time. `until` None: it goes on; `regained` None: the client has no agent again."""

    slot: Slot
    client: str
    since: int
    until: int | None = None
    regained: int | None = None


class Absences:
    """All such times of a watch. Moments are milliseconds since it began."""

    def __init__(self) -> None:
        self._open: dict[Slot, Absence] = {}
        self._all: list[Absence] = []

    def lost(self, slot: Slot, client: str, since: int) -> None:
        """A stream ended with its agent; `since` is its last known answer."""
        if slot not in self._open:
            self._open[slot] = Absence(slot, client, since)
            self._all.append(self._open[slot])

    def answered(self, slot: Slot, at: int) -> None:
        """A stream of this slot has had its first answer by this moment."""
        absence = self._open.pop(slot, None)
        if absence is not None:
            absence.until = absence.regained = at

    def ended(self, slots: Iterable[Slot], at: int) -> None:
        """Nobody wants a stream of these slots any more: the client, or the last of its servers, is not there."""
        for slot in slots:
            absence = self._open.pop(slot, None)
            if absence is not None:
                absence.until = at

    def open(self) -> list[Slot]:
        """The slots of which nobody knows at the moment."""
        return list(self._open)

    def blind(self, now: int, witness: Witness) -> dict[str, list[BlindTime]]:
        """The times by the name of their path, but for those in which the client itself was down."""
        found: dict[str, list[BlindTime]] = {}
        for absence in self._all:
            until = now if absence.until is None else absence.until
            back = now if absence.regained is None else absence.regained
            if until > absence.since and not witness.was_down(absence.slot.client, absence.since, back):
                time = BlindTime(at=absence.since, length=until - absence.since, client=absence.client)
                found.setdefault(str(absence.slot.path), []).append(time)
        return found
