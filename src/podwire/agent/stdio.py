"""The stream to and from the runner: stdin and stdout."""

from __future__ import annotations

import collections
import os
import select
import stat

from podwire.agent.loop import Promise, now, pause
from podwire.agent.system import WINDOWS

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from typing import Any, Callable

    from podwire.agent.loop import Loop


class Stdio:
    """stdin and stdout as one stream. On Linux the loop reads and writes them; on Windows, and if they are neither
    pipes nor sockets, two threads do."""

    QUEUED = 256 * 1024

    def __init__(
        self, loop: Loop, on_bytes: Callable[[bytes], None], on_end: Callable[[], None], threads: bool = False
    ) -> None:
        self._loop, self._on_bytes, self._on_end = loop, on_bytes, on_end
        self._out: collections.deque[bytes] = collections.deque()
        self._queued, self._writing = 0, False
        self._room: list[Promise] = []
        self.threads = threads or WINDOWS or not all(pollable(fd) for fd in (0, 1))
        loop.before_wait = self.flush
        if self.threads:
            import queue
            import threading

            self._queue: Any = queue.SimpleQueue()
            threading.Thread(target=self._read_thread, daemon=True).start()
            threading.Thread(target=self._write_thread, daemon=True).start()
        else:
            os.set_blocking(1, False)
            loop.spawn(self._read())

    def send(self, data: bytes) -> None:
        """Queue data. The loop writes it before it waits, so that small pieces leave together."""
        self._out.append(data)
        self._queued += len(data)

    async def room(self) -> None:
        """Wait until less than `QUEUED` bytes are queued."""
        while self._queued > self.QUEUED:
            promise = Promise(self._loop)
            self._room.append(promise)
            await promise.wait()

    def flush(self) -> None:
        """Write queued data, without waiting."""
        if not self._out or self._writing:
            return
        if self.threads:
            self._queue.put(b"".join(self._out))
            self._out.clear()
            return
        data = self._out.popleft() if len(self._out) == 1 else b"".join(self._out)
        self._out.clear()
        try:
            written = os.write(1, data)
        except BlockingIOError:
            written = 0
        except OSError:
            self._on_end()
            return
        self._wrote(written)
        if written < len(data):  # The pipe is full; the loop reports when it takes more.
            self._out.append(data[written:])
            self._writing = True
            self._loop.spawn(self._write_later())

    def drain(self, until: float) -> None:
        """Write the rest before the process ends, at most until `until`."""
        self.flush()
        if self.threads:
            import threading

            written = threading.Event()
            self._queue.put(written.set)
            written.wait(until - now())
            return
        while self._queued and now() < until:
            if select.select([], [1], [], 0.1)[1]:
                self._writing = False
                self.flush()

    async def _write_later(self) -> None:
        await pause((1, True, None))
        self._writing = False
        self.flush()

    def _wrote(self, count: int) -> None:
        self._queued -= count
        if self._queued <= self.QUEUED:
            for promise in self._room:
                promise.keep()
            self._room.clear()

    async def _read(self) -> None:
        while True:
            await pause((0, False, None))
            data = os.read(0, 1 << 16)
            if not data:
                break
            self._on_bytes(data)
        self._on_end()

    def _read_thread(self) -> None:
        while True:
            try:
                data = os.read(0, 1 << 16)
            except OSError:
                data = b""
            if not data:
                break
            self._loop.from_thread(self._on_bytes, data)
        self._loop.from_thread(self._on_end)

    def _write_thread(self) -> None:
        while True:
            data = self._queue.get()
            if callable(data):
                data()  # All earlier data is written.
                continue
            view = memoryview(data)
            while view:
                try:
                    view = view[os.write(1, view[: 1 << 16]) :]
                except OSError:
                    self._loop.from_thread(self._on_end)
                    return
            self._loop.from_thread(self._wrote, len(data))


def pollable(fd: int) -> bool:
    """Whether the loop can wait for this file descriptor."""
    mode = os.fstat(fd).st_mode
    return hasattr(select, "epoll") and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode))
