"""One watch from its start to its record: pods and streams, the events of the cluster, and a command meanwhile."""

from __future__ import annotations

import secrets
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from podwire import __version__
from podwire.cluster.connect import Connection
from podwire.cluster.deployment import manifests
from podwire.cluster.exec.channel import ExecChannel
from podwire.errors import ClusterError, UsageError
from podwire.model.facts import ClusterFacts
from podwire.model.gaps.durations import in_words, moment_words
from podwire.model.gaps.paths import Budget
from podwire.probing.client import AgentClient
from podwire.probing.local_channel import CommandChannel
from podwire.records.watch import SCHEMA, GapOfPath, PathRecord, WatchHead, WatchRecord
from podwire.running.run_options import ProbeOptions
from podwire.running.signals import hold_interrupts
from podwire.running.target import Say, Target
from podwire.watching import place
from podwire.watching.clocks import Clocks
from podwire.watching.command import Command
from podwire.watching.ending import Ending
from podwire.watching.members import Member
from podwire.watching.packets import Keep
from podwire.watching.plan import OUTSIDE, Places
from podwire.watching.spread import Spread
from podwire.watching.streams import Pace, Streams
from podwire.watching.timeline import ClusterWatch, TimeLine

READY_SECONDS = 300.0
START_SECONDS, SETTLE_SECONDS = 60.0, 5.0
"""How long all streams have to start, and then to have an answer. A path without one is left out of the watch."""
TICK, POLL = 0.25, 1.0
STORED = 60.0
"""Seconds between two times at which the record so far is stored, so that a watch that is killed leaves one."""
AWAY = 3600.0
"""Seconds for which an agent may be unreachable before podwire gives it up."""


@dataclass(frozen=True, kw_only=True)
class WatchOptions:
    """What the user asked for. `seconds` None: until the command ends, or Ctrl-C comes."""

    pace: Pace
    seconds: float | None = None
    command: Command | None = None
    budgets: Sequence[Budget] = ()
    images: ProbeOptions


def new_run_id() -> str:
    """The name of a watch: `w20261130-231005-1f3a`."""
    return f"w{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"


def _nothing() -> None:
    pass


