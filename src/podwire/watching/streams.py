"""The streams of a watch: started, followed, and ended as the members of the watch come and go."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from podwire.model.streams.numbers import Stream
from podwire.probing.calls import AgentError, ChannelLost, Garbled
from podwire.probing.client import AgentClient
from podwire.probing.streams.calls import streams_of
from podwire.records.watch import GapOfPath
from podwire.watching.members import Member
from podwire.watching.plan import OUTSIDE, Goal, Places, Slot, wanted
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

OpenAgent = Callable[[Member | None], AgentClient]
"""Opens the agent of a member; None: of the host outside."""


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
    generation: int


class Streams:
    """All streams of a watch. One thread uses it; `now` gives the moment, in milliseconds since the watch began.

    `on_gap` gets every gap that has ended, with its path; `on_lost` the name of a client whose agent has gone.
    """

    def __init__(
        self,
        open_agent: OpenAgent,
        pace: Pace,
        now: Callable[[], int],
        on_gap: Callable[[str, GapOfPath], None] = lambda path, gap: None,
        on_lost: Callable[[str], None] = lambda client: None,
    ) -> None:
        self._open, self._pace, self._now = open_agent, pace, now
        self._on_gap, self._on_lost = on_gap, on_lost
        self._agents: dict[str, AgentClient] = {}
        self._names: dict[str, str] = {OUTSIDE: "host outside"}
        self._running: dict[Slot, _Running] = {}
        self._number = 0
        self._silent: set[Slot] = set()
        self.left_out: set[str] = set()
        """Paths without a stream: they had no answer before the watch began."""
        self.tallies: dict[str, PathTally] = {}

    def follow(self, members: Sequence[Member], places: Places) -> None:
        """Bring the streams to what these members want: end some, start others."""
        usable = {member.uid: member for member in members if member.usable}
        present = {*usable, *([OUTSIDE] if places.outside_asks else [])}
        for uid in present - self._agents.keys():
            self._names.setdefault(uid, usable[uid].name if uid in usable else uid)
            self._agents[uid] = self._open(usable.get(uid))
        goals = wanted(members, places, {slot: running.goal for slot, running in self._running.items()})
        goals = {slot: goal for slot, goal in goals.items() if str(slot.path) not in self.left_out}
        self._forget_lost()
        self._end([slot for slot, running in self._running.items() if goals.get(slot) != running.goal])
        for uid in self._agents.keys() - present:
            self._agents.pop(uid).close()
        idle = goals.keys() - self._running.keys() - self._silent
        self._start({slot: goals[slot] for slot in goals if slot in idle})

    def poll(self) -> int:
        """Take over what the streams have counted. Returns the longest wait that goes on, in milliseconds."""
        self._forget_lost()
        calls = {uid: self._call(uid, "stream_state", {"drain": True}) for uid in self._clients()}
        waiting = 0
        for uid, call in calls.items():
            for stream in self._take(uid, call).values():
                waiting = max(waiting, stream.waiting)
        return waiting

    def slots(self) -> list[Slot]:
        """The streams that run."""
        return list(self._running)

    def complete(self, members: Sequence[Member], places: Places) -> bool:
        """Whether every stream runs that these members want."""
        goals = {slot: running.goal for slot, running in self._running.items()}
        return wanted(members, places, goals).keys() <= self._running.keys()

    def unanswered(self) -> list[Slot]:
        """The streams that have had no answer so far, as of the last `poll`."""
        return [
            slot
            for slot, running in self._running.items()
            if not self.tallies[str(slot.path)].has_answers(running.name)
        ]

    def begin_anew(self) -> list[str]:
        """Leave out paths that have no answer, and single streams; begin all others from nothing.

        Returns the names of those paths; `partly_silent` has those of which only some streams answer.
        """
        silent = set(self.unanswered())
        by_path: dict[str, list[bool]] = {}
        for slot in self._running:
            by_path.setdefault(str(slot.path), []).append(slot in silent)
        self.left_out = {path for path, flags in by_path.items() if all(flags)}
        self._silent = {slot for slot in silent if str(slot.path) not in self.left_out}
        self._forget_lost()
        self._end(list(self._running))
        self.tallies = {}
        return sorted(self.left_out)

    @property
    def partly_silent(self) -> list[str]:
        """Clients and paths that had no answer at first, although other clients had one."""
        return sorted(f"{slot.path} of {self._names.get(slot.client, slot.client)}" for slot in self._silent)

    def close(self) -> None:
        """End all streams and all agents."""
        self._forget_lost()
        self._end(list(self._running))
        for agent in self._agents.values():
            agent.close()
        self._agents = {}

    def _clients(self) -> list[str]:
        return list(dict.fromkeys(slot.client for slot in self._running))

    def _start(self, goals: Mapping[Slot, Goal]) -> None:
        calls: list[tuple[Slot, _Running, Future[dict[str, Any]]]] = []
        for slot, goal in goals.items():
            agent = self._agents.get(slot.client)
            if agent is None or not agent.connected:
                continue  # The next call comes soon.
            self._number += 1
            ends = Ends(client=self._names[slot.client], server=goal.server, began=self._now())
            running = _Running(name=f"s{self._number}", goal=goal, ends=ends, generation=agent.generation)
            calls.append((slot, running, self._call(slot.client, "stream_start", self._parameters(slot, running))))
        for slot, running, call in calls:
            try:
                call.result(ANSWER_SECONDS)
            except _FAILED:
                continue
            self._running[slot] = running
            path = str(slot.path)
            self.tallies.setdefault(path, PathTally(path))

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

    def _end(self, slots: Iterable[Slot]) -> None:
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
            found = self._take(uid, call)
            for slot in by_client[uid]:
                running = self._running.pop(slot)
                self.tallies[str(slot.path)].end(running.name, seen=running.name in found)

    def _take(self, uid: str, call: Future[dict[str, Any]]) -> dict[str, Stream]:
        """The streams in an agent's answer, added up; nothing for an agent that does not answer."""
        try:
            found = streams_of(call.result(ANSWER_SECONDS))
        except _FAILED:
            return {}
        for slot, running in self._running.items():
            if slot.client == uid and running.name in found:
                path = str(slot.path)
                for gap in self.tallies[path].take(running.name, running.ends, found[running.name]):
                    self._on_gap(path, gap)
        return found

    def _forget_lost(self) -> None:
        """Forget the streams of agents whose stream has broken: they ended with it."""
        lost = [
            slot
            for slot, running in self._running.items()
            if (agent := self._agents.get(slot.client)) is None or agent.generation != running.generation
        ]
        for uid in dict.fromkeys(slot.client for slot in lost):
            self._on_lost(self._names.get(uid, uid))
        for slot in lost:
            running = self._running.pop(slot)
            self.tallies[str(slot.path)].end(running.name, seen=False)

    def _call(self, uid: str, method: str, params: Mapping[str, Any]) -> Future[dict[str, Any]]:
        return self._agents[uid].call(method, params, ANSWER_SECONDS)
