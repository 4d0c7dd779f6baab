"""Service control of an emulated Windows node: programs in its HostProcess containers ask it to restart a service.

A socket beside the node's listings takes one line, the name of a program, and answers with a line once the node has
restarted it, or with why it has not.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

SOCKET = "services"
MOST = 200
"""The limit of bytes of a request."""
DONE = "done"


def serve(directory: str, restart: Callable[[str], str]) -> None:
    """Take requests in a thread of its own as long as the process lives. `restart` gets the name of a program and
    returns why it does not run, or ''."""
    listener = socket.socket(socket.AF_UNIX)
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(FileNotFoundError):
            os.unlink(SOCKET, dir_fd=folder)
        listener.bind(f"/proc/self/fd/{folder}/{SOCKET}")  # The path of a socket has at most 107 bytes.
        os.chmod(SOCKET, 0o666, dir_fd=folder)
    finally:
        os.close(folder)
    listener.listen()
    threading.Thread(target=_answer, args=(listener, restart), name="service-control", daemon=True).start()


def _answer(listener: socket.socket, restart: Callable[[str], str]) -> None:
    while True:
        connection, _ = listener.accept()
        with connection, suppress(OSError, UnicodeDecodeError):
            connection.settimeout(5.0)
            program = connection.makefile("rb").readline(MOST).decode().strip()
            connection.sendall(f"{restart(program) or DONE}\n".encode())
