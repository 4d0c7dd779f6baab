"""Which cases podwire repeats after a broken stream, and which attempts of the first time it keeps."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

from msgspec import structs

from podwire.model.cases import Case
from podwire.model.changes.table import CHANGES
from podwire.model.observations import Observation
from podwire.probing.sightings import Sighting


def can_be_asked_again(case: Case, changes: Mapping[str, float]) -> bool:
    """Whether the cluster still has the state that a case needs.

    `changes` has the monotonic time of each change. A change is not made again, its effect may last for a limited time
    only, and a change that follows it ends it.
    """
    after = case.flow.change.after
    if not after:
        return True
    ended = any(CHANGES[name].follows == after for name in changes)
    return after in changes and not ended and time.monotonic() - changes[after] < CHANGES[after].lasts


def in_doubt(observation: Observation) -> bool:
    """Whether an observation is incomplete: it has a problem, an unusable capture or a failed control."""
    captured = observation.problem is None and all(capture.usable for capture in observation.captures.values())
    return not (captured and all(control.worked for control in observation.controls))


def after_the_first(first: Sighting, second: Sighting) -> Sighting:
    """The second sighting of a case, with the attempts of the first as interrupted ones."""
    before = first.observation
    attempts = (*before.interrupted, *before.attempts, *second.observation.interrupted)
    settled = {"settled": before.settled, "unsettled": before.unsettled} if before.settled else {}
    return replace(second, observation=structs.replace(second.observation, interrupted=attempts, **settled))
