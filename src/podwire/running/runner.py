"""One run: lab or cluster, facts, probes, flows, evidence. The pytest plugin and the command line both drive this.

What a plan alone does not need, the cluster's client and the probes above all, is imported where it is first used: half
a second that passes while pytest collects.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from podwire.catalogue.load import load
from podwire.content import runs_folder, suites_folder
from podwire.errors import UsageError
from podwire.model.cases import Case
from podwire.model.facts import ClusterFacts, ExternalHost
from podwire.model.requirements import Catalogue, Limitation
from podwire.planning.plan import FILLING, Plan, Selection, make_plan
from podwire.planning.prerequisites import needs_of, with_many_services
from podwire.platforms.stated import StatedFacts
from podwire.platforms.stated_file import with_stated
from podwire.records.run import ProbeImage
from podwire.suite import SuiteTest
from podwire_lab.lifecycle.process import Lab, LabError, start_lab
from podwire_lab.model.planned import planned_facts, stated_facts
from podwire_lab.model.profiles import DEFAULT_PROFILE, Profile, UnknownProfile, profile_named

if TYPE_CHECKING:
    from podwire.cluster.connect import Connection
    from podwire.cluster.deployment.workloads import Deployment
    from podwire.probing.client import AgentClient
    from podwire.probing.dispatch import Dispatcher
    from podwire.probing.sightings import Sighting

Say = Callable[[str], object]


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What the user asked for. Without a kubeconfig or a context the lab of `lab` is used.

    `external_agent` is a command line whose standard streams lead to an agent on the host `external`.
    """

    lab: str = DEFAULT_PROFILE
    dsr: bool | None = None
    windows_build: str | None = None
    faults: tuple[str, ...] = ()
    kubeconfig: str | None = None
    context: str | None = None
    external: ExternalHost | None = None
    external_agent: tuple[str, ...] = ()
    load_balancer: bool = False
    stated: StatedFacts | None = None
    selection: Selection = field(default_factory=Selection)
    linux_image: str | None = None
    windows_image: str | None = None
    run_dir: Path | None = None
    evidence: str = "failed"
    keep: bool = False
    page: bool = True
    history: Path | None = None
    timeout: float = 4.0
    repeat: int = 1

    @property
    def on_lab(self) -> bool:
        return self.kubeconfig is None and self.context is None


