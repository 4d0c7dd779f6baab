"""The agents of a watch: one for each client, opened and closed as the clients come and go."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Collection, Sequence

from podwire.model.gaps.paths import SYSTEMS
from podwire.probing.client import AgentClient
from podwire.watching.members import Member
from podwire.watching.plan import OUTSIDE

MOST_HOSTS = 30
"""Nodes of each operating system that ask; the others are only asked."""
REOPENED = 5.0
"""Seconds until an agent that could not be reached for good is tried anew: what was refused may be granted later."""

OpenAgent = Callable[[Member | None], AgentClient]
"""Opens the agent of a member; None: of the host outside."""
Generation = tuple[int, int]
"""One process of an agent: a stream that was started in another one has ended."""


class Agents:
    """Agents by the uid of their member, or `OUTSIDE`."""

    def __init__(self, open_agent: OpenAgent) -> None:
        self._open = open_agent
        self._agents: dict[str, AgentClient] = {}
        self._serials: dict[str, int] = {}
        self._names: dict[str, str] = {OUTSIDE: "host outside"}
        self._tried: dict[str, float] = {}
        self._opened = 0
        self.only_asked = 0
        """How many usable nodes have no agent, because so many others do."""

    def follow(self, members: Sequence[Member], *, outside: bool) -> set[str]:
        """Open an agent for each client that has none. Returns the clients: what streams may begin at."""
        clients = {member.uid: member for member in self._clients(members)}
        for uid in (*clients, *([OUTSIDE] if outside else [])):
            agent = self._agents.get(uid)
            if agent is not None and agent.gave_up and time.monotonic() - self._tried[uid] > REOPENED:
                self._agents.pop(uid).close()
            if uid not in self._agents:
                member = clients.get(uid)
                self._names.setdefault(uid, member.name if member else uid)
                self._opened += 1
                self._serials[uid], self._tried[uid] = self._opened, time.monotonic()
                self._agents[uid] = self._open(member)
        return {*clients, *([OUTSIDE] if outside else [])}

    def _clients(self, members: Sequence[Member]) -> list[Member]:
        """The usable members, but no more nodes than can be asked at once: those with an agent first."""
        usable = [member for member in members if member.usable]
        found = [member for member in usable if member.kind == "pod"]
        for os in SYSTEMS:
            hosts = [member for member in usable if member.kind == "host" and member.os == os]
            hosts.sort(key=lambda host: (host.uid not in self._agents, zlib.crc32(host.node.encode())))
            found += hosts[:MOST_HOSTS]
        self.only_asked = len(usable) - len(found)
        return found

    def close_others(self, clients: Collection[str]) -> None:
        """Close the agents of clients that are not there any more."""
        for uid in self._agents.keys() - set(clients):
            self._agents.pop(uid).close()
            del self._serials[uid], self._tried[uid]

    def clients(self) -> set[str]:
        """The uids of all that have an agent, connected or not."""
        return set(self._agents)

    def of(self, uid: str) -> AgentClient:
        """The agent of a client that has one."""
        return self._agents[uid]

    def name(self, uid: str) -> str:
        """The client's name, also after its end."""
        return self._names.get(uid, uid)

    def generation(self, uid: str) -> Generation | None:
        """The process of this client's agent; None while none is connected."""
        agent = self._agents.get(uid)
        if agent is None or not agent.connected:
            return None
        return self._serials[uid], agent.generation

    def close(self) -> None:
        """Close all. Safe to call twice."""
        self.close_others(())
