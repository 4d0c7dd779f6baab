"""The streams of a watch: started, followed, and ended as the members of the watch come and go."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from podwire.model.streams.numbers import Stream
from podwire.probing.calls import AgentError, ChannelLost, Garbled
from podwire.probing.streams.calls import streams_of
from podwire.records.watch import GapOfPath, PathRecord
from podwire.watching.absences import Absences, Witness
from podwire.watching.agents import Agents, Generation, OpenAgent
from podwire.watching.members import Member
from podwire.watching.packets import GapPackets, Keep
from podwire.watching.plan import Goal, Places, Slot, wanted
from podwire.watching.tallies import Ends, PathTally

ANSWER_SECONDS = 3.0
"""How long an agent may take to answer a call; a node that goes down takes its agents along."""
LINGER_SECONDS = 0.3
"""How long a stream that ends waits for its last answers."""
GIVE_UP_SECONDS = 2.0
"""How long a TCP connection may stay without an answer before its client opens another one."""
TCP_BYTES, UDP_BYTES = 1380, 1200
"""The size of a message: one that a path with too small an MTU does not carry."""
_FAILED = (AgentError, ChannelLost, Garbled, TimeoutError)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How streams send: seconds from message to message, and seconds from which a wait is a gap."""

    every: float
    threshold: float


@dataclass(frozen=True, kw_only=True)
class _Running:
    """A stream that was started, in one generation of its agent."""

    name: str
    goal: Goal
    ends: Ends
    generation: Generation


class _Call:
    """A call to an agent, and the moment of its answer."""

    def __init__(self, future: Future[dict[str, Any]], now: Callable[[], int]) -> None:
        self._future, self.at = future, now()
        future.add_done_callback(lambda _: setattr(self, "at", now()))

    def result(self) -> dict[str, Any]:
        return self._future.result(ANSWER_SECONDS)


