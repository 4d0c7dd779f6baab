"""Beacons: a place proves itself with a packet of its own, whoever has to send it."""

import struct
from concurrent.futures import Future
from itertools import count

import pytest
from deployments import a_deployment
from plans_for_tests import OVERLAY

from podwire.probing.captures import Captures, Place
from podwire.probing.client import AgentError, CaptureData


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


PCAP = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1)


def pcap(*tokens):
    """A capture file with an Ethernet frame for each token."""
    datagrams = [bytes(12) + b"\x08\x00" + _datagram(token.encode()) for token in tokens]
    return PCAP + b"".join(struct.pack("<IIII", 1, 0, len(one), len(one)) + one for one in datagrams)


def _datagram(payload):
    udp = struct.pack("!HHHH", 40000, 9, 8 + len(payload), 0) + payload
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes(4), bytes(4)) + udp


class Capturer(Agent):
    """Its capture has the beacons, and as many frames were counted as the reads say; None counts nothing."""

    def __init__(self, accepted, frames):
        super().__init__()
        self._accepted, self._frames = accepted, frames

    def capture_read(self, capture, patience):
        return self._data(0)

    def capture_stop(self, capture, patience):
        return self._data(1)

    def _data(self, at):
        future, counted = Future(), self._accepted[at]
        tokens = (self.sent[at][1], *["x"] * (self._frames[at] - 1))
        accepted = None if counted is None else {"eth0": counted}
        future.set_result(CaptureData(interfaces={"eth0": pcap(*tokens)}, accepted=accepted))
        return future


@pytest.mark.parametrize(
    ("accepted", "frames", "lost"),
    [
        ((3, 4), (3, 4), ""),
        ((4, 3), (3, 4), ""),  # A frame of the first read arrived with the second.
        ((3, 5), (3, 4), "the system counted 8 frames and 7 arrived, so the capture lost 1"),
        ((3, None), (3, 2), ""),
        ((None, 9), (3, 2), ""),  # The count of a part is none of the whole.
    ],
)
def test_a_place_with_fewer_frames_than_were_counted_proves_no_absence(deployment, accepted, frames, lost):
    probe = deployment.on("linux-1", "a")
    hello = {"interfaces": [{"name": "eth0", "addresses": list(probe.addresses.values())}]}
    agents = {probe.pod: Capturer(accepted, frames)}
    captures = Captures(deployment, agents, {probe.pod: hello}, (f"pw{at:016x}" for at in count()), 1.0)
    place = Place("pod", probe.pod)
    captures.start([place])
    captures.beacon()
    captures.beacon()
    captures.drain()
    found = captures.stop()[place]
    assert (found.reason, found.lost) == ("", lost)
