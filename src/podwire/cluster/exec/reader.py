"""WebSocket frames of one client, and one thread that reads for all of them."""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from typing import Protocol

import websocket

_MOST_MESSAGE = 16 << 20
"""Bytes of a message, in however many frames. API servers send pieces of 32 kB (kubelet: remotecommand)."""
_FRAME = 64
_MOST_CONTROL = 125
"""RFC 6455, section 5.5."""
_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


def message(data: bytes, opcode: int = websocket.ABNF.OPCODE_BINARY) -> bytes:
    """A client's frame, masked as RFC 6455 section 5.3 wants it."""
    return bytes(websocket.ABNF.create_frame(data, opcode).format())


class MessageReader:
    """WebSocket messages from a server's bytes, cut anywhere (RFC 6455 section 5). ValueError for a broken protocol."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._parts: list[bytes] = []
        self._size = 0
        self._opcode = 0

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """The messages that are complete now: opcode and payload. To be used up before the next call."""
        buffer = self._buffer
        buffer += data
        at = 0
        while len(buffer) - at >= 2:
            first, second = buffer[at], buffer[at + 1]
            start, length = at + 2, second & 0x7F
            if length > 125:
                size = 2 if length == 126 else 8
                if len(buffer) < start + size:
                    break
                length = int.from_bytes(buffer[start : start + size], "big")
                start += size
            if second & 0x80 or first & 0x70 or length > _MOST_MESSAGE:
                raise ValueError(f"a frame that starts with {bytes(buffer[at : at + 10]).hex()}")
            if len(buffer) < start + length:
                break
            payload, at = bytes(buffer[start : start + length]), start + length
            opcode = first & 0x0F
            if opcode >= 8:
                if length > _MOST_CONTROL or not first & 0x80:
                    raise ValueError(f"a control frame of {length} bytes")
                # Control frames may come between the parts of a message.
                yield opcode, payload
                continue
            self._opcode = opcode or self._opcode
            self._size += length + _FRAME  # Or frames without a byte would fill the memory.
            if self._size > _MOST_MESSAGE:
                raise ValueError(f"a message of more than {_MOST_MESSAGE >> 20} MiB, in parts")
            if not first & 0x80:
                self._parts.append(payload)
                continue
            if self._parts:
                payload = b"".join([*self._parts, payload])
                self._parts.clear()
            self._size = 0
            yield self._opcode, payload
        del buffer[:at]


class Readable(Protocol):
    """What the reader serves. All of it is called on its thread."""

    def fileno(self) -> int: ...

    @property
    def wants_to_write(self) -> bool: ...

    def on_readable(self) -> bool:
        """Take what has come; True when there may be more, of which the socket would not tell (TLS)."""

    def on_writable(self) -> None: ...

    def on_time(self, now: float) -> None:
        """Called about once a second."""

    def release(self) -> None:
        """Close the socket: the reader has let go of it."""

    def abort(self, reason: str) -> None: ...


class Reader:
    """One thread that reads, and finishes the writing, of all channels."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._added: list[Readable] = []
        self._removed: list[Readable] = []
        self._channels: dict[Readable, int] = {}
        self._selector = selectors.DefaultSelector()
        self._bell, self._ring = socket.socketpair()
        self._bell.setblocking(False)
        self._ring.setblocking(False)
        self._selector.register(self._bell, _READ)
        self._next_time = 0.0
        self._thread: threading.Thread | None = None

    def add(self, channel: Readable) -> None:
        with self._lock:
            self._added.append(channel)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="exec reader", daemon=True)
                self._thread.start()
        self.wake()

    def remove(self, channel: Readable) -> None:
        with self._lock:
            running = self._thread is not None
            if running:
                self._removed.append(channel)
        if running:
            self.wake()
        else:
            channel.release()

    def wake(self) -> None:
        with contextlib.suppress(BlockingIOError):  # It rings already.
            self._ring.send(b"!")

    def _run(self) -> None:
        more: list[Readable] = []
        while True:
            ready: dict[Readable, int] = {}
            for key, events in self._selector.select(0 if more else 1.0):
                if key.data is None:
                    self._bell.recv(4096)
                else:
                    ready[key.data] = events
            for channel in more:
                ready[channel] = ready.get(channel, 0) | _READ
            more = [
                channel
                for channel, events in ready.items()
                if channel in self._channels and self._serve(channel, events)
            ]
            self._tend()

    def _serve(self, channel: Readable, events: int) -> bool:
        """Whether there may be more to read at once."""
        with self._alone(channel):
            if events & _WRITE:
                channel.on_writable()
            return bool(events & _READ) and channel.on_readable()
        return False

    @contextlib.contextmanager
    def _alone(self, channel: Readable) -> Iterator[None]:
        """A fault behind one channel ends that channel: it must not silence all others."""
        try:
            yield
        except Exception as error:
            logging.getLogger(__name__).exception("reading a channel")
            channel.abort(f"a fault of podwire: {type(error).__name__}: {error}")

    def _tend(self) -> None:
        """Let channels in and out, watch for writing where something waits, and keep the connections alive."""
        with self._lock:
            added, removed = self._added, self._removed
            self._added, self._removed = [], []
        for channel in added:
            if channel.fileno() >= 0:
                self._channels[channel] = _READ
                self._selector.register(channel, _READ, channel)
        for channel in removed:
            if self._channels.pop(channel, None) is not None:
                self._selector.unregister(channel)
            channel.release()
        now = time.monotonic()
        for channel, events in list(self._channels.items()):
            wanted = _READ | (_WRITE if channel.wants_to_write else 0)
            if wanted != events:
                self._channels[channel] = wanted
                self._selector.modify(channel, wanted, channel)
        if now >= self._next_time:
            self._next_time = now + 1.0
            for channel in list(self._channels):
                with self._alone(channel):
                    channel.on_time(now)
