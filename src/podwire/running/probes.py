"""The probes of a run: deployed into its cluster (in the background on a lab), connected, and removed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from podwire.model.facts import ClusterFacts
from podwire.planning.prerequisites import needs_of, with_many_services
from podwire.records.run import ProbeImage
from podwire.running.run_options import ProbeOptions
from podwire.running.scope import Scope
from podwire.running.target import Say, Target
from podwire.running.timings import Timings

if TYPE_CHECKING:
    from podwire.cluster.connect import Connection
    from podwire.cluster.deployment.workloads import Deployment
    from podwire.probing.client import AgentClient
    from podwire.probing.dispatch import Dispatcher


class Probes:
    """Deploys, connects and removes the probes of a run, each once. `images` is set when the probes are ready."""

    def __init__(self, run_id: str, target: Target, scope: Scope, options: ProbeOptions, timings: Timings) -> None:
        self._run_id, self._target, self._scope = run_id, target, scope
        self._options, self._timings = options, timings
        self.images: tuple[ProbeImage, ...] = ()
        self._connection: Connection | None = None
        self._deployment: Deployment | None = None
        self._facts: ClusterFacts | None = None
        self._port_messages: Callable[[str], int | None] = lambda name: None
        self._agents: dict[str, AgentClient] = {}
        self._early: threading.Thread | None = None
        self._early_problem: BaseException | None = None
        self._early_words: list[str] = []

    def begin(self) -> None:
        """Deploy the probes in the background. `dispatcher` raises what goes wrong."""
        self._early = threading.Thread(target=self._begin, name="early start", daemon=True)
        self._early.start()

    def _begin(self) -> None:
        try:
            self._deploy(self._early_words.append)
        except BaseException as problem:
            self._early_problem = problem

    def dispatcher(self, say: Say, idle: Callable[[], object]) -> Dispatcher:
        """Deploy the probes if `begin` has not, and return what sends flows through them.

        `say` takes lines for the user; `idle` is called while flows wait for their answers. Raises `PodwireError`.
        """
        from podwire.cluster.deployment.changes.making import make_change
        from podwire.cluster.deployment.waiting import why_lost
        from podwire.probing.dispatch import Dispatcher

        if self._early is not None:
            self._early.join()
            self._early = None
            for words in self._early_words:
                say(words)
            if self._early_problem is not None:
                raise self._early_problem
        connection, deployment, facts = self._deploy(say)
        self._scope.use_facts(facts)
        return Dispatcher(
            deployment,
            facts,
            self._agents,
            timeout=self._options.timeout,
            start=self._options.start,
            say=say,
            why_lost=lambda pod: why_lost(connection.rest, deployment.namespace_of(pod), pod),
            change=lambda name: make_change(connection.rest.placing_in(deployment.namespace), deployment, name),
            port_messages=self._port_messages,
            idle=idle,
            first_try=self._options.first_try,
            converges_within=self._options.converges_within,
            streams=self._options.streams,
        )

    def _deploy(self, say: Say) -> tuple[Connection, Deployment, ClusterFacts]:
        from podwire.probing.agents import agents_of

        connection = self._connection = self._target.connect(say)
        if self._deployment is None or self._facts is None:
            self._facts = self._scope.chosen(self._target.facts())
            with self._timings.measured("probes"):
                self._deployment = self._deployed(connection, self._facts, say)
                self._agents = agents_of(connection, self._deployment, tuple(self._target.outside_command()))
                self.images = _images(self._deployment)
            say(f"{len(self._agents)} probes ready after {self._timings['probes']:.1f} s")
        return connection, self._deployment, self._facts

    def _deployed(self, connection: Connection, facts: ClusterFacts, say: Say) -> Deployment:
        from podwire.cluster.deployment.workloads import DeployOptions, deploy
        from podwire.cluster.discovery.proxy_log import PortMessages

        cases, nodes_per_os = self._scope.plan.cases.values(), self._scope.selection.most_nodes
        self._port_messages = PortMessages(connection.rest, with_many_services(cases))
        options = DeployOptions(
            run_id=self._run_id,
            needs=needs_of(cases, facts, nodes_per_os),
            nodes_per_os=nodes_per_os,
            linux_image=self._options.linux_image,
            windows_image=self._options.windows_image,
            namespace=self._target.namespace,
            say=say,
        )
        return deploy(connection, facts, options)

    @property
    def namespace(self) -> str:
        """The namespace of the probes; '' before they are deployed and after they are removed."""
        return self._deployment.namespace if self._deployment else ""

    def end_early_start(self) -> None:
        """Stop a deployment that `begin` started and no `dispatcher` used: close its lab, then wait for the thread."""
        if self._early is not None:
            self._target.close()
            self._early.join()
            self._early = None

    def hang_up(self) -> None:
        """End the streams to the agents."""
        agents, self._agents = self._agents, {}
        if agents:
            from podwire.probing.agents import close_agents

            close_agents(agents, self._deployment)

    def remove(self) -> list[str]:
        """Remove the probes from the cluster. Returns a line for each object that is left."""
        deployment, self._deployment = self._deployment, None
        return self._target.remove(deployment.namespace, self._run_id, deployment.spaces) if deployment else []


def _images(deployment: Deployment) -> tuple[ProbeImage, ...]:
    """The images that the probes run, one entry for each node and image."""
    images = (ProbeImage(node=probe.node, image=probe.image, digest=probe.image_id) for probe in deployment.available())
    return tuple(dict.fromkeys(image for image in images if image.image))
