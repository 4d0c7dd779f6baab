"""What a run is made on: a lab that is started for it, or a real cluster.

Both give the facts for a plan, a connection, the facts for the probes, and a way to close them. The cluster client is
imported where it is first used, because a plan for the lab does not need it.
"""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from podwire.errors import UsageError
from podwire.model.facts import ClusterFacts
from podwire.planning.required import Labels
from podwire.platforms.stated_file import with_stated
from podwire.running.run_options import ClusterOptions, LabOptions, RunOptions
from podwire.running.timings import Timings
from podwire_lab.lifecycle.access import VARIABLE
from podwire_lab.lifecycle.process import Lab, LabError, start_lab
from podwire_lab.model.planned import planned_facts, planned_labels, stated_facts

if TYPE_CHECKING:
    from podwire.cluster.connect import Connection

Say = Callable[[str], object]
IN_CLUSTER = "in-cluster"
"""The word in place of a kubeconfig for the service account of the pod that podwire runs in."""


class Target(Protocol):
    """The cluster of a run. It starts or asks for nothing before that is needed."""

    starts_early: bool
    """Whether podwire may start it and its probes before the first case is observed."""

    namespace: str
    """A namespace that exists and stays, for what the run makes; '' if the run makes one."""

    @property
    def described(self) -> str:
        """Its name for the record."""

    def facts_for_a_plan(self) -> ClusterFacts:
        """The facts that a plan is made from."""

    def node_labels(self) -> Labels:
        """The labels of all nodes, by the name of the node."""

    def connect(self, say: Say) -> Connection:
        """The connection, made and tested on the first call. Raises `PodwireError`."""

    def facts(self) -> ClusterFacts:
        """The discovered facts, completed by the stated ones. Call `connect` first."""

    def outside_command(self) -> Sequence[str]:
        """The command line that starts an agent outside; empty if there is none."""

    def environment(self) -> dict[str, str]:
        """The variables by which a command works on this cluster."""

    def remove(self, namespace: str, run_id: str, beside: Sequence[str] = ()) -> list[str]:
        """Remove the namespace of a run, and those that it has beside it, or what the run made in one that stays.

        Returns a line for each object that is left. Never raises.
        """

    def cleanup_command(self, run_id: str) -> str:
        """The command that removes what a run left; '' if nothing can be left."""

    def close(self) -> None:
        """Close the connection, and end a lab with all that is in it. Safe to call twice, and during a start."""


class LabTarget:
    """A lab for this run. It is removed as a whole, so objects in it need no clean-up."""

    starts_early = True
    namespace = ""

    def __init__(self, options: LabOptions, timings: Timings) -> None:
        self._options, self._timings = options, timings
        self._profile = options.row()
        self._starting = threading.Lock()
        self._ended = False
        self._lab: Lab | None = None
        self._connection: Connection | None = None

    @property
    def described(self) -> str:
        return f"lab {self._options.profile}"

    def facts_for_a_plan(self) -> ClusterFacts:
        """The facts of the profile, known before the lab starts."""
        return planned_facts(self._profile)

    def node_labels(self) -> Labels:
        return planned_labels(self._profile)

    def connect(self, say: Say) -> Connection:
        """Start the lab on the first call. `UsageError` if this machine cannot run it."""
        from podwire.cluster.connect import connect

        if self._connection is None:
            with self._timings.measured("lab"):
                lab = self._start()
                self._connection = connect(lab.kubeconfig, lab.context)
            say(f"lab {self._options.profile} ready after {self._timings['lab']:.1f} s")
        return self._connection

    def _start(self) -> Lab:
        from podwire.cluster.deployment.agent_archive import agent_archive

        options = self._options
        with self._starting:
            if self._ended:
                raise UsageError("the run ended before its lab started")
            try:
                self._lab = start_lab(
                    options.profile,
                    agent=agent_archive,
                    faults=options.faults,
                    dsr=options.dsr,
                    build=options.windows_build,
                    pod_mtu=options.pod_mtu,
                    nodes=options.nodes,
                    ports=options.windows_ports,
                    variations=options.variations,
                )
            except LabError as problem:
                raise UsageError(str(problem)) from problem
            return self._lab

    def facts(self) -> ClusterFacts:
        from podwire.cluster.discovery.discover import discover

        assert self._connection is not None
        assert self._lab is not None
        with self._timings.measured("discovery"):
            facts = discover(self._connection, self._lab.external_host.with_agent(True), load_balancer=True)
            return with_stated(facts, stated_facts(self._profile))

    def outside_command(self) -> Sequence[str]:
        return self._lab.external_command if self._lab else ()

    def environment(self) -> dict[str, str]:
        path = str(self._lab.kubeconfig) if self._lab else ""
        return {"KUBECONFIG": path, VARIABLE: path}

    def remove(self, namespace: str, run_id: str, beside: Sequence[str] = ()) -> list[str]:
        return []

    def cleanup_command(self, run_id: str) -> str:
        return ""

    def close(self) -> None:
        """End the lab. A lab that is still starting is ended when it has started."""
        self._ended = True
        with self._starting:
            lab, self._lab = self._lab, None
        if lab is not None:
            lab.close()
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class ClusterTarget:
    """A real cluster. Its facts are discovered once."""

    starts_early = False

    def __init__(self, options: ClusterOptions, timings: Timings) -> None:
        self._options, self._timings = options, timings
        self.namespace = options.namespace or ""
        self._connection: Connection | None = None
        self._facts: ClusterFacts | None = None

    @property
    def described(self) -> str:
        return f"context {self._options.context or 'current'}"

    def facts_for_a_plan(self) -> ClusterFacts:
        self.connect(lambda text: None)
        return self.facts()

    def node_labels(self) -> Labels:
        from podwire.cluster.discovery.discover import node_labels

        return node_labels(self.connect(lambda text: None))

    def connect(self, say: Say) -> Connection:
        from podwire.cluster.connect import connect

        if self._connection is None:
            self._connection = connect(self._options.kubeconfig, self._options.context)
        return self._connection

    def facts(self) -> ClusterFacts:
        from podwire.cluster.discovery.discover import discover

        if self._facts is None:
            assert self._connection is not None
            options = self._options
            with self._timings.measured("discovery"):
                facts = discover(self._connection, options.outside, load_balancer=options.load_balancer)
                self._facts = with_stated(facts, options.stated) if options.stated else facts
        return self._facts

    def outside_command(self) -> Sequence[str]:
        return self._options.external_agent or ()

    def environment(self) -> dict[str, str]:
        path = self._options.kubeconfig
        return {"KUBECONFIG": path} if path and path != IN_CLUSTER else {}

    def remove(self, namespace: str, run_id: str, beside: Sequence[str] = ()) -> list[str]:
        from podwire.cluster.deployment.guest import leave
        from podwire.cluster.deployment.removal import clean_up

        assert self._connection is not None
        if self._options.keep:
            return []
        if self.namespace:
            return leave(self._connection, namespace, run_id)
        return clean_up(self._connection, namespace, *beside, run_id=run_id)

    def cleanup_command(self, run_id: str) -> str:
        options = self._options
        given = (
            ("--kubeconfig", options.kubeconfig),
            ("--context", options.context),
            ("--namespace", options.namespace),
            ("--run", run_id),
        )
        return shlex.join(["podwire", "cleanup", *(word for flag, text in given if text for word in (flag, text))])

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def target_of(options: RunOptions, timings: Timings) -> Target:
    """The cluster that the options name, or a lab."""
    if options.cluster is None:
        return LabTarget(options.lab, timings)
    return ClusterTarget(options.cluster, timings)
