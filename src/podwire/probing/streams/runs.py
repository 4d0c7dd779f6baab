"""The streams of a run: opened before its other flows, used once more after them, and then stopped.

So they live through all that happens in between, and cost no time of their own. Transfers are an exception: their bytes
would fill the captures, so they run when these have ended.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from podwire.cluster.deployment.workloads import Deployment
from podwire.model.cases import Case
from podwire.model.changes.table import CHANGES
from podwire.model.facts import ClusterFacts
from podwire.model.observations import Attempt, ProbeError, Reply, Value
from podwire.model.streams.load import StreamLoad
from podwire.model.streams.numbers import Stream
from podwire.model.streams.seen import Mark
from podwire.model.symbols import STAYING
from podwire.probing.bindings.cases import bindings_of
from podwire.probing.bindings.nodes import Hello
from podwire.probing.client import AgentClient, AgentError, ChannelLost
from podwire.probing.node_states import NodeState
from podwire.probing.sightings import Landed
from podwire.probing.source_ports import SourcePorts
from podwire.probing.streams.calls import streams_of
from podwire.probing.targets import NoTarget, Target, probe_of, target_of

PATIENCE = 15.0
LINGER = 5.0
"""Seconds for the last answers, and those after which a message without an answer is lost."""
GAP = 1.0
"""Seconds from which a wait for an answer is listed as a gap."""
BURST, DENSE_BURST = 2, 5
"""Datagrams that a stream sends at once: what overtakes another one shows only where two are on the way. Over TCP they
would be one segment, so there it is one message."""
NEVER = 86400.0
GIVE_UP, MOST_TRANSFER = 20.0, 600.0
"""Seconds without a byte after which a transfer is given up, and seconds for a whole one."""
MEANWHILE = 30.0
ONE_WAY = 0.5
"""Seconds between two datagrams that nobody answers."""
SOON = 0.02
"""Seconds between two looks whether streams have their first answers."""
BETWEEN_CHANGES, LOOK = 6, 0.2
"""Messages that a one-way stream sends at least between two changes, and seconds between two looks whether it has."""
MOST_LATE = 4
OUTLASTED = "the run took longer than pods serve that were deleted, so their end may have cut the streams"


@dataclass(kw_only=True)
class _Running:
    """The streams of one case, by token."""

    case: Case
    target: Target
    bindings: dict[str, Value]
    tokens: list[str]
    answers: list[Future[dict[str, Any]]] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    members: list[frozenset[str]] = field(default_factory=list)
    """The ready endpoints of its Service after each change of them that shows."""


class Streaming:
    """Runs the streams of a run's cases.

    `client` names the agent that a case starts from; `why_lost` returns why a probe went away, as the API says, or ''.
    The reason of a case without a result goes into the table `broken` of each method.
    """

    def __init__(
        self,
        deployment: Deployment,
        facts: ClusterFacts,
        agents: Mapping[str, AgentClient],
        load: StreamLoad,
        *,
        tokens: Iterator[str],
        ports: SourcePorts,
        client: Callable[[Case], str],
        why_lost: Callable[[str], str],
    ) -> None:
        self._deployment, self._facts, self._agents, self._load = deployment, facts, agents, load
        self._tokens, self._ports, self._client, self._why_lost = tokens, ports, client, why_lost
        self._began = time.monotonic()
        self._running: list[_Running] = []
        self._shown: dict[str, float] = {}

    def begin(
        self,
        cases: Sequence[Case],
        hellos: Mapping[str, Hello],
        states: Mapping[str, NodeState],
        broken: dict[str, str],
    ) -> None:
        """Open the streams of these cases; other cases are left alone. Returns when every stream runs or has failed,
        and those that live through a change know their endpoint (`_await_endpoints`)."""
        self._began, self._running = time.monotonic(), []
        for case in cases:
            if not case.flow.load.stream:
                continue
            try:
                target = target_of(case, self._deployment, self._facts)
                bindings = bindings_of(case, target, self._deployment, self._facts, hellos, states)
            except NoTarget as problem:
                broken[case.id] = str(problem)
                continue
            tokens = [next(self._tokens) for _ in range(case.flow.load.connections)]
            running = _Running(case=case, target=target, bindings=bindings, tokens=tokens)
            self._running.append(running)
        for running in self._of(transfers=False):
            running.answers = [self._start(running, token) for token in running.tokens]
        for running in self._of(transfers=False):
            self._results(running, broken)
        self._await_endpoints([running for running in self._of(transfers=False) if running.case.id not in broken])

    def _await_endpoints(self, open_streams: Sequence[_Running]) -> None:
        """Return when each steady stream that lives through a change has had an answer, an error or `LINGER` seconds.

        Before its first answer nobody knows which endpoint a connection has. A connection to an endpoint that goes
        would end, and the next one's endpoint would seem to have cut it.
        """
        waiting = [
            (running, token)
            for running in open_streams
            for token in running.tokens
            if running.case.flow.load.stream == "steady" and running.case.flow.change.after
        ]
        end = time.monotonic() + LINGER
        while waiting and time.monotonic() < end:
            states = self._states_of(waiting)
            waiting = [entry for entry in waiting if entry[1] in states and _is_new(states[entry[1]])]
            if waiting:
                time.sleep(SOON)

    def linger(self, broken: dict[str, str], meanwhile: Callable[[], object]) -> None:
        """Wait until silent streams may speak. `meanwhile` is called every half minute of a long silence."""
        streams = [running for running in self._of(transfers=False) if running.case.id not in broken]
        silent = any(running.case.flow.load.stream == "silent" for running in streams)
        least = max(self._load.least, self._load.idle if silent else 0.0) if streams else 0.0
        while (left := self._began + least - time.monotonic()) > 0:
            time.sleep(min(left, MEANWHILE))
            if left > MEANWHILE:
                meanwhile()

    def end(self, broken: dict[str, str]) -> list[Landed]:
        """Use each stream once more, and stop it."""
        streams = [running for running in self._of(transfers=False) if running.case.id not in broken]
        for running in streams:
            running.answers = [self._stop(running, token, LINGER) for token in running.tokens]
        return [landed for running in streams for landed in self._landed(running, broken)]

    def sent(self, change: str) -> Mapping[str, int]:
        """How many messages each one-way stream to a Service that the change touches has sent, by token. Where the
        change follows another one, it returns when they have sent a few in between."""
        follows, end = CHANGES[change].follows, time.monotonic() + PATIENCE
        while True:
            counts = self._sent(change)
            since = {
                token: mark.shown
                for running in self._running
                for token in running.tokens
                for mark in running.marks
                if mark.change == follows
            }
            enough = all(count - since[token] >= BETWEEN_CHANGES for token, count in counts.items() if token in since)
            if enough or time.monotonic() >= end:
                return counts
            time.sleep(LOOK)

    def shown(self, change: str, before: Mapping[str, int]) -> None:
        """Note a change that shows now, with what had been sent before it."""
        self._shown[change] = time.monotonic()
        now = self._sent(change) if before else {}
        for running in self._running:
            kind = running.case.flow.service.kind
            if kind in CHANGES[change].touches and kind in self._deployment.members:
                running.members.append(self._deployment.members[kind])
            running.marks += [
                Mark(change=change, before=before[token], shown=now[token])
                for token in running.tokens
                if token in before and token in now
            ]

    def _sent(self, change: str) -> dict[str, int]:
        """The same at this moment; without the streams whose agents do not answer."""
        touched = [
            (running, token)
            for running in self._running
            for token in running.tokens
            if running.case.flow.load.stream == "one-way" and running.case.flow.service.kind in CHANGES[change].touches
        ]
        return {token: stream.counts.sent for token, stream in self._states_of(touched).items()}

    def _states_of(self, streams: Iterable[tuple[_Running, str]]) -> dict[str, Stream]:
        """The numbers of these streams at this moment, by token; without those whose agents do not answer."""
        asked = [
            (token, self._agents[self._client(running.case)].call("stream_state", {"streams": [token]}, PATIENCE))
            for running, token in streams
        ]
        states: dict[str, Stream] = {}
        for token, answer in asked:
            with contextlib.suppress(AgentError, ChannelLost, TimeoutError, KeyError):
                states[token] = streams_of(answer.result(PATIENCE * MOST_LATE))[token]
        return states

    def begin_transfers(self) -> None:
        """Start all transfers, and go on at once."""
        for running in self._of(transfers=True):
            started = [self._start(running, token) for token in running.tokens]
            # A transfer ends by itself, so its stop waits for it. The answers to the starts tell what was wrong first.
            running.answers = started + [self._stop(running, token, MOST_TRANSFER) for token in running.tokens]

    def end_transfers(self, broken: dict[str, str]) -> list[Landed]:
        """Wait for the transfers."""
        return [landed for running in self._of(transfers=True) for landed in self._landed(running, broken)]

    def _of(self, transfers: bool) -> list[_Running]:
        return [running for running in self._running if (running.case.flow.load.stream == "transfer") is transfers]

    def _start(self, running: _Running, token: str) -> Future[dict[str, Any]]:
        pod = self._client(running.case)
        port = self._ports.of(pod, running.case.client.os, running.case.client.probe)
        parameters = parameters_of(running.case, running.target, token, port, self._load)
        return self._agents[pod].call("stream_start", parameters, PATIENCE)

    def _stop(self, running: _Running, token: str, linger: float) -> Future[dict[str, Any]]:
        parameters = {"streams": [token], "linger": linger, "last": True}
        return self._agents[self._client(running.case)].call("stream_stop", parameters, linger + PATIENCE)

    def _results(self, running: _Running, broken: dict[str, str]) -> list[dict[str, Any]]:
        """What the agent answered; empty if it did not, and why goes into `broken`."""
        try:
            return [answer.result((MOST_TRANSFER + PATIENCE) * MOST_LATE) for answer in running.answers]
        except (AgentError, ChannelLost, TimeoutError) as problem:
            pod = self._client(running.case)
            broken[running.case.id] = self._why_lost(pod) or f"{pod}: {problem or 'the agent did not answer'}"
            return []

    def _landed(self, running: _Running, broken: dict[str, str]) -> list[Landed]:
        results = self._results(running, broken)[-len(running.tokens) :]
        if not results:
            return []
        try:
            streams = {token: streams_of(result)[token] for token, result in zip(running.tokens, results, strict=True)}
        except (AgentError, KeyError) as problem:
            broken[running.case.id] = f"{self._client(running.case)}: {problem}"
            return []
        if any(stream.errors or stream.counts.lost for stream in streams.values()):
            # A lost probe cuts its streams too; that says nothing about the network.
            for slot in (running.case.client, running.case.server):
                why = self._why_lost(probe_of(slot, self._deployment).pod) if slot.is_probe else ""
                if why:
                    broken[running.case.id] = why
                    return []
            if self._outlasted(running.case.flow.change.after):
                broken[running.case.id] = OUTLASTED
                return []
        attempts = tuple(attempt_for(token, stream, running.target) for token, stream in streams.items())
        return [
            Landed(
                case=running.case,
                target=running.target,
                bindings={**running.bindings, **self._staying(running)},
                attempts=attempts,
                streams=streams,
                marks=tuple(running.marks),
            )
        ]

    def _outlasted(self, change: str) -> bool:
        """Whether what this change leaves for a time may be over."""
        return change in self._shown and 0 < CHANGES[change].lasts < time.monotonic() - self._shown[change]

    def _staying(self, running: _Running) -> dict[str, Value]:
        """Which endpoints stayed, where the run writes their list: through all of its changes, for one that was not
        ready for a while did not."""
        now = self._deployment.members.get(running.case.flow.service.kind)
        before = running.bindings.get("server.identities")
        if now is None or not isinstance(before, tuple):
            return {}
        stayed = now.intersection(*running.members)
        return {STAYING: tuple(identity for identity in before if identity in stayed)}


def parameters_of(case: Case, target: Target, token: str, port: int, load: StreamLoad) -> dict[str, Any]:
    """The parameters of `stream_start` for one stream of a case."""
    flow = case.flow
    common = {
        "stream": token,
        "token": token,
        "host": target.host,
        "port": target.port,
        "family": 6 if flow.family == "ipv6" else 4,
        "resolve": target.resolve,
        "preferred_port": port,
        "gap": GAP,
        "timeout": LINGER,
    }
    if flow.load.stream == "transfer":
        return {**common, "kind": "transfer", "bytes": load.transfer, "give_up": GIVE_UP}
    common |= {"kind": "steady", "proto": flow.protocol}
    if flow.load.stream == "silent":
        return {**common, "every": load.idle or NEVER, "count": 2, "reconnect": False}
    if flow.load.stream == "one-way":
        return {**common, "every": ONE_WAY, "one_way": True}
    datagrams = flow.protocol == "udp"
    if flow.load.stream == "dense":
        count, burst = (load.dense[0], DENSE_BURST) if datagrams else (load.dense[1], 1)
        return {**common, "every": load.least * burst / count, "burst": burst, "count": count}
    burst = BURST if datagrams else 1
    # All connections of a case together send at the rate; each speaks once more when it is stopped.
    return {**common, "every": burst * flow.load.connections / load.rate, "burst": burst}


def _is_new(stream: Stream) -> bool:
    """Whether it waits for its first answer, and nothing has gone wrong."""
    return not (stream.counts.answered or stream.counts.lost or stream.errors)


def attempt_for(token: str, stream: Stream, target: Target) -> Attempt:
    """A stream as an attempt: it is answered if any of its messages is."""
    first = next(iter(stream.servers), None)
    socket = next(iter(stream.sockets), None)
    error = None
    if first is None:
        told = next(iter(stream.errors), None)
        text = f"no answer to {stream.counts.sent} messages"
        error = (
            ProbeError(stage=told.stage, kind=told.kind, number=told.number, text=told.text)
            if told
            else ProbeError(stage="receive", kind="timeout", text=text)
        )
    return Attempt(
        token=token,
        started=stream.started,
        elapsed=stream.ran / 1000,
        local=(socket.address, socket.port) if socket else None,
        peer=(target.ip, target.port) if first else None,
        reply=Reply(identity=first.identity, source="", source_port=0) if first else None,
        error=error,
        sent=stream.transfer.sent if stream.transfer else stream.counts.sent,
        received=stream.transfer.received if stream.transfer else stream.counts.answered,
    )
