"""The life of one pod on one node, from its network to its last status."""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from podwire_lab.controllers import events
from podwire_lab.model.interfaces import CannotStart, NoAddressLeft, Object, PodNetwork
from podwire_lab.model.pod_status import ContainerState, now, pod_status
from podwire_lab.pods import probes
from podwire_lab.pods import spec as pod_spec
from podwire_lab.pods.containers import Command, LogRing, SpawnedProcess
from podwire_lab.pods.images import find_image, missing_message
from podwire_lab.pods.node_services import NodeServices, prepared
from podwire_lab.pods.resolvers import Resolver
from podwire_lab.pods.spec import NotYet, PodContext

RETRY_SECONDS = 0.25
ATTACH_AGAIN = 0.25
BACK_OFF_SECONDS = 10.0
LONGEST_BACK_OFF_SECONDS = 300.0
PULL_BACK_OFF_SECONDS = 1.0
SHORTEST_GRACE_SECONDS = 2.0
"""What a kubelet leaves a container after a preStop hook that has used the grace period up."""

_LOG = logging.getLogger(__name__)


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        _LOG.error("%s: %s", task.get_name(), task.exception(), exc_info=task.exception())


def _runtime_words(command: Command, error: CannotStart) -> str:
    """runc's words (recorded) for a command that cannot be run."""
    what = f'exec: "{command.argv[0]}": {error}' if command.argv else "args must not be empty"
    return f"unable to start container process: {what}: unknown"


@dataclass
class Running:
    """A container with the process that it runs now, and its log."""

    status: ContainerState
    log: LogRing = field(default_factory=LogRing)
    process: SpawnedProcess | None = None
    command: Command | None = None
    hook: asyncio.Task[None] | None = None


