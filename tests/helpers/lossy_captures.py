"""Captures that lose or cut frames without a word: one run is made, and judged as often as its captures are damaged."""

import random
from dataclasses import dataclass, field

from podwire.judging.judge import judge
from podwire.packets.correlate import CaptureIndex
from podwire.packets.dissect import packets
from podwire.packets.pcap import Frame
from podwire.probing import dispatch
from podwire.probing.captures import Captures
from podwire.probing.whole_paths import FIRST_TRY, tell_paths
from podwire.running.runner import Runner


def losing(one_in, seed, places=None):
    """Of all frames, each is missing with that chance; of the places whose number is in `places` only, where told."""
    chance = random.Random(f"{one_in} {seed} {places}")

    def damage(place, number, frames):
        if places is None or number in places:
            return [frame for frame in frames if chance.random() >= 1 / one_in]
        return frames

    return damage


def losing_bursts(length, seed):
    """At each pod's port and each node's NIC, so many frames in a row are missing, somewhere."""
    chance = random.Random(f"{length} {seed}")

    def damage(place, number, frames):
        at = chance.randrange(max(1, len(frames) - length))
        return frames[:at] + frames[at + length :]

    return damage


def losing_look_ups_and_pings(place, number, frames):
    """At each pod's port, all of them are missing, questions and answers."""
    if place.kind != "pod":
        return frames
    return [
        frame
        for frame, packet in zip(frames, packets(frames), strict=True)
        if packet.ip.protocol not in ("icmp", "icmpv6") and 53 not in (packet.ports.sport, packet.ports.dport)
    ]


def cutting(at):
    """Of every frame, only its first bytes are captured."""

    def damage(place, number, frames):
        return [Frame(frame.at_ns, frame.interface, frame.data[:at], frame.wire_length) for frame in frames]

    return damage


def whole(place, number, frames):
    return frames


@dataclass
class Recorded:
    """A run of the lab as its runner got it: the frames of each place, and what the clients told. `found` judges it,
    and can do so many times."""

    scope: object
    captures: Captures
    seen: object
    frames: dict
    landed: list = field(default_factory=list)

    def found(self, damage=whole, counted=True):
        """The verdict of each case by its id, had the captures been damaged so after the system had counted their
        frames; or had nobody counted them."""
        captures, captured = self.captures, {}
        captures._accepted = {place: len(frames) if counted else None for place, frames in self.frames.items()}
        captures._frames = {
            place: damage(place, number, list(self.frames[place])) for number, place in enumerate(sorted(self.frames))
        }
        captures._indexes = {}
        for pod, places in captures._capturers.items():
            for place in places:
                if place in captures._frames:
                    captures._indexes[place] = CaptureIndex()
                    captures._indexes[place].extend(packets(captures._frames[place]))
                captured[place] = captures._judged(place, pod)
        seen = dispatch.Seen(captured, self.seen._place, self.seen._ports)
        sightings = {landed.case.id: seen.sighting(landed, controls) for landed, controls in self.landed}
        cases, scope = [landed.case for landed, _ in self.landed], self.scope
        tell_paths(cases, sightings, FIRST_TRY)
        return {
            case.id: judge(case, scope.expectation(case), sightings[case.id].observation, scope.limitation(case))
            for case in cases
        }


def recorded(options, monkeypatch):
    """Run these options once, and keep what the runner got."""
    kept = []

    class Keeping(dispatch.Seen):
        def __init__(self, captured, place, ports):
            super().__init__(captured, place, ports)
            kept.append((self, []))

        def sighting(self, landed, controls):
            kept[-1][1].append((landed, controls))
            return super().sighting(landed, controls)

    ended = []

    def stop(self):
        ended.append(self)
        return real(self)

    real = Captures.stop
    with monkeypatch.context() as patched:
        patched.setattr(Captures, "stop", stop)
        patched.setattr(dispatch, "Seen", Keeping)
        runner = Runner(options, lambda text: None)
        scope = runner.scope
        try:
            runner.observe(list(scope.plan.cases.values()))
        finally:
            runner.close()
    (seen, landed), captures = kept[0], ended[0]
    return Recorded(scope, captures, seen, captures._frames, landed)
