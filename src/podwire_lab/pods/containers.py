"""The lab's side of its containers: start, exec, output, exit codes. The spawner process does the work.

The API server sees a `SpawnedProcess` as a Container (`podwire_lab.model.interfaces.Container`).
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import select
import signal
import socket
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from podwire_lab.model.interfaces import CannotStart
from podwire_lab.pods.rootfs import RootSpec
from podwire_lab.pods.spawner import MAX_MESSAGE

PIECE = 32 * 1024
"""Bytes in one piece of output, as a real kubelet sends them (recorded)."""

_QUEUED_PIECES = 64
_LOG_BYTES = 1 << 20

Stream = Literal["stdout", "stderr"]


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command for a container, with its capabilities; `user` is user and group, None for root."""

    argv: Sequence[str]
    env: Mapping[str, str]
    capabilities: Sequence[str]
    cwd: str = "/"
    tty: bool = False
    user: tuple[int, int] | None = None


class LogRing:
    """The last bytes of a container's output, both streams together (in memory, 1 MiB)."""

    def __init__(self, limit: int = _LOG_BYTES) -> None:
        self._limit = limit
        self._pieces: deque[bytes] = deque()
        self._size = 0

    def add(self, data: bytes) -> None:
        self._pieces.append(data)
        self._size += len(data)
        while self._size > self._limit:
            self._size -= len(self._pieces.popleft())

    def read(self, tail_lines: int | None = None) -> bytes:
        """The whole log, or its last lines."""
        data = b"".join(self._pieces)
        if tail_lines is None:
            return data
        return b"".join(data.splitlines(keepends=True)[-tail_lines:]) if tail_lines > 0 else b""


class _Output:
    """One pipe of output. Reading stops while too much output waits, so a full pipe slows the writer down."""

    def __init__(self, owner: SpawnedProcess, fd: int, stream: Stream) -> None:
        self._owner, self._fd, self._stream = owner, fd, stream
        self._loop = asyncio.get_running_loop()
        self.open, self._reading = True, False
        os.set_blocking(fd, False)
        self.resume()

    def resume(self) -> None:
        if self.open and not self._reading:
            self._reading = True
            self._loop.add_reader(self._fd, self._read)

    def pause(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._fd)

    def _read(self) -> None:
        try:
            data = os.read(self._fd, PIECE)
        except BlockingIOError:
            return
        except OSError:  # EIO: the last process on the terminal has ended
            data = b""
        if data:
            self._owner.received(self._stream, data)
        else:
            self.close()
            self._owner.ended()

    def drain(self) -> None:
        """Take the output that is there, without waiting for more."""
        while self.open and select.select([self._fd], [], [], 0)[0]:
            self._read()

    def close(self) -> None:
        if self.open:
            self.pause()
            self.open = False
            os.close(self._fd)


class SpawnedProcess:
    """A process in a container. Its output goes to `log`, or waits for `read`."""

    def __init__(self, spawner: SpawnerClient, number: int, log: LogRing | None) -> None:
        self.id = number
        self._spawner = spawner
        self._log = log
        self._pieces: deque[tuple[Stream, bytes]] = deque()
        self._arrived = asyncio.Event()
        self._outputs: list[_Output] = []
        self._stdin: int | None = None
        self._can_write = asyncio.Event()
        self.exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def attach(self, stdin: int | None, outputs: Sequence[tuple[int, Stream]]) -> None:
        self._stdin = stdin
        if stdin is not None:
            os.set_blocking(stdin, False)
        self._outputs = [_Output(self, fd, stream) for fd, stream in outputs]

    def received(self, stream: Stream, data: bytes) -> None:
        if self._log is not None:
            self._log.add(data)
            return
        self._pieces.append((stream, data))
        self._arrived.set()
        if len(self._pieces) >= _QUEUED_PIECES:
            for output in self._outputs:
                output.pause()

    def ended(self) -> None:
        self._arrived.set()

    async def read(self) -> tuple[Stream, bytes] | None:
        while not self._pieces:
            if not any(output.open for output in self._outputs):
                return None
            self._arrived.clear()
            await self._arrived.wait()
        piece = self._pieces.popleft()
        if len(self._pieces) == _QUEUED_PIECES // 2:
            for output in self._outputs:
                output.resume()
        return piece

    async def write(self, data: bytes) -> None:
        """Bytes for stdin; bytes that come after the process closed it are dropped, as by a real runtime."""
        view = memoryview(data)
        while view and self._stdin is not None:
            try:
                view = view[os.write(self._stdin, view) :]
            except BlockingIOError:
                await self._writable(self._stdin)
            except OSError:
                await self.close_stdin()

    async def _writable(self, fd: int) -> None:
        loop = asyncio.get_running_loop()
        self._can_write.clear()
        loop.add_writer(fd, self._can_write.set)
        try:
            await self._can_write.wait()
        finally:
            if self._stdin == fd:
                loop.remove_writer(fd)

    async def close_stdin(self) -> None:
        self._close_stdin()

    def _close_stdin(self) -> None:
        if self._stdin is not None:
            fd, self._stdin = self._stdin, None
            asyncio.get_running_loop().remove_writer(fd)
            os.close(fd)
            self._can_write.set()

    async def wait(self) -> int:
        return await asyncio.shield(self.exited)

    def signal(self, number: int) -> None:
        if not self.exited.done():
            self._spawner.kill(self.id, number)

    def kill(self) -> None:
        """End the process at once and close its pipes."""
        self.signal(signal.SIGKILL)
        self.release()

    def release(self) -> None:
        self._close_stdin()
        for output in self._outputs if self._log is not None else ():
            output.drain()  # its end is often reported before its last output is read
        for output in self._outputs:
            output.close()
        self.ended()


