"""From what the captures of a run hold to what was seen of one case."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from podwire.model.cases import Case, pod_point
from podwire.model.flows import BY_NAME
from podwire.model.observations import Attempt, Capture, ControlResult, Lookup, Observation, Point, SeenPacket, Value
from podwire.model.symbols import DNS_CACHE
from podwire.packets.correlate import CaptureIndex, clues
from podwire.packets.lookups import lookups, lookups_for, places_of_questions
from podwire.packets.pcap import Frame
from podwire.probing.captures import Captured, Place
from podwire.probing.targets import DNS_PORT, Target

MOST_SHOWN = 50
"""Questions of one case whose packets are kept: the unanswered ones first. Of a thousand alike nobody reads more."""


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """The observation of a case, and the raw frames behind it by capture point, for the evidence."""

    observation: Observation
    frames: Mapping[str, Sequence[Frame]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Landed:
    """A case whose client has told what came of it. `settled` is how long a change took to show, in seconds."""

    case: Case
    target: Target
    bindings: dict[str, Value]
    attempts: tuple[Attempt, ...]
    output: str = ""
    settled: float = 0.0


class Seen:
    """The captures of a run, with what is read from them once for many cases.

    `place` tells where a capture point of a case is; `ports` are those that servers of this run listen on.
    """

    def __init__(
        self,
        captured: Mapping[Place, Captured],
        place: Callable[[Case, Point], Place],
        ports: Collection[int],
    ) -> None:
        self._captured, self._place, self._ports = captured, place, ports
        self._lookups: dict[Place, tuple[Lookup, ...]] = {}
        self._messages: dict[Place, Mapping[tuple[int, str], Sequence[int]]] = {}

    def sighting(self, landed: Landed, controls: tuple[ControlResult, ...]) -> Sighting:
        """Everything that was seen of one case."""
        case, bindings, attempts = landed.case, landed.bindings, landed.attempts
        if len(attempts) == 1 and attempts[0].local and attempts[0].local[1]:
            bindings["client.port"] = attempts[0].local[1]
        places = {point: self._place(case, point) for point in case.points}
        asked = self._asked(case, landed.target, places)
        shown = sorted(asked, key=lambda one: one.rcode is not None)[:MOST_SHOWN]
        anew = {one.name for one in shown} - {landed.target.name.lower()} if DNS_CACHE in bindings else set()
        captures: dict[str, Capture] = {}
        frames: dict[str, list[Frame]] = {}
        for point, place in places.items():
            captured = self._captured[place]
            found = (
                self._of_names(place, shown, anew if point == "server-node" else set())
                if case.flow.protocol in ("dns", "tool")
                else self._of(landed, place, places)
            )
            captures[point] = Capture(
                point=point,
                where=str(place),
                usable=not captured.reason,
                reason=captured.reason or captured.lost,
                packets=tuple(found[at] for at in sorted(found)),
            )
            frames[point] = [captured.frames[at] for at in sorted(found)]
        observation = Observation(
            case_id=case.id,
            bindings=bindings,
            attempts=attempts,
            captures=captures,
            lookups=asked,
            controls=controls,
            output=landed.output,
            settled=landed.settled,
        )
        return Sighting(observation=observation, frames=frames)

    def _of(self, landed: Landed, place: Place, places: Mapping[Point, Place]) -> dict[int, SeenPacket]:
        """The packets of an exchange at a place."""
        case = landed.case
        nearest: Point = "entry-node" if case.client.probe == "outside" else "client-pod"
        first = self._captured.get(places.get(nearest, Place("nic", case.client.node)))
        target = (landed.target.ip, landed.target.port)
        found: dict[int, SeenPacket] = {}
        for clue in clues(landed.attempts, target, first.index if first else None):
            found.update(self._captured[place].index.find(clue, self._ports))
        return found

    def _asked(self, case: Case, target: Target, places: Mapping[Point, Place]) -> tuple[Lookup, ...]:
        """The questions of a case where the client's own packets are seen. Each family has a type of its own: a case
        does not see what was asked for the other one."""
        nearest = pod_point(case.flow.client)
        if case.flow.via not in BY_NAME or nearest not in places:
            return ()
        place = places[nearest]
        if place not in self._lookups:
            index = self._captured[place].index if place in self._captured else CaptureIndex(())
            self._lookups[place] = tuple(lookups(index.packets))
        below = target.fqdn if case.flow.load.connections > 1 else ""
        kind = "AAAA" if case.flow.family == "ipv6" else "A"
        return lookups_for(target.name, self._lookups[place], below, kind)

    def _of_names(self, place: Place, asked: Sequence[Lookup], anew: Collection[str]) -> dict[int, SeenPacket]:
        """The packets of questions for these names at a place: a question is known by its id and its name.

        Names that a cache asks `anew`, with ids of its own, are known by themselves. The name as the client spells it
        is none of them: the cluster's DNS itself asks others about it.
        """
        packets = self._captured[place].index.packets
        if place not in self._messages:
            self._messages[place] = places_of_questions(packets)
        messages = self._messages[place]
        found: dict[int, SeenPacket] = {}
        for key in [key for key in messages if key[1] in anew] if anew else [(one.id, one.name) for one in asked]:
            for at in messages.get(key, ()):
                way = "request" if packets[at].ports.dport == DNS_PORT else "reply"
                found[at] = SeenPacket(direction=way, packet=packets[at])  # type: ignore[arg-type]
        return found
