"""Which cases are asked again because a stream to an agent broke, and what is kept of their first asking."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

from msgspec import structs

from podwire.cluster.deployment.changes import LASTING
from podwire.model.cases import Case
from podwire.model.observations import Observation
from podwire.probing.sightings import Sighting


def can_be_asked_again(case: Case, made: Mapping[str, float]) -> bool:
    """Whether the cluster is still what a case asks for. `made` has the monotonic time of each change that was made: it
    is not made again, and lasts for some time or not at all."""
    after = case.flow.change.after
    return not after or (after in made and time.monotonic() - made[after] < LASTING.get(after, 0.0))


def in_doubt(observation: Observation) -> bool:
    """Whether something is missing from what was seen of a case."""
    seen = observation.problem is None and all(one.usable for one in observation.captures.values())
    return not (seen and all(one.worked for one in observation.controls))


def after_the_first(first: Sighting, second: Sighting) -> Sighting:
    """The second asking of a case, which remembers the first."""
    before = first.observation
    kept = (*before.interrupted, *before.attempts, *second.observation.interrupted)
    return replace(second, observation=structs.replace(second.observation, interrupted=kept))
