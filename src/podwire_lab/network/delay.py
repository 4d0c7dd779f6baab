"""Cables that hold every frame for some milliseconds, as the way between two sites does.

The kernel's own means is netem, which the kernel of a machine may lack. Here a thread takes the frames of both ends of
a cable from packet sockets, and puts those that leave a machine out at the other end when their time has come. It
costs about 20 microseconds of CPU for a frame. Frames keep their order, and a late thread makes the delay longer.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time
from collections import deque

from podwire_lab.kernel.netns import NetworkNamespace

ALL_KINDS, IGNORE_OUTGOING, SOL_PACKET, RECEIVE_BUFFER_FORCE = 0x0003, 23, 263, 33
"""linux/if_ether.h, linux/if_packet.h, asm-generic/socket.h"""
BUFFER = 8 << 20
"""Bytes that the kernel keeps for a thread that is late: one burst of two thousand connections."""
LARGEST = 2048


class DelayedCables:
    """The cables of one namespace. Add all of them, then start; `close` ends the thread."""

    def __init__(self, namespace: NetworkNamespace, seconds: float) -> None:
        self._namespace, self._seconds = namespace, seconds
        self._ends: dict[int, tuple[socket.socket, socket.socket, float]] = {}
        self._waker, self._asleep = os.pipe()
        self._thread = threading.Thread(target=self._carry, name="delayed-cables", daemon=True)

    def add(self, machine: str, switch: str) -> None:
        """Join two interfaces: frames from `machine` are held, those to it are not."""
        near, far = self._opened(machine), self._opened(switch)
        self._ends[near.fileno()] = near, far, self._seconds
        self._ends[far.fileno()] = far, near, 0.0

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        os.close(self._asleep)
        if self._thread.ident is not None:
            self._thread.join()
        os.close(self._waker)
        for end, _, _ in self._ends.values():
            end.close()

    def _opened(self, interface: str) -> socket.socket:
        opened = self._namespace.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        opened.setsockopt(SOL_PACKET, IGNORE_OUTGOING, 1)
        with contextlib.suppress(PermissionError):  # Without the right a burst may be lost on a busy machine.
            opened.setsockopt(socket.SOL_SOCKET, RECEIVE_BUFFER_FORCE, BUFFER)
        opened.bind((interface, ALL_KINDS))
        opened.setblocking(False)
        return opened

    def _carry(self) -> None:
        held: deque[tuple[float, bytes, socket.socket]] = deque()
        with select.epoll() as ready:
            ready.register(self._waker, select.EPOLLIN | select.EPOLLHUP)
            for number in self._ends:
                ready.register(number, select.EPOLLIN)
            while True:
                pause = max(0.0, held[0][0] - time.monotonic()) if held else -1
                for number, _ in ready.poll(pause):
                    if number == self._waker:
                        return
                    self._take(number, held)
                now = time.monotonic()
                while held and held[0][0] <= now:
                    _, frame, out = held.popleft()
                    _put(out, frame)

    def _take(self, number: int, held: deque[tuple[float, bytes, socket.socket]]) -> None:
        end, out, seconds = self._ends[number]
        with contextlib.suppress(BlockingIOError):
            while True:
                frame = end.recv(LARGEST)
                if seconds:
                    held.append((time.monotonic() + seconds, frame, out))
                else:
                    _put(out, frame)


def _put(out: socket.socket, frame: bytes) -> None:
    with contextlib.suppress(OSError):  # The machine is gone, or its queue is full: a cable loses the frame.
        out.send(frame)
