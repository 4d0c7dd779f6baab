"""A stream to an agent that a local command starts: the agent itself, or `ssh HOST ...` for an agent elsewhere.

It does for the host outside what the exec channel does for pods. Each command has three threads.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from typing import IO

GRACE = 2.0
"""Seconds that the process has to exit after the end of its stdin or stdout."""

_MOST_QUEUED = 16 << 20
_STDERR_KEPT = 4096


class CommandRefused(Exception):
    """The command cannot be started. The text says why in one line; a retry is useless."""

    permanent = True


class CommandChannel:
    """A process with its stdin and stdout as a stream of bytes. Thread-safe.

    The constructor starts it, and raises `CommandRefused` if it cannot. The process has no terminal, so a command that
    asks for a password fails instead of waiting.
    """

    def __init__(self, argv: Sequence[str]) -> None:
        try:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            raise CommandRefused(f"{argv[0]}: cannot be started: {error.strerror}; check --external-agent") from None
        self._lock = threading.Lock()
        self._out: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._queued = 0
        self._stderr = b""
        self._reason: str | None = None
        self._failure: str | None = None
        assert self._process.stdin
        assert self._process.stderr
        self._threads = [
            threading.Thread(target=self._write, args=(self._process.stdin,), daemon=True),
            threading.Thread(target=self._listen, args=(self._process.stderr,), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def start(self, on_data: Callable[[bytes], None], on_end: Callable[[str], None]) -> None:
        """Start to read. Another thread calls `on_data` with stdout, and at the end `on_end` with why it ended."""
        assert self._process.stdout
        threading.Thread(target=self._read, args=(self._process.stdout, on_data, on_end), daemon=True).start()

    def write(self, data: bytes) -> None:
        """Send to the process's stdin without waiting. BrokenPipeError if the stream has ended."""
        with self._lock:
            if self._reason is not None:
                raise BrokenPipeError(self._reason)
            if self._queued + len(data) > _MOST_QUEUED:
                self._failure = f"the process does not read its stdin; {self._queued} bytes wait"
                self._kill()
                return
            self._queued += len(data)
            self._out.put(data)

    def close(self) -> None:
        """Close stdin after the data written so far. A process that does not exit then is killed with its children.

        `on_end` is not called after this.
        """
        with self._lock:
            if self._reason is not None:
                return
            self._reason = "the stream was closed"
        self._out.put(None)
        self._wait()

    def _wait(self) -> int | None:
        """The exit code; None for a killed process."""
        try:
            return self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # A process behind sudo cannot be killed.
            self._process.wait(GRACE)
        return None

    def _kill(self) -> None:
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _write(self, stdin: IO[bytes]) -> None:
        with contextlib.suppress(OSError), stdin:  # It no longer reads; the end of its stdout says why.
            while (data := self._out.get()) is not None:
                view = memoryview(data)
                while view:
                    view = view[stdin.write(view) :]
                with self._lock:
                    self._queued -= len(data)

    def _listen(self, stderr: IO[bytes]) -> None:
        with stderr:
            while data := stderr.read(_STDERR_KEPT):
                self._stderr = (self._stderr + data)[-_STDERR_KEPT:]

    def _read(self, stdout: IO[bytes], on_data: Callable[[bytes], None], on_end: Callable[[str], None]) -> None:
        with stdout:
            while data := stdout.read(1 << 16):
                on_data(data)
        self._out.put(None)
        code = self._wait()
        self._threads[1].join(GRACE)  # Its last words on stderr are often the reason.
        with self._lock:
            if self._reason is not None:
                return
            self._reason = self._failure or self._end(code)
        on_end(self._reason)

    def _end(self, code: int | None) -> str:
        if code is None:
            return "the process closed its stdout"
        how = f"ended with exit code {code}" if code >= 0 else f"was killed by signal {-code}"
        words = " ".join(self._stderr.decode("utf-8", "replace").split())
        return f"the process {how}" + (f": {words[-300:]}" if words else "")
