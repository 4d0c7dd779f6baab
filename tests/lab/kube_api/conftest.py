"""A cluster for these tests: the API server in a thread, two nodes whose pods are processes of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from podwire_lab.kube_api.auth import Policy, Rule
from podwire_lab.kube_api.objects.fields import now
from podwire_lab.kube_api.objects.store import MemoryStore
from podwire_lab.kube_api.server import application, kubeconfig, serve
from podwire_lab.model.interfaces import CannotStart, ContainerNotFound, Event, Object

TOKEN, WEAK_TOKEN = "s3cret", "weak"
WEAK = Policy(
    user="system:serviceaccount:rec:weak",
    rules=(Rule(verbs=("get", "list"), resources=("pods", "pods/log"), namespaces=("rec",)),),
)
_FRAME = 32 * 1024


class LocalContainer:
    """A process of this machine as `Container`."""

    def __init__(self, process: asyncio.subprocess.Process, master: int | None = None) -> None:
        self._process = process
        self._output: asyncio.Queue[tuple[Literal["stdout", "stderr"], bytes] | None] = asyncio.Queue(64)
        pumps: list[Coroutine[Any, Any, None]] = []
        if master is not None:
            pumps.append(self._pump_terminal(master))
        else:
            assert process.stdout is not None
            assert process.stderr is not None
            pumps += [self._pump("stdout", process.stdout), self._pump("stderr", process.stderr)]
        self._pumps = asyncio.gather(*pumps)
        self._pumps.add_done_callback(lambda _: asyncio.ensure_future(self._output.put(None)))

    async def _pump(self, name: Literal["stdout", "stderr"], stream: asyncio.StreamReader) -> None:
        while data := await stream.read(_FRAME):
            await self._output.put((name, data))

    async def _pump_terminal(self, master: int) -> None:
        while True:
            try:
                data = await asyncio.to_thread(os.read, master, _FRAME)
            except OSError:
                data = b""
            if not data:
                os.close(master)
                return
            await self._output.put(("stdout", data))

    async def write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        await self._process.stdin.drain()

    async def close_stdin(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()

    async def read(self) -> tuple[Literal["stdout", "stderr"], bytes] | None:
        return await self._output.get()

    async def wait(self) -> int:
        code = await self._process.wait()
        return code if code >= 0 else 128 - code

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()


@dataclass
class LocalNodes:
    """`Runtime`, and the node agents: pods run on this machine, all in one directory, without isolation."""

    store: MemoryStore
    logs_of: dict[str, bytes] = field(default_factory=dict)
    processes: dict[str, list[LocalContainer]] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    slow_deletion: bool = False

    def start(self) -> None:
        self.store.subscribe("pods", self.changed)

    def changed(self, event: Event) -> None:
        meta = event.object["metadata"]
        if event.kind == "ADDED" and event.object["spec"].get("nodeName"):
            self._later(self._run(event.object))
        elif event.kind == "MODIFIED" and meta.get("deletionTimestamp") and not self.slow_deletion:
            self._later(self._end(event.object))
        elif event.kind == "DELETED":
            self._kill(meta["uid"])

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _run(self, pod: Object) -> None:
        meta, spec = pod["metadata"], pod["spec"]
        states: list[Object] = []
        for container in spec["containers"]:
            if "none" in container["image"]:
                state: Object = {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}
            elif spec["restartPolicy"] == "Never":
                started = await self._start(container["command"], stdin=False, tty=False)
                output = b""
                while chunk := await started.read():
                    output += chunk[1]
                self.logs_of[meta["uid"]] = output
                code = await started.wait()
                state = {"terminated": {"exitCode": code, "reason": "Completed" if code == 0 else "Error"}}
            else:
                self.running.add(meta["uid"])
                self.logs_of[meta["uid"]] = b"started\nready\n"
                state = {"running": {"startedAt": now()}}
            states.append({**container_status(container, state)})
        number = 10 + len(self.logs_of)
        ready = all("running" in each["state"] for each in states)
        phase = "Running" if ready else "Pending"
        if "terminated" in states[0]["state"]:
            phase = "Succeeded" if states[0]["state"]["terminated"]["exitCode"] == 0 else "Failed"
        current = self.store.get("pods", meta["namespace"], meta["name"])
        if current is None:
            return
        names = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
        current["status"] |= {
            "phase": phase,
            "conditions": [
                {"type": name, "status": "True" if ready or "Ready" not in name[-5:] else "False",
                 "lastProbeTime": None, "lastTransitionTime": now(), "observedGeneration": 1}
                for name in names
            ],
            "containerStatuses": states,
            "podIP": f"10.244.1.{number}",
            "podIPs": [{"ip": f"10.244.1.{number}"}, {"ip": f"fd10:244:0:1::{number:x}"}],
            "hostIP": "172.31.0.1",
            "hostIPs": [{"ip": "172.31.0.1"}, {"ip": "fd31::1"}],
            "observedGeneration": 1,
            "resources": {},
            "startTime": now(),
        }  # fmt: skip
        current["metadata"].pop("resourceVersion")
        self.store.update("pods", current)

    async def _end(self, pod: Object) -> None:
        meta = pod["metadata"]
        self._kill(meta["uid"])
        await asyncio.sleep(0.05)
        self.store.delete("pods", meta["namespace"], meta["name"])

    def _kill(self, uid: str) -> None:
        self.running.discard(uid)
        for process in self.processes.pop(uid, []):
            process.kill()

    async def _start(self, command: Sequence[str], *, stdin: bool, tty: bool) -> LocalContainer:
        if not command:
            raise CannotStart("args must not be empty")
        master = slave = None
        if tty:
            master, slave = os.openpty()
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=slave or (pipe if stdin else asyncio.subprocess.DEVNULL),
                stdout=slave or pipe,
                stderr=slave or pipe,
                start_new_session=True,
            )
        except OSError as problem:
            raise CannotStart(f'exec: "{command[0]}": {problem.strerror}') from None
        finally:
            if slave is not None:
                os.close(slave)
        return LocalContainer(process, master)

    async def exec(
        self, pod: Object, container: str, command: Sequence[str], *, stdin: bool, tty: bool
    ) -> LocalContainer:
        uid = pod["metadata"]["uid"]
        if uid not in self.running:
            raise ContainerNotFound(container)
        started = await self._start(command, stdin=stdin, tty=tty)
        self.processes.setdefault(uid, []).append(started)
        return started

    async def logs(self, pod: Object, container: str, *, tail_lines: int | None) -> bytes:
        text = self.logs_of.get(pod["metadata"]["uid"])
        if text is None:
            raise ContainerNotFound(container)
        return text if tail_lines is None else b"".join(text.splitlines(True)[-tail_lines:] if tail_lines else ())

    async def connect(self, pod: Object, port: int) -> socket.socket:
        made = socket.socket()
        made.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(made, ("127.0.0.1", port))
        except OSError:
            made.close()
            raise
        return made


def container_status(container: Object, state: Object) -> Object:
    running = "running" in state
    return {
        "name": container["name"],
        "state": state,
        "lastState": {},
        "ready": running,
        "started": running,
        "restartCount": 0,
        "image": container["image"],
        "imageID": "",
    }


def node(name: str, address: str) -> Object:
    conditions = [{"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": now()}]
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/os": "linux", "kubernetes.io/hostname": name}},
        "spec": {},
        "status": {
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
            "conditions": conditions,
            "capacity": {"cpu": "2", "memory": "4Gi", "pods": "110"},
            "allocatable": {"cpu": "2", "memory": "4Gi", "pods": "110"},
            "nodeInfo": {"kubeletVersion": "v1.34.0", "osImage": "Debian", "kernelVersion": "6.1"},
        },
    }


@dataclass
class Reply:
    """An HTTP answer; `json` is its body when it is JSON."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Api:
    """A running server, and how to ask it."""

    url: str
    store: MemoryStore
    nodes: LocalNodes
    loop: asyncio.AbstractEventLoop
    kubeconfig: Path
    runner: Any
    token: str = TOKEN

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        kind: str = "application/json",
        accept: str = "application/json",
        token: str | None = TOKEN,
    ) -> Reply:
        data = None if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        headers = {"Accept": accept, **({"Authorization": f"Bearer {token}"} if token else {})}
        if data is not None:
            headers["Content-Type"] = kind
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return Reply(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as problem:
            return Reply(problem.code, problem.headers, problem.read())

    def call(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run on the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    def until(self, path: str, holds: Any, seconds: float = 5.0) -> Reply:
        """Ask until the answer is as it should be."""

        async def pause() -> None:
            await asyncio.sleep(0.02)

        end = self.loop.time() + seconds
        while not holds(reply := self.ask("GET", path)):
            assert self.loop.time() < end, f"{path}: {reply.status} {reply.body!r}"
            self.call(pause())
        return reply


@contextlib.contextmanager
def running(directory: Path, window: int = 2000) -> Iterator[Api]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    store = MemoryStore(window=window)
    nodes = LocalNodes(store)

    async def start() -> Any:
        for name in ("default", "kube-system"):
            store.create("namespaces", {"metadata": {"name": name}})
        for index, name in enumerate(("n1", "n2"), start=1):
            store.create("nodes", node(name, f"172.31.0.{index}"))
        nodes.start()
        return await serve(application(store, nodes, token=TOKEN, tokens={WEAK_TOKEN: WEAK}), listener)

    runner = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    path = directory / "kubeconfig"
    path.write_text(kubeconfig(url, TOKEN))
    try:
        yield Api(url, store, nodes, loop, path, runner)
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with running(tmp_path) as found:
        yield found


@pytest.fixture(scope="module")
def shared_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One cluster for the tests of a module that follow on each other; it forgets changes early."""
    with running(tmp_path_factory.mktemp("cluster"), window=40) as found:
        yield found
