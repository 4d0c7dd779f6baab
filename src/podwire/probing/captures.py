"""The captures of a run: their places, the agents that capture there, and whether a place is reliable.

A Linux pod captures on its own interface. The node's host probe captures on the node's NIC and on the port of a Windows
pod. Each place gets its own beacon before the first flow and after the last one. A place that misses a beacon, or that
dropped or cut frames, proves nothing. At a place that lost frames without counting them, an absent packet proves
nothing.
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
from podwire.packets.losses import words_of_cut, words_of_lost, words_of_uncounted
from podwire.packets.pcap import Frame, read_frames
from podwire.probing.bindings.nodes import Hello, interface_of, mac_of
from podwire.probing.client import AgentClient, AgentError, CaptureData, ChannelLost
from podwire.probing.filters import DISCARD_PORT, Interest, bpf, pktmon_filters

CAPTURE = "run"
BEACONS = 3
READING = 600.0
"""Seconds for a whole capture to arrive. The client gives up earlier if no data comes."""


@dataclass(frozen=True, order=True)
class Place:
    """A place where packets are captured: a pod's port (`pod`, the pod's name) or a NIC (`nic`, the node's name)."""

    kind: str
    name: str

    def __str__(self) -> str:
        return self.name if self.kind == "pod" else f"NIC of {self.name}"


@dataclass(frozen=True, kw_only=True)
class Captured:
    """The packets of a place.

    `reason` says why the place is not reliable; empty if it is. `lost` says why an absent packet proves nothing at a
    reliable place.
    """

    index: CaptureIndex
    frames: Sequence[Frame] = ()
    reason: str = ""
    lost: str = ""


class Captures:
    """All captures of one run, from the first beacon to the last.

    `agents` and `hellos` are by pod; `patience` is in seconds. A problem at one place is kept and not raised: the cases
    that need this place become inconclusive, the others go on. `interest` selects the packets that NICs capture; None
    selects all.
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
        """Why places are not reliable, as far as known before the end."""
        self._interfaces: dict[str, Sequence[Mapping[str, Any]]] = {}
        self._capturers: dict[str, list[Place]] = {}
        self._frames: dict[Place, list[Frame]] = {}
        self._indexes: dict[Place, CaptureIndex] = {}
        self._dropped: Counter[str] = Counter()
        self._accepted: dict[Place, int | None] = {}

    def start(self, places: Iterable[Place]) -> None:
        """Start a capture at each of these places. Returns when every capture runs or has failed."""
        for place in sorted(set(places)):
            capturer = self._capturer(place)
            if capturer is None or capturer.pod not in self._agents:
                self.problems[place] = "no running probe can capture here"
            else:
                self._capturers.setdefault(capturer.pod, []).append(place)
        started = {pod: self._start(pod) for pod in self._capturers}
        for pod, answer in started.items():
            try:
                interfaces = answer.result(READING).get("interfaces")
                self._interfaces[pod] = [interface for interface in interfaces or () if isinstance(interface, dict)]
            except (AgentError, ChannelLost, TimeoutError, TypeError) as problem:
                for place in self._capturers[pod]:
                    self.problems[place] = f"the capture did not start: {problem}"

    def beacon(self) -> None:
        """Send each place its own beacon: from the pod or node itself, or to a pod that cannot send."""
        places = [place for places_of_pod in self._capturers.values() for place in places_of_pod]
        for place in places:
            self._beacons.setdefault(place, []).append(next(self._tokens))
        failed = self._send({place: self._beacon_way(place) for place in places})
        mute = {place: self._way_back(place) for place in failed if place.kind == "pod"}
        still = self._send(mute)
        for place, why in failed.items():
            if place not in mute or place in still:
                self.problems.setdefault(place, why)

    def _send(self, ways: Mapping[Place, tuple[str | None, str | None]]) -> dict[Place, str]:
        """Send each place its newest beacon. `ways` has sender and address; returns why a beacon was not sent."""
        sent: list[tuple[Place, Future[Any]]] = []
        failed: dict[Place, str] = {}
        for place, (sender, address) in ways.items():
            if sender is None or address is None:
                failed[place] = "no running probe can send a beacon here"
                continue
            parameters = {"host": address, "port": DISCARD_PORT, "token": self._beacons[place][-1], "count": BEACONS}
            sent.append((place, self._agents[sender].call("beacon", parameters, self._patience)))
        for place, answer in sent:
            try:
                answer.result(READING)
            except (AgentError, ChannelLost, TimeoutError) as problem:
                failed[place] = f"podwire could not send the beacon: {problem}"
        return failed

    def drain(self) -> None:
        """Read and index the packets captured so far, so that less is left for the end."""
        reading = {
            pod: self._agents[pod].capture_read(CAPTURE, self._patience * 4)
            for pod in self._capturers
            if pod in self._interfaces
        }
        for pod, answer in reading.items():
            try:
                self._take(pod, answer.result(READING))
            except AgentError:
                continue  # This capture can be read at its end only.
            except (ChannelLost, TimeoutError, ValueError) as problem:
                self._not_read(pod, problem)

    def stop(self) -> dict[Place, Captured]:
        """End all captures, read the rest, and judge each place by its beacons and its losses."""
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
            self.problems.setdefault(place, f"podwire could not read the capture: {why}")

    def _start(self, pod: str) -> Future[dict[str, Any]]:
        probe = self._deployment.probe(pod)
        parameters: dict[str, Any] = {"capture": CAPTURE, "via": "pktmon", "interfaces": None, "snaplen": 0}
        if probe.os == "linux":
            own = (interface_of(address, self._hellos.get(pod)) for address in probe.addresses.values())
            parameters |= {"via": "af_packet", "interfaces": sorted({name for name in own if name})}
        if probe.kind == "host" and self._interest is not None:
            # An interest that is too large for a filter means an unfiltered capture.
            with contextlib.suppress(ValueError):
                if probe.os == "linux":
                    parameters["filter"] = bpf(self._interest)
                else:
                    parameters["filters"] = pktmon_filters(self._interest)
        return self._agents[pod].call("capture_start", parameters, self._patience * 4)

    def capturer(self, place: Place) -> str:
        """The pod whose agent captures at a place; '' if there is none."""
        capturer = self._capturer(place)
        return capturer.pod if capturer else ""

    def _capturer(self, place: Place) -> Probe | None:
        if place.kind == "pod":
            probe = self._deployment.probe(place.name)
            if probe.os == "linux":
                return probe
            return self._host(probe.node)
        return self._host(place.name)

    def _host(self, node: str) -> Probe | None:
        return next((probe for probe in self._deployment.probes if probe.node == node and probe.slot == "host"), None)

    def _beacon_way(self, place: Place) -> tuple[str | None, str | None]:
        """The sender and the address of a beacon for this place: a pod sends to its node, a node to another node."""
        hosts = [probe for probe in self._deployment.probes if probe.slot == "host" and probe.addresses]
        if place.kind == "pod":
            probe = self._deployment.probe(place.name)
            host = self._host(probe.node)
            return (probe.pod if probe.pod in self._agents else None), _shared_address(probe, host)
        sender = self._host(place.name)
        if sender is None or sender.pod not in self._agents:
            return None, None
        addresses = (_shared_address(sender, host) for host in hosts if host.node != place.name)
        return sender.pod, next(filter(None, addresses), None)

    def _way_back(self, place: Place) -> tuple[str | None, str | None]:
        """The host probe of a pod's node, and the pod's address."""
        probe = self._deployment.probe(place.name)
        host = self._host(probe.node)
        return (host.pod, _shared_address(host, probe)) if host and host.pod in self._agents else (None, None)

    def _take(self, pod: str, data: CaptureData) -> None:
        """Index the packets from a capturing pod for each of its places."""
        self._dropped[pod] += data.dropped
        for place in self._capturers[pod]:
            interface = self._interface(place, pod)
            counted, before = (data.accepted or {}).get(interface), self._accepted.get(place, 0)
            self._accepted[place] = None if counted is None or before is None else before + counted
            raw = data.interfaces.get(interface)
            if raw is not None:
                frames = list(read_frames(raw))
                self._frames.setdefault(place, []).extend(frames)
                self._indexes.setdefault(place, CaptureIndex()).extend(packets(frames))

    def _judged(self, place: Place, pod: str) -> Captured:
        """The packets of a place, and whether the place is reliable."""
        if place not in self._indexes:
            return Captured(index=CaptureIndex(), reason=f"no interface of {place} was captured")
        index = self._indexes[place]
        missed = [at for at, token in enumerate(self._beacons.get(place, ())) if not index.has_token(token)]
        reason = self.problems.get(place, "")
        if not reason and self._dropped[pod]:
            reason = f"the capture dropped {self._dropped[pod]} packets"
        reason = reason or words_of_cut(self._frames[place])
        if not reason and missed:
            reason = f"the capture lacks the beacon {'before' if 0 in missed else 'after'} the flows"
        lost = "" if reason else words_of_uncounted(self._accepted.get(place), len(self._frames[place]))
        lost = lost if lost or reason else words_of_lost(index.packets)
        return Captured(index=index, frames=self._frames[place], reason=reason, lost=lost)

    def _interface(self, place: Place, pod: str) -> str:
        """The captured interface of this place: by its name on Linux, by the MAC of its port on Windows."""
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
