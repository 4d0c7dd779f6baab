"""A time limit for a whole exchange with a server. A socket's own timeout restarts with every byte.

One thread watches all limits. It shuts down the socket of an expired one, so that its reader finds the end.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import Any


class Deadline:
    """A block that ends within `seconds`. `socket_of` returns the socket to shut down, or None without one.

    `expired` says afterwards whether the time was over.
    """

    def __init__(self, seconds: float, socket_of: Callable[[], Any]) -> None:
        self.end = time.monotonic() + seconds
        self.expired = False
        self._socket_of = socket_of

    def __enter__(self) -> Deadline:
        _watch.add(self)
        return self

    def __exit__(self, *_: object) -> None:
        _watch.remove(self)

    def expire(self) -> None:
        """Shut down the socket. The watching thread calls this."""
        self.expired = True
        sock = self._socket_of()
        sock = getattr(sock, "socket", sock)  # TLS inside TLS is not a socket, but has one.
        if isinstance(sock, socket.socket):
            with contextlib.suppress(
                OSError
            ):  # It is closed already. An SSLSocket's own shutdown would forget its TLS.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


class _Watch:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: set[Deadline] = set()
        self._thread: threading.Thread | None = None

    def add(self, deadline: Deadline) -> None:
        with self._changed:
            self._waiting.add(deadline)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
            self._changed.notify()

    def remove(self, deadline: Deadline) -> None:
        with self._changed:
            self._waiting.discard(deadline)

    def _run(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for deadline in [deadline for deadline in self._waiting if deadline.end <= now]:
                    self._waiting.discard(deadline)
                    deadline.expire()
                ends = [deadline.end for deadline in self._waiting]
                self._changed.wait(max(0.0, min(ends) - now) if ends else None)


_watch = _Watch()
