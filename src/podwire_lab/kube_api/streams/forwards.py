"""pods/portforward: connections to ports of a pod, over a WebSocket.

kubectl (1.30 and later) tunnels SPDY in it: two streams for each connection, one for data and one for an error
(Kubernetes: KEP 4006). The Python client has two channels for each port: `v4.channel.k8s.io`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from aiohttp import WSMsgType, web

from podwire_lab.kube_api.objects.fields import at, copied
from podwire_lab.kube_api.objects.status import BadRequest
from podwire_lab.kube_api.objects.store import MemoryStore
from podwire_lab.kube_api.reads import stored_object
from podwire_lab.kube_api.requests import Target
from podwire_lab.kube_api.streams import spdy
from podwire_lab.kube_api.streams.containers import node_of
from podwire_lab.model.interfaces import ContainerNotFound, Object, Runtime

TUNNEL: Final = "SPDY/3.1+portforward.k8s.io"
CHANNELS: Final = "v4.channel.k8s.io"
_CHUNK: Final = 32 * 1024
_LARGEST: Final = 16 * 1024 * 1024
_WAITING: Final = 64
"""Chunks of a connection that may wait for the pod to read; then its client waits too."""

Send = Callable[[bytes], Awaitable[None]]


async def serve_forward(
    store: MemoryStore, runtime: Runtime, target: Target, request: web.Request, stop: asyncio.Event
) -> web.StreamResponse:
    """Carry connections until the client is gone or the server stops."""
    pod = copied(stored_object(store, target).object)
    node_of(pod)
    if request.headers.get("Upgrade", "").lower() != "websocket":
        raise BadRequest(
            "unable to upgrade: the lab's API forwards ports over WebSocket only, which kubectl does from 1.30 on"
        )
    if at(pod, "status", "phase") != "Running":
        raise BadRequest(f"unable to forward port because pod is not running. Current status={pod['status']['phase']}")
    offered = [offer.strip() for offer in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
    protocol = next((offer for offer in offered if offer in (TUNNEL, CHANNELS)), None)
    if protocol is None:
        raise BadRequest(f"unable to upgrade: the lab's API forwards ports with {TUNNEL} or {CHANNELS}")
    ports = [] if protocol == TUNNEL else _ports(request)
    socket = web.WebSocketResponse(protocols=(protocol,), timeout=1.0, max_msg_size=_LARGEST, compress=False)
    session = _Tunnel(socket, runtime, pod) if protocol == TUNNEL else _Channels(socket, runtime, pod, ports)
    await socket.prepare(request)
    ending = asyncio.ensure_future(stop.wait())
    running = asyncio.ensure_future(session.run())
    try:
        await asyncio.wait({ending, running}, return_when=asyncio.FIRST_COMPLETED)
        if running.done() and not isinstance(running.exception(), ConnectionError | None):
            running.result()
    finally:
        ending.cancel()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await session.end()
    return socket


def _ports(request: web.Request) -> list[int]:
    words = [word for text in request.query.getall("ports", []) for word in text.split(",")]
    if not words:
        raise BadRequest('query parameter "ports" is required')
    if not all(word.isdigit() and 0 < int(word) < 1 << 16 for word in words):
        raise BadRequest(f'query parameter "ports" must be numbers of ports: {",".join(words)}')
    return [int(word) for word in words]


class _Connection:
    """One connection to a port of the pod. `input` has what the client sends; None is its end."""

    def __init__(self, runtime: Runtime, pod: Object, port: int, send: Send) -> None:
        self.input: asyncio.Queue[bytes | None] = asyncio.Queue(_WAITING)
        self._runtime, self._pod, self._port, self._send = runtime, pod, port, send

    async def run(self) -> str | None:
        """Until the pod's end is over; why there was no connection, or None."""
        try:
            reader, writer = await asyncio.open_connection(sock=await self._runtime.connect(self._pod, self._port))
        except (OSError, ContainerNotFound) as problem:
            meta = self._pod["metadata"]
            return f"error forwarding port {self._port} to pod {meta['name']}, uid {meta['uid']}: {problem}"
        feeding = asyncio.ensure_future(self._feed(writer))
        try:
            while chunk := await reader.read(_CHUNK):
                await self._send(chunk)
        except ConnectionError:
            pass  # the pod's end was reset: it is over all the same
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
            writer.close()
        return None

    async def _feed(self, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while (chunk := await self.input.get()) is not None:
                writer.write(chunk)
                await writer.drain()
            writer.write_eof()
        while True:  # the pod takes no more: what still comes is of no use to it
            await self.input.get()


class _Session:
    """What both protocols share: tasks that end with the client."""

    def __init__(self, socket: web.WebSocketResponse, runtime: Runtime, pod: Object) -> None:
        self._socket, self._runtime, self._pod = socket, runtime, pod
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Take messages until there are no more."""
        async for message in self._socket:
            if message.type is WSMsgType.BINARY:
                await self._take(message.data)

    async def _take(self, data: bytes) -> None:
        raise NotImplementedError

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def end(self) -> None:
        """Close what is still open."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(ConnectionError):
            await self._socket.close(code=1000)


class _Channels(_Session):
    """Two channels for each port, in the order of the request: data, error. Each begins with its port's number."""

    def __init__(self, socket: web.WebSocketResponse, runtime: Runtime, pod: Object, ports: list[int]) -> None:
        super().__init__(socket, runtime, pod)
        self._ports = ports
        self._connections: list[_Connection] = []

    async def run(self) -> None:
        for index, port in enumerate(self._ports):
            for channel in (2 * index, 2 * index + 1):
                await self._socket.send_bytes(bytes([channel]) + port.to_bytes(2, "little"))
            connection = _Connection(self._runtime, self._pod, port, self._sender(2 * index))
            self._connections.append(connection)
            self._start(self._carry(index, connection))
        await super().run()

    def _sender(self, channel: int) -> Send:
        return lambda data: self._socket.send_bytes(bytes([channel]) + data)

    async def _carry(self, index: int, connection: _Connection) -> None:
        with contextlib.suppress(ConnectionError):
            problem = await connection.run()
            if problem:
                await self._socket.send_bytes(bytes([2 * index + 1]) + problem.encode())
            if len(self._tasks) == 1:
                await self._socket.close(code=1000)

    async def _take(self, data: bytes) -> None:
        index, is_error = divmod(data[0], 2) if data else (0, 1)
        if not is_error and index < len(self._connections):
            await self._connections[index].input.put(data[1:])


class _Tunnel(_Session):
    """SPDY in the WebSocket's messages, cut anywhere."""

    def __init__(self, socket: web.WebSocketResponse, runtime: Runtime, pod: Object) -> None:
        super().__init__(socket, runtime, pod)
        self._framer = spdy.Framer()
        self._errors: dict[str, int] = {}
        self._connections: dict[int, tuple[_Connection, asyncio.Task[None]]] = {}

    async def _take(self, data: bytes) -> None:
        try:
            for frame in self._framer.received(data):
                await self._handle(frame)
        except spdy.ProtocolError:
            await self._socket.close(code=1002)

    async def _handle(self, frame: spdy.Frame) -> None:
        connection = self._connections.get(frame.stream)
        match frame.kind:
            case None if connection is not None:
                if frame.payload:
                    await connection[0].input.put(frame.payload)
                if frame.last:
                    await connection[0].input.put(None)
            case spdy.SYN_STREAM:
                await self._open(frame)
            case spdy.RST_STREAM if connection is not None:
                connection[1].cancel()
            case spdy.PING if frame.stream % 2:
                await self._socket.send_bytes(spdy.control(spdy.PING, frame.stream.to_bytes(4, "big")))
            case spdy.GOAWAY:
                await self._socket.close(code=1000)
            case _:
                pass  # settings, and what belongs to streams that have ended

    async def _open(self, frame: spdy.Frame) -> None:
        """The error stream of a connection comes first, its data stream starts it; both name the request."""
        await self._socket.send_bytes(self._framer.reply(frame.stream))
        request, port = frame.headers.get("requestid", ""), frame.headers.get("port", "")
        if frame.headers.get("streamtype") == "error":
            self._errors[request] = frame.stream
            return
        error = self._errors.pop(request, None)
        if error is None or not port.isdigit() or not 0 < int(port) < 1 << 16:
            await self._socket.send_bytes(spdy.data(frame.stream, b"", last=True))
            return
        connection = _Connection(self._runtime, self._pod, int(port), self._sender(frame.stream))
        task = self._start(self._carry(connection, frame.stream, error))
        self._connections[frame.stream] = connection, task
        task.add_done_callback(lambda _: self._connections.pop(frame.stream, None))

    def _sender(self, stream: int) -> Send:
        return lambda data: self._socket.send_bytes(spdy.data(stream, data))

    async def _carry(self, connection: _Connection, stream: int, error: int) -> None:
        with contextlib.suppress(ConnectionError):
            problem = await connection.run()
            await self._socket.send_bytes(spdy.data(error, (problem or "").encode(), last=True))
            await self._socket.send_bytes(spdy.data(stream, b"", last=True))
