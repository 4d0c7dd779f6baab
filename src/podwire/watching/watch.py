"""One watch from its start to its record: pods and streams, the events of the cluster, and a command meanwhile."""

from __future__ import annotations

import secrets
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from podwire import __version__
from podwire.cluster.connect import Connection
from podwire.cluster.deployment import manifests
from podwire.cluster.exec.channel import ExecChannel
from podwire.errors import ClusterError
from podwire.model.facts import ClusterFacts
from podwire.model.gaps.durations import in_words
from podwire.probing.client import AgentClient
from podwire.probing.local_channel import CommandChannel
from podwire.records.watch import SCHEMA, GapOfPath, WatchHead, WatchRecord
from podwire.running.run_options import ProbeOptions
from podwire.running.signals import hold_interrupts
from podwire.running.target import Say, Target
from podwire.watching import place
from podwire.watching.command import Command
from podwire.watching.members import Member
from podwire.watching.plan import OUTSIDE, Places
from podwire.watching.streams import Pace, Streams
from podwire.watching.timeline import ClusterWatch, TimeLine

READY_SECONDS = 300.0
START_SECONDS, SETTLE_SECONDS = 60.0, 5.0
"""How long all streams have to start, and then to have an answer. A path without one is left out of the watch."""
TAIL_SECONDS, SHORTEST_TAIL = 15.0, 2.0
"""How long the watch goes on after its command, until no stream waits for an answer any more."""
TICK = 0.25
POLL = 1.0
AWAY = 3600.0
"""Seconds for which an agent may be unreachable before podwire gives it up."""


@dataclass(frozen=True, kw_only=True)
class WatchOptions:
    """What the user asked for. `seconds` None: until the command ends, or Ctrl-C comes."""

    pace: Pace
    seconds: float | None = None
    command: Command | None = None
    images: ProbeOptions


def new_run_id() -> str:
    """The name of a watch: `w20261130-231005-1f3a`."""
    return f"w{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"


def _nothing() -> None:
    pass


