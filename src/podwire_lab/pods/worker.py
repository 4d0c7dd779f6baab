"""The life of one pod on one node, from its network to its last status."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from podwire_lab.model.interfaces import NoAddressLeft, Object, PodNetwork
from podwire_lab.pods.container_life import ContainerLife
from podwire_lab.pods.containers import SpawnedProcess
from podwire_lab.pods.node_services import NodeServices
from podwire_lab.pods.pod_report import PodReport

ATTACH_AGAIN = 0.25

_LOG = logging.getLogger(__name__)


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        _LOG.error("%s: %s", task.get_name(), task.exception(), exc_info=task.exception())


class PodWorker:
    """Runs a pod until it has to terminate. All of it happens on the loop; `task` is its life."""

    def __init__(self, services: NodeServices, pod: Object) -> None:
        self.report = PodReport(services, pod)
        self.containers = {status.name: ContainerLife(self.report, status) for status in self.report.containers}
        self.grace: float | None = None
        self._termination: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        name = f"pod {self.report.namespace}/{self.report.name}"
        self.task = asyncio.get_running_loop().create_task(self._live(), name=name)
        self.task.add_done_callback(_log_failure)

    async def _live(self) -> None:
        report = self.report
        report.publish()
        if not report.context.on_node_network:
            report.network = await self._attached()
        report.network_ready = True
        self._set_deadline()
        resolver = await report.services.resolver(report.pod, report.network)
        await asyncio.gather(*(container.keep_running(resolver) for container in self.containers.values()))

    async def _attached(self) -> PodNetwork:
        """The pod's network. If no address is left the node agent reports that, and tries again as a kubelet does."""
        reported, notes = False, self.report.pod["metadata"].get("annotations") or {}
        while True:
            try:
                return self.report.services.node.attach_pod(self.report.uid, notes)
            except NoAddressLeft as error:
                if not reported:
                    self.report.event("FailedCreatePodSandBox", f"Failed to create pod sandbox: {error}", warning=True)
                reported = True
                await asyncio.sleep(ATTACH_AGAIN)
            except OSError as error:
                self.report.event("FailedCreatePodSandBox", f"Failed to create pod sandbox: {error}", warning=True)
                raise

    def _set_deadline(self) -> None:
        seconds = self.report.pod["spec"].get("activeDeadlineSeconds")
        if seconds is not None:
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(seconds, lambda: loop.create_task(self._exceed_deadline()))

    async def _exceed_deadline(self) -> None:
        """Kubernetes, Pod API: the node ends a pod that was active for longer than activeDeadlineSeconds."""
        if self._stopping or all(container.status.exit_code is not None for container in self.containers.values()):
            return
        message = "Pod was active on the node longer than the specified deadline"
        self.report.ended = ("DeadlineExceeded", message)
        self.report.event("DeadlineExceeded", message)
        await self._stop_containers(float(self.report.pod["spec"].get("terminationGracePeriodSeconds", 30)))
        self.report.publish()

    @property
    def _stopping(self) -> bool:
        return any(container.stopping for container in self.containers.values())

    async def exec(
        self, name: str, command: Sequence[str], *, stdin: bool = False, tty: bool = False
    ) -> SpawnedProcess:
        """Start a process in a running container.

        Raises:
            KeyError: no container with this name runs.
            CannotStart: the command cannot run.
        """
        return await self.containers[name].exec(command, stdin=stdin, tty=tty)

    def terminate(self, pod: Object) -> None:
        """Begin to end the deleted pod; a second call with a shorter grace period shortens the first."""
        self.grace = float(pod["metadata"].get("deletionGracePeriodSeconds") or 0)
        if self._termination is not None:
            self._termination.cancel()
        self._termination = asyncio.get_running_loop().create_task(self._terminate(self.grace))

    async def _terminate(self, grace: float) -> None:
        if any(container.process for container in self.containers.values()):
            for name in self.containers:
                self.report.event("Killing", f"Stopping container {name}", container=name)
        await self._stop_containers(grace)
        self.task.cancel()
        self.let_go()
        if self.report.current() is not None:
            self.report.publish()
            self.report.services.store.delete("pods", self.report.namespace, self.report.name)

    async def _stop_containers(self, grace: float) -> None:
        await asyncio.gather(*(container.stop(grace) for container in self.containers.values()))

    def fall(self) -> None:
        """End with the machine: nothing is told to the API, and no grace period counts."""
        for task in (self.task, self._termination):
            if task is not None:
                task.cancel()
        self.let_go()

    def let_go(self) -> None:
        """Release the pod's place in the network. Its processes have ended, or end with their first one."""
        if self._deadline is not None:
            self._deadline.cancel()
        for container in self.containers.values():
            container.kill()
        report = self.report
        report.services.release(report.uid)
        if report.network is not None:
            report.network = None
            report.services.node.detach_pod(report.uid)