class PodWorker:
    """Runs a pod until it is told to terminate. All of it happens on the loop; `task` is its life."""

    def __init__(self, services: NodeServices, pod: Object) -> None:
        self._services = services
        self.pod = pod
        meta = pod["metadata"]
        self.uid: str = meta["uid"]
        self.namespace: str = meta["namespace"]
        self.name: str = meta["name"]
        self.network: PodNetwork | None = None
        self.containers = {
            spec["name"]: Running(ContainerState(spec=spec)) for spec in pod["spec"].get("containers") or ()
        }
        self.grace: float | None = None
        self._start_time = now()
        self._ended: tuple[str, str] | None = None
        self._network_ready = False
        self._stopping = False
        self._termination: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self.task = asyncio.get_running_loop().create_task(self._live(), name=f"pod {self.namespace}/{self.name}")
        self.task.add_done_callback(_log_failure)

    # -- what the node and the pod say

    @property
    def _context(self) -> PodContext:
        return PodContext(
            pod=self.pod, system=self._services.node.os, pod_ips=self._pod_ips(), host_ips=self._services.node.addresses
        )

    def _pod_ips(self) -> Sequence[str]:
        """A kubelet tells the node's addresses of every pod with hostNetwork, wherever a Windows runtime has put it."""
        if self.pod["spec"].get("hostNetwork"):
            return self._services.node.addresses
        return self.network.addresses if self.network is not None else ()

    @property
    def netns(self) -> int:
        """The network namespace that the pod's processes run in: its own, or the node's."""
        return self.network.namespace.fd if self.network is not None else self._services.node.namespace.fd

    def _netns_of(self, container: str) -> int:
        """The network namespace of a container, which all containers of a pod share."""
        apart = self._services.node.containers_apart and container != next(iter(self.containers))
        return self._services.node.namespace.fd if apart else self.netns

    def publish(self) -> None:
        """Write the pod's status, if the API still has this pod."""
        current = self._services.store.get("pods", self.namespace, self.name)
        if current is None or current["metadata"]["uid"] != self.uid:
            return
        current["status"] = pod_status(
            current,
            containers=[each.status for each in self.containers.values()],
            pod_ips=self._pod_ips() if self._network_ready else (),
            host_ips=self._services.node.addresses,
            start_time=self._start_time,
            network_ready=self._network_ready,
            ended=self._ended,
        )
        if self.network is not None and self._network_ready:
            current["metadata"].setdefault("annotations", {}).update(self._services.node.notes_of(self.network))
        self._services.store.update("pods", current)

    def _event(self, reason: str, message: str, *, warning: bool = False, container: str = "") -> None:
        kind: Literal["Normal", "Warning"] = "Warning" if warning else "Normal"
        node = self._services.node.name
        events.record(self._services.store, self.pod, reason, message, kind=kind, host=node, container=container)

    # -- life

    async def _live(self) -> None:
        self.publish()
        if not self._context.on_node_network:
            self.network = await self._attached()
        self._network_ready = True
        self._set_deadline()
        resolver = await self._services.resolver(self.pod, self.network)
        await asyncio.gather(*(self._keep_running(each, resolver) for each in self.containers.values()))

    async def _attached(self) -> PodNetwork:
        """The pod's network. Without an address left the node agent says so, and tries again as a kubelet does."""
        told = False
        while True:
            try:
                return self._services.node.attach_pod(self.uid)
            except NoAddressLeft as error:
                if not told:
                    self._event("FailedCreatePodSandBox", f"Failed to create pod sandbox: {error}", warning=True)
                told = True
                await asyncio.sleep(ATTACH_AGAIN)
            except OSError as error:
                self._event("FailedCreatePodSandBox", f"Failed to create pod sandbox: {error}", warning=True)
                raise

    def _set_deadline(self) -> None:
        seconds = self.pod["spec"].get("activeDeadlineSeconds")
        if seconds is not None:
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(seconds, lambda: loop.create_task(self._exceed_deadline()))

    async def _exceed_deadline(self) -> None:
        """Kubernetes, Pod API: the node ends a pod that was active for longer than activeDeadlineSeconds."""
        if not self._stopping and not all(each.status.exit_code is not None for each in self.containers.values()):
            self._ended = ("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")
            self._event("DeadlineExceeded", self._ended[1])
            await self._stop_containers(float(self.pod["spec"].get("terminationGracePeriodSeconds", 30)))
            self.publish()

    async def _keep_running(self, container: Running, resolver: Resolver) -> None:
        policy = self.pod["spec"].get("restartPolicy", "Always")
        delay = 0.0
        while not self._stopping:
            if not await self._start(container, resolver):
                return
            process = container.process
            if process is not None:
                ready = asyncio.get_running_loop().create_task(self._watch_readiness(container, process))
                code = await process.wait()
                ready.cancel()
                process.release()
                container.process = None
                container.status.end(code)
            self.publish()
            code = container.status.exit_code or 0
            if self._stopping or policy == "Never" or (policy == "OnFailure" and code == 0):
                return
            await self._back_off(container, delay)
            delay = min(max(BACK_OFF_SECONDS, delay * 2), LONGEST_BACK_OFF_SECONDS)

    async def _back_off(self, container: Running, delay: float) -> None:
        status = container.status
        status.last_state, status.restarts = status.state, status.restarts + 1
        if delay:
            pod = f"{self.name}_{self.namespace}({self.uid})"
            why = f"back-off {delay:.0f}s restarting failed container={status.name} pod={pod}"
            status.wait("CrashLoopBackOff", why)
            self._event(
                "BackOff", f"Back-off restarting failed container {status.name}", warning=True, container=status.name
            )
            self.publish()
            await asyncio.sleep(delay)

    async def _start(self, container: Running, resolver: Resolver) -> bool:
        """Start the container's process. False when it will never start (its image cannot be pulled, say)."""
        status = container.status
        image = find_image(status.spec["image"])
        if image is None or self._services.node.os not in image.systems:
            await self._fail_to_pull(status)
            return False
        said = ""
        while True:
            try:
                context = self._context
                command, root = prepared(self._services, context, status.spec, resolver)
                break
            except NotYet as error:
                if str(error) != said:
                    said = str(error)
                    status.wait(error.reason, said if error.reason != "ContainerCreating" else "")
                    self._event("FailedMount" if error.reason == "ContainerCreating" else "Failed", said, warning=True)
                    self.publish()
                await asyncio.sleep(RETRY_SECONDS)
        status.image, status.digest = image.name, image.digest
        status.container_id = f"containerd://{secrets.token_hex(32)}"
        try:
            container.process = await self._services.spawner.start(
                self._netns_of(status.name),
                command,
                root=root,
                root_at=f"{self._services.work}/root",
                hostname=pod_spec.hostname(context),
                log=container.log,
            )
        except CannotStart as error:
            message = f"failed to create containerd task: OCI runtime create failed: {_runtime_words(command, error)}"
            status.end(128, "StartError", message)
            self._event("Failed", f"Error: {message}", warning=True, container=status.name)
            return True
        container.command = command
        self._event("Started", f"Started container {status.name}", container=status.name)
        status.run(status.container_id)
        status.ready = "readinessProbe" not in status.spec
        self.publish()
        if self._stopping:
            container.process.signal(signal.SIGKILL)
        return True

    async def _fail_to_pull(self, status: ContainerState) -> None:
        """What a node shows for an image that it does not have and cannot get: first the error, then the back-off."""
        reference = status.spec["image"]
        if status.spec.get("imagePullPolicy") == "Never":
            message = f'Container image "{reference}" is not present with pull policy of Never'
            status.wait("ErrImageNeverPull", message)
            self._event("Failed", "Error: ErrImageNeverPull", warning=True, container=status.name)
            self.publish()
            return
        message = missing_message(reference, self._services.node.os)
        self._event("Pulling", f'Pulling image "{reference}"', container=status.name)
        self._event("Failed", f'Failed to pull image "{reference}": {message}', warning=True, container=status.name)
        self._event("Failed", "Error: ErrImagePull", warning=True, container=status.name)
        status.wait("ErrImagePull", message)
        self.publish()
        await asyncio.sleep(PULL_BACK_OFF_SECONDS)
        self._event("BackOff", f'Back-off pulling image "{reference}"', container=status.name)
        self._event("Failed", "Error: ImagePullBackOff", warning=True, container=status.name)
        status.wait("ImagePullBackOff", f'Back-off pulling image "{reference}": ErrImagePull: {message}')
        self.publish()

    async def _watch_readiness(self, container: Running, process: SpawnedProcess) -> None:
        """Also of a pod that terminates: it is not ready for new connections, but may serve the ones that it has."""
        status = container.status
        if "readinessProbe" not in status.spec:
            return
        async for ready in probes.readiness(status.spec["readinessProbe"], self._attempt(container)):
            if process.exited.done():
                return
            if ready != status.ready:
                status.ready = ready
                self.publish()

    def _attempt(self, container: Running) -> Callable[[Object], Awaitable[bool]]:
        """Makes probes and hooks of a container: in it, or from the node to the pod's first address."""

        async def execute(command: list[str]) -> int:
            made = await self.exec(container.status.name, command)
            try:
                return await made.wait()
            finally:
                made.kill()

        address, node = next(iter(self._pod_ips()), "127.0.0.1"), self._services.node.namespace
        return lambda action: probes.succeeds(action, container.status.spec, address, node, execute)

    # -- exec and end

    async def exec(
        self, name: str, command: Sequence[str], *, stdin: bool = False, tty: bool = False
    ) -> SpawnedProcess:
        """A process in a running container. KeyError when no container of that name runs, or CannotStart."""
        container = self.containers[name]
        if container.process is None or container.command is None or not container.status.running:
            raise KeyError(name)
        like = container.command
        argv = pod_spec.sandboxed(self._context, container.status.spec, command)
        env = {**like.env, "TERM": "xterm"} if tty else like.env
        wanted = Command(argv=argv, env=env, capabilities=like.capabilities, cwd=like.cwd, tty=tty)
        try:
            return await self._services.spawner.exec(self.netns, container.process, wanted, stdin=stdin)
        except CannotStart as error:
            words = f"OCI runtime exec failed: exec failed: {_runtime_words(wanted, error)}"
            raise CannotStart(f'failed to start exec "{secrets.token_hex(32)}": {words}') from error

    def terminate(self, pod: Object) -> None:
        """Begin to end the pod, whose deletion was asked for; a second call with less grace shortens the first."""
        self.grace = float(pod["metadata"].get("deletionGracePeriodSeconds") or 0)
        if self._termination is not None:
            self._termination.cancel()
        self._termination = asyncio.get_running_loop().create_task(self._terminate(self.grace))

    async def _terminate(self, grace: float) -> None:
        if self.containers and any(each.process for each in self.containers.values()):
            for name in self.containers:
                self._event("Killing", f"Stopping container {name}", container=name)
        await self._stop_containers(grace)
        self.task.cancel()
        self.let_go()
        current = self._services.store.get("pods", self.namespace, self.name)
        if current is not None and current["metadata"]["uid"] == self.uid:
            self.publish()
            self._services.store.delete("pods", self.namespace, self.name)

    async def _stop_containers(self, grace: float) -> None:
        self._stopping = True
        await asyncio.gather(*(self._stop(each, grace) for each in self.containers.values() if each.process))

    async def _stop(self, container: Running, grace: float) -> None:
        """kubernetes.io, "Pod Lifecycle", termination: the preStop hook, SIGTERM, SIGKILL when the grace is over."""
        process = container.process
        assert process is not None
        if grace and "preStop" in container.status.spec.get("lifecycle", {}) and container.hook is None:
            container.hook = asyncio.get_running_loop().create_task(self._pre_stop(container, grace))
        if container.hook is not None:
            began = asyncio.get_running_loop().time()
            # No later, shorter grace ends a hook that runs already (kubelet: executePreStopHook).
            await asyncio.shield(container.hook)
            grace = max(grace - (asyncio.get_running_loop().time() - began), SHORTEST_GRACE_SECONDS)
        for number, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
            if seconds and not process.exited.done():
                process.signal(number)
                await asyncio.wait((process.exited,), timeout=seconds)
        if process.exited.done() and container.status.running:
            container.status.end(process.exited.result())

    async def _pre_stop(self, container: Running, grace: float) -> None:
        hook = {**container.status.spec["lifecycle"]["preStop"], "timeoutSeconds": grace}
        if not await self._attempt(container)(hook):
            self._event("FailedPreStopHook", "PreStopHook failed", warning=True, container=container.status.name)

    def let_go(self) -> None:
        """Give up the pod's place in the network. Its processes have ended, or end with their first one."""
        if self._deadline is not None:
            self._deadline.cancel()
        for container in self.containers.values():
            if container.process is not None:
                container.process.kill()
                container.process = None
        self._services.release(self.uid)
        if self.network is not None:
            self.network = None
            self._services.node.detach_pod(self.uid)
