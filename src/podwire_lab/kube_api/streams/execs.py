"""pods/exec over WebSocket: `v5.channel.k8s.io`, `v4.channel.k8s.io`, or no subprotocol.

The first byte of a message is its channel: 0 stdin, 1 stdout, 2 stderr, 3 the status at the end, 4 the terminal's
size; 255 (v5 only) closes the channel that its second byte names. Frames, words and order are those that a Kubernetes
1.36 kubelet was recorded to send.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from aiohttp import WSMsgType, web

from podwire_lab.kube_api.objects.fields import copied, encoded
from podwire_lab.kube_api.objects.status import BadRequest
from podwire_lab.kube_api.objects.store import MemoryStore
from podwire_lab.kube_api.reads import stored_object
from podwire_lab.kube_api.requests import Target, flag
from podwire_lab.kube_api.streams.containers import container_of, node_of
from podwire_lab.model.interfaces import CannotStart, Container, ContainerNotFound, Object, Runtime

V5: Final = "v5.channel.k8s.io"
V4: Final = "v4.channel.k8s.io"
_STDIN, _STDOUT, _STDERR, _STATUS, _CLOSE = 0, 1, 2, 3, 255
_CHANNELS: Final = {"stdout": b"\x01", "stderr": b"\x02"}
_FRAME: Final = 32 * 1024
_LARGEST: Final = 16 * 1024 * 1024
_GRACE: Final = 0.5
"""Seconds that a command has to end by itself after its client is gone."""


async def serve_exec(
    store: MemoryStore, runtime: Runtime, target: Target, request: web.Request, stop: asyncio.Event
) -> web.StreamResponse:
    """Carry one command. What is wrong before it starts is an HTTP answer; after that, a status on channel 3."""
    query = request.query
    pod = copied(stored_object(store, target).object)
    container = container_of(pod, query.get("container"))
    node_of(pod)
    wants = {name: flag(query, name) for name in ("stdin", "stdout", "stderr", "tty")}
    if not (wants["stdin"] or wants["stdout"] or wants["stderr"]):
        raise BadRequest("you must specify at least 1 of stdin, stdout, stderr")
    if request.headers.get("Upgrade", "").lower() != "websocket":
        raise BadRequest("unable to upgrade: this server carries exec over WebSocket only, not over SPDY")
    offered = [offer.strip() for offer in request.headers.get("Sec-WebSocket-Protocol", "").split(",") if offer.strip()]
    protocol = next((offer for offer in offered if offer in (V5, V4)), None)
    if offered and protocol is None:
        response = web.Response(status=403)
        response.force_close()
        return response
    command = query.getall("command", [])
    failure: str | None = None
    process: Container | None = None
    try:
        process = await runtime.exec(pod, container, command, stdin=wants["stdin"], tty=wants["tty"])
    except ContainerNotFound:
        return web.Response(status=500, text=f'container not found ("{container}")')
    except CannotStart as problem:
        failure = str(problem)
    socket = web.WebSocketResponse(
        protocols=(protocol,) if protocol else (), timeout=1.0, max_msg_size=_LARGEST, compress=False
    )
    try:
        await socket.prepare(request)
        await socket.send_bytes(b"\x01")
        if process is None:
            await _send_status(socket, protocol, _not_started(failure or ""))
            await socket.close(code=1000)
        else:
            streams = frozenset(name for name in ("stdout", "stderr") if wants[name])
            session = _Session(socket, process, command, protocol, streams, takes_input=wants["stdin"])
            await session.run(stop)
    except ConnectionError:
        pass  # the client is gone: there is nobody left to tell
    finally:
        if process is not None:
            _let_go(process, at_once=stop.is_set())
    return socket


_leaving: Final[set[asyncio.Task[None]]] = set()


def _let_go(process: Container, *, at_once: bool) -> None:
    """End a command that has no client any more: the end of its input first, then force. Nothing when it has ended."""
    if at_once:
        process.kill()
        return
    task = asyncio.ensure_future(_ending(process))
    _leaving.add(task)
    task.add_done_callback(_leaving.discard)


async def _ending(process: Container) -> None:
    try:
        async with asyncio.timeout(_GRACE):
            await process.close_stdin()
            await process.wait()
    except (TimeoutError, ConnectionError):
        pass  # it does not end by itself
    finally:
        process.kill()


class _Session:
    """A running command and its client."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        process: Container,
        command: list[str],
        protocol: str | None,
        streams: frozenset[str],
        *,
        takes_input: bool,
    ) -> None:
        self._socket = socket
        self._process = process
        self._command = command
        self._protocol = protocol
        self._streams = streams
        self._takes_input = takes_input

    async def run(self, stop: asyncio.Event) -> None:
        """Until the command has ended, the client is gone, or the server stops."""
        incoming = asyncio.ensure_future(self._incoming())
        outgoing = asyncio.ensure_future(self._outgoing())
        stopping = asyncio.ensure_future(stop.wait())
        tasks: set[asyncio.Future[Any]] = {incoming, outgoing, stopping}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if outgoing.done():
                code = outgoing.result()
                incoming.cancel()
                await _send_status(self._socket, self._protocol, self._ended(code))
                await self._socket.close(code=1000)
            elif stopping.done():
                await self._socket.close(code=1001)
            else:
                incoming.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _incoming(self) -> None:
        open_input = self._takes_input
        socket, write = self._socket, self._process.write
        async for message in socket:
            data = message.data.encode() if message.type is WSMsgType.TEXT else message.data
            if not isinstance(data, bytes) or not data or not open_input:
                continue
            channel = data[0]
            try:
                if channel == _STDIN:
                    await write(data[1:])
                elif channel == _CLOSE and self._protocol == V5 and data[1:2] == b"\x00":
                    open_input = False
                    await self._process.close_stdin()
            except ConnectionError:
                open_input = False  # the command has closed its input; its output still counts

    async def _outgoing(self) -> int:
        """Send output until it ends; the exit code."""
        send, read = self._socket.send_bytes, self._process.read
        while (chunk := await read()) is not None:
            stream, data = chunk
            if stream not in self._streams:
                continue
            channel = _CHANNELS[stream]
            if len(data) <= _FRAME:
                await send(channel + data)
            else:
                for start in range(0, len(data), _FRAME):
                    await send(channel + data[start : start + _FRAME])
        return await self._process.wait()

    def _ended(self, code: int) -> Object:
        if code == 0:
            return {"metadata": {}, "status": "Success"}
        text = (
            f"error executing command [{' '.join(self._command)}], exit code {code}"
            if self._protocol == V4
            else f"command terminated with exit code {code}"
        )
        return {
            "metadata": {},
            "status": "Failure",
            "message": f"command terminated with non-zero exit code: {text}",
            "reason": "NonZeroExitCode",
            "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
        }


def _not_started(why: str) -> Object:
    cause = f"Internal error occurred: error executing command in container: failed to exec in container: {why}"
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"Internal error occurred: {cause}",
        "reason": "InternalError",
        "details": {"causes": [{"message": cause}]},
        "code": 500,
    }


async def _send_status(socket: web.WebSocketResponse, protocol: str | None, status: Object) -> None:
    """Channel 3. Without a subprotocol success is silent and a failure is plain text."""
    if protocol is not None:
        await socket.send_bytes(bytes([_STATUS]) + encoded(status))
    elif status["status"] != "Success":
        await socket.send_bytes(bytes([_STATUS]) + str(status["message"]).encode())