class Streams:
    """All streams of a watch. One thread uses it; `now` gives the moment, in milliseconds since the watch began.

    `on_gap` gets every gap that has ended, with its path; `on_lost` the name of a client whose agent has gone; `keep`
    stores files with packets.
    """

    def __init__(
        self,
        open_agent: OpenAgent,
        pace: Pace,
        now: Callable[[], int],
        on_gap: Callable[[str, GapOfPath], None] = lambda path, gap: None,
        on_lost: Callable[[str], None] = lambda client: None,
        keep: Keep = lambda name, content: None,
    ) -> None:
        self._pace, self._now = pace, now
        self._on_gap, self._on_lost = on_gap, on_lost
        self._agents = Agents(open_agent)
        self.packets = GapPackets(agents=self._agents, now=now, keep=keep)
        self._running: dict[Slot, _Running] = {}
        self._number = 0
        self._silent: set[Slot] = set()
        self._absences = Absences()
        self._tallies: dict[str, PathTally] = {}
        self.left_out: set[str] = set()
        """Paths without a stream: they had no answer before the watch began."""

    def follow(self, members: Sequence[Member], places: Places) -> None:
        """Bring the streams to what these members want: end some, start others."""
        clients = self._agents.follow(members, outside=places.outside_asks)
        self.packets.follow(members)
        goals = {
            slot: goal
            for slot, goal in wanted(members, places, self._goals(), clients).items()
            if slot not in self._silent and str(slot.path) not in self.left_out
        }
        self._forget_lost()
        self._end([slot for slot, running in self._running.items() if goals.get(slot) != running.goal])
        self._absences.ended([slot for slot in self._absences.open() if slot not in goals], self._now())
        self._agents.close_others(clients)
        self._start({slot: goals[slot] for slot in goals if slot not in self._running})

    def poll(self) -> int:
        """Take over what the streams have counted. Returns the longest wait that goes on, in milliseconds."""
        self._forget_lost()
        calls = {uid: self._call(uid, "stream_state", {"drain": True}) for uid in self._clients()}
        waiting = 0
        for uid, call in calls.items():
            for stream in self._take(uid, call).values():
                waiting = max(waiting, stream.waiting)
        self.packets.collect()
        return waiting

    def paths(self) -> list[str]:
        """The names of the paths that have had a stream."""
        return sorted(self._tallies)

    @property
    def only_asked(self) -> int:
        """How many nodes do not ask, because so many others do."""
        return self._agents.only_asked

    def slots(self) -> list[Slot]:
        """The streams that run."""
        return list(self._running)

    def missing(self) -> list[str]:
        """The paths that have had a stream and have none now."""
        return sorted(self._tallies.keys() - {str(slot.path) for slot in self._running})

    def complete(self, members: Sequence[Member], places: Places) -> bool:
        """Whether every stream runs that these members want."""
        return wanted(members, places, self._goals(), self._agents.clients()).keys() <= self._running.keys()

    def _goals(self) -> dict[Slot, Goal]:
        return {slot: running.goal for slot, running in self._running.items()}

    def unanswered(self) -> list[Slot]:
        """The streams that have had no answer so far, as of the last `poll`."""
        return [
            slot
            for slot, running in self._running.items()
            if not self._tallies[str(slot.path)].has_answers(running.name)
        ]

    def begin_anew(self) -> list[str]:
        """Leave out paths that have no answer, and single streams; begin all others from nothing.

        Returns the names of those paths. The record names the clients of which only some streams answer.
        """
        silent = set(self.unanswered())
        by_path: dict[str, list[bool]] = {}
        for slot in self._running:
            by_path.setdefault(str(slot.path), []).append(slot in silent)
        self.left_out = {path for path, flags in by_path.items() if all(flags)}
        self._silent = {slot for slot in silent if str(slot.path) not in self.left_out}
        self._forget_lost()
        self._end(list(self._running))
        self._tallies, self._absences, self.packets.active = {}, Absences(), True
        for path in by_path.keys() - self.left_out:
            self._tally(path)
        return sorted(self.left_out)

    @property
    def partly_silent(self) -> list[str]:
        """Clients and paths that had no answer at first, although other clients had one."""
        return sorted(f"{slot.path} of {self._agents.name(slot.client)}" for slot in self._silent)

    def records(self, witness: Witness) -> tuple[PathRecord, ...]:
        """The paths for the record, as they are at this moment."""
        return self._records(witness, self.missing())

    def finish(self, witness: Witness) -> tuple[PathRecord, ...]:
        """End all streams and all agents; the paths for the record. Waits that go on are open gaps."""
        self._forget_lost()
        gone = self.missing()
        self._end(list(self._running), last=True)
        self.packets.collect(last=True)
        self.close()
        return self._records(witness, gone)

    def _records(self, witness: Witness, gone: Sequence[str]) -> tuple[PathRecord, ...]:
        now = self._now()
        blind = self._absences.blind(now, witness)
        silent: dict[str, list[str]] = {}
        for slot in self._silent:
            silent.setdefault(str(slot.path), []).append(self._agents.name(slot.client))
        return tuple(
            tally.record(now, blind.get(path, ()), silent.get(path, ()), gone=path in gone)
            for path, tally in sorted(self._tallies.items())
        )

    def close(self) -> None:
        """End all agents, and their streams with them. Safe to call twice."""
        self._agents.close()

    def _clients(self) -> list[str]:
        return list(dict.fromkeys(slot.client for slot in self._running))

    def _start(self, goals: Mapping[Slot, Goal]) -> None:
        calls: list[tuple[Slot, _Running, _Call]] = []
        for slot, goal in goals.items():
            generation = self._agents.generation(slot.client)
            if generation is None:
                continue  # The next call comes soon.
            self._number += 1
            ends = Ends(client=self._agents.name(slot.client), server=goal.server)
            running = _Running(name=f"s{self._number}", goal=goal, ends=ends, generation=generation)
            calls.append((slot, running, self._call(slot.client, "stream_start", self._parameters(slot, running))))
        for slot, running, call in calls:
            try:
                call.result()
            except _FAILED:
                continue
            self._running[slot] = running
            self._tally(str(slot.path)).begin(running.name, call.at)

    def _tally(self, path: str) -> PathTally:
        return self._tallies.setdefault(path, PathTally(path, round(self._pace.threshold * 1000)))

    def _parameters(self, slot: Slot, running: _Running) -> dict[str, Any]:
        tcp = slot.path.protocol == "tcp"
        return {
            "stream": running.name,
            "kind": "steady",
            "proto": slot.path.protocol,
            "host": running.goal.host,
            "port": running.goal.port,
            "family": 0,
            "token": f"pw{secrets.token_hex(8)}",
            "every": self._pace.every,
            "size": TCP_BYTES if tcp else UDP_BYTES,
            "gap": self._pace.threshold,
            "timeout": max(GIVE_UP_SECONDS, 2 * self._pace.every),
            "give_up": max(GIVE_UP_SECONDS, 2 * self._pace.every),
        }

    def _end(self, slots: Iterable[Slot], *, last: bool = False) -> None:
        by_client: dict[str, list[Slot]] = {}
        for slot in slots:
            by_client.setdefault(slot.client, []).append(slot)
        calls = {
            uid: self._call(
                uid, "stream_stop", {"streams": [self._running[s].name for s in own], "linger": LINGER_SECONDS}
            )
            for uid, own in by_client.items()
        }
        for uid, call in calls.items():
            found = self._take(uid, call, last=last)
            for slot in by_client[uid]:
                self._drop(slot, seen=self._running[slot].name in found)

    def _drop(self, slot: Slot, *, seen: bool) -> None:
        """Forget a stream. What it had counted is lost if nobody saw its last numbers."""
        running, tally = self._running.pop(slot), self._tallies[str(slot.path)]
        if not seen:
            self._absences.lost(slot, running.ends.client, tally.last_answer(running.name))
        tally.end(running.name, running.ends, self._now(), seen=seen)

    def _take(self, uid: str, call: _Call, *, last: bool = False) -> dict[str, Stream]:
        """The streams in an agent's answer, added up; nothing for an agent that does not answer."""
        try:
            found = streams_of(call.result())
        except _FAILED:
            return {}
        for slot, running in self._running.items():
            if slot.client == uid and running.name in found:
                path, stream = str(slot.path), found[running.name]
                for gap in self._tallies[path].take(running.name, running.ends, stream, call.at, last=last):
                    self._on_gap(path, gap)
                    self.packets.around(gap, uid, slot.path)
                if stream.counts.answered:
                    # Its first wait was not longer than its longest one.
                    self._absences.answered(slot, min(call.at, call.at - stream.ran + stream.longest))
        return found

    def _forget_lost(self) -> None:
        """Forget the streams of agents whose stream has broken: they ended with it."""
        lost = [
            slot
            for slot, running in self._running.items()
            if self._agents.generation(slot.client) != running.generation
        ]
        for uid in dict.fromkeys(slot.client for slot in lost):
            self._on_lost(self._agents.name(uid))
        for slot in lost:
            self._drop(slot, seen=False)

    def _call(self, uid: str, method: str, params: Mapping[str, Any]) -> _Call:
        return _Call(self._agents.of(uid).call(method, params, ANSWER_SECONDS), self._now)
