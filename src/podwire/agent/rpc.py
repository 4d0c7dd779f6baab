"""The runner's requests, and what they start. Only stdin, which is reached through the cluster's API, commands it."""

from __future__ import annotations

import importlib
import json
import os
import socket
import sys

from podwire.agent.errors import Failure
from podwire.agent.framing import MAX_PAYLOAD, PIECE, PREAMBLE, Decoder, Encoder, Kind
from podwire.agent.loop import now, sleep
from podwire.agent.messages import compact
from podwire.agent.node.interfaces import interfaces
from podwire.agent.node.resolver import dns_servers
from podwire.agent.own_file import own_digest
from podwire.agent.parameters import wanted
from podwire.agent.stdio import Stdio
from podwire.agent.system import complain

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from typing import Any, Awaitable, Callable

    from podwire.agent.loop import Loop
    from podwire.agent.parameters import Parameters

VERSION = "1"
HEARTBEAT_EVERY = 15.0
SILENCE = 60.0
JOBS = {
    "exchange": "exchange",
    "burst": "exchange",
    "sequence": "exchange",
    "beacon": "exchange",
    "crafted": "crafted.sending",
    "carried": "sizes.carried",
    "ping": "ping",
    "resolve": "resolve",
    "lookup": "resolve",
    "lookups": "resolve",
    "questions": "dns.client",
    "tool": "node.tools",
    "ec2_card": "node.network_card",
    "node_state": "node.state",
}
"""The module in which each method is a function of the same name; it is imported when somebody asks for it."""


