"""Waits end when nothing moves, not when the clock says so."""

import itertools

import pytest

from podwire.cluster.deployment import waiting
from podwire.cluster.deployment.waiting import Limits, PodWait, wait_for_endpoints


class Clock:
    """Time goes on by a second each time somebody looks or waits; nobody does."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(waiting.time, "monotonic", self.look)
        monkeypatch.setattr(waiting.time, "sleep", lambda seconds: None)

    def look(self):
        self.now += 1.0
        return self.now


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def slice_of(service):
    return {"metadata": {"labels": {"kubernetes.io/service-name": service}}, "endpoints": [{"addresses": ["10.0.0.1"]}]}


class Slowly:
    """An API server that has one object more each `every` times that it is asked, up to `most`."""

    def __init__(self, made, every, most):
        self._made, self._every, self._most, self._asked = made, every, most, itertools.count(1)

    def list(self, *_, **__):
        have = min(next(self._asked) // self._every, self._most)
        return self._made(have)


def test_endpoints_are_awaited_as_long_as_one_more_comes(clock):
    wanted = dict.fromkeys("abcdefgh", "8080")
    rest = Slowly(lambda have: [slice_of(name) for name in list(wanted)[:have]], 10, 8)
    assert wait_for_endpoints(rest, "ns", wanted, seconds=15.0) == set()
    assert clock.now > 60


def test_endpoints_that_stop_to_come_are_missing(clock):
    wanted = dict.fromkeys("abcd", "8080")
    rest = Slowly(lambda have: [slice_of(name) for name in list(wanted)[:have]], 10, 2)
    assert wait_for_endpoints(rest, "ns", wanted, seconds=15.0) == {"c", "d"}


def pod(name, *, ready):
    ready_now = {"conditions": [{"type": "Ready", "status": "True"}], "podIPs": [{"ip": "10.0.0.1"}]}
    waits = {"conditions": [{"type": "PodScheduled", "status": "False", "message": "Insufficient cpu"}]}
    return {"metadata": {"name": name}, "spec": {"nodeName": "n"}, "status": ready_now if ready else waits}


PODS = [f"p{at}" for at in range(6)]


@pytest.mark.parametrize(("most", "stuck"), [(6, []), (3, PODS[3:])])
def test_a_pod_waits_for_room_as_long_as_others_become_ready(clock, most, stuck):
    rest = Slowly(lambda have: [pod(name, ready=at < have) for at, name in enumerate(PODS)], 10, most)
    one = PodWait(rest, "ns", "run", Limits(schedule=30.0), say=lambda text: None)
    one.wait(dict.fromkeys(PODS, "n"))
    assert sorted(one.problems) == stuck
    assert all("Insufficient cpu" in why for why in one.problems.values())
