"""Waits until clients see a change, and measures how long that takes on each node.

The API shows a change before the proxies of the nodes apply it. The time counts from the answer of the API server that
shows the change to the first exchange of the client that is as the change says, and after which all are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from typing import Any

from podwire.cluster.deployment.workloads import Deployment
from podwire.model.cases import Case
from podwire.model.facts import ClusterFacts
from podwire.model.observations import Attempt
from podwire.planning.prerequisites import shown_by
from podwire.probing.client import AgentClient, AgentError, ChannelLost, attempt_of
from podwire.probing.controls import exchange_of
from podwire.probing.pressure import waited_seconds
from podwire.probing.source_ports import SourcePorts
from podwire.probing.targets import NoTarget, target_of

PATIENCE = 15.0
SETTLE, GLANCE, BETWEEN = 30.0, 0.5, 0.05
CONVERGES_WITHIN, LATER = 30.0, 5.0
"""Seconds that a change may take where nobody says otherwise, and how much longer podwire waits to tell late from
never."""
STEADY = 2
"""How many exchanges in a row are as the change says, where one server answers or none; a refusal says it at once."""
STEADY_OF_BACKENDS = 12
"""The same where backends share the exchanges: one that no longer belongs there gets every third of them or more."""
MISSED = 3
"""How many exchanges miss a change that has not come; fewer may be lost packets."""
AFTER_A_ROW = 4
"""How many more are asked for together where one of the backends has not answered yet."""


@dataclass(frozen=True, kw_only=True)
class Settled:
    """How many seconds a change took to show to a client; `never` where it did not within the time that podwire waits,
    which `seconds` is then. In `waited` of these seconds a process of the runner's machine waited for a processor."""

    seconds: float = 0.0
    never: bool = False
    waited: float = 0.0


@dataclass(kw_only=True)
class _Watched:
    """A case whose change is awaited: what its client must see, and what it has seen so far."""

    case: Case
    servers: frozenset[str]
    """The identities of which each must answer and no other may; empty: whoever answers."""
    missed: int = 0
    """How many exchanges there were before the first that was as the change says."""
    right: bool = False
    """Whether there was one."""
    since: float | None = None
    """When the present row of exchanges as the change says began (monotonic seconds)."""
    row: int = 0
    seen: set[str] = field(default_factory=set)

    def add(self, attempt: Attempt | None, began: float) -> None:
        """Take in one more exchange, which began at that monotonic second; None: the agent did not answer."""
        by = attempt.reply.identity if attempt is not None and attempt.reply else ""
        if self.case.flow.change.settles == "answered":
            right = bool(by) and (not self.servers or by in self.servers)
        else:
            right = attempt is not None and not by
        self.right = self.right or right
        if not right:
            self.since, self.row = None, 0
            self.missed += attempt is not None and not self.right
            self.seen.clear()
            return
        if by not in self.seen or self.since is None:
            # An endpoint that was added shows with its first answer, and not before.
            self.since = began + (attempt.elapsed if attempt is not None and by else 0.0)
        self.seen.add(by)
        refused = attempt is not None and attempt.error is not None and attempt.error.kind == "refused"
        self.row += STEADY if refused else 1

    def seconds(self, shown: float, asked: float) -> float:
        """How long the change took since the API had it, or, where no exchange missed it, since it was first asked
        for."""
        known = shown if self.missed >= MISSED else max(shown, asked)
        return max((self.since or known) - known, 0.001)

    @property
    def asks(self) -> int:
        """How many exchanges to ask for together, one after the other: the rest of a row that has begun."""
        if not self.row or not self.servers:
            return 1
        return max(STEADY_OF_BACKENDS - self.row, AFTER_A_ROW if self.row < 2 * STEADY_OF_BACKENDS else 1)

    @property
    def steady(self) -> bool:
        if self.case.flow.change.settles == "unanswered":
            return self.row >= STEADY
        if self.servers:
            return self.row >= STEADY_OF_BACKENDS and self.seen >= self.servers
        return self.row >= STEADY


