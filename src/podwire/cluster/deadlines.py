"""A bound for a whole exchange with a server. A socket's own time-out begins anew with every byte that comes.

One thread watches all of them, and shuts the socket of one whose time is over: whoever reads from it finds its end.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import Any


class Deadline:
    """A block that ends within so many seconds: `socket_of` gives the socket to shut, None while there is none.

    `expired` tells afterwards whether the time was over.
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
        """Called by the watch."""
        self.expired = True
        found = self._socket_of()
        found = getattr(found, "socket", found)  # What speaks TLS inside of TLS is no socket; it has one.
        if isinstance(found, socket.socket):
            with contextlib.suppress(
                OSError
            ):  # It is closed already. An SSLSocket's own shutdown would forget its TLS.
                socket.socket.shutdown(found, socket.SHUT_RDWR)


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
                for deadline in [one for one in self._waiting if one.end <= now]:
                    self._waiting.discard(deadline)
                    deadline.expire()
                ends = [one.end for one in self._waiting]
                self._changed.wait(max(0.0, min(ends) - now) if ends else None)


_watch = _Watch()
