"""The session: a process of its own that captures until a caller stops it.

It holds an abstract socket of the node's network namespace, so every caller on the node finds it, and a second session
cannot start.
"""

import contextlib
import json
import select
import socket
from typing import Any, BinaryIO

from podwire_lab.windows.programs.pktmon.components import Component
from podwire_lab.windows.programs.pktmon.filters import Filter
from podwire_lab.windows.programs.pktmon.log_file import RECORD
from podwire_lab.windows.programs.pktmon.matching import Filters
from podwire_lab.windows.programs.pktmon.ring import Ring
from podwire_lab.windows.programs.pktmon.words import Refused

SESSION = "\0podwire-pktmon"
NOT_RUNNING = "Packet Monitor is not running."


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
        self._at = {socket.if_nametoindex(component["name"]): int(component["id"]) for component in components}
        self._ring = Ring()

    def run(self) -> None:
        """Capture, and answer callers, until one sends `stop`."""
        poller = select.poll()
        for descriptor in (self._door.fileno(), self._ring.fileno()):
            poller.register(descriptor, select.POLLIN)
        while True:
            for descriptor, _ in poller.poll():
                if descriptor == self._ring.fileno():
                    self._drain()
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
        self._drain()
        self._lost += self._ring.lost()
        self._file.close()
        self._door.close()

    def _drain(self) -> None:
        """Write all packets that wait."""
        for frame in self._ring.frames():
            component = self._at.get(frame.interface)
            if component is None or not self._filters.report(frame.data):
                continue
            counts, side = self._counts[component], 2 if frame.sent else 0
            counts[side] += 1
            counts[side + 1] += frame.length
            data = frame.data[: self._size] if self._size else frame.data
            self._room -= RECORD.size + len(data)
            if self._room < 0:
                self._lost += 1
                continue
            self._file.write(RECORD.pack(frame.at, component, frame.length, len(data)) + data)
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
