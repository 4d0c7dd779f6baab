"""The host outside the cluster: it serves echo and HTTP like a pod, and runs agents for the owner of the lab.

`podwire_lab.lifecycle.outside` connects to its door: a socket in the lab's own directory, which only the lab's user can
enter.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import sys
from collections.abc import Callable, Coroutine

from podwire_lab.lifecycle.outside import DOOR, STDIO
from podwire_lab.lifecycle.start import CannotBuild
from podwire_lab.model.addresses import OUTSIDE_HOST
from podwire_lab.model.interfaces import CannotStart, Namespace
from podwire_lab.pods.containers import Command, LogRing, SpawnedProcess, SpawnerClient
from podwire_lab.pods.rootfs import TOOLS, RootSpec, Volume

_LOG = logging.getLogger(__name__)

_AGENT = "/podwire/agent.pyz"


class OutsideHost:
    """One server for the life of the lab, and an agent for each caller at the door. `agent` is the file that both
    run."""

    def __init__(self, namespace: Namespace, spawner: SpawnerClient, agent: str) -> None:
        self._namespace, self._spawner, self._agent = namespace, spawner, agent
        self._server: SpawnedProcess | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, root_at: str) -> None:
        """Start the server and wait until it answers; `root_at` is the path of its file system."""
        root = RootSpec(
            volumes=[Volume(source=self._agent, target=_AGENT, read_only=True)],
            etc={"hosts": "127.0.0.1 localhost\n", "resolv.conf": f"nameserver {OUTSIDE_HOST['ipv4']}\n"},
            links={"python": os.path.realpath(sys.executable)},
            scripts={},
            needed=[sys.prefix, sys.base_prefix],
            read_only=False,
        )
        log = LogRing()
        self._server = await self._spawner.start(
            self._namespace.fd,
            _command("serve", "--port", "8080", "--http-port", "80"),
            root=root,
            root_at=root_at,
            hostname="outside",
            log=log,
        )
        self._server.exited.add_done_callback(_say_end("the outside host's server", log))
        for port in (8080, 80):
            if not await _listening(self._namespace, (OUTSIDE_HOST["ipv4"], port)):
                output = log.read(1).decode(errors="replace").strip() or "no output"
                raise CannotBuild(f"the echo server of the host outside does not answer on port {port}: {output}")

    def open_door(self, directory: str) -> None:
        """Open the door: admit callers at a socket in this directory (mode 0700)."""
        door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with contextlib.chdir(directory):  # The path of a socket has at most 107 bytes (unix(7)).
            door.bind(DOOR)
        door.listen()
        door.setblocking(False)
        self._keep(self._answer(door))

    def _keep(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, door: socket.socket) -> None:
        while True:
            caller, _ = await asyncio.get_running_loop().sock_accept(door)
            self._keep(self._lend(caller))

    async def _lend(self, caller: socket.socket) -> None:
        """Run an agent on the caller's own descriptors until it or the caller ends; then send its exit code."""
        with caller:
            await _readable(caller)
            _, fds, _, _ = socket.recv_fds(caller, 16, STDIO)
            try:
                if len(fds) != STDIO or self._server is None:
                    return
                process = await self._spawner.exec_on(
                    self._namespace.fd, self._server, _command("rpc"), (fds[0], fds[1], fds[2])
                )
            except CannotStart as error:
                _LOG.error("no agent on the outside host: %s", error)
                return
            finally:
                for fd in fds:
                    os.close(fd)
            caller_end = asyncio.ensure_future(_readable(caller))  # The caller sends nothing more: this is its end.
            await asyncio.wait((caller_end, process.exited), return_when=asyncio.FIRST_COMPLETED)
            caller_end.cancel()
            if process.exited.done():
                caller.send(b"%d" % process.exited.result())
            process.kill()


def _command(*words: str) -> Command:
    return Command(
        argv=("python", "-I", "-S", _AGENT, *words),
        env={"PATH": f"{TOOLS}:/usr/bin:/bin", "PODWIRE_IDENTITY": "outside"},
        capabilities=("NET_BIND_SERVICE", "NET_RAW"),
    )


async def _readable(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(sock, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(sock)


async def _listening(namespace: Namespace, address: tuple[str, int], seconds: float = 25.0) -> bool:
    """Wait until a TCP connection to `address` succeeds inside the namespace. False if none does in time."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        with namespace.entered():
            connection = socket.socket()
        with connection:
            connection.setblocking(False)
            try:
                await loop.sock_connect(connection, address)
            except ConnectionError:
                await asyncio.sleep(0.005)
            else:
                return True
    return False


def _say_end(process_name: str, log: LogRing) -> Callable[[asyncio.Future[int]], None]:
    def say(ended: asyncio.Future[int]) -> None:
        _LOG.error("%s ended with %d: %s", process_name, ended.result(), log.read(5).decode(errors="replace"))

    return say
