"""Small HTTP servers of kube-proxy in the namespaces of nodes, on the lab's loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

from podwire_lab.model.interfaces import Namespace

REQUEST_SECONDS = 5.0
Respond = Callable[[bytes], bytes]
"""The answer to the head of a request, both as bytes."""


class NodeHttp:
    """Listeners that answer one request a connection."""

    def __init__(self) -> None:
        self._answering: set[asyncio.Task[None]] = set()

    def listen(self, namespace: Namespace, host: str, port: int, respond: Respond) -> socket.socket:
        """Listen inside the namespace on an address; `::` is every address of both families."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with namespace.entered():
            server = socket.create_server((host, port), family=family, dualstack_ipv6=host == "::")
        server.setblocking(False)
        asyncio.get_running_loop().add_reader(server, self._accept, server, respond)
        return server

    @staticmethod
    def close(server: socket.socket) -> None:
        asyncio.get_running_loop().remove_reader(server)
        server.close()

    def _accept(self, server: socket.socket, respond: Respond) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            connection, _ = server.accept()
            connection.setblocking(False)
            task = asyncio.get_running_loop().create_task(self._answer(connection, respond))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

    @staticmethod
    async def _answer(connection: socket.socket, respond: Respond) -> None:
        with connection, contextlib.suppress(OSError, TimeoutError):
            loop, request = asyncio.get_running_loop(), b""
            async with asyncio.timeout(REQUEST_SECONDS):
                while b"\r\n\r\n" not in request:
                    data = await loop.sock_recv(connection, 4096)
                    if not data:
                        return
                    request += data
                await loop.sock_sendall(connection, respond(request))


def response(status: str, body: str, *headers: str, kind: str = "text/plain; charset=utf-8") -> bytes:
    """An answer of HTTP after which the server ends the connection. `status` is `200 OK` and the like."""
    head = [
        f"HTTP/1.1 {status}",
        f"Content-Type: {kind}",
        "X-Content-Type-Options: nosniff",
        *headers,
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()
