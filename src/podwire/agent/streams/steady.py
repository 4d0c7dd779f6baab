"""The client of a steady stream: numbered messages at a rate, over one TCP connection or one UDP socket.

Message N is a question with the token `TOKEN.N`. With `count` 2 it is a stream that is silent in between and then
speaks; with `one_way` nobody answers.
"""

from __future__ import annotations

import socket

from podwire.agent.connections import connect
from podwire.agent.datagrams import LEAST_DATAGRAM
from podwire.agent.errors import Failure
from podwire.agent.loop import now, readable, sleep
from podwire.agent.messages import parsed, question
from podwire.agent.parameters import wanted
from podwire.agent.sockets import local_address, name_of, take_icmp_error, tell_icmp_errors
from podwire.agent.streams.talk import MOST_MESSAGE, wish_of_talk
from podwire.agent.trial import Trial

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from podwire.agent.loop import Loop
    from podwire.agent.parameters import Parameters
    from podwire.agent.streams.tally import Tally

LEAST_PAUSE = 0.2
"""Seconds before the client connects again."""
MOST_BEHIND = 1.0
MOST_SIZE = 1400
MOST_ANSWERS = 1 << 16


class Steady:
    """One stream: its schedule, and what the runner asked of it."""

    def __init__(self, loop: Loop, params: Parameters, tally: Tally) -> None:
        self._loop, self._params, self.tally = loop, params, tally
        self._token, self._tcp = wanted(params, "token"), wanted(params, "proto") == "tcp"
        self._every, self._burst = wanted(params, "every", float), int(params.get("burst") or 1)
        self._count, self._one_way = int(params.get("count") or 0), bool(params.get("one_way"))
        self._give_up = float(params.get("give_up") or 15.0)
        self._reconnect = bool(params.get("reconnect", True))
        self._size = int(params.get("size") or (128 if self._tcp else LEAST_DATAGRAM))
        self._number, self._due = 0, now()
        self.stopping, self.listening = False, False
        if wanted(params, "proto") not in ("tcp", "udp"):
            raise ValueError(f"parameter 'proto': {params['proto']!r} is not tcp or udp")
        if self._every <= 0 or self._burst < 1:
            raise ValueError("parameters 'every' and 'burst' are more than 0")
        if self._size > min(MOST_SIZE, MOST_MESSAGE):
            raise ValueError(f"parameter 'size': {self._size} is more than {MOST_SIZE} bytes")
        if self._one_way and self._tcp:
            raise ValueError("parameter 'one_way': only over udp")

    @property
    def complete(self) -> bool:
        """Whether the last message is sent, and answered or lost."""
        last = self.stopping or (self._count and self._number >= self._count)
        return bool(last) and not self.tally.unanswered

    async def run(self) -> None:
        """Run until all messages are sent and answered, or until the task is cancelled."""
        first = True
        while not self.complete and (first or (self._reconnect and not self.stopping)):
            self.tally.reconnects += not first
            first = False
            try:
                await (self._over_tcp() if self._tcp else self._over_udp())
            except Failure as failure:
                self.tally.failed(failure.facts)
                self.tally.cut()
                if not self._one_way:
                    self.tally.due()
                if self._reconnect and not self.stopping:
                    await sleep(now() + max(LEAST_PAUSE, min(self._every, 1.0)))

    def speak(self) -> None:
        """Send the next message now, whatever the schedule says; the task must be woken."""
        self._due = now()

    async def _trial(self) -> Trial:
        trial = Trial(self._loop, {**self._params, "timeout": self._give_up})
        await trial.find(wanted(self._params, "port", int))
        return trial

    @property
    def _speaks(self) -> bool:
        """Whether more messages are to come."""
        return not self.stopping and not (self._count and self._number >= self._count)

    def _is_due(self) -> bool:
        return self._speaks and now() >= self._due

    def _plan(self) -> None:
        """The time of the next message. A busy machine catches up on a second of messages at most."""
        self._due += self._every
        if now() - self._due > MOST_BEHIND:
            self._due = now()

    def _next(self) -> tuple[bytes, float]:
        """The next message, and how many seconds late it is."""
        self._number += 1
        token, late = f"{self._token}.{self._number}", now() - self._due
        if self._one_way:
            data = token.encode() + b" one-way\n"
            return (data + token.encode() * (self._size // len(token)))[: max(self._size, len(data))], late
        return question(token, self._size, wish_of_talk(2 * self._every + self._give_up) if self._tcp else b""), late

    def _until(self) -> float:
        """When the client must look up: at the next message, or when its patience or an answer's time ends."""
        soonest = now() + (1.0 if self.tally.unanswered else 3600.0)
        if self._speaks:
            soonest = min(soonest, self._due)
        return soonest

    async def _listen(self, sock: socket.socket, until: float) -> bool:
        """Wait for an answer; the one wait that the runner may interrupt."""
        self.listening = True
        try:
            return await readable(sock, until)
        finally:
            self.listening = False

    async def _over_tcp(self) -> None:
        self.tally.due()
        began = now()
        trial = await self._trial()
        with trial.socket(socket.SOCK_STREAM) as sock:
            await connect(trial, sock)
            self.tally.opened(name_of(sock))
            self._due = max(self._due, now())
            received, unsent, asked, opened = b"", b"", False, False
            while not self.complete:
                # The first question opens the talk: the others wait for its answer.
                if (opened or not asked) and self._is_due():
                    for _ in range(self._burst if opened else 1):
                        data, late = self._next()
                        self.tally.sent(self._number, len(data), late)
                        unsent += data
                    asked = True
                    self._plan()
                unsent = _send(sock, unsent)
                if min(self.tally.waited, now() - began) > self._give_up:
                    raise Failure("receive", "timeout", None, f"no answer for {self._give_up:g} s")
                self.tally.expire()
                if not await self._listen(sock, self._until() if opened else now() + 0.5):
                    continue
                piece = _receive(sock, self._loop.scratch)
                if piece is None:
                    continue
                if not piece:
                    raise Failure("receive", "closed", None, "the server closed the connection")
                received += piece
                while b"\n" in received:
                    line, _, received = received.partition(b"\n")
                    self._take(line, opened)
                    if not opened:
                        opened, self._due = True, max(self._due, now())
                if len(received) > MOST_ANSWERS:
                    raise Failure("receive", "other", None, f"another server answered: {received[:60]!r}")

    async def _over_udp(self) -> None:
        if not self._one_way:
            self.tally.due()
        trial = await self._trial()
        self._due = max(self._due, now())
        with trial.socket(socket.SOCK_DGRAM) as sock:
            tell_icmp_errors(sock)
            own = None if trial.params.get("bind_address") else local_address(trial.family, trial.target)
            while not self.complete:
                if self._is_due():
                    for _ in range(self._burst):
                        self._send_datagram(sock, trial)
                    name = sock.getsockname()
                    self.tally.opened([own or name[0], name[1]])
                    self._plan()
                self.tally.expire()
                if not await self._listen(sock, self._until()):
                    continue
                try:
                    length, peer = sock.recvfrom_into(self._loop.scratch)
                except BlockingIOError:
                    take_icmp_error(sock)
                    continue
                except OSError as error:
                    take_icmp_error(sock)
                    self.tally.failed(Failure.of("receive", error, udp=True).facts)
                    continue
                if peer[:2] == trial.target[:2]:
                    self._take(bytes(self._loop.scratch[:length]))
                else:
                    self.tally.counts["wrong"] += 1

    def _send_datagram(self, sock: socket.socket, trial: Trial) -> None:
        data, late = self._next()
        self.tally.sent(self._number, len(data), late, answered=not self._one_way)
        try:
            sock.sendto(data, trial.target)
        except BlockingIOError:
            pass  # The socket's buffer is full: the datagram counts like a lost one.
        except OSError as error:
            self.tally.failed(Failure.of("send", error, udp=True).facts)

    def _take(self, data: bytes, scheduled: bool = True) -> None:
        """Count one answer. One that is not podwire's, or to no message of this stream, is wrong.

        `scheduled`: the next message leaves at its time. If it should have left before now, a client that slept read
        this answer late, and no network was.
        """
        if scheduled and self._speaks:
            self.tally.late(now() - self._due)
        answer = parsed(data)
        token, _, number = str(answer.get("token")).rpartition(".")
        known = token == self._token and number.isdigit() and int(number) <= self._number
        if known and answer.get("received", self._size) >= self._size:
            self.tally.answered(int(number), str(answer.get("identity", "")), len(data))
        else:
            self.tally.counts["wrong"] += 1


def _send(sock: socket.socket, data: bytes) -> bytes:
    """Send what the socket takes now, and return the rest. `Failure` for an error of the system."""
    try:
        return data[sock.send(data) :] if data else b""
    except BlockingIOError:
        return data
    except OSError as error:
        raise Failure.of("send", error) from None


def _receive(sock: socket.socket, scratch: bytearray) -> bytes | None:
    """The next bytes, empty at the end, None when there are none yet. `Failure` for an error of the system."""
    try:
        return bytes(scratch[: sock.recv_into(scratch)])
    except BlockingIOError:
        return None
    except OSError as error:
        raise Failure.of("receive", error) from None