class Runner:
    """A run in the making. Nothing is started before it is needed: facts for the plan, then probes for the cases."""

    def __init__(self, options: RunOptions, say: Say = lambda text: None) -> None:
        self.options, self._say = options, say
        self.idle: Callable[[], object] = lambda: None
        """Called when all flows are in flight: what else a run has to do can be done while silent ones wait."""
        self.started = time.time()
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(self.started))
        self.run_id = f"{stamp}-{secrets.token_hex(2)}"
        self.catalogue, self.tests = self._suites()
        self._check_options()
        self.timings: dict[str, float] = {}
        self.sightings: dict[str, Sighting] = {}
        self.planned: dict[str, Case] = {}
        self.images: tuple[ProbeImage, ...] = ()
        self._plan: Plan | None = None
        self._facts: ClusterFacts | None = None
        self._lab: Lab | None = None
        self._connection: Connection | None = None
        self._deployment: Deployment | None = None
        self._found: ClusterFacts | None = None
        self._agents: dict[str, AgentClient] = {}
        self._turn = threading.Lock()
        self._early: threading.Thread | None = None
        self._early_problem: BaseException | None = None
        self._early_words: list[str] = []
        self._lab_is_decided = threading.Event()

    def _suites(self) -> tuple[Catalogue, tuple[SuiteTest, ...]]:
        return load(suites_folder())

    def _check_options(self) -> None:
        options, chosen = self.options, self.options.selection
        known = {
            "--area": (chosen.areas, tuple(self.catalogue.areas)),
            "--requirement": (chosen.requirements, tuple(self.catalogue.requirements)),
            "--fault": (options.faults, _known_faults() if options.faults else ()),
        }
        for option, (given, admitted) in known.items():
            for one in given:
                if one not in admitted:
                    raise UsageError(f"{option} {one}: unknown; there are: {', '.join(admitted)}")
        if options.on_lab:
            try:
                profile_named(options.lab, dsr=options.dsr, build=options.windows_build)
            except UnknownProfile as problem:
                raise UsageError(f"--lab {options.lab}: {problem}") from problem
        elif options.faults:
            raise UsageError("--fault: faults can be injected into a lab only")

    @property
    def run_dir(self) -> Path:
        """Where this run leaves everything."""
        return self.options.run_dir or runs_folder() / self.run_id

    @property
    def history(self) -> Path | None:
        """Where Allure keeps what it shows of earlier runs on the same cluster: what was asked for, or a file beside
        the runs. None for a run that was led elsewhere: its folder has no neighbours that are known."""
        if self.options.history is not None or self.options.run_dir is not None:
            return self.options.history
        options = self.options
        cluster = options.lab if options.on_lab else options.context or self.facts.name or "cluster"
        return runs_folder() / f"history-{re.sub(r'[^A-Za-z0-9.-]+', '-', cluster)}.jsonl"

    def make_run_dir(self) -> None:
        """Make the run's folder, before anything is started, and prove that it can be written."""
        folder = self.run_dir
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / ".writable"
            probe.touch()
            probe.unlink()
        except OSError as problem:
            raise UsageError(f"--run-dir {folder}: cannot be written: {problem.strerror}; choose another") from problem

    @property
    def facts(self) -> ClusterFacts:
        """The facts that the plan is made from: of a lab without starting it, of a cluster by asking it once."""
        if self._facts is None:
            if self.options.on_lab:
                self._facts = planned_facts(self._profile())
            else:
                with self._timed("discovery"):
                    self._facts = self._discovered(self._connected())
        return self._facts

    def _profile(self) -> Profile:
        return profile_named(self.options.lab, dsr=self.options.dsr, build=self.options.windows_build)

    def use_facts(self, facts: ClusterFacts) -> None:
        """Plan from facts that another process discovered."""
        self._facts = facts

    @property
    def plan(self) -> Plan:
        """Every case that the facts and the selection admit."""
        if self._plan is None:
            self._plan = make_plan(self.catalogue, self.tests, self.facts, self.options.selection)
        return self._plan

    def limitation(self, case: Case) -> Limitation | None:
        """The limitation that the catalogue holds for a case."""
        return next((one for one in self.catalogue.limitations if one.id == case.limitation), None)

    def described_options(self) -> dict[str, str]:
        """The options of this run as text, for the record."""
        options = self.options
        where = f"lab {options.lab}" if options.on_lab else f"context {options.context or 'current'}"
        described = {
            "cluster": where,
            "nodes-per-os": str(options.selection.nodes_per_os),
            "evidence": options.evidence,
        }
        if options.stated:
            described["facts"] = options.stated.source
        if options.selection.fill_nodes:
            described["fill-nodes"] = "yes"
        if options.repeat > 1:
            described["repeat"] = str(options.repeat)
        chosen = options.selection
        several = {"faults": options.faults, "areas": chosen.areas, "requirements": chosen.requirements}
        return described | {name: ", ".join(given) for name, given in several.items() if given}

    def begin(self) -> None:
        """Start a lab and its probes in the background, for the `observe` that follows. On a real cluster: nothing.

        What goes wrong is raised by `observe`, as if it had begun only there.
        """
        if self.options.on_lab:
            self._early = threading.Thread(target=self._begin, name="early start", daemon=True)
            self._early.start()

    def _begin(self) -> None:
        try:
            self._deploy(self._early_words.append)
        except BaseException as problem:
            self._early_problem = problem
        finally:
            self._lab_is_decided.set()

    def observe(self, cases: Sequence[Case]) -> Mapping[str, Sighting]:
        """What was seen of these cases. The first call starts lab and probes; no case is run in two calls."""
        with self._turn:
            self.planned |= {case.id: case for case in cases}
            fresh = [case for case in cases if case.id not in self.sightings]
            if fresh:
                dispatcher = self._ready()
                self.sightings |= self._rounds(dispatcher, fresh)
                self.timings |= dispatcher.timings
            return self.sightings

    def _rounds(self, dispatcher: Dispatcher, cases: Sequence[Case]) -> dict[str, Sighting]:
        """As many rounds on the same probes as were asked for. What follows a change of the cluster is seen once: the
        change cannot be made again. A node is filled last, when nothing else needs room on it."""
        filling = [case for case in cases if case.flow.after in FILLING]
        cases = [case for case in cases if case.flow.after not in FILLING]
        seen = dispatcher.run(cases) if cases else {}
        lasting = [case for case in cases if not case.flow.after]
        for number in range(2, self.options.repeat + 1):
            self._say(f"round {number} of {self.options.repeat}")
            for identity, sighting in dispatcher.run(lasting).items():
                seen[identity] = replace(seen[identity], again=(*seen[identity].again, sighting))
        return seen | dispatcher.run(filling) if filling else seen

    def _ready(self) -> Dispatcher:
        from podwire.cluster.deployment.changes import make_changes
        from podwire.cluster.deployment.waiting import why_lost
        from podwire.probing.dispatch import Dispatcher

        if self._early is not None:
            self._early.join()
            self._early = None
            for words in self._early_words:
                self._say(words)
            if self._early_problem is not None:
                raise self._early_problem
        connection, deployment, facts = self._deploy(self._say)
        self._facts = facts
        return Dispatcher(
            deployment,
            facts,
            self._agents,
            timeout=self.options.timeout,
            say=self._say,
            why_lost=lambda pod: why_lost(connection.rest, deployment.namespace, pod),
            change=lambda names: make_changes(connection.rest, deployment, names),
            port_messages=self._port_messages,
            idle=self.idle,
        )

    def _deploy(self, say: Say) -> tuple[Connection, Deployment, ClusterFacts]:
        """Put the probes into the cluster, unless they are there, and say so."""
        from podwire.probing.agents import agents_of

        connection = self._connected(say)
        if self._deployment is None or self._found is None:
            with self._timed("discovery"):
                known = None if self.options.on_lab else self._facts
                self._found = known or self._discovered(connection)
            with self._timed("probes"):
                self._deployment = self._deployed(connection, self._found)
                outside = self._lab.external_command if self._lab else self.options.external_agent
                self._agents = agents_of(connection, self._deployment, outside)
                self.images = _images(self._deployment)
            say(f"{len(self._agents)} probes ready after {self.timings['probes']:.1f} s")
        return connection, self._deployment, self._found

    def _connected(self, say: Say = lambda text: None) -> Connection:
        from podwire.cluster.connect import connect

        if self._connection is None:
            if self.options.on_lab:
                with self._timed("lab"):
                    self._lab = self._started()
                    self._lab_is_decided.set()
                    self._connection = connect(self._lab.kubeconfig, self._lab.context)
                say(f"lab {self.options.lab} ready after {self.timings['lab']:.1f} s")
            else:
                self._connection = connect(self.options.kubeconfig, self.options.context)
        return self._connection

    def _started(self) -> Lab:
        from podwire.cluster.deployment.agent_archive import agent_archive

        try:
            return start_lab(
                self.options.lab,
                agent=agent_archive,
                faults=self.options.faults,
                dsr=self.options.dsr,
                build=self.options.windows_build,
            )
        except LabError as problem:
            raise UsageError(str(problem)) from problem

    def _discovered(self, connection: Connection) -> ClusterFacts:
        from podwire.cluster.discovery.discover import discover

        if self._lab is None:
            found = discover(connection, self.options.external, load_balancer=self.options.load_balancer)
            return with_stated(found, self.options.stated) if self.options.stated else found
        found = discover(connection, self._lab.external_host.with_agent(True), load_balancer=True)
        return with_stated(found, stated_facts(self._profile()))

    def _deployed(self, connection: Connection, facts: ClusterFacts) -> Deployment:
        from podwire.cluster.deployment.workloads import DeployOptions, deploy
        from podwire.cluster.discovery.proxy_log import PortMessages

        self._port_messages = PortMessages(connection.rest, with_many_services(self.plan.cases.values()))
        options = DeployOptions(
            run_id=self.run_id,
            needs=needs_of(self.plan.cases.values(), facts, self.options.selection.nodes_per_os),
            nodes_per_os=self.options.selection.nodes_per_os,
            linux_image=self.options.linux_image,
            windows_image=self.options.windows_image,
        )
        return deploy(connection, facts, options)

    def close(self) -> list[str]:
        """End everything that this run made, and say what could not be removed."""
        left: list[str] = []
        self._end_early_start()
        for agent in self._agents.values():
            agent.close()
        self._agents = {}
        with self._timed("clean-up"):
            if self._lab is not None:
                # A lab goes as a whole: what was made in it needs no clean-up of its own.
                self._lab.close()
                self._lab = None
            elif self._connection is not None and self._deployment is not None and not self.options.keep:
                from podwire.cluster.deployment.workloads import undeploy

                left = list(undeploy(self._connection, self._deployment.namespace))
            self._deployment = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        return left

    def _end_early_start(self) -> None:
        """Wait for what `begin` started and nobody needed; without its lab it soon ends."""
        if self._early is None:
            return
        self._lab_is_decided.wait()
        if self._lab is not None:
            self._lab.close()
        self._early.join()
        self._early = None

    @contextlib.contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        start = time.monotonic()
        try:
            yield
        finally:
            self.timings[name] = self.timings.get(name, 0.0) + time.monotonic() - start


def _images(deployment: Deployment) -> tuple[ProbeImage, ...]:
    """What the probes run, once for each node and image."""
    found = (ProbeImage(node=one.node, image=one.image, digest=one.image_id) for one in deployment.available())
    return tuple(dict.fromkeys(one for one in found if one.image))


def _known_faults() -> tuple[str, ...]:
    from podwire_lab.faults.registry import FAULTS

    return tuple(FAULTS)