class Watch:
    """A watch on a cluster. `run` makes it; `clean_up` removes what it made, whatever happened.

    `store` gets the record so far once a minute; `keep` stores files with packets by their names.
    """

    def __init__(
        self,
        run_id: str,
        target: Target,
        options: WatchOptions,
        say: Say,
        store: Callable[[WatchRecord], None],
        keep: Keep,
    ) -> None:
        self._run_id, self._target, self._options = run_id, target, options
        self._say, self._store, self._keep = say, store, keep
        self._line = TimeLine(say)
        self._remarks: list[str] = []
        self._unwatched: list[str] = []
        self._started = 0.0
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
        made = place.make(connection, facts, self._run_id, self._options.images)
        self._unwatched += made.unwatched
        namespace = manifests.namespace_name(self._run_id)
        networks = place.network_pods(connection.rest)
        cluster = self._cluster = ClusterWatch(connection.rest, namespace, networks, self._line)
        self._remarks += [f"not watched: {problem}" for problem in cluster.start()]
        self._await_pods(cluster, made.count)
        where = place.places(connection, facts, self._run_id, self._unwatched.append)
        streams = self._streams = Streams(
            self._opener(connection, namespace),
            self._options.pace,
            self._line.now,
            self._tell_gap,
            self._tell_lost,
            self._keep,
        )
        self._settle(streams, cluster, where)
        self._check_budgets(streams)
        spread = Spread(made.replicas, lambda os, count: place.scale(connection, made, os, count))
        self._started = time.time()
        self._line.open()
        streams.follow(cluster.members(), where)
        self._say(f"watching {len(streams.paths())} paths with {len(streams.slots())} streams")
        try:
            self._follow(streams, cluster, where, spread, facts)
            self.release = hold_interrupts()
        except KeyboardInterrupt as interrupt:
            self.release = hold_interrupts()
            self._note_interrupt(interrupt)
        # What ran to this moment counts: clean-up is no part of the watch.
        paths = streams.finish(cluster.downs)
        cluster.close()
        return self._record(facts, paths, finished=True)

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
                self._unwatched.append(f"{count - ready} of {count} pods were not ready when the watch began")
                self._say(self._unwatched[-1])
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
            self._say(f"{path}: no answer before the watch, so nothing is said of it; podwire run says why")
        for text in streams.partly_silent:
            self._say(f"{text}: no answer before the watch began; only the path's other streams are watched")
        if streams.only_asked:
            self._remarks.append(f"{streams.only_asked} nodes do not ask, they are only asked: a watch asks from 30")

    def _check_budgets(self, streams: Streams) -> None:
        """Refuse a budget for a path that this watch cannot have, before anything happens to the cluster."""
        paths = [*streams.paths(), *streams.left_out]
        for budget in self._options.budgets:
            if not any(map(budget.covers, paths)):
                kinds = ", ".join(dict.fromkeys(path.rpartition(" ")[0] for path in sorted(paths)))
                raise UsageError(f"--gap '{budget}': this cluster has no such path; it has {kinds}")

    def _follow(
        self, streams: Streams, cluster: ClusterWatch, where: Places, spread: Spread, facts: ClusterFacts
    ) -> None:
        options, clocks = self._options, Clocks()
        if options.command is not None:
            options.command.start(self._target.environment())
            self._line.add("command", options.command.words[0], "started")
        ending = Ending(options.command, options.seconds, options.budgets, self._line, self._say)
        polled = stored = time.monotonic()
        waiting = 0
        while True:
            with clocks.waiting(TICK):
                cluster.changed.wait(TICK)
            cluster.changed.clear()
            for text in clocks.steps():
                self._line.add("watch", "podwire", text)
            members = cluster.members()
            streams.follow(members, where)
            spread.follow(members, cluster.open_nodes)
            now = time.monotonic()
            if now - polled >= POLL:
                waiting, polled = streams.poll(), now
            if now - stored >= STORED:
                stored = now
                self._store(self._record(facts, streams.records(cluster.downs), finished=False))
            if ending.has_come(now) and ending.may_end(
                now, waiting >= options.pace.threshold * 1000, streams.missing()
            ):
                return

    def _note_interrupt(self, interrupt: KeyboardInterrupt) -> None:
        name = str(interrupt) or "SIGINT"
        number = getattr(signal.Signals, name, signal.SIGINT)
        self._line.add("watch", "podwire", f"ended by {name}")
        self._remarks.append(f"ended by {name}")
        command = self._options.command
        if command is not None and command.running:
            command.signal(number)
            if not command.await_end():
                self._say(f"{command.described} has not ended yet; podwire does not wait for it")

    def _record(self, facts: ClusterFacts, paths: tuple[PathRecord, ...], *, finished: bool) -> WatchRecord:
        streams, cluster, line, options = self._streams, self._cluster, self._line, self._options
        assert streams is not None
        assert cluster is not None
        head = WatchHead(
            run_id=self._run_id,
            version=__version__,
            cluster=self._target.described,
            emulated=facts.origin.emulated,
            started=self._started,
            length=line.now(),
            every=round(options.pace.every * 1000),
            threshold=round(options.pace.threshold * 1000),
        )
        return WatchRecord(
            schema=SCHEMA,
            head=head,
            paths=paths,
            events=line.events(),
            left_off=line.left_off,
            command=options.command.record() if options.command else None,
            unanswered=tuple(sorted(streams.left_out)),
            unwatched=(*self._unwatched, *cluster.refused),
            remarks=(*self._remarks, *streams.packets.remarks()),
            packets=tuple(streams.packets.files),
            finished=finished,
        )

    def clean_up(self) -> list[str]:
        """Remove what the watch made, and close its cluster. Returns what is left, a line each."""
        if self._cluster is not None:
            self._cluster.close()
        if self._streams is not None:
            self._streams.close()
        left: list[str] = []
        if self._made and self._connection is not None:
            left = self._target.remove(manifests.namespace_name(self._run_id), self._run_id)
        self._target.close()
        return left

    def cleanup_command(self) -> str:
        """The command that removes what is left; '' if nothing can be."""
        return self._target.cleanup_command(self._run_id) if self._made else ""

    def _tell_gap(self, path: str, gap: GapOfPath) -> None:
        if not self._line.is_open:
            return
        ends = f"{gap.client} to {gap.server}"
        self._say(f"{moment_words(gap.at):>9}  {path}: {in_words(gap.length / 1000)} without an answer, {ends}")

    def _tell_lost(self, client: str) -> None:
        self._line.add("watch", client, "podwire lost its agent, and with it what its streams had counted last")
