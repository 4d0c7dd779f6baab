"""The session: a process of its own that captures until a caller stops it.

It holds an abstract socket of the node's network namespace, so every caller on the node finds it, and a second session
cannot start.
"""

import contextlib
import errno
import json
import select
import socket
import struct
import time
from typing import Any, BinaryIO

from podwire_lab.windows.programs.pktmon.components import Component
from podwire_lab.windows.programs.pktmon.filters import Filter
from podwire_lab.windows.programs.pktmon.log_file import RECORD
from podwire_lab.windows.programs.pktmon.matching import Filters
from podwire_lab.windows.programs.pktmon.words import Refused

SESSION = "\0podwire-pktmon"
NOT_RUNNING = "Packet Monitor is not running."
SO_RCVBUFFORCE, SO_TIMESTAMPNS, SOL_PACKET, PACKET_STATISTICS, PACKET_OUTGOING = 33, 35, 263, 6, 4
BUFFER = 32 << 20


def capture_socket(name: str) -> socket.socket:
    """A socket for all packets of the interface, in both directions, with a buffer for a burst."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)  # needs CAP_NET_ADMIN of the first user namespace
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.setblocking(False)
    sock.bind((name, 3))  # ETH_P_ALL
    return sock


class Session:
    """The capture: `size` bytes of each packet (0: all), `most` bytes in total. `about` is the text of `pktmon
    status`."""

    def __init__(
        self,
        door: socket.socket,
        components: list[Component],
        file: BinaryIO,
        about: str,
        *,
        size: int,
        most: int,
        active: list[Filter],
    ) -> None:
        self._door, self._file, self._about, self._size, self._filters = door, file, about, size, Filters(active)
        self._room, self._lost, self._count, self._path = most, 0, 0, file.name
        self._counts = {component["id"]: [0, 0, 0, 0] for component in components}
        self._sockets = {}
        for component in components:
            sock = capture_socket(component["name"])
            self._sockets[sock.fileno()] = sock, int(component["id"])

    def run(self) -> None:
        """Capture, and answer callers, until one sends `stop`."""
        poller = select.poll()
        for descriptor in (self._door.fileno(), *self._sockets):
            poller.register(descriptor, select.POLLIN)
        while True:
            for descriptor, _ in poller.poll():
                if descriptor in self._sockets:
                    self._drain(*self._sockets[descriptor])
                elif self._serve():
                    return

    def _serve(self) -> bool:
        """Answer one caller. True when the session is over and its file complete."""
        caller, _ = self._door.accept()
        with caller, contextlib.suppress(OSError):  # The caller has ended.
            caller.settimeout(1.0)
            over = caller.recv(16) == b"stop"
            if over:
                self._finish()
            summary = {"packets": self._count, "lost": self._lost, "path": self._path, "about": self._about}
            caller.sendall(json.dumps({**summary, "components": self._counts}).encode())
            return over
        return False

    def _finish(self) -> None:
        for sock, component in self._sockets.values():
            self._drain(sock, component)
            self._lost += int(struct.unpack("=II", sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1])
        self._file.close()
        self._door.close()

    def _drain(self, sock: socket.socket, component: int) -> None:
        """Write all packets that wait at one component."""
        counts = self._counts[component]
        while True:
            try:
                data, control, _, source = sock.recvmsg(1 << 16, 64)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno == errno.ENETDOWN:
                    continue  # The port ended with its pod, which is reported once; the earlier packets stay.
                raise
            if not self._filters.report(data):
                continue
            at = time.time_ns()
            for level, kind, value in control:
                if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
                    seconds, nanoseconds = struct.unpack("=qq", value[:16])
                    at = seconds * 1_000_000_000 + nanoseconds
            side = 2 if source[2] == PACKET_OUTGOING else 0
            counts[side] += 1
            counts[side + 1] += len(data)
            kept = data[: self._size] if self._size else data
            self._room -= RECORD.size + len(kept)
            if self._room < 0:
                self._lost += 1
                continue
            self._file.write(RECORD.pack(at, component, len(data), len(kept)) + kept)
            self._count += 1


def ask(word: bytes) -> dict[str, Any]:
    """The running session's answer to a word.

    Raises:
        Refused: there is no session, or it does not answer.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        try:
            sock.connect(SESSION)
        except OSError:
            raise Refused(NOT_RUNNING) from None
        sock.sendall(word)
        answer = b"".join(iter(lambda: sock.recv(1 << 16), b""))
    if not answer:
        raise Refused("Packet Monitor does not answer.")
    return dict(json.loads(answer))