class Settling:
    """Waits for changes at the clients of a run. A change may take `within` seconds to show."""

    def __init__(
        self,
        deployment: Deployment,
        facts: ClusterFacts,
        agents: Mapping[str, AgentClient],
        client: Callable[[Case], str],
        tokens: Iterator[str],
        ports: SourcePorts,
        *,
        within: float = CONVERGES_WITHIN,
        waited: Callable[[], float | None] = waited_seconds,
    ) -> None:
        self._deployment, self._facts, self._agents, self._client = deployment, facts, agents, client
        self._tokens, self._ports = tokens, ports
        self.within, self._measured = within, waited

    def settle(self, cases: Sequence[Case], shown: float) -> dict[str, Settled]:
        """Wait until each client sees its change, which the API has shown since the monotonic second `shown`.

        Returns what came of it by case id. The wait ends when no further client has seen its change for `SETTLE`
        seconds, or for longer than a change may take; the other cases are judged as they are. Time in which this
        machine was busy does not count, up to the same time again.

        Where clients are asked long after the API had the change, the time of one that sees it at once counts from the
        first question, for nobody knows since when it did. Nobody sees a change in a listing of a node, nor in a flow
        that may or may not be answered, so those cases wait for the others.
        """
        asking = [shown_by(case) for case in cases if case.flow.change.settles != "unasked"]
        cases = [case for case in asking if case.flow.protocol != "tool"]
        patience = max(SETTLE, self.within + LATER)
        watched = [_Watched(case=case, servers=self._servers(case)) for case in cases]
        settled = dict.fromkeys((case.id for case in cases), Settled(seconds=patience, never=True))
        asked = time.monotonic()
        waiting = {watch.case.id: watch for watch in watched}
        running: dict[Future[dict[str, Any]], tuple[_Watched, float]] = {}
        due = dict.fromkeys(waiting, 0.0)
        moved, busy_before = time.monotonic(), self._waited()
        busy = busy_before
        while waiting and time.monotonic() - moved < patience + min(patience, self._waited() - busy):
            for key, at in list(due.items()):
                if at <= time.monotonic():
                    del due[key]
                    answer = self._glance(waiting[key])
                    if answer is None:
                        del waiting[key]  # It has no target, which its own flow will say.
                        del settled[key]
                        continue
                    running[answer] = (waiting[key], time.monotonic())
            for answer in wait(running, BETWEEN, FIRST_COMPLETED).done:
                watch, began = running.pop(answer)
                for attempt, later in _attempts(answer):
                    watch.add(attempt, began + later)
                if watch.steady and watch.since is not None:
                    moved, busy = time.monotonic(), self._waited()
                    seconds = watch.seconds(shown, asked)
                    settled[watch.case.id] = Settled(seconds=seconds, waited=min(seconds, busy - busy_before))
                    del waiting[watch.case.id]
                else:
                    # A row that has begun goes on at once; one that is long without an end has no such hurry.
                    hurry = 0 < watch.row < 2 * STEADY_OF_BACKENDS
                    due[watch.case.id] = time.monotonic() + (0.0 if hurry else BETWEEN)
        return settled

    def _waited(self) -> float:
        """For how many seconds a process of this machine has waited for a processor; 0 where nobody counts."""
        return self._measured() or 0.0

    def _servers(self, case: Case) -> frozenset[str]:
        """The identities that must answer once the change shows, where it has changed the endpoints of the Service."""
        members = self._deployment.members.get(case.flow.service.kind, frozenset())
        able = (probe for probe in self._deployment.probes if case.flow.family in probe.addresses)
        return members & {probe.identity for probe in able}

    def _glance(self, watch: _Watched) -> Future[dict[str, Any]] | None:
        """The next exchanges of a client, or None if it has no target."""
        case = watch.case
        try:
            target = target_of(case, self._deployment, self._facts)
        except NoTarget:
            return None
        client = self._client(case)
        exchanges = [
            exchange_of(target.ip, target.port, next(self._tokens), timeout=GLANCE)
            | {
                "proto": case.flow.protocol,
                "preferred_port": self._ports.of(client, case.client.os, case.client.probe),
            }
            for _ in range(watch.asks)
        ]
        if len(exchanges) == 1:
            return self._agents[client].call("exchange", exchanges[0], PATIENCE)
        in_a_row = {"exchanges": exchanges, "at_once": 1, "give_up": 1}
        return self._agents[client].call("sequence", in_a_row, PATIENCE)


def _attempts(answer: Future[dict[str, Any]]) -> Sequence[tuple[Attempt | None, float]]:
    """The exchanges of an answer, each with the seconds from the first to it. None: the agent did not answer."""
    try:
        result = answer.result()
        attempts = [attempt_of(attempt) for attempt in result.get("attempts", [result])]
    except (AgentError, ChannelLost, TimeoutError):
        return [(None, 0.0)]
    return [(attempt, max(0.0, attempt.started - attempts[0].started)) for attempt in attempts]
