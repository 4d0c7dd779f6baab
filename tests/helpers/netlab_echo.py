"""Echo servers of the network under test: one thread serves every port in every namespace."""

from __future__ import annotations

import contextlib
import json
import selectors
import socket
import threading
from typing import Any

TOKEN = b"podwire-lab-token-0123456789"


class EchoServers(threading.Thread):
    """A thread that answers each request with a JSON line: the server's name, the client's address, the token."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._selector = selectors.DefaultSelector()
        self._added: list[tuple[socket.socket, tuple[str, str]]] = []
        self._lock = threading.Lock()
        self.start()

    def add(self, namespace: Any, identity: str, port: int, addresses: tuple[str, ...] = ("0.0.0.0", "::")) -> None:
        """Serve TCP and UDP on `port`; name the addresses of a host of several: UDP answers from the one asked."""
        for address in addresses:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                server = namespace.socket(family, kind)
                if family == socket.AF_INET6:
                    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                server.bind((address, port))
                if kind == socket.SOCK_STREAM:
                    server.listen(256)
                server.setblocking(False)
                role = "datagram" if kind == socket.SOCK_DGRAM else "listener"
                with self._lock:
                    self._added.append((server, (role, identity)))

    def run(self) -> None:
        while True:
            with self._lock:
                for server, data in self._added:
                    self._selector.register(server, selectors.EVENT_READ, data)
                self._added.clear()
            for key, _ in self._selector.select(0.02):
                with contextlib.suppress(OSError):
                    self._serve(key.fileobj, *key.data)

    def _serve(self, server: Any, role: str, identity: str) -> None:
        if role == "listener":
            connection, _ = server.accept()
            connection.setblocking(False)
            self._selector.register(connection, selectors.EVENT_READ, ("stream", identity))
        elif role == "datagram":
            data, peer = server.recvfrom(65536)
            server.sendto(_echo(identity, peer, data), peer)
        else:
            data = server.recv(65536)
            if data:
                server.sendall(_echo(identity, server.getpeername(), data))
            else:
                self._selector.unregister(server)
                server.close()


def _echo(identity: str, peer: Any, data: bytes) -> bytes:
    echoed = data[: len(TOKEN)].decode("latin-1")
    return json.dumps({"identity": identity, "seen": peer[0], "port": peer[1], "token": echoed}).encode() + b"\n"
