"""Where the lab's DNS servers listen in tests: the namespace of the test itself, on loopback."""

import contextlib
import socket

LOOPBACK = "127.0.0.1"


class OwnNamespace:
    name, fd = "own", -1

    def entered(self):
        return contextlib.nullcontext()


def free_port():
    """A port that is free for datagrams and for connections."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, socket.socket() as stream:
            datagrams.bind((LOOPBACK, 0))
            port = datagrams.getsockname()[1]
            with contextlib.suppress(OSError):
                stream.bind((LOOPBACK, port))
                return port
