"""One attempt to get an answer: its target, its socket, its timeout and its result."""

from __future__ import annotations

import contextlib
import errno
import socket
import time

from podwire.agent.attempts import begun
from podwire.agent.errors import Failure
from podwire.agent.loop import now
from podwire.agent.parameters import family_of, wanted
from podwire.agent.resolve import look_up
from podwire.agent.sockets import ANYWHERE, SCTP, name_of, numeric
from podwire.agent.system import WINDOWS

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from typing import Any, Awaitable, Callable

    from podwire.agent.loop import Loop
    from podwire.agent.parameters import Parameters

NO_SUCH_PROTOCOL = (errno.EPROTONOSUPPORT, 10041, 10043, 10044)  # Windows: for protocol, type, or both of them


class Trial:
    """An attempt in progress: its parameters, its deadline, and its result so far."""

    def __init__(self, loop: Loop, params: Parameters) -> None:
        self.loop, self.params = loop, params
        self.token, self.timeout = wanted(params, "token"), wanted(params, "timeout", float)
        self.until = now() + self.timeout
        self.size, self.answer = (int(params.get(name) or 0) for name in ("size", "answer"))
        self.after_end = bool(params.get("half_close"))
        self.family, self.target = 0, ("", 0)  # type: int, Any
        self.attempt = begun(self.token)

    async def run(self, port: int, way: Callable[[Trial], Awaitable[None]]) -> Parameters:
        """Resolve the target, run the exchange (`way`), and return the result."""
        began = time.perf_counter()
        try:
            await self.find(port)
            await way(self)
        except Failure as failure:
            self.attempt["error"] = failure.facts
        self.attempt["elapsed"] = time.perf_counter() - began
        return self.attempt

    async def find(self, port: int) -> None:
        """Learn the family and socket address of the target. `Failure` if its name has none."""
        if self.params.get("resolve"):
            # A resolver asks a lost question again: its time is not taken from the exchange.
            look_up_until = now() + float(self.params.get("look_up") or self.timeout)
            self.family, self.target = await locate(self.loop, self.params, port, self.attempt, look_up_until)
            self.until = now() + self.timeout
        else:
            self.family, self.target = await locate(self.loop, self.params, port, self.attempt, self.until)

    def socket(self, kind: int, protocol: int = 0) -> socket.socket:
        """A socket with the requested source address and port. `Failure` if the system refuses."""
        port, preferred = (int(self.params.get(name) or 0) for name in ("source_port", "preferred_port"))
        own = str(self.params.get("bind_address") or "")
        address = numeric(own, 0, self.family, "bind")[1] if own else (ANYWHERE[self.family], 0)
        try:
            sock = socket.socket(self.family, kind, protocol)
            try:
                sock.setblocking(False)
                if port and not WINDOWS:  # The port may still be in TIME_WAIT after an earlier attempt.
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if port:
                    sock.bind((address[0], port, *address[2:]))
                elif preferred:
                    with contextlib.suppress(OSError):  # The port is in use; `local` has the actual one.
                        sock.bind((address[0], preferred, *address[2:]))
                if own and not name_of(sock):
                    sock.bind(address)
            except OSError:
                sock.close()
                raise
        except OSError as error:
            if protocol == SCTP and error.errno in NO_SUCH_PROTOCOL:
                raise Failure("bind", "unsupported", error.errno, "the system does not support SCTP") from None
            raise Failure.of("bind", error) from None
        return sock

    def answered(self, answer: Parameters) -> None:
        """Note the server's answer."""
        empty = {"identity": "", "source": "", "source_port": 0, "destination": "", "destination_port": None}
        self.attempt["reply"] = {name: answer.get(name, value) for name, value in empty.items()}


async def locate(loop: Loop, params: Parameters, port: int, attempt: Parameters, until: float) -> tuple[int, Any]:
    """The family and socket address of the target. A name goes through the system's resolver."""
    host, family = wanted(params, "host"), family_of(params)
    if params.get("resolve"):
        attempt["resolved"], _ = await look_up(loop, host, family, until)
        host = attempt["resolved"][0]
    return numeric(host, port, family, "resolve")
