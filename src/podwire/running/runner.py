"""One run: its cluster, its cases and its probes. The pytest plugin and the command line both drive it.

Call `begin` to start a lab early, `observe` with cases as often as needed, `close` once. The cluster client and the
probes are imported where they are first used, because a plan does not need them: importing them takes half a second.
"""

from __future__ import annotations

import gc
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from podwire.model.cases import Case
from podwire.planning.acts import acts_of, sittings
from podwire.planning.choice import described as chosen_nodes
from podwire.probing.pressure import Waited
from podwire.running.probes import Probes
from podwire.running.run_folder import RunFolder
from podwire.running.run_options import RunOptions
from podwire.running.scope import Scope
from podwire.running.signals import interruptible
from podwire.running.spool import Spool
from podwire.running.target import Say, target_of
from podwire.running.timings import Timings
from podwire.running.tracebacks import traceback_kept

if TYPE_CHECKING:
    from podwire.probing.dispatch import Dispatcher
    from podwire.running.rounds import Rounds

_COLLECTED_AFTER = (20_000, 10, 20)
"""When the garbage collector looks for cycles (`gc.set_threshold`): a run keeps millions of packets, which have none,
and at the collector's own pace a tenth of its time goes into looking."""


class Runner:
    """A run in progress. It asks for facts when a plan is needed, and deploys probes when cases are observed."""

    def __init__(self, options: RunOptions, say: Say = lambda text: None) -> None:
        self.options, self._say = options, say
        self.idle: Callable[[], object] = lambda: None
        """Called when all flows are in flight, while unanswered ones wait for their timeout."""
        self.started = time.time()
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(self.started))
        self.run_id = f"{stamp}-{secrets.token_hex(2)}"
        self.timings = Timings()
        self.waited = Waited()
        self.target = target_of(options, self.timings)
        self.scope = Scope(options.selection, self.target)
        self.probes = Probes(self.run_id, self.target, self.scope, options.probes, self.timings)
        self.folder = RunFolder(options.output.run_dir, self.run_id)
        self.seen: dict[str, Rounds] = {}
        self._spool = Spool(self.folder.if_made)
        self.planned: dict[str, Case] = {}
        self._turn = threading.Lock()
        self._collected_after = gc.get_threshold()

    @property
    def history(self) -> Path | None:
        """The file in which Allure keeps earlier runs of the same cluster, or None."""
        cluster = self.options.cluster
        name = self.options.lab.profile if cluster is None else cluster.context or self.scope.facts.name or "cluster"
        return self.folder.history(self.options.output.history, name)

    def described_options(self) -> dict[str, str]:
        """The options of this run as text, for the record."""
        options, chosen = self.options, self.options.selection
        described = {
            "cluster": self.target.described,
            "nodes-per-os": str(chosen.nodes_per_os),
            "evidence": options.output.evidence,
            **dict(chosen_nodes(chosen)),
        }
        if options.cluster is not None and options.cluster.stated:
            described["facts"] = options.cluster.stated.source
        if chosen.fill_nodes:
            described["fill-nodes"] = "yes"
        if chosen.disruptive:
            described["disruptive"] = "yes"
        if options.probes.repeat > 1:
            described["repeat"] = str(options.probes.repeat)
        faults = options.lab.faults if options.cluster is None else ()
        required = [kind.text for kind in chosen.required]
        lists = {"faults": faults, "areas": chosen.areas, "requirements": chosen.requirements, "require": required}
        return described | {name: ", ".join(values) for name, values in lists.items() if values}

    def begin(self) -> None:
        """Start a lab and its probes in the background, ahead of `observe`. Does nothing on a real cluster."""
        if self.target.starts_early:
            self.probes.begin()

    def observe(self, cases: Sequence[Case]) -> Mapping[str, Rounds]:
        """The observations of these cases, by case id. The first call starts lab and probes; no case runs twice.

        Raises `PodwireError`; `UsageError` if the run's folder cannot be written.
        """
        with self._turn, traceback_kept(self.folder.path):
            self.planned |= {case.id: case for case in cases}
            fresh = [case for case in cases if case.id not in self.seen]
            if fresh:
                gc.set_threshold(*_COLLECTED_AFTER)
                dispatcher = self.probes.dispatcher(self._say, self.idle)
                self.seen |= self._rounds(dispatcher, fresh)
                self.scope.use_facts(dispatcher.told(self.scope.facts))
                self.timings |= dispatcher.timings
            return self.seen

    def _rounds(self, dispatcher: Dispatcher, cases: Sequence[Case]) -> dict[str, Rounds]:
        """Observe all rounds on the same probes. All but the last one are of act 0: a change is made once, so a case
        that follows one has one round. An act that needs a whole node comes last, by itself."""
        together, *alone = sittings(acts_of(cases))
        seen: dict[str, Rounds] = {}
        rounds = self.options.probes.repeat
        for number in range(1, rounds + 1):
            if number > 1:
                self._say(f"round {number} of {rounds}")
            acts = together if number == rounds else together[:1]
            self._round(dispatcher, [case for act in acts for case in act.cases], seen)
        for acts in alone:
            self._round(dispatcher, [case for act in acts for case in act.cases], seen)
        return seen

    def _round(self, dispatcher: Dispatcher, cases: Sequence[Case], seen: dict[str, Rounds]) -> None:
        """Observe these cases once more and add each sighting to `seen`, without keeping a second copy in memory."""
        from podwire.running.rounds import Rounds

        sightings = dispatcher.run(cases) if cases else {}
        with self.folder.written():
            for identity in list(sightings):
                sighting = sightings.pop(identity)
                if identity not in seen:
                    seen[identity] = Rounds(self._spool, in_memory=self.options.probes.repeat == 1)
                seen[identity].add(sighting)

    def cleanup_command(self) -> str:
        """The command that removes what this run may leave in the cluster; '' if nothing can be left."""
        return self.target.cleanup_command(self.run_id) if self.probes.namespace else ""

    def close(self) -> list[str]:
        """Remove everything that this run made. Returns lines for the user: what is left, and how to remove it.

        Never raises, so that neither a failed API call nor an interrupt loses observations. Safe to call twice.
        """
        gc.set_threshold(*self._collected_after)
        left: list[str] = []
        namespace, command = self.probes.namespace, self.cleanup_command()
        _attempt(self.probes.end_early_start, left)
        _attempt(self.probes.hang_up, left)
        with self.timings.measured("clean-up"):
            not_removed: list[str] = []
            _attempt(lambda: not_removed.extend(self.probes.remove()), not_removed, f"namespace {namespace}: ")
            _attempt(self.target.close, left)
        lines = [f"not removed: {line}" for line in left + not_removed]
        return [*lines, f"to remove the rest, run: {command}"] if not_removed and command else lines


def _attempt(end: Callable[[], object], left: list[str], prefix: str = "") -> None:
    try:
        with interruptible():
            end()
    except KeyboardInterrupt:
        left.append(f"{prefix}the clean-up was interrupted")
    except Exception as problem:
        left.append(prefix + (" ".join(str(problem).split()) or type(problem).__name__))
