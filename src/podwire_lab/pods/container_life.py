"""The life of one container: pull, start, probe, restart, stop; and commands that run in it."""

from __future__ import annotations

import asyncio
import secrets
import signal
from collections.abc import Sequence
from dataclasses import replace

from podwire_lab.model.interfaces import CannotStart, Object
from podwire_lab.model.pod_status import ContainerState
from podwire_lab.pods import probes
from podwire_lab.pods import spec as pod_spec
from podwire_lab.pods.containers import Command, LogRing, SpawnedProcess
from podwire_lab.pods.images import find_image, missing_message
from podwire_lab.pods.node_services import prepared
from podwire_lab.pods.pod_report import PodReport
from podwire_lab.pods.resolvers import Resolver
from podwire_lab.pods.rootfs import RootSpec
from podwire_lab.pods.spec import NotYet

RETRY_SECONDS = 0.25
BACK_OFF_SECONDS = 10.0
LONGEST_BACK_OFF_SECONDS = 300.0
PULL_BACK_OFF_SECONDS = 1.0
SHORTEST_GRACE_SECONDS = 2.0
"""The time, in seconds, that a kubelet leaves a container after a preStop hook has used the grace period up."""


def _runtime_words(command: Command, error: CannotStart) -> str:
    """runc's text (recorded) for a command that cannot run."""
    reason = f'exec: "{command.argv[0]}": {error}' if command.argv else "args must not be empty"
    return f"unable to start container process: {reason}: unknown"


