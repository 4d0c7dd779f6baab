"""A stream to a process in a pod: `pods/exec` over WebSocket, written for one that stays open for a whole run.

The `kubernetes` package has a stream of its own; it is not thread-safe, keeps every byte that it ever read and takes
quadratic time to read it. Here one thread reads the streams of all pods, and writing never waits.

Protocol (kubernetes.io: v5.channel.k8s.io, v4.channel.k8s.io): binary messages whose first byte is a channel: 0 stdin,
1 stdout, 2 stderr, 3 the final Status. Version 5 adds 255, which closes a channel. There is never a terminal: it would
change bytes, and HostProcess containers of Windows have none.
"""

from __future__ import annotations

import contextlib
import ssl
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import websocket

from podwire.cluster.exec.handshake import (
    V5,
    ContainerNotRunning,
    ContainerUnknown,
    ExecForbidden,
    ExecRefused,
    ExecUnauthorized,
    PodNotFound,
    open_stream,
)
from podwire.cluster.exec.reader import MessageReader, Reader, message
from podwire.files.foreign_json import foreign_json

__all__ = [
    "ContainerNotRunning",
    "ContainerUnknown",
    "ExecChannel",
    "ExecForbidden",
    "ExecRefused",
    "ExecUnauthorized",
    "PodNotFound",
]

PIECE = 32 * 1024 - 1
PING = 20.0
"""Seconds between WebSocket pings: load balancers drop idle connections, some after a minute. Nothing waits for pongs:
servers may leave them out; silence is noticed by those who use the stream."""

_STDIN, _STDOUT, _STDERR, _STATUS, _CLOSE = range(5)
_CLOSE_CHANNEL = 255
_MOST_QUEUED = 16 << 20
_STDERR_KEPT = 4096
_reader = Reader()
_PING = message(b"", websocket.ABNF.OPCODE_PING)


