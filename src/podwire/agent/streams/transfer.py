"""The client of a transfer: N bytes to the server over one TCP connection, and as many back."""

from __future__ import annotations

import binascii
import socket

from podwire.agent.connections import connect
from podwire.agent.errors import Failure
from podwire.agent.loop import now, readable, sleep, writable
from podwire.agent.messages import parsed
from podwire.agent.parameters import wanted
from podwire.agent.sockets import name_of
from podwire.agent.streams.talk import BACK, PIECE, pattern
from podwire.agent.trial import Trial

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from typing import Iterator

    from podwire.agent.loop import Loop
    from podwire.agent.parameters import Parameters
    from podwire.agent.streams.tally import Tally

SEND_BUFFER = 1 << 18
"""Bytes. In a larger buffer of the kernel a stall would hide."""
LEAST_BYTES, MOST_BYTES = 1 << 10, 1 << 26


class Transfer:
    """One transfer. Its facts are in the tally: bytes so far, and the longest time without a byte."""

    def __init__(self, loop: Loop, params: Parameters, tally: Tally) -> None:
        self._loop, self._params, self._tally = loop, params, tally
        self._token, self._bytes = wanted(params, "token"), wanted(params, "bytes", int)
        self._give_up, self._rate = float(params.get("give_up") or 30.0), float(params.get("bytes_per_second") or 0)
        if not LEAST_BYTES <= self._bytes <= MOST_BYTES:
            raise ValueError(f"parameter 'bytes': {self._bytes} is not between {LEAST_BYTES} and {MOST_BYTES}")
        self.facts = {"asked": self._bytes, "sent": 0, "received": 0, "stall": 0, "stalled_at": 0, "elapsed": 0,
                      "whole": False}  # fmt: skip
        tally.transfer = self.facts
        self._moved = self._began = now()

    async def run(self) -> None:
        """Run the transfer. An error goes into the tally."""
        try:
            await self._both_ways()
        except Failure as failure:
            self._tally.failed(failure.facts)
        finally:
            self._moves(0)
            self.facts["elapsed"] = round((now() - self._began) * 1000)

    async def _both_ways(self) -> None:
        trial = Trial(self._loop, {**self._params, "timeout": self._give_up})
        await trial.find(wanted(self._params, "port", int))
        with trial.socket(socket.SOCK_STREAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            await connect(trial, sock)
            self._tally.opened(name_of(sock))
            self._moves(0)
            digest = 0
            for piece in self._question():
                digest = binascii.crc32(piece, digest)
                await self._send(sock, piece)
            await self._take_back(sock, digest)
        self.facts["whole"] = True

    def _question(self) -> Iterator[bytes]:
        head = self._token.encode() + b" %d\n" % self._bytes + BACK
        yield head
        yield from pattern(self._token, self._bytes - len(head))

    async def _send(self, sock: socket.socket, piece: bytes) -> None:
        view = memoryview(piece)
        while view:
            if not await writable(sock, self._moved + self._give_up):
                raise Failure("send", "timeout", None, f"no byte was taken for {self._give_up:g} s")
            try:
                count = sock.send(view)
            except BlockingIOError:
                continue
            except OSError as error:
                raise Failure.of("send", error) from None
            view = view[count:]
            self.facts["sent"] += count
            self._moves(count)
            await self._pace()

    async def _take_back(self, sock: socket.socket, digest: int) -> None:
        """Read the server's answer, and then its bytes, which must be the pattern."""
        line = b""
        while b"\n" not in line and len(line) < PIECE:
            line += await self._piece(sock)
        line, _, rest = line.partition(b"\n")
        answer = parsed(line)
        if answer.get("token") != self._token:
            raise Failure("receive", "other", None, f"another server than podwire's answered: {line[:60]!r}")
        self._tally.served_by(str(answer.get("identity", "")))
        if (answer.get("received"), answer.get("crc32")) != (self._bytes, digest):
            text = f"the server received {answer.get('received')} of {self._bytes} bytes, or other bytes"
            raise Failure("receive", "other", None, text)
        expected, got = 0, 0
        for piece in pattern(self._token, self._bytes):
            expected = binascii.crc32(piece, expected)
        while True:
            got = binascii.crc32(rest, got)
            self.facts["received"] += len(rest)
            await self._pace()
            if self.facts["received"] >= self._bytes:
                break
            rest = await self._piece(sock)
        if self.facts["received"] != self._bytes or got != expected:
            raise Failure("receive", "other", None, "other bytes came back than the server sends")

    async def _piece(self, sock: socket.socket) -> bytes:
        while True:
            if not await readable(sock, self._moved + self._give_up):
                raise Failure("receive", "timeout", None, f"no byte came for {self._give_up:g} s")
            try:
                count = sock.recv_into(self._loop.scratch)
            except BlockingIOError:
                continue
            except OSError as error:
                raise Failure.of("receive", error) from None
            if not count:
                text = f"the server closed the connection after {self.facts['received']} bytes"
                raise Failure("receive", "closed", None, text)
            self._moves(count)
            return bytes(self._loop.scratch[:count])

    def _moves(self, count: int) -> None:
        """Note that bytes moved. The longest time without any is the stall; it stands with the bytes until then."""
        waited = round((now() - self._moved) * 1000)
        if waited > self.facts["stall"]:
            self.facts["stall"] = waited
            self.facts["stalled_at"] = self.facts["sent"] + self.facts["received"] - count
        self._moved = now()

    async def _pace(self) -> None:
        """Wait until the rate admits more bytes. Such a wait is no stall."""
        if self._rate:
            await sleep(self._began + (self.facts["sent"] + self.facts["received"]) / self._rate)
            self._moved = now()