class ContainerLife:
    """One container with its current process and its log. While `stopping` it does not restart."""

    def __init__(self, report: PodReport, status: ContainerState) -> None:
        self.status = status
        self.log = LogRing()
        self.process: SpawnedProcess | None = None
        self.stopping = False
        self._report = report
        self._command: Command | None = None
        self._hook: asyncio.Task[None] | None = None

    async def keep_running(self, resolver: Resolver) -> None:
        """Run the container, and restart it as the pod's restart policy says."""
        policy = self._report.pod["spec"].get("restartPolicy", "Always")
        delay = 0.0
        while not self.stopping:
            if not await self._start(resolver):
                return
            process = self.process
            if process is not None:
                ready = asyncio.get_running_loop().create_task(self._watch_readiness(process))
                code = await process.wait()
                ready.cancel()
                process.release()
                self.process = None
                self.status.end(code)
            self._report.publish()
            code = self.status.exit_code or 0
            if self.stopping or policy == "Never" or (policy == "OnFailure" and code == 0):
                return
            await self._back_off(delay)
            delay = min(max(BACK_OFF_SECONDS, delay * 2), LONGEST_BACK_OFF_SECONDS)

    async def _back_off(self, delay: float) -> None:
        status, report = self.status, self._report
        status.last_state, status.restarts = status.state, status.restarts + 1
        if delay:
            pod = f"{report.name}_{report.namespace}({report.uid})"
            why = f"back-off {delay:.0f}s restarting failed container={status.name} pod={pod}"
            status.wait("CrashLoopBackOff", why)
            self._event("BackOff", f"Back-off restarting failed container {status.name}", warning=True)
            report.publish()
            await asyncio.sleep(delay)

    def _event(self, reason: str, message: str, *, warning: bool = False) -> None:
        self._report.event(reason, message, warning=warning, container=self.status.name)

    async def _start(self, resolver: Resolver) -> bool:
        """Start the container's process. False if it can never start, for example because its image cannot be
        pulled."""
        status, report = self.status, self._report
        image = find_image(status.spec["image"])
        if image is None or report.services.node.os not in image.systems:
            await self._fail_to_pull()
            return False
        command, root = await self._prepared(resolver)
        status.image, status.digest = image.name, image.digest
        status.container_id = f"containerd://{secrets.token_hex(32)}"
        try:
            self.process = await report.services.spawner.start(
                report.netns(status.name),
                command,
                root=root,
                root_at=f"{report.services.work}/root",
                hostname=pod_spec.hostname(report.context),
                log=self.log,
            )
        except CannotStart as error:
            message = f"failed to create containerd task: OCI runtime create failed: {_runtime_words(command, error)}"
            status.end(128, "StartError", message)
            self._event("Failed", f"Error: {message}", warning=True)
            return True
        self._command = command
        self._event("Started", f"Started container {status.name}")
        status.run(status.container_id)
        status.ready = "readinessProbe" not in status.spec
        report.publish()
        if self.stopping:
            self.process.signal(signal.SIGKILL)
        return True

    async def _prepared(self, resolver: Resolver) -> tuple[Command, RootSpec]:
        """The command, once everything that it needs exists; reports once what is missing."""
        status, report = self.status, self._report
        reported = ""
        while True:
            try:
                return prepared(report.services, report.context, status.spec, resolver)
            except NotYet as error:
                if str(error) != reported:
                    reported = str(error)
                    creating = error.reason == "ContainerCreating"
                    status.wait(error.reason, "" if creating else reported)
                    report.event("FailedMount" if creating else "Failed", reported, warning=True)
                    report.publish()
                await asyncio.sleep(RETRY_SECONDS)

    async def _fail_to_pull(self) -> None:
        """Show an image that the node does not have and cannot pull: first the error, then the back-off."""
        status, report = self.status, self._report
        reference = status.spec["image"]
        if status.spec.get("imagePullPolicy") == "Never":
            message = f'Container image "{reference}" is not present with pull policy of Never'
            status.wait("ErrImageNeverPull", message)
            self._event("Failed", "Error: ErrImageNeverPull", warning=True)
            report.publish()
            return
        message = missing_message(reference, report.services.node.os)
        self._event("Pulling", f'Pulling image "{reference}"')
        self._event("Failed", f'Failed to pull image "{reference}": {message}', warning=True)
        self._event("Failed", "Error: ErrImagePull", warning=True)
        status.wait("ErrImagePull", message)
        report.publish()
        await asyncio.sleep(PULL_BACK_OFF_SECONDS)
        self._event("BackOff", f'Back-off pulling image "{reference}"')
        self._event("Failed", "Error: ImagePullBackOff", warning=True)
        status.wait("ImagePullBackOff", f'Back-off pulling image "{reference}": ErrImagePull: {message}')
        report.publish()

    async def _watch_readiness(self, process: SpawnedProcess) -> None:
        """Probe a terminating pod too: it is not ready for new connections, but may serve those that it has."""
        if "readinessProbe" not in self.status.spec:
            return
        async for ready in probes.readiness(self.status.spec["readinessProbe"], self._attempt):
            if process.exited.done():
                return
            if ready != self.status.ready:
                self.status.ready = ready
                self._report.publish()

    async def _attempt(self, action: Object) -> bool:
        """Make a probe or a hook: in the container, or from the node to the pod's first address."""
        address, node = next(iter(self._report.pod_ips), "127.0.0.1"), self._report.services.node.namespace
        return await probes.succeeds(action, self.status.spec, address, node, self._execute)

    async def _execute(self, command: list[str]) -> int:
        process = await self.exec(command)
        try:
            return await process.wait()
        finally:
            process.kill()

    async def exec(self, command: Sequence[str], *, stdin: bool = False, tty: bool = False) -> SpawnedProcess:
        """Start a process in the running container.

        Raises:
            KeyError: the container does not run.
            CannotStart: the command cannot run.
        """
        like = self._command
        if self.process is None or like is None or not self.status.running:
            raise KeyError(self.status.name)
        argv = pod_spec.sandboxed(self._report.context, self.status.spec, command)
        env = {**like.env, "TERM": "xterm"} if tty else like.env
        spec = replace(like, argv=argv, env=env, tty=tty)
        try:
            return await self._report.services.spawner.exec(self._report.netns(), self.process, spec, stdin=stdin)
        except CannotStart as error:
            words = f"OCI runtime exec failed: exec failed: {_runtime_words(spec, error)}"
            raise CannotStart(f'failed to start exec "{secrets.token_hex(32)}": {words}') from error

    async def stop(self, grace: float) -> None:
        """kubernetes.io, "Pod Lifecycle", termination: the preStop hook, SIGTERM, SIGKILL when the grace is over."""
        self.stopping = True
        process = self.process
        if process is None:
            return
        if grace and "preStop" in self.status.spec.get("lifecycle", {}) and self._hook is None:
            self._hook = asyncio.get_running_loop().create_task(self._pre_stop(grace))
        if self._hook is not None:
            began = asyncio.get_running_loop().time()
            # A later, shorter grace period does not end a running hook (kubelet: executePreStopHook).
            await asyncio.shield(self._hook)
            grace = max(grace - (asyncio.get_running_loop().time() - began), SHORTEST_GRACE_SECONDS)
        for number, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
            if seconds and not process.exited.done():
                process.signal(number)
                await asyncio.wait((process.exited,), timeout=seconds)
        if process.exited.done() and self.status.running:
            self.status.end(process.exited.result())

    async def _pre_stop(self, grace: float) -> None:
        hook = {**self.status.spec["lifecycle"]["preStop"], "timeoutSeconds": grace}
        if not await self._attempt(hook):
            self._event("FailedPreStopHook", "PreStopHook failed", warning=True)

    def kill(self) -> None:
        """End the process at once, if there is one."""
        if self.process is not None:
            self.process.kill()
            self.process = None
