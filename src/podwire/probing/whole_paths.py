"""The cases that stand for a whole path are told what became of the first tries of all its flows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from msgspec import structs

from podwire.model.cases import Case
from podwire.packets.first_tries import symbols_of_paths
from podwire.probing.sightings import Sighting

FIRST_TRY = 0.002
"""The share of the exchanges of a path that may be lost at first, where nobody asks for another."""


def tell_paths(cases: Sequence[Case], sightings: dict[str, Sighting], limit: float) -> None:
    """Bind the symbols of their path in the sightings of these cases, in place. `limit` is the admitted share."""
    exchanges = [(case, sightings[case.id].observation) for case in cases if case.id in sightings]
    for key, symbols in symbols_of_paths(exchanges, limit).items():
        sighting = sightings[key]
        bound = structs.replace(sighting.observation, bindings={**sighting.observation.bindings, **symbols})
        sightings[key] = replace(sighting, observation=bound)