class Watch:
    """A watch on a cluster. `run` makes it; `clean_up` removes what it made, whatever happened."""

    def __init__(self, run_id: str, target: Target, options: WatchOptions, say: Say) -> None:
        self._run_id, self._target, self._options, self._say = run_id, target, options, say
        self._line = TimeLine(say)
        self._remarks: list[str] = []
        self._interrupted: int | None = None
        self._connection: Connection | None = None
        self._cluster: ClusterWatch | None = None
        self._streams: Streams | None = None
        self._made = False
        self.release: Callable[[], None] = _nothing
        """Lets signals interrupt again: from the end of the watch on they do not, for its record must be written."""

    def run(self) -> WatchRecord:
        """Watch until the command has ended, the time is over or a signal comes.

        Raises:
            PodwireError: the watch could not begin. `KeyboardInterrupt`: a signal came before it began.
        """
        connection = self._connection = self._target.connect(self._say)
        facts = self._target.facts()
        self._made = True
        count = place.make(connection, facts, self._run_id, self._options.images)
        namespace = manifests.namespace_name(self._run_id)
        systems = {node.name: node.os for node in facts.nodes}
        networks = place.network_pods(connection.rest)
        cluster = self._cluster = ClusterWatch(connection.rest, namespace, systems, networks, self._line)
        self._remarks += [f"not watched: {problem}" for problem in cluster.start()]
        self._await_pods(cluster, count)
        where = place.places(connection, facts, self._run_id, self._remarks.append)
        streams = self._streams = Streams(
            self._opener(connection, namespace), self._options.pace, self._line.now, self._tell_gap, self._tell_lost
        )
        self._settle(streams, cluster, where)
        started = time.time()
        self._line.open()
        streams.follow(cluster.members(), where)
        self._say(f"watching {len({slot.path for slot in streams.slots()})} paths with {len(streams.slots())} streams")
        try:
            self._follow(streams, cluster, where)
            self.release = hold_interrupts()
        except KeyboardInterrupt as interrupt:
            self.release = hold_interrupts()
            self._note_interrupt(interrupt)
        return self._record(facts, started)

    def _opener(self, connection: Connection, namespace: str) -> Callable[[Member | None], AgentClient]:
        def channel(member: Member) -> Callable[[], ExecChannel]:
            return lambda: ExecChannel(
                connection.configuration,
                namespace,
                member.name,
                manifests.CONTAINER,
                member.command,
                renew=connection.credentials.renew,
            )

        def opened(member: Member | None) -> AgentClient:
            if member is None:
                return AgentClient(OUTSIDE, lambda: CommandChannel(self._target.outside_command()), patience=AWAY)
            return AgentClient(member.name, channel(member), patience=AWAY)

        return opened

    def _await_pods(self, cluster: ClusterWatch, count: int) -> None:
        """Wait until all pods of the watch are ready, or say which are not."""
        began = spoke = time.monotonic()
        while (ready := sum(member.usable for member in cluster.members())) < count:
            now = time.monotonic()
            if now - began > READY_SECONDS:
                if not ready:
                    raise ClusterError(
                        f"no pod of the watch is ready after {READY_SECONDS:.0f} s; podwire run says why"
                    )
                self._remarks.append(f"{count - ready} of {count} pods were not ready when the watch began")
                return
            if now - spoke > 10:
                spoke = now
                self._say(f"waiting for {count - ready} of {count} pods, {now - began:.0f} s")
            cluster.changed.wait(TICK)
            cluster.changed.clear()

    def _settle(self, streams: Streams, cluster: ClusterWatch, where: Places) -> None:
        """Let every stream have an answer first: only what worked before can be cut."""
        end, all_started = time.monotonic() + START_SECONDS, False
        while time.monotonic() < end:
            streams.follow(cluster.members(), where)
            streams.poll()
            if not all_started and streams.slots() and streams.complete(cluster.members(), where):
                all_started, end = True, time.monotonic() + SETTLE_SECONDS
            if all_started and not streams.unanswered():
                break
            time.sleep(TICK)
        for path in streams.begin_anew():
            self._remarks.append(f"{path}: no answer before the watch, so nothing is said of it; podwire run says why")
        for text in streams.partly_silent:
            self._remarks.append(f"{text}: no answer before the watch began; only the path's other streams are watched")

    def _follow(self, streams: Streams, cluster: ClusterWatch, where: Places) -> None:
        options = self._options
        if options.command is not None:
            self._line.add("command", options.command.words[0], "started")
            options.command.start(self._target.environment())
        end = None if options.seconds is None else time.monotonic() + options.seconds
        polled, over = time.monotonic(), None
        while True:
            cluster.changed.wait(TICK)
            cluster.changed.clear()
            streams.follow(cluster.members(), where)
            now = time.monotonic()
            waiting = 0
            if now - polled >= POLL:
                waiting, polled = streams.poll(), now
            if over is None and self._is_over(end, now):
                over = now
            quiet = now - polled < TICK and waiting < options.pace.threshold * 1000
            if over is not None and now - over > SHORTEST_TAIL and (quiet or now - over > TAIL_SECONDS):
                return

    def _is_over(self, end: float | None, now: float) -> bool:
        """Whether the time is over, or the command has ended."""
        command = self._options.command
        if command is not None and not command.running:
            record = command.record()
            self._line.add("command", command.words[0], f"ended with exit code {record.exit_code}")
            return True
        if end is None or now < end:
            return False
        if command is not None:
            self._line.add("command", command.words[0], "the time is over: SIGTERM")
            command.end()
        return True

    def _note_interrupt(self, interrupt: KeyboardInterrupt) -> None:
        name = str(interrupt) or "SIGINT"
        number = getattr(signal.Signals, name, signal.SIGINT)
        self._line.add("watch", "podwire", f"ended by {name}")
        self._remarks.append(f"ended by {name}")
        if self._options.command is not None:
            self._options.command.end(number)

    def _record(self, facts: ClusterFacts, started: float) -> WatchRecord:
        streams, line, options = self._streams, self._line, self._options
        assert streams is not None
        streams.close()
        if self._cluster is not None:
            self._cluster.close()
        head = WatchHead(
            run_id=self._run_id,
            version=__version__,
            cluster=self._target.described,
            emulated=facts.origin.emulated,
            started=started,
            length=line.now(),
            every=round(options.pace.every * 1000),
            threshold=round(options.pace.threshold * 1000),
        )
        return WatchRecord(
            schema=SCHEMA,
            head=head,
            paths=tuple(tally.record() for _, tally in sorted(streams.tallies.items())),
            events=line.events(),
            left_off=line.left_off,
            command=options.command.record() if options.command else None,
            unanswered=tuple(sorted(streams.left_out)),
            remarks=tuple(self._remarks),
        )

    def clean_up(self) -> list[str]:
        """Remove what the watch made, end its command, close its cluster. Returns what is left, a line each."""
        if self._options.command is not None:
            self._options.command.end()
        if self._cluster is not None:
            self._cluster.close()
        if self._streams is not None:
            threading.Thread(target=self._streams.close, daemon=True).start()
        left: list[str] = []
        if self._made and self._connection is not None:
            left = self._target.remove(manifests.namespace_name(self._run_id), self._run_id)
        self._target.close()
        return left

    def _tell_gap(self, path: str, gap: GapOfPath) -> None:
        if not self._line.is_open:
            return
        ends = f"{gap.client} to {gap.server}"
        self._say(f"{gap.at / 1000:7.1f} s  {path}: {in_words(gap.length / 1000)} without an answer, {ends}")

    def _tell_lost(self, client: str) -> None:
        self._line.add("watch", client, "its streams ended with its agent; what they had counted last is not known")