class SpawnerClient:
    """Requests to the spawner process, on the loop."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._numbers = itertools.count(1)
        self._processes: dict[int, SpawnedProcess] = {}
        self._starting: dict[int, asyncio.Future[None]] = {}
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        channel.setblocking(False)
        asyncio.get_running_loop().add_reader(channel, self._read)

    async def start(
        self, netns: int, command: Command, *, root: RootSpec, root_at: str, hostname: str, log: LogRing
    ) -> SpawnedProcess:
        """Start a container: its process is the first of its own PID, mount and UTS namespaces."""
        request = {"op": "start", "root": root, "root_at": root_at, "hostname": hostname}
        return await self._run(request, netns, command, stdin=False, log=log)

    async def exec(self, netns: int, container: SpawnedProcess, command: Command, *, stdin: bool) -> SpawnedProcess:
        """Start one more process in a running container.

        Raises:
            CannotStart: the command cannot run.
        """
        return await self._run({"op": "exec", "container": container.id}, netns, command, stdin=stdin, log=None)

    async def exec_on(
        self, netns: int, container: SpawnedProcess, command: Command, stdio: tuple[int, int, int]
    ) -> SpawnedProcess:
        """Like `exec`, with the caller's descriptors for 0, 1 and 2; the caller may close them when this returns."""
        request = {"op": "exec", "container": container.id}
        return await self._run(request, netns, command, stdin=False, log=None, stdio=stdio)

    def kill(self, number: int, signal_number: int) -> None:
        self._channel.send(json.dumps({"op": "kill", "id": number, "signal": signal_number}).encode())

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._channel)
        self._channel.close()

    async def _run(
        self,
        request: dict[str, Any],
        netns: int,
        command: Command,
        *,
        stdin: bool,
        log: LogRing | None,
        stdio: tuple[int, int, int] | None = None,
    ) -> SpawnedProcess:
        number = next(self._numbers)
        request |= {"id": number, "argv": list(command.argv), "env": dict(command.env), "cwd": command.cwd}
        request |= {"capabilities": list(command.capabilities), "tty": command.tty, "user": command.user}
        data = json.dumps(request).encode()
        if not command.argv:
            raise CannotStart("no command")
        if len(data) > MAX_MESSAGE:
            raise CannotStart("argument list too long")
        process = SpawnedProcess(self, number, log)
        theirs, ours_in, ours_out = (stdio, None, []) if stdio else _open_stdio(tty=command.tty, stdin=stdin)
        started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._processes[number], self._starting[number] = process, started
        try:
            socket.send_fds(self._channel, [data], [netns, *theirs])
        finally:
            for fd in set(theirs) - set(stdio or ()):
                os.close(fd)
        process.attach(ours_in, ours_out)
        try:
            await started
        except CannotStart:
            process.release()
            raise
        return process

    def _read(self) -> None:
        while True:
            try:
                data = self._channel.recv(MAX_MESSAGE)
            except BlockingIOError:
                return
            if not data:
                asyncio.get_running_loop().remove_reader(self._channel)
                if not self.lost.done():
                    self.lost.set_result(None)
                return
            reply = json.loads(data)
            started = self._starting.pop(reply["id"], None)
            if "error" in reply:
                self._processes.pop(reply["id"], None)
                if started is not None and not started.done():
                    started.set_exception(CannotStart(reply["error"]))
            elif started is not None and not started.done():
                started.set_result(None)
            if "exit" in reply:
                process = self._processes.pop(reply["id"], None)
                if process is not None:
                    process.exited.set_result(reply["exit"])


def _open_stdio(*, tty: bool, stdin: bool) -> tuple[tuple[int, int, int], int | None, list[tuple[int, Stream]]]:
    """The descriptors 0, 1, 2 of the process, this end of its input, these ends of its output."""
    if tty:
        master, slave = os.openpty()
        return (slave, slave, slave), os.dup(master), [(master, "stdout")]
    if stdin:
        their_in, our_in = os.pipe2(os.O_CLOEXEC)
    else:
        their_in, our_in = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC), None
    our_out, their_out = os.pipe2(os.O_CLOEXEC)
    our_err, their_err = os.pipe2(os.O_CLOEXEC)
    return (their_in, their_out, their_err), our_in, [(our_out, "stdout"), (our_err, "stderr")]