class Rpc:
    """Requests from the runner, many at once; each gets one RESULT or ERROR, in whatever order they end."""

    def __init__(self, loop: Loop, threads: bool = False) -> None:
        self._loop = loop
        self._encoder, self._decoder = Encoder(), Decoder()
        self._captures: dict[str, Any] = {}
        self._streams: Any = None
        self._heard = now()
        self._own: dict[str, Callable[[Loop, Parameters], Awaitable[Parameters]]] = {
            "hello": self._hello,
            "capture_start": self._capture_start,
            "lateness": self._lateness,
            "bye": self._bye,
            **{f"stream_{name}": self._stream(name) for name in ("start", "state", "stop")},
        }
        self._stdio = Stdio(loop, self._on_bytes, lambda: self.end(0), threads)
        self._stdio.send(PREAMBLE)
        loop.spawn(self._heartbeat())

    def end(self, code: int) -> None:
        """End the captures, say what is left to say, and end the process."""
        for capture in self._captures.values():
            capture.close()
        self._stdio.drain(now() + 2.0)
        os._exit(code)

    def _on_bytes(self, data: bytes) -> None:
        self._heard = now()
        try:
            frames = self._decoder.feed(data)
        except ValueError as error:
            complain(str(error))
            self.end(1)
        for kind, request, payload in frames:
            if kind is Kind.REQUEST:
                self._loop.spawn(self._serve(request, payload))
            elif kind is Kind.BYE:
                self.end(0)

    async def _heartbeat(self) -> None:
        while True:
            await sleep(now() + HEARTBEAT_EVERY)
            if now() - self._heard > SILENCE:
                complain(f"no word from the runner for {SILENCE} s")
                self.end(1)
            self._send(Kind.HEARTBEAT)

    def _send(self, kind: int, request: int = 0, payload: bytes = b"") -> None:
        self._stdio.send(self._encoder.frame(kind, request, payload))

    async def _serve(self, request: int, payload: bytes) -> None:
        method = "request"
        try:
            tree = json.loads(payload)
            method, params = str(tree["method"]), dict(tree.get("params") or {})
            if method in ("capture_read", "capture_stop"):
                await self._hand_over(request, params, stop=method == "capture_stop")
                return
            result = compact(await (self._own.get(method) or job(method))(self._loop, params))
            if len(result) > MAX_PAYLOAD:
                raise ValueError(f"the result is too long: {len(result)} bytes")
            self._send(Kind.RESULT, request, result)
        except Exception as error:  # Whatever happens, the runner gets an answer to its request.
            facts = error.facts if isinstance(error, Failure) else {}
            known = isinstance(error, (ValueError, OSError, Failure))
            text = f"{method}: {error if known else repr(error)}"
            self._send(Kind.ERROR, request, compact({"text": text, **({"error": facts} if facts else {})}))

    async def _hello(self, loop: Loop, params: Parameters) -> Parameters:
        return {
            "version": VERSION, "python": ".".join(map(str, sys.version_info[:3])), "platform": sys.platform,
            "pid": os.getpid(), "identity": os.environ.get("PODWIRE_IDENTITY", ""), "interfaces": interfaces(),
            "dns": dns_servers(), "file": own_digest(),
        }  # fmt: skip

    async def _lateness(self, loop: Loop, params: Parameters) -> Parameters:
        return loop.lateness.taken()

    async def _bye(self, loop: Loop, params: Parameters) -> Parameters:
        loop.spawn(self._end_soon())
        return {}

    async def _end_soon(self) -> None:
        self.end(0)

    def _stream(self, name: str) -> Callable[[Loop, Parameters], Awaitable[Parameters]]:
        """A method of this agent's streams, which are imported when the runner asks for the first one."""

        async def method(loop: Loop, params: Parameters) -> Parameters:
            if self._streams is None:
                from podwire.agent.streams.running import Streams

                self._streams = Streams()
            result: Parameters = await getattr(self._streams, name)(loop, params)
            return result

        return method

    async def _capture_start(self, loop: Loop, params: Parameters) -> Parameters:
        name, via = wanted(params, "capture"), wanted(params, "via")
        if name in self._captures:
            raise ValueError(f"capture {name!r} runs already")
        names = [str(name) for name in params.get("interfaces") or ()]
        if via == "pktmon":
            from podwire.agent.capture.pktmon import PktmonCapture

            filters = [[str(word) for word in words] for words in params.get("filters") or ()]
            capture: Any = PktmonCapture(
                loop, names, [str(address) for address in params.get("addresses") or ()], filters
            )
            await capture.start()
        elif via == "af_packet":
            if not hasattr(socket, "AF_PACKET"):
                raise ValueError(f"there is no AF_PACKET on {sys.platform}")
            from podwire.agent.capture.linux import MOST_CAPTURED, PacketCapture

            most, snaplen = int(params.get("limit") or MOST_CAPTURED), int(params.get("snaplen") or 0)
            if params.get("newest"):
                from podwire.agent.capture.newest import NewestCapture

                capture = NewestCapture(loop, names, snaplen, most)
            else:
                capture = PacketCapture(loop, names, snaplen, most, params.get("filter"))
        else:
            raise ValueError(f"parameter 'via': {via!r} is not af_packet or pktmon")
        self._captures[name] = capture
        return {"interfaces": capture.describe()}

    async def _hand_over(self, request: int, params: Parameters, stop: bool) -> None:
        """What was captured since the last time; with `stop` the capture ends.

        The result names the parts; their bytes follow one after the other in DATA frames, END has their SHA-256.
        """
        import hashlib

        name = wanted(params, "capture")
        if name not in self._captures:
            raise ValueError(f"no capture {name!r} runs")
        taken = await (self._captures.pop(name).stop() if stop else self._captures[name].read())
        parts = taken.pop("parts")
        listed = [{"interface": name, "content": content, "bytes": len(data)} for name, content, data in parts]
        self._send(Kind.RESULT, request, compact({**taken, "parts": listed}))
        digest = hashlib.sha256()
        while parts:
            data = memoryview(parts.pop(0)[2])
            digest.update(data)
            for at in range(0, len(data), PIECE):
                await self._stdio.room()
                self._send(Kind.DATA, request, bytes(data[at : at + PIECE]))
        self._send(Kind.END, request, compact({"sha256": digest.hexdigest()}))


def job(method: str) -> Callable[[Loop, Parameters], Awaitable[Parameters]]:
    """What does a method's work. ValueError when there is no such method."""
    if method not in JOBS:
        raise ValueError("no such method")
    work: Callable[[Loop, Parameters], Awaitable[Parameters]]
    work = getattr(importlib.import_module(f"podwire.agent.{JOBS[method]}"), method)
    return work
