"""Makes the observation of each case from the captures of a run."""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from msgspec import structs

from podwire.model.asking import DNS_PORT
from podwire.model.cases import Case, pod_point
from podwire.model.observations import (
    Attempt,
    Capture,
    ControlResult,
    Lookup,
    Observation,
    Point,
    Reading,
    SeenPacket,
    Value,
)
from podwire.model.patterns import Direction
from podwire.model.streams.numbers import Stream
from podwire.model.streams.seen import Mark, StreamSeen
from podwire.model.symbols import DNS_CACHE
from podwire.model.ways import BY_NAME, BY_TUNNEL
from podwire.packets.correlate import CaptureIndex, clues
from podwire.packets.lookups import lookups, lookups_for, places_of_questions, questions_by_sender
from podwire.packets.pcap import Frame
from podwire.packets.stream_packets import telling, with_passages
from podwire.probing.captures import Captured, Place
from podwire.probing.targets import Target

MOST_SHOWN = 50
"""The limit of DNS queries of one case whose packets are kept, unanswered and repeated queries first."""
MOST_WHOLE = 200
"""The limit of exchanges of one case whose packets are all kept. Beyond it, packets of MOST_SHOWN exchanges are kept,
failed and repeated ones first."""


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """The observation of a case, and the raw frames behind it by capture point, for the evidence."""

    observation: Observation
    frames: Mapping[str, Sequence[Frame]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Landed:
    """A case with the result of its client. `settled` is how many seconds a change took to reach the client; with
    `never` it had not when the wait ended."""

    case: Case
    target: Target
    bindings: dict[str, Value]
    attempts: tuple[Attempt, ...]
    output: str = ""
    settled: float = 0.0
    never: bool = False
    readings: tuple[Reading, ...] = ()
    streams: Mapping[str, Stream] = field(default_factory=dict)
    """The numbers of streams by token."""
    marks: tuple[Mark, ...] = ()
    """The changes that they lived through."""


def joined(landed: Sequence[Landed]) -> list[Landed]:
    """A case that was sent twice is one, with the attempts of both times."""
    by_case: dict[str, Landed] = {}
    for exchange in landed:
        earlier = by_case.get(exchange.case.id)
        by_case[exchange.case.id] = (
            replace(exchange, attempts=earlier.attempts + exchange.attempts) if earlier else exchange
        )
    return list(by_case.values())


class Seen:
    """The captures of a run, with indexes that all cases share.

    `place` returns the place of a case's capture point. `ports` are the ports of this run's servers.
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
        self._questions: dict[Place, Mapping[str, Mapping[tuple[str, str], float]]] = {}

    def sighting(self, landed: Landed, controls: tuple[ControlResult, ...]) -> Sighting:
        """The sighting of one case: its observation, and the raw frames.

        Packets that cannot be read cost that case, not the run: anybody may make them.
        """
        try:
            return self._seen(landed, controls)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, struct.error) as error:
            words = " ".join(f"{type(error).__name__}: {error}".split())
            problem = f"podwire cannot read the captured packets ({words[:200]})"
            nothing = Observation(case_id=landed.case.id, attempts=landed.attempts, problem=problem)
            return Sighting(observation=nothing)

    def _seen(self, landed: Landed, controls: tuple[ControlResult, ...]) -> Sighting:
        landed = replace(landed, attempts=self._counted(landed))
        case, bindings, attempts = landed.case, landed.bindings, landed.attempts
        if len(attempts) == 1 and attempts[0].local and attempts[0].local[1]:
            bindings["client.port"] = attempts[0].local[1]
        places = {point: self._place(case, point) for point in case.points}
        lookups = self._asked(case, landed.target, places)
        shown = sorted(lookups, key=lambda lookup: (lookup.rcode is not None, not lookup.lost))[:MOST_SHOWN]
        own = landed.target.name.lower()
        anew = {lookup.name for lookup in shown} - {own} if DNS_CACHE in bindings else set()
        streams = {
            token: StreamSeen(token=token, numbers=numbers, marks=landed.marks)
            for token, numbers in landed.streams.items()
        }
        captures: dict[str, Capture] = {}
        frames: dict[str, list[Frame]] = {}
        for point, place in places.items():
            captured = self._captured[place]
            packets = (
                self._of_names(place, shown, anew if point == "server-node" else set())
                if case.flow.protocol in ("dns", "tool")
                else self._of(landed, place, places)
            )
            if streams:
                streams = {token: with_passages(seen, case, point, packets) for token, seen in streams.items()}
                packets = telling(packets, streams)
            captures[point] = Capture(
                point=point,
                where=str(place),
                usable=not captured.reason,
                reason=captured.reason or captured.lost or self._not_captured(landed, point, place, lookups),
                packets=tuple(packets[at] for at in sorted(packets)),
            )
            frames[point] = [captured.frames[at] for at in sorted(packets)]
        observation = Observation(
            case_id=case.id,
            bindings=bindings,
            attempts=attempts,
            captures=captures,
            lookups=lookups,
            controls=controls,
            output=landed.output,
            readings=landed.readings,
            settled=landed.settled,
            unsettled=landed.never,
            streams=tuple(streams.values()),
        )
        return Sighting(observation=observation, frames=frames)

    def _of(self, landed: Landed, place: Place, places: Mapping[Point, Place]) -> dict[int, SeenPacket]:
        """The packets of an exchange at a place."""
        first = self._nearest(landed.case, places)
        target = (landed.target.ip, landed.target.port)
        packets: dict[int, SeenPacket] = {}
        for clue in clues(_kept(landed) + _sockets(landed), target, first.index if first else None):
            packets.update(self._captured[place].index.find(clue, self._ports))
        return packets

    def _nearest(self, case: Case, places: Mapping[Point, Place]) -> Captured | None:
        """The capture that sees the client's own packets first."""
        nearest: Point = "entry-node" if case.client.probe == "outside" else "client-pod"
        return self._captured.get(places.get(nearest, Place("nic", case.client.node)))

    def _counted(self, landed: Landed) -> tuple[Attempt, ...]:
        """The attempts with their tries: datagrams are counted by the client itself, SYNs by its capture."""
        case = landed.case
        if case.flow.load.stream:
            return landed.attempts  # A stream's messages are counted one by one.
        if case.flow.protocol == "udp" and case.flow.via not in BY_TUNNEL:
            return tuple(structs.replace(attempt, tries=attempt.sent) for attempt in landed.attempts)
        first = self._nearest(case, {point: self._place(case, point) for point in case.points})
        if case.flow.protocol != "tcp" or first is None or first.reason:
            return landed.attempts
        numbers = clues(landed.attempts, (landed.target.ip, landed.target.port), first.index)
        return tuple(
            structs.replace(attempt, tries=first.index.syns(clue.sequence)) if clue.sequence is not None else attempt
            for attempt, clue in zip(landed.attempts, numbers, strict=True)
        )

    def _asked(self, case: Case, target: Target, places: Mapping[Point, Place]) -> tuple[Lookup, ...]:
        """The DNS queries of a case at the client's own capture point, for the record type of the case's family."""
        nearest = pod_point(case.flow.client)
        if case.flow.via not in BY_NAME or nearest not in places:
            return ()
        place = places[nearest]
        if place not in self._lookups:
            index = self._captured[place].index if place in self._captured else CaptureIndex(())
            self._lookups[place] = tuple(lookups(index.packets))
        return _of_case(case, target, self._lookups[place])

    def _not_captured(self, landed: Landed, point: Point, place: Place, lookups: Sequence[Lookup]) -> str:
        """Why a pod's port proves no absence: a node's NIC shows a query of this case that the pod's address sent and
        its own port does not have. Who asks for the pod, as a proxy does, repeats a query that its port has."""
        case, own = landed.case, landed.bindings.get("client.ip")
        if point != "client-pod" or case.flow.via not in BY_NAME or not isinstance(own, str):
            return ""
        captured_here = {(lookup.name, lookup.type) for lookup in lookups}
        for nic, captured in self._captured.items():
            if nic.kind != "nic":
                continue
            if nic not in self._questions:
                self._questions[nic] = questions_by_sender(captured.index.packets)
            server = next(iter(landed.target.asked_of), "")
            asked = tuple(
                Lookup(name=name, type=kind, server=server, protocol="udp", at=at)
                for (name, kind), at in self._questions[nic].get(own, {}).items()
                if (name, kind) not in captured_here
            )
            for lookup in _of_case(case, landed.target, asked):
                return f"the {nic} has the query {lookup.name} {lookup.type} of {own}, and {place} does not"
        return ""

    def _of_names(self, place: Place, lookups: Sequence[Lookup], anew: Collection[str]) -> dict[int, SeenPacket]:
        """The packets of these look-ups at a place. The message id and the name identify a query.

        A cache asks the names `anew` with ids of its own, so the name alone identifies these. The name as the client
        spells it is none of them: the cluster's DNS itself asks others about it.
        """
        packets = self._captured[place].index.packets
        if place not in self._messages:
            self._messages[place] = places_of_questions(packets)
        messages = self._messages[place]
        packets_of_questions: dict[int, SeenPacket] = {}
        keys = [key for key in messages if key[1] in anew] if anew else [(lookup.id, lookup.name) for lookup in lookups]
        for key in keys:
            for at in messages.get(key, ()):
                way: Direction = "request" if packets[at].ports.dport == DNS_PORT else "reply"
                packets_of_questions[at] = SeenPacket(direction=way, packet=packets[at])
        return packets_of_questions


def _of_case(case: Case, target: Target, captured: Sequence[Lookup]) -> tuple[Lookup, ...]:
    """Those of the captured look-ups that a case can cause, for the record type of its family."""
    if target.questions:
        return _of_questions(target, captured, case.flow.load.asks == "srv-and-targets")
    below = target.fqdn if case.flow.load.connections > 1 else ""
    kind = "AAAA" if case.flow.family == "ipv6" else "A"
    return lookups_for(target.name, captured, below, kind)


def _of_questions(target: Target, lookups: Sequence[Lookup], followed: bool) -> tuple[Lookup, ...]:
    """The look-ups of the agent's own DNS client; where it `followed` records, those for names below the target too."""
    questions, below = (
        {(question.name.lower(), question.type) for question in target.questions},
        f".{target.fqdn.lower()}",
    )
    return tuple(
        lookup
        for lookup in lookups
        if lookup.server in target.asked_of
        and (
            (lookup.name, lookup.type) in questions
            or (followed and lookup.name.endswith(below) and lookup.type != "SRV")
        )
    )


def _sockets(landed: Landed) -> list[Attempt]:
    """An attempt for each later socket of a stream, whose packets are all its own; the first one has its attempt."""
    return [
        Attempt(token=token, started=stream.started, elapsed=0.0, local=(socket.address, socket.port))
        for token, stream in landed.streams.items()
        for socket in stream.sockets[1:]
    ]


def _kept(landed: Landed) -> list[Attempt]:
    """The attempts whose packets are kept."""
    attempts = list(landed.attempts)
    few = len(attempts) <= MOST_WHOLE and not landed.case.flow.load.whole_path
    return attempts if few else sorted(attempts, key=lambda attempt: (attempt.answered, -attempt.tries))[:MOST_SHOWN]
