"""Beacons: a place proves itself with a packet of its own, whoever has to send it."""

from concurrent.futures import Future
from itertools import count

import pytest
from deployments import a_deployment
from plans_for_tests import OVERLAY

from podwire.probing.captures import Captures, Place
from podwire.probing.client import AgentError


class Agent:
    """Starts captures, and sends beacons unless it is told that it may not."""

    def __init__(self, refuses=""):
        self.sent, self._refuses = [], refuses

    def call(self, method, parameters, timeout):
        future = Future()
        if method == "beacon" and self._refuses:
            future.set_exception(AgentError(self._refuses))
            return future
        if method == "beacon":
            self.sent.append((parameters["host"], parameters["token"]))
        future.set_result({"interfaces": []})
        return future


@pytest.fixture
def deployment():
    return a_deployment(OVERLAY)


def beacons(deployment, place, **refusing):
    """Send the beacon of one place; the agents, by pod."""
    agents = {probe.pod: Agent(refusing.get(probe.pod.replace("-", "_"), "")) for probe in deployment.probes}
    captures = Captures(deployment, agents, {}, (f"pw{at:016x}" for at in count()), 1.0)
    captures.start([place])
    captures.beacon()
    return agents, captures


def test_a_pod_sends_its_beacon_to_its_node(deployment):
    agents, _ = beacons(deployment, Place("pod", "windows-1-a"))
    host = deployment.on("windows-1", "host")
    assert [to for to, _ in agents["windows-1-a"].sent] == [host.addresses["ipv4"]]
    assert not agents["windows-1-host"].sent


def test_to_a_pod_that_may_not_send_the_node_sends_it(deployment):
    """A Windows update that forbids pods to open connections is found by what they do not send, not lost in doubt."""
    agents, captures = beacons(deployment, Place("pod", "windows-1-a"), windows_1_a="not permitted")
    pod = deployment.on("windows-1", "a")
    assert [to for to, _ in agents["windows-1-host"].sent] == [pod.addresses["ipv4"]]
    assert not captures.problems


def test_when_neither_can_send_the_place_is_not_relied_on(deployment):
    _, captures = beacons(
        deployment, Place("pod", "windows-1-a"), windows_1_a="not permitted", windows_1_host="not permitted"
    )
    assert captures.problems == {Place("pod", "windows-1-a"): "podwire could not send the beacon: not permitted"}


def test_a_node_has_nobody_to_send_for_it(deployment):
    _, captures = beacons(deployment, Place("nic", "linux-1"), linux_1_host="not permitted")
    assert captures.problems == {Place("nic", "linux-1"): "podwire could not send the beacon: not permitted"}
