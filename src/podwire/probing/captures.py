"""Captures of a run: where packets are seen, by whom, and whether a place can be relied on.

A Linux pod captures at its own interface; a node's NIC, and the port of a Windows pod, are captured by the node's host
probe. Every place gets a beacon of its own before the first flow and after the last one: a place that misses one of
them, or that lost or cut frames, proves nothing. At one that lost frames without notice an absence proves nothing.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from podwire.cluster.deployment.workloads import Deployment, Probe
from podwire.model.facts import FAMILIES
from podwire.packets.correlate import CaptureIndex
from podwire.packets.dissect import packets
from podwire.packets.losses import words_of_cut, words_of_lost
from podwire.packets.pcap import Frame, read_frames
from podwire.probing.bindings import interface_of, mac_of
from podwire.probing.client import AgentClient, AgentError, CaptureData, ChannelLost
from podwire.probing.dns_servers import Hello
from podwire.probing.filters import DISCARD_PORT, Interest, bpf, pktmon_filters

CAPTURE = "run"
BEACONS = 3
READING = 600.0
"""Seconds for all of a capture to arrive. The client gives up one that does not begin, or from which nothing comes."""


@dataclass(frozen=True, order=True)
class Place:
    """A place where packets are captured: the port of a pod (`pod`, its name) or a NIC (`nic`, its node's name)."""

    kind: str
    name: str

    def __str__(self) -> str:
        return self.name if self.kind == "pod" else f"NIC of {self.name}"


@dataclass(frozen=True, kw_only=True)
class Captured:
    """What a place saw. `reason` says why it cannot be relied on, and is empty when it can; `lost` why, all the same,
    what is not there proves nothing."""

    index: CaptureIndex
    frames: Sequence[Frame] = ()
    reason: str = ""
    lost: str = ""


class Captures:
    """All captures of one run, from the first beacon to the last.

    `agents` and `hellos` are by pod. Problems of single places are kept, never raised: the cases that need the place
    become inconclusive, all others go on. `interest` is what NICs are captured for; None is everything.
    """

    def __init__(
        self,
        deployment: Deployment,
        agents: Mapping[str, AgentClient],
        hellos: Mapping[str, Hello],
        tokens: Iterable[str],
        patience: float,
        interest: Interest | None = None,
    ) -> None:
        self._deployment, self._agents, self._hellos = deployment, agents, hellos
        self._tokens, self._patience, self._interest = iter(tokens), patience, interest
        self._beacons: dict[Place, list[str]] = {}
        self.problems: dict[Place, str] = {}
        """Why places cannot be relied on, as far as that is known before the end."""
        self._interfaces: dict[str, Sequence[Mapping[str, Any]]] = {}
        self._capturers: dict[str, list[Place]] = {}
        self._frames: dict[Place, list[Frame]] = {}
        self._indexes: dict[Place, CaptureIndex] = {}
        self._dropped: Counter[str] = Counter()

    def start(self, places: Iterable[Place]) -> None:
        """Begin to capture at all of these places; returns when every one of them runs or has failed."""
        for place in sorted(set(places)):
            capturer = self._capturer(place)
            if capturer is None or capturer.pod not in self._agents:
                self.problems[place] = "no probe that could capture here is running"
            else:
                self._capturers.setdefault(capturer.pod, []).append(place)
        started = {pod: self._start(pod) for pod in self._capturers}
        for pod, answer in started.items():
            try:
                found = answer.result(READING).get("interfaces")
                self._interfaces[pod] = [one for one in found or () if isinstance(one, dict)]
            except (AgentError, ChannelLost, TimeoutError, TypeError) as problem:
                for place in self._capturers[pod]:
                    self.problems[place] = f"the capture did not start: {problem}"

    def beacon(self) -> None:
        """Send every place a beacon of its own: from the pod or node itself, or to a pod that may not send."""
        places = [place for several in self._capturers.values() for place in several]
        for place in places:
            self._beacons.setdefault(place, []).append(next(self._tokens))
        failed = self._send({place: self._beacon_way(place) for place in places})
        mute = {place: self._way_back(place) for place in failed if place.kind == "pod"}
        still = self._send(mute)
        for place, why in failed.items():
            if place not in mute or place in still:
                self.problems.setdefault(place, why)

    def _send(self, ways: Mapping[Place, tuple[str | None, str | None]]) -> dict[Place, str]:
        """Send each place its newest beacon, by whom and where to; why some could not be sent."""
        sent: list[tuple[Place, Future[Any]]] = []
        failed: dict[Place, str] = {}
        for place, (sender, address) in ways.items():
            if sender is None or address is None:
                failed[place] = "nothing here can send a beacon"
                continue
            parameters = {"host": address, "port": DISCARD_PORT, "token": self._beacons[place][-1], "count": BEACONS}
            sent.append((place, self._agents[sender].call("beacon", parameters, self._patience)))
        for place, answer in sent:
            try:
                answer.result(READING)
            except (AgentError, ChannelLost, TimeoutError) as problem:
                failed[place] = f"its beacon could not be sent: {problem}"
        return failed

    def drain(self) -> None:
        """Read and index what was captured so far, where that is possible, so that less is left to do at the end."""
        reading = {
            pod: self._agents[pod].capture_read(CAPTURE, self._patience * 4)
            for pod in self._capturers
            if pod in self._interfaces
        }
        for pod, answer in reading.items():
            try:
                self._take(pod, answer.result(READING))
            except AgentError:
                continue  # A capture that cannot be read before its end: all of it comes then.
            except (ChannelLost, TimeoutError, ValueError) as problem:
                self._not_read(pod, problem)

    def stop(self) -> dict[Place, Captured]:
        """End all captures, read what is left of them, and judge each place by its beacons and its losses."""
        stopping = {
            pod: self._agents[pod].capture_stop(CAPTURE, self._patience * 4)
            for pod in self._capturers
            if pod in self._interfaces
        }
        captured: dict[Place, Captured] = {}
        for pod, answer in stopping.items():
            try:
                self._take(pod, answer.result(READING))
            except (AgentError, ChannelLost, TimeoutError, ValueError) as problem:
                self._not_read(pod, problem)
                continue
            for place in self._capturers[pod]:
                captured[place] = self._judged(place, pod)
        nothing = CaptureIndex()
        return {**{place: Captured(index=nothing, reason=why) for place, why in self.problems.items()}, **captured}

    def _not_read(self, pod: str, problem: Exception) -> None:
        for place in self._capturers[pod]:
            why = str(problem) or f"it did not end within {READING:g} s"
            self.problems.setdefault(place, f"the capture could not be read: {why}")

    def _start(self, pod: str) -> Future[dict[str, Any]]:
        probe = self._deployment.probe(pod)
        parameters: dict[str, Any] = {"capture": CAPTURE, "via": "pktmon", "interfaces": None, "snaplen": 0}
        if probe.os == "linux":
            own = (interface_of(address, self._hellos.get(pod)) for address in probe.addresses.values())
            parameters |= {"via": "af_packet", "interfaces": sorted({name for name in own if name})}
        if probe.kind == "host" and self._interest is not None:
            # What cannot be filtered, because it is too much for a filter, is captured whole.
            with contextlib.suppress(ValueError):
                if probe.os == "linux":
                    parameters["filter"] = bpf(self._interest)
                else:
                    parameters["filters"] = pktmon_filters(self._interest)
        return self._agents[pod].call("capture_start", parameters, self._patience * 4)

    def capturer(self, place: Place) -> str:
        """The pod whose agent captures there; nothing where there is none."""
        found = self._capturer(place)
        return found.pod if found else ""

    def _capturer(self, place: Place) -> Probe | None:
        if place.kind == "pod":
            probe = self._deployment.probe(place.name)
            if probe.os == "linux":
                return probe
            return self._host(probe.node)
        return self._host(place.name)

    def _host(self, node: str) -> Probe | None:
        return next((one for one in self._deployment.probes if one.node == node and one.slot == "host"), None)

    def _beacon_way(self, place: Place) -> tuple[str | None, str | None]:
        """Who sends a beacon that this place must see, and where to: pods to their node, nodes to another node."""
        hosts = [one for one in self._deployment.probes if one.slot == "host" and one.addresses]
        if place.kind == "pod":
            probe = self._deployment.probe(place.name)
            host = self._host(probe.node)
            return (probe.pod if probe.pod in self._agents else None), _shared_address(probe, host)
        sender = self._host(place.name)
        if sender is None or sender.pod not in self._agents:
            return None, None
        others = [one for one in hosts if one.node != place.name]
        return sender.pod, next((address for one in others if (address := _shared_address(sender, one))), None)

    def _way_back(self, place: Place) -> tuple[str | None, str | None]:
        """The host probe of a pod's node, and the pod's address."""
        probe = self._deployment.probe(place.name)
        host = self._host(probe.node)
        return (host.pod, _shared_address(host, probe)) if host and host.pod in self._agents else (None, None)

    def _take(self, pod: str, data: CaptureData) -> None:
        """Index what a capturer has handed over, for each of its places."""
        self._dropped[pod] += data.dropped
        for place in self._capturers[pod]:
            raw = data.interfaces.get(self._interface(place, pod))
            if raw is not None:
                frames = list(read_frames(raw))
                self._frames.setdefault(place, []).extend(frames)
                self._indexes.setdefault(place, CaptureIndex()).extend(packets(frames))

    def _judged(self, place: Place, pod: str) -> Captured:
        """What a place saw, and whether that can be relied on."""
        if place not in self._indexes:
            return Captured(index=CaptureIndex(), reason=f"no interface of {place} was captured")
        index = self._indexes[place]
        missed = [at for at, token in enumerate(self._beacons.get(place, ())) if not index.has_token(token)]
        reason = self.problems.get(place, "")
        if not reason and self._dropped[pod]:
            reason = f"{self._dropped[pod]} packets were lost"
        reason = reason or words_of_cut(self._frames[place])
        if not reason and missed:
            reason = f"the beacon {'before' if 0 in missed else 'after'} the flows was not seen"
        lost = "" if reason else words_of_lost(index.packets)
        return Captured(index=index, frames=self._frames[place], reason=reason, lost=lost)

    def _interface(self, place: Place, pod: str) -> str:
        """The captured interface that is this place: by its name on Linux, by the MAC of its port on Windows."""
        probe = self._deployment.probe(pod)
        owner = self._deployment.probe(place.name) if place.kind == "pod" else probe
        hello = self._hellos.get(owner.pod)
        if probe.os == "linux":
            return next((name for a in owner.addresses.values() if (name := interface_of(a, hello))), "")
        macs = {mac for address in owner.addresses.values() if (mac := mac_of(address, hello))}
        for interface in self._interfaces.get(pod, ()):
            if str(interface.get("mac", "")).lower() in macs:
                return str(interface["name"])
        return ""


def _shared_address(sender: Probe, receiver: Probe | None) -> str | None:
    """An address of the receiver in a family that the sender has too."""
    for family in FAMILIES:
        if receiver is not None and family in sender.addresses and family in receiver.addresses:
            return receiver.addresses[family]
    return None
