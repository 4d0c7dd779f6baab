"""What the small DNS servers of a node or a pod have in common: one address, by UDP and by TCP."""

from __future__ import annotations

import asyncio
import socket
from abc import ABC, abstractmethod
from typing import cast

from podwire_lab.dns.server import bound
from podwire_lab.model.interfaces import Namespace


class DnsListener(ABC):
    """Takes DNS messages at one address of a namespace. A subclass says what becomes of a datagram and a connection."""

    def __init__(self) -> None:
        self._namespace: Namespace | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def _listen(self, namespace: Namespace, address: str, port: int) -> None:
        self._namespace = namespace
        datagrams = bound(namespace, address, port, socket.SOCK_DGRAM)
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), sock=datagrams)
        stream = bound(namespace, address, port, socket.SOCK_STREAM)
        self._server = await asyncio.start_server(self._connection, sock=stream)

    def close(self) -> None:
        """Listen no longer. Safe before the first question and to call twice."""
        if self._transport is not None:
            self._transport.close()
        if self._server is not None:
            self._server.close()

    def received(self, data: bytes, client: tuple[str, int], transport: asyncio.DatagramTransport) -> None:
        """Work on a datagram beside the others."""
        task = asyncio.get_running_loop().create_task(self._by_datagram(data, client, transport))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @abstractmethod
    async def _by_datagram(self, data: bytes, client: tuple[str, int], transport: asyncio.DatagramTransport) -> None:
        """Answer a question that came by UDP."""

    @abstractmethod
    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the questions of one TCP connection."""


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, listener: DnsListener) -> None:
        self._listener = listener

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._listener.received(data, addr, self._transport)
