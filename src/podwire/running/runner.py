"""One run: where, about what, and by which probes. The pytest plugin and the command line both drive this.

Its life: `begin` if the run is to be quick, `observe` as often as there are cases, `close` once. What a plan alone does
not need, the cluster's client and the probes above all, is imported where it is first used: half a second that passes
while pytest collects.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from podwire.model.cases import Case
from podwire.planning.plan import FILLING
from podwire.running.pressure import Waited
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


class Runner:
    """A run in the making. Nothing is started before it is needed: facts for the plan, then probes for the cases."""

    def __init__(self, options: RunOptions, say: Say = lambda text: None) -> None:
        self.options, self._say = options, say
        self.idle: Callable[[], object] = lambda: None
        """Called when all flows are in flight: what else a run has to do can be done while silent ones wait."""
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

    @property
    def history(self) -> Path | None:
        """Where Allure keeps what it shows of earlier runs on the same cluster."""
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
        }
        if options.cluster is not None and options.cluster.stated:
            described["facts"] = options.cluster.stated.source
        if chosen.fill_nodes:
            described["fill-nodes"] = "yes"
        if options.probes.repeat > 1:
            described["repeat"] = str(options.probes.repeat)
        faults = options.lab.faults if options.cluster is None else ()
        required = [kind.text for kind in chosen.required]
        several = {"faults": faults, "areas": chosen.areas, "requirements": chosen.requirements, "require": required}
        return described | {name: ", ".join(given) for name, given in several.items() if given}

    def begin(self) -> None:
        """Start a lab and its probes in the background, for the `observe` that follows. On a real cluster: nothing."""
        if self.target.starts_early:
            self.probes.begin()

    def observe(self, cases: Sequence[Case]) -> Mapping[str, Rounds]:
        """What was seen of these cases. The first call starts lab and probes; no case is run in two calls.

        `UsageError` where the folder of the run has no room for it.
        """
        with self._turn, traceback_kept(self.folder.path):
            self.planned |= {case.id: case for case in cases}
            fresh = [case for case in cases if case.id not in self.seen]
            if fresh:
                dispatcher = self.probes.dispatcher(self._say, self.idle)
                self.seen |= self._rounds(dispatcher, fresh)
                self.timings |= dispatcher.timings
            return self.seen

    def _rounds(self, dispatcher: Dispatcher, cases: Sequence[Case]) -> dict[str, Rounds]:
        """As many rounds on the same probes as were asked for. What follows a change of the cluster is seen once: the
        change cannot be made again. A node is filled last, when nothing else needs room on it."""
        filling = [case for case in cases if case.flow.change.after in FILLING]
        cases = [case for case in cases if case.flow.change.after not in FILLING]
        seen: dict[str, Rounds] = {}
        self._round(dispatcher, cases, seen)
        lasting = [case for case in cases if not case.flow.change.after]
        rounds = self.options.probes.repeat
        for number in range(2, rounds + 1):
            self._say(f"round {number} of {rounds}")
            self._round(dispatcher, lasting, seen)
        self._round(dispatcher, filling, seen)
        return seen

    def _round(self, dispatcher: Dispatcher, cases: Sequence[Case], seen: dict[str, Rounds]) -> None:
        """See these cases once more; what was seen is added to `seen`, and not held in memory once a case has it."""
        from podwire.running.rounds import Rounds

        sightings = dispatcher.run(cases) if cases else {}
        with self.folder.written():
            for identity in list(sightings):
                sighting = sightings.pop(identity)
                if identity not in seen:
                    seen[identity] = Rounds(self._spool, in_memory=self.options.probes.repeat == 1)
                seen[identity].add(sighting)

    def cleanup_command(self) -> str:
        """The command that removes what this run may leave in its cluster; '' where that can be nothing."""
        return self.target.cleanup_command(self.run_id) if self.probes.namespace else ""

    def close(self) -> list[str]:
        """End everything that this run made. Lines for the user: what could not be removed, and how to remove it.

        Never raises: neither an API server that refuses nor an interrupt may cost what was seen. Safe to call twice.
        """
        left: list[str] = []
        namespace, command = self.probes.namespace, self.cleanup_command()
        _attempt(self.probes.end_early_start, left)
        _attempt(self.probes.hang_up, left)
        with self.timings.measured("clean-up"):
            stays: list[str] = []
            _attempt(lambda: stays.extend(self.probes.remove()), stays, f"namespace {namespace}: ")
            _attempt(self.target.close, left)
        lines = [f"could not be removed: {line}" for line in left + stays]
        return [*lines, f"to remove it: {command}"] if stays and command else lines


def _attempt(end: Callable[[], object], left: list[str], what: str = "") -> None:
    try:
        with interruptible():
            end()
    except KeyboardInterrupt:
        left.append(f"{what}the clean-up was interrupted")
    except Exception as problem:
        left.append(what + (" ".join(str(problem).split()) or type(problem).__name__))
