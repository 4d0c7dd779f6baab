"""Which cases may be asked again, and what stays of the first time."""

import time

import pytest
from changed import replace
from plans_for_tests import cases

from podwire.model.observations import Attempt, Capture, ControlResult, Observation
from podwire.probing.second_asking import after_the_first, can_be_asked_again, in_doubt
from podwire.probing.sightings import Sighting

FIRST, SECOND = (Attempt(token=token, started=1.0, elapsed=0.1) for token in ("pw1", "pw2"))


@pytest.mark.parametrize(
    ("after", "made", "seconds", "may"),
    [
        ("", False, 0, True),
        ("service-recreated", True, 1000, True),
        ("service-recreated", False, 0, False),
        ("pods-leaving", True, 30, True),
        ("pods-leaving", True, 120, False),
        ("affinity-idle", True, 1, False),
        ("vpc-node-filled", True, 1, False),
    ],
)
def test_the_cluster_must_still_be_what_the_case_asks_for(after, made, seconds, may):
    case = next(iter(cases()))
    case = replace(case, flow=case.flow.but(after=after))
    assert can_be_asked_again(case, {after: time.monotonic() - seconds} if made else {}) is may


@pytest.mark.parametrize(
    ("seen", "doubt"),
    [
        ({}, False),
        ({"problem": "a pod died"}, True),
        ({"captures": {"client-pod": Capture(point="client-pod", where="a", usable=False)}}, True),
        ({"captures": {"client-pod": Capture(point="client-pod", where="a")}}, False),
        ({"controls": (ControlResult(name="a", before=True, after=False),)}, True),
        ({"controls": (ControlResult(name="a", before=True, after=True),)}, False),
    ],
)
def test_only_what_is_in_doubt_is_asked_again(seen, doubt):
    assert in_doubt(Observation(case_id="c", **seen)) is doubt


def test_the_first_attempts_are_kept():
    first = Sighting(observation=Observation(case_id="c", problem="broke", interrupted=(FIRST,)))
    second = Sighting(observation=Observation(case_id="c", attempts=(SECOND,)))
    kept = after_the_first(first, second).observation
    assert (kept.attempts, kept.interrupted, kept.problem) == ((SECOND,), (FIRST,), None)