class ExecChannel:
    """One process in a container, started by the constructor; its stdin and stdout are a stream of bytes.

    `configuration` is a `kubernetes.client.Configuration`. Raises an `ExecRefused` when the API server refuses,
    `Unreachable` when it cannot be reached within `timeout` seconds; both in one line. Thread-safe.
    """

    def __init__(
        self,
        configuration: Any,
        namespace: str,
        pod: str,
        container: str | None,
        command: Sequence[str],
        *,
        timeout: float = 30.0,
        renew: Callable[[], bool] = lambda: False,
    ) -> None:
        self.protocol, self._socket = open_stream(configuration, namespace, pod, container, command, timeout, renew)
        self.exit_code: int | None = None
        """What the process ended with, when it has ended and the kubelet said so."""
        self._lock = threading.Lock()
        self._out: deque[memoryview] = deque()
        self._queued = 0
        self._messages = MessageReader()
        self._stderr = b""
        self._status: str | None = None
        self._ended, self._reason = False, "the stream was closed"
        self._failure: str | None = None
        self._on_data: Callable[[bytes], None] = lambda data: None
        self._on_end: Callable[[str], None] = lambda reason: None
        self._next_ping = time.monotonic() + PING

    def start(self, on_data: Callable[[bytes], None], on_end: Callable[[str], None]) -> None:
        """Begin to read: the reader's thread calls `on_data` with stdout, at the end `on_end` with why it ended."""
        self._on_data, self._on_end = on_data, on_end
        _reader.add(self)

    def write(self, data: bytes) -> None:
        """Send to the process's stdin. Never waits: what the connection does not take now is sent by the reader.

        BrokenPipeError when the stream has ended. A connection that breaks meanwhile shows at `on_end`, where the
        reason is better known.
        """
        pieces = [data] if len(data) <= PIECE else [data[at : at + PIECE] for at in range(0, len(data), PIECE)]
        self._send(b"".join(message(bytes([_STDIN]) + piece) for piece in pieces))

    def close_stdin(self) -> bool:
        """End the process's stdin; False where the protocol (v4) cannot."""
        if self.protocol != V5:
            return False
        self._send(message(bytes([_CLOSE_CHANNEL, _STDIN])))
        return True

    def close(self) -> None:
        """End the stream, after what was written has had a moment to leave. `on_end` is not called after this."""
        with self._lock:
            if self._ended:
                return
            self._ended = True
            try:
                self._out.append(memoryview(message(struct.pack("!H", 1000), websocket.ABNF.OPCODE_CLOSE)))
                self._socket.settimeout(1.0)
                while self._out:
                    self._socket.sendall(self._out.popleft())
            except (OSError, ValueError):
                pass  # It is broken already.
        _reader.remove(self)

    # What the reader's thread calls.

    def fileno(self) -> int:
        return int(self._socket.fileno())

    @property
    def wants_to_write(self) -> bool:
        return bool(self._out)

    def on_readable(self) -> bool:
        """Take what has come; True when there may be more, of which the socket would not tell."""
        for _ in range(8):
            with self._lock:
                if self._ended:
                    return False
                try:
                    data = self._socket.recv(1 << 18)
                except (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    return False
                except OSError as error:
                    data, problem = b"", f"the connection broke: {error.strerror or error}"
                else:
                    problem = "the connection broke: the API server closed it without a word"
            if not data:
                self._finish(problem)
                return False
            try:
                for opcode, payload in self._messages.feed(data):
                    self._on_message(opcode, payload)
            except ValueError as error:
                self._finish(f"the API server breaks the WebSocket protocol: {error}")
                return False
        return True

    def on_writable(self) -> None:
        with self._lock:
            self._flush()

    def on_time(self, now: float) -> None:
        if self._failure is not None:  # Whatever the API server still had to say has been read by now.
            self._finish(self._failure)
        elif now >= self._next_ping:
            self._next_ping = now + PING
            self._tell(_PING)

    def _on_message(self, opcode: int, payload: bytes) -> None:
        if opcode == websocket.ABNF.OPCODE_PING:
            self._tell(message(payload, websocket.ABNF.OPCODE_PONG))
        elif opcode == websocket.ABNF.OPCODE_CLOSE:
            code = struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else 1005
            words = payload[2:].decode("utf-8", "replace")
            self._finish(self._status or f"the API server closed the stream ({code}{' ' if words else ''}{words})")
        elif opcode in (websocket.ABNF.OPCODE_BINARY, websocket.ABNF.OPCODE_TEXT) and len(payload) > 1:
            if payload[0] == _STDOUT:
                self._on_data(payload[1:])
            elif payload[0] == _STDERR:
                self._stderr = (self._stderr + payload[1:])[-_STDERR_KEPT:]
            elif payload[0] == _STATUS:
                self._take_status(payload[1:])

    def _take_status(self, data: bytes) -> None:
        """The Status that ends every exec: success, an exit code among its causes, or why it could not start."""
        try:
            status = foreign_json(data)
            causes = (status.get("details") or {}).get("causes") or []
        except (ValueError, AttributeError):
            self._status = f"an end that cannot be read: {data[:200]!r}"
            return
        codes = [cause.get("message", "") for cause in causes if cause.get("reason") == "ExitCode"]
        if status.get("status") == "Success":
            self.exit_code = 0
        elif codes and codes[0].isdigit():
            self.exit_code = int(codes[0])
        if self.exit_code is None:
            self._status = _line(status.get("message") or "it failed for a reason that the API server does not give")
            return
        words = _line(self._stderr.decode("utf-8", "replace"))
        self._status = f"the process ended with exit code {self.exit_code}" + (f": {words[-300:]}" if words else "")

    def abort(self, reason: str) -> None:
        """End without a farewell; `on_end` gets the reason."""
        self._finish(reason)

    def _finish(self, reason: str) -> None:
        with self._lock:
            if self._ended:
                return
            self._ended, self._reason = True, self._status or reason
        _reader.remove(self)
        self._on_end(self._reason)

    def _tell(self, data: bytes) -> None:
        """Send what nobody waits for: another thread may have closed the stream meanwhile."""
        with contextlib.suppress(BrokenPipeError):
            self._send(data)

    def _send(self, data: bytes) -> None:
        with self._lock:
            if self._ended:
                raise BrokenPipeError(self._reason)
            if self._queued + len(data) > _MOST_QUEUED:
                self._fail(f"the API server does not take what is sent: {self._queued} bytes wait")
            if self._failure is not None:
                return
            self._out.append(memoryview(data))
            self._queued += len(data)
            if len(self._out) > 1:
                return
            self._flush()
            left = bool(self._out)
        if left:
            _reader.wake()

    def _flush(self) -> None:
        """Send what the connection takes now. The lock is held: TLS is not made for two threads at once."""
        while self._out:
            try:
                sent = self._socket.send(self._out[0])
            except (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except OSError as error:
                self._fail(f"the connection broke: {error.strerror or error}")
                return
            self._queued -= sent
            if sent == len(self._out[0]):
                self._out.popleft()
            else:
                self._out[0] = self._out[0][sent:]

    def _fail(self, reason: str) -> None:
        self._failure = reason
        self._out.clear()

    def release(self) -> None:
        """Close the socket; the reader does it when it has let go of it."""
        self._socket.close()


def _line(text: object) -> str:
    return " ".join(str(text).split())
