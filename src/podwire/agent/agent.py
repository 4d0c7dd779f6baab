"""podwire's probe agent: one file, standard library only, Python 3.8 or newer, Windows and Linux.

    agent.py serve --port 8080 [--port ...] [--http-port 80] [--dns-port 53]
                                        the echo server: what runs in a probe pod
    agent.py rpc                        the client: commands and results on stdin and stdout

Nothing on the network can command it: a listener answers echo, or that there is no such name; a UDP answer is never
longer than its question, and only stdin, which is reached through the cluster's API, starts anything.

It runs on one thread and its own small loop: asyncio alone would cost three times the start-up time and twice the
memory of all the rest, and its Windows flavours differ too much. Sections: framing, the loop, addresses and errors,
echo server, client exchange, ping, resolve, interfaces, capture, tool, network card, RPC, main.
"""

from __future__ import annotations

import array
import binascii
import collections
import contextlib
import errno
import heapq
import itertools
import json
import mmap
import os
import re
import select
import signal
import socket
import stat
import struct
import sys
import threading
import time
import types

TYPE_CHECKING = False  # typing alone would take a tenth of the start-up time.
if TYPE_CHECKING:
    from typing import Any, Awaitable, Callable, Coroutine, Dict, Generator, Tuple

    Parameters = Dict[str, Any]
    Answer = Callable[[bytes, Any, Any], bytes]  # datagram, peer, own address and port
    Talk = Callable[[socket.socket, Any], Awaitable[bytes]]  # connection, peer; what is left to say at its end
    Wait = Tuple[int, bool, "float | None"]
    # Seconds, nanoseconds, length on the wire, the bytes that are there, number and kind of the interface, direction.
    Frames = Generator[Tuple[int, int, int, Any, int, int, int], None, None]

VERSION = "1"
WINDOWS = sys.platform == "win32"

# ---------------------------------------------------------------------------------------------------------- framing
# Each direction starts with PREAMBLE; frames follow: marker, kind, flags (0), sequence, request, length, then the
# payload. The sequence counts the frames of a direction from 0. The runner has the same in podwire.agent.framing.

PREAMBLE = b"\x16podwire\x01"
HEADER = struct.Struct("!HBBIII")
MARKER = 0x7057
LIMIT = 1 << 20
REQUEST, RESULT, ERROR, DATA, END, HEARTBEAT, BYE = range(1, 8)
PIECE = 32 * 1024 - HEADER.size

HEARTBEAT_EVERY = 15.0
SILENCE = 60.0


class Encoder:
    """Makes frames, and numbers them."""

    def __init__(self) -> None:
        self._sequence = 0

    def frame(self, kind: int, request: int = 0, payload: bytes = b"") -> bytes:
        head = HEADER.pack(MARKER, kind, 0, self._sequence, request, len(payload))
        self._sequence = (self._sequence + 1) & 0xFFFFFFFF
        return head + payload


class Decoder:
    """Takes bytes, cut anywhere, and gives (kind, request, payload). ValueError says in one line what is wrong."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._sequence = 0
        self._started = False

    def feed(self, data: bytes) -> list[tuple[int, int, bytes]]:
        buffer = self._buffer
        buffer += data
        at = 0
        if not self._started:
            if not PREAMBLE.startswith(bytes(buffer[: len(PREAMBLE)])):
                raise ValueError(f"the stream does not start as podwire's does: {bytes(buffer[:80])!r}")
            if len(buffer) < len(PREAMBLE):
                return []
            self._started, at = True, len(PREAMBLE)
        frames = []
        while len(buffer) - at >= HEADER.size:
            marker, kind, _, sequence, request, length = HEADER.unpack_from(buffer, at)
            if marker != MARKER or length > LIMIT:
                raise ValueError(f"something that is not a frame is in the stream: {bytes(buffer[at : at + 80])!r}")
            if sequence != self._sequence:
                raise ValueError(f"frame {sequence} came where {self._sequence} was due")
            end = at + HEADER.size + length
            if len(buffer) < end:
                break
            frames.append((kind, request, bytes(buffer[at + HEADER.size : end])))
            self._sequence = (self._sequence + 1) & 0xFFFFFFFF
            at = end
        del buffer[:at]
        return frames


# --------------------------------------------------------------------------------------------------------- the loop
# Coroutines that wait for a socket, a moment or a promise. A wait is `(descriptor or -1, for writing?, until or None)`;
# its value is True when what was waited for came, False when the moment did.

now = time.monotonic
MOST_THREADS = 512  # A resolver that gets no answer holds a thread for long; a look-up must not wait for another.


class EpollPoller:
    """Descriptors are watched for one event each (EPOLLONESHOT); closing one takes it out."""

    def __init__(self) -> None:
        self._epoll = select.epoll()

    def watch(self, fd: int, write: bool) -> None:
        events = (select.EPOLLOUT if write else select.EPOLLIN) | select.EPOLLONESHOT
        try:
            self._epoll.register(fd, events)
        except FileExistsError:
            self._epoll.modify(fd, events)

    def forget(self, fd: int) -> None:
        """Nothing to do: an event that nobody waits for any more is ignored once."""

    def wait(self, timeout: float) -> list[int]:
        return [fd for fd, _ in self._epoll.poll(timeout)]


class SelectPoller:
    """The same by select(), for Windows, where it takes 512 sockets at most: more are asked about in parts."""

    MOST = 500

    def __init__(self) -> None:
        self._watched: dict[int, bool] = {}

    def watch(self, fd: int, write: bool) -> None:
        self._watched[fd] = write

    def forget(self, fd: int) -> None:
        self._watched.pop(fd, None)

    def wait(self, timeout: float) -> list[int]:
        watched = list(self._watched.items())
        if len(watched) > self.MOST:
            timeout = min(timeout, 0.005)
        ready: list[int] = []
        for start in range(0, len(watched), self.MOST):
            part = watched[start : start + self.MOST]
            writing = [fd for fd, write in part if write]
            # Windows tells a failed connect as an exceptional condition.
            found = select.select([fd for fd, write in part if not write], writing, writing, 0 if ready else timeout)
            ready += {fd for several in found for fd in several}
        for fd in ready:
            del self._watched[fd]
        return ready


class Task:
    """A running coroutine. `ticket` changes with each step, so that what an old wait left behind is recognised."""

    __slots__ = ("coroutine", "fd", "ticket")

    def __init__(self, coroutine: Coroutine[Wait, Any, None]) -> None:
        self.coroutine, self.ticket, self.fd = coroutine, 0, -1


class Loop:
    """Runs tasks. One thread; `from_thread` is what other threads may call."""

    def __init__(self) -> None:
        self.poller: Any = EpollPoller() if hasattr(select, "epoll") else SelectPoller()
        self.scratch = bytearray(1 << 16)
        self.before_wait: Callable[[], None] = lambda: None
        self.current: Task | None = None
        self._ready: collections.deque[tuple[Task, int, bool]] = collections.deque()
        self._waiting: dict[int, Task] = {}
        self._timers: list[tuple[float, int, Task, int]] = []
        self._timers_most = 1000
        self._order = itertools.count()
        self._calls: collections.deque[tuple[Callable[..., None], tuple[Any, ...]]] = collections.deque()
        self._jobs: collections.deque[Callable[[], None]] = collections.deque()
        self._threads = 0
        self._bell, self._ring = socket.socketpair()
        self._bell.setblocking(False)
        self._ring.setblocking(False)

    def spawn(self, coroutine: Coroutine[Wait, Any, None]) -> Task:
        task = Task(coroutine)
        self._ready.append((task, 0, True))
        return task

    def wake(self, task: Task, ticket: int) -> None:
        self._ready.append((task, ticket, True))

    def cancel(self, task: Task) -> None:
        """End a task that waits; its `finally` blocks run."""
        if self._waiting.get(task.fd) is task:
            del self._waiting[task.fd]
            self.poller.forget(task.fd)
        task.ticket += 1
        task.coroutine.close()

    def from_thread(self, call: Callable[..., None], *arguments: Any) -> None:
        self._calls.append((call, arguments))
        with contextlib.suppress(OSError):  # It is full: it rings already.
            self._ring.send(b"!")

    async def in_thread(self, work: Callable[[], Any], until: float) -> Any:
        """The result of blocking work. TimeoutError when it takes longer; the thread is then left to itself."""
        promise = Promise(self)

        def job() -> None:
            try:
                value, problem = work(), None
            except Exception as error:
                value, problem = None, error
            self.from_thread(promise.keep, (value, problem))

        self._jobs.append(job)
        if self._threads < MOST_THREADS:
            self._threads += 1
            threading.Thread(target=self._work, daemon=True).start()
        if not await promise.wait(until):
            raise TimeoutError
        value, problem = promise.value
        if problem is not None:
            raise problem
        return value

    def _work(self) -> None:
        while True:
            try:
                job = self._jobs.popleft()
            except IndexError:
                break
            job()
        self.from_thread(self._thread_ended)

    def _thread_ended(self) -> None:
        self._threads -= 1
        if self._jobs:
            self._threads += 1
            threading.Thread(target=self._work, daemon=True).start()

    def run(self) -> None:
        self.poller.watch(self._bell.fileno(), False)
        while True:
            while self._ready:
                task, ticket, value = self._ready.popleft()
                if task.ticket == ticket:
                    self._step(task, value)
            self.before_wait()
            if self._ready:
                continue
            timeout = max(0.0, self._timers[0][0] - now()) if self._timers else 3600.0
            for fd in self.poller.wait(timeout):
                if fd == self._bell.fileno():
                    self._answer_bell()
                else:
                    waiting = self._waiting.pop(fd, None)
                    if waiting is not None:
                        self._step(waiting, True)
            moment = now()
            while self._timers and self._timers[0][0] <= moment:
                _, _, task, ticket = heapq.heappop(self._timers)
                if task.ticket == ticket:
                    if self._waiting.get(task.fd) is task:
                        del self._waiting[task.fd]
                        self.poller.forget(task.fd)
                    self._step(task, False)

    def _step(self, task: Task, value: bool) -> None:
        started, self.current, task.fd = task.ticket > 0, task, -1
        task.ticket += 1
        try:
            fd, write, until = task.coroutine.send(value if started else None)
        except StopIteration:
            return
        except Exception as error:  # One task's fault must not end the others.
            complain(f"{type(error).__name__}: {error}")
            return
        if fd >= 0:
            task.fd = fd
            self._waiting[fd] = task
            self.poller.watch(fd, write)
        if until is not None:
            heapq.heappush(self._timers, (until, next(self._order), task, task.ticket))
            if len(self._timers) > self._timers_most:
                self._timers = [one for one in self._timers if one[2].ticket == one[3]]
                heapq.heapify(self._timers)
                self._timers_most = max(1000, 2 * len(self._timers))

    def _answer_bell(self) -> None:
        try:
            while self._bell.recv(4096):
                pass
        except OSError:
            pass  # It is empty.
        self.poller.watch(self._bell.fileno(), False)
        while self._calls:
            call, arguments = self._calls.popleft()
            call(*arguments)


@types.coroutine
def _pause(wait: Wait) -> Generator[Wait, bool, bool]:
    return (yield wait)


def readable(sock: socket.socket, until: float | None = None) -> Awaitable[bool]:
    return _pause((sock.fileno(), False, until))


def writable(sock: socket.socket, until: float | None = None) -> Awaitable[bool]:
    return _pause((sock.fileno(), True, until))


def sleep(until: float) -> Awaitable[bool]:
    return _pause((-1, False, until))


class Promise:
    """A value that one task waits for and that the loop, or a thread through `from_thread`, brings."""

    def __init__(self, loop: Loop) -> None:
        self._loop, self._task, self._ticket = loop, None, 0  # type: Loop, Task | None, int
        self.kept, self.value = False, None  # type: bool, Any

    def keep(self, value: Any = None) -> None:
        if not self.kept:
            self.kept, self.value = True, value
            if self._task is not None:
                self._loop.wake(self._task, self._ticket)

    async def wait(self, until: float | None = None) -> bool:
        if not self.kept:
            task = self._loop.current
            assert task is not None
            self._task, self._ticket = task, task.ticket
            await _pause((-1, False, until))
        return self.kept


def complain(text: str) -> None:
    """A line on stderr, past Python's buffer: a signal's handler may not enter that while it is written to."""
    os.write(2, f"podwire agent: {text}\n".encode("utf-8", "backslashreplace"))


# --------------------------------------------------------------------------------------------- addresses and errors

KINDS = {
    "timeout": (errno.ETIMEDOUT, 10060),
    "refused": (errno.ECONNREFUSED, 10061),
    "reset": (errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, 10054, 10053),
    # An ICMPv6 "administratively prohibited" arrives as EACCES on Linux.
    "unreachable": (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, 10065, 10051, 10064, 10050),
    "not-found": (11001, 11004),
}
KIND_OF = {number: kind for kind, numbers in KINDS.items() for number in numbers}
KIND_OF.update({getattr(errno, name): "unreachable" for name in ("EHOSTDOWN", "ENETDOWN") if hasattr(errno, name)})
IN_PROGRESS = (errno.EINPROGRESS, errno.EWOULDBLOCK, 10035, 10036)


class Failure(Exception):
    """Where and how an attempt ended without an answer."""

    def __init__(self, stage: str, kind: str, number: int | None = None, text: str = "") -> None:
        super().__init__(text)
        self.facts = {"stage": stage, "kind": kind, "number": number, "text": text}

    @classmethod
    def of(cls, stage: str, error: OSError, udp: bool = False) -> Failure:
        number = error.errno
        kind = KIND_OF.get(number or 0, "other")
        if udp and kind == "reset":
            kind = "refused"  # Windows: WSAECONNRESET on a UDP socket is an ICMP port unreachable.
        return cls(stage, kind, number, error.strerror or str(error))


def wanted(params: Parameters, name: str, kind: Callable[[Any], Any] = str) -> Any:
    if name not in params:
        raise ValueError(f"parameter {name!r} is missing")
    try:
        return kind(params[name])
    except (TypeError, ValueError):
        raise ValueError(f"parameter {name!r}: {params[name]!r} is not {kind.__name__}") from None


def family_of(params: Parameters) -> int:
    number = int(params.get("family") or 0)
    if number not in (0, 4, 6):
        raise ValueError(f"parameter 'family': {params['family']!r} is not 4, 6 or 0")
    return {0: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}[number]


async def locate(loop: Loop, params: Parameters, port: int, attempt: Parameters, until: float) -> tuple[int, Any]:
    """The family and socket address of the target; names go through the system's resolver, as a program's would."""
    host, family = wanted(params, "host"), family_of(params)
    if params.get("resolve"):
        attempt["resolved"], _ = await look_up(loop, host, family, until)
        host = attempt["resolved"][0]
    return numeric(host, port, family, "resolve")


def numeric(host: str, port: int, family: int, stage: str) -> tuple[int, Any]:
    """The family and socket address of an address in figures; nothing is asked for it."""
    try:
        found = socket.getaddrinfo(host, port, family, socket.SOCK_DGRAM, 0, socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        which = "" if family == socket.AF_UNSPEC else "v6" if family == socket.AF_INET6 else "v4"
        raise Failure(stage, "other", None, f"{host} is not an IP{which} address") from None
    return found[0][0], found[0][4]


def local_address(family: int, target: Any) -> str | None:
    """The address that the system sends from to reach a target; nothing is sent for it."""
    probe = socket.socket(family, socket.SOCK_DGRAM)
    try:
        probe.connect((target[0], target[1] or 9, *target[2:]))
        return str(probe.getsockname()[0])
    except OSError:
        return None  # No route: the attempt itself will say so.
    finally:
        probe.close()


def tell_icmp_errors(sock: socket.socket) -> None:
    """Linux: ICMP errors of an unconnected socket become errors of its next call (IP_RECVERR 11, IPV6_RECVERR 25)."""
    if sys.platform == "linux":
        level, option = (socket.IPPROTO_IPV6, 25) if sock.family == socket.AF_INET6 else (socket.IPPROTO_IP, 11)
        sock.setsockopt(level, option, 1)


def name_of(sock: socket.socket) -> list[Any] | None:
    """A socket's own address and port, if it has one yet."""
    try:
        name = sock.getsockname()
    except OSError:
        return None
    return [name[0], name[1]] if name[1] else None


# ------------------------------------------------------------------------------------------------------ echo server
# A question is `TOKEN SIZE\n`, padded to SIZE bytes by repeating the token, so that every segment and fragment carries
# it. The answer is one line of JSON. A datagram that is no question gets no answer: two echo servers cannot be made to
# talk to each other for ever. The server closes a TCP connection first: TIME_WAIT, which would block the client's
# port for the next attempt, stays here.

ANYWHERE: dict[int, str] = {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::"}
QUESTION = re.compile(rb"([A-Za-z0-9._-]{1,64}) ([0-9]{1,9})\n")
MOST_TCP = 64 << 20
MOST_CONNECTIONS = 8192
IDLE = 15.0


def question(token: str, size: int) -> bytes:
    """`size` bytes, or as many as the question's first line needs."""
    word = token.encode() + b" "
    head = word + b"%d\n" % size
    while len(head) > size:
        size = len(head)
        head = word + b"%d\n" % size
    return (head + word * ((size - len(head)) // len(word) + 1))[:size]


def echo(token: str, identity: str, peer: Any, own: Any, **more: Any) -> Parameters:
    return {
        "token": token, "identity": identity, "source": peer[0], "source_port": peer[1],
        "destination": own[0], "destination_port": own[1], **more,
    }  # fmt: skip


def compact(tree: Any) -> bytes:
    return json.dumps(tree, separators=(",", ":")).encode()


def datagram_answer(data: bytes, identity: str, peer: Any, own: Any) -> bytes:
    """The answer to a datagram, never longer than it; empty when it is no question or too short for any answer."""
    match, length = QUESTION.match(data), len(data)
    if match is None:
        return b""
    facts = echo(match.group(1).decode(), identity, peer, own, received=length)
    for least in (("destination", "destination_port"), ("received",)):
        if len(compact(facts)) <= length:
            break
        for name in least:
            del facts[name]
    answer = compact(facts)
    return answer if len(answer) <= length else b""


def no_such_name(query: bytes) -> bytes:
    """NXDOMAIN to a DNS query (RFC 1035, section 4.1), with its question and no more; empty when it is no query."""
    if len(query) < 12:
        return b""
    number, flags, questions = struct.unpack_from("!HHH", query)
    at = 12
    while at < len(query) and 0 < query[at] < 64:  # A label; more would be a pointer, which a question does not need.
        at += query[at] + 1
    end = at + 5  # the root's label, type, class
    if flags & 0xF800 or questions != 1 or end > len(query) or query[at]:
        return b""
    return struct.pack("!HHHHHH", number, 0x8083 | flags & 0x0100, 1, 0, 0, 0) + query[12:end]  # QR, RA, NXDOMAIN; RD


class EchoServer:
    """Answers who it is and what it saw, or on a port for names that there is no such one, and nothing else."""

    def __init__(self, loop: Loop, identity: str) -> None:
        self._loop, self._identity = loop, identity
        self._connections: dict[Task, None] = {}
        self._most = min(MOST_CONNECTIONS, raise_descriptor_limit() - 64)

    def listen(self, port: int) -> None:
        """Echo over TCP, UDP, and SCTP where the system has it."""
        self.listen_tcp(port)
        self._listen_udp(port, lambda data, peer, own: datagram_answer(data, self._identity, peer, own))
        try:
            socket.socket(socket.AF_INET, socket.SOCK_STREAM, SCTP).close()
        except OSError:
            return
        self.listen_tcp(port, SCTP)

    def listen_dns(self, port: int) -> None:
        self.listen_tcp(port, names=True)
        self._listen_udp(port, lambda query, peer, own: no_such_name(query))

    def listen_tcp(self, port: int, protocol: int = 0, names: bool = False) -> None:
        for family, host in self._families():
            sock = socket.socket(family, socket.SOCK_STREAM, protocol)
            if not WINDOWS:  # There it would let another program take the port over.
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._bind(sock, (host, port))
            sock.listen(4096)
            self._loop.spawn(self._accept(sock, self._names if names else self._answer))

    def _listen_udp(self, port: int, answer_to: Answer) -> None:
        """One socket a family that learns the reached address of each datagram. On Windows, whose Python has no
        recvmsg, one for each address, so that the answer leaves from it, and one for addresses that come later."""
        for family, anywhere in self._families():
            known = own_addresses() if WINDOWS else []
            for host in [*(a for a in known if (":" in a) == (family == socket.AF_INET6)), anywhere]:
                sock = socket.socket(family, socket.SOCK_DGRAM)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
                try:
                    self._bind(sock, (host, port))
                except ValueError as problem:
                    if not known:
                        raise
                    complain(f"{problem}; going on without it")
                    continue
                way = self._datagrams_by_address if WINDOWS else self._datagrams
                self._loop.spawn(way(sock, answer_to))

    @staticmethod
    def _families() -> list[tuple[int, str]]:
        try:
            socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close()
        except OSError:
            return [(socket.AF_INET, "0.0.0.0")]
        return [(socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")]

    @staticmethod
    def _bind(sock: socket.socket, address: tuple[str, int]) -> None:
        sock.setblocking(False)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            sock.bind(address)
        except OSError as error:
            sock.close()
            raise ValueError(f"cannot listen on {address[0]} port {address[1]}: {error}") from None

    async def _datagrams(self, sock: socket.socket, answer_to: Answer) -> None:
        v6 = sock.family == socket.AF_INET6
        level, kind = (socket.IPPROTO_IPV6, 50) if v6 else (socket.IPPROTO_IP, 8)  # IPV6_PKTINFO, IP_PKTINFO
        sock.setsockopt(level, 49 if v6 else 8, 1)  # IPV6_RECVPKTINFO, IP_PKTINFO
        port = sock.getsockname()[1]
        while True:
            await readable(sock)
            for _ in range(64):  # Then others get their turn.
                try:
                    length, control, _, peer = sock.recvmsg_into([self._loop.scratch], 128)
                except OSError:
                    break  # Nothing left, or the error of an answer that nobody took.
                info = next((data for at, what, data in control if (at, what) == (level, kind)), b"")
                own = socket.inet_ntop(sock.family, info[:16] if v6 else info[8:12]) if info else ""
                answer = answer_to(bytes(self._loop.scratch[:length]), peer, (own, port))
                if not answer:
                    continue
                if v6:
                    link = own.startswith("fe80")
                    info = info[:16] + (info[16:20] if link else bytes(4))
                elif info:
                    info = bytes(4) + info[4:8] + bytes(4)  # ipi_spec_dst: send from the address that was reached
                with contextlib.suppress(OSError):  # The way back is closed: the client sees no answer, the truth.
                    sock.sendmsg([answer], [(level, kind, info)] if info else [], 0, peer)

    async def _datagrams_by_address(self, sock: socket.socket, answer_to: Answer) -> None:
        own = sock.getsockname()
        own = ("" if own[0] in ("0.0.0.0", "::") else own[0], own[1])
        while True:
            await readable(sock)
            try:
                length, peer = sock.recvfrom_into(self._loop.scratch)
                answer = answer_to(bytes(self._loop.scratch[:length]), peer, own)
                if answer:
                    sock.sendto(answer, peer)
            except OSError:
                pass  # Windows reports the ICMP error of an earlier answer here.

    async def _accept(self, listener: socket.socket, way: Talk) -> None:
        while True:
            await readable(listener)
            for _ in range(64):
                try:
                    sock, peer = listener.accept()
                except BlockingIOError:
                    break
                except OSError as error:
                    if error.errno in (errno.EMFILE, errno.ENFILE, 10024):
                        self._drop_oldest()
                    break
                if len(self._connections) >= self._most:
                    self._drop_oldest()
                sock.setblocking(False)
                self._connections[self._loop.spawn(self._connection(sock, peer, way))] = None

    def _drop_oldest(self) -> None:
        """Clients that hang make place for those that talk."""
        for task in self._connections:
            self._loop.cancel(task)
            self._connections.pop(task, None)
            return

    async def _connection(self, sock: socket.socket, peer: Any, way: Talk) -> None:
        task = self._loop.current
        try:
            send_at_once(sock)
            answer = await way(sock, peer)
            if answer:
                await send_all(sock, answer, now() + IDLE)
                sock.shutdown(socket.SHUT_WR)
                until = now() + IDLE
                while await readable(sock, until) and sock.recv_into(self._loop.scratch):
                    pass  # The client's end comes after ours.
        except (OSError, Failure):
            pass  # The client went away; its own side tells why.
        finally:
            sock.close()
            if task is not None:
                self._connections.pop(task, None)

    async def _answer(self, sock: socket.socket, peer: Any) -> bytes:
        head, crc, received = b"", 0, 0
        while b"\n" not in head and len(head) < 4096:
            if not await readable(sock, now() + IDLE):
                return b""
            data = sock.recv(1 << 16)
            if not data:
                break
            head += data
        if not head:
            return b""
        if head.startswith((b"GET ", b"HEAD ")):
            return await self._http(sock, peer, head)
        crc, received = binascii.crc32(head), len(head)
        match = QUESTION.match(head)
        size = min(int(match.group(2)), MOST_TCP) if match else 0
        while received < size and await readable(sock, now() + IDLE):
            count = sock.recv_into(self._loop.scratch)
            if not count:
                break
            crc = binascii.crc32(memoryview(self._loop.scratch)[:count], crc)
            received += count
        token = match.group(1).decode() if match else ""
        facts = echo(token, self._identity, peer, sock.getsockname(), received=received, crc32=crc)
        return compact(facts) + b"\n"

    async def _names(self, sock: socket.socket, peer: Any) -> bytes:
        """Queries until the client ends, each after its length (RFC 1035, section 4.2.2); what is none ends it."""
        data = b""
        while await readable(sock, now() + IDLE):
            piece = sock.recv(1 << 16)
            if not piece:
                break
            data += piece
            while len(data) >= 2 and len(data) >= 2 + int.from_bytes(data[:2], "big"):
                end = 2 + int.from_bytes(data[:2], "big")
                answer, data = no_such_name(data[2:end]), data[end:]
                if not answer:
                    return b""
                await send_all(sock, len(answer).to_bytes(2, "big") + answer, now() + IDLE)
        return b""

    async def _http(self, sock: socket.socket, peer: Any, head: bytes) -> bytes:
        while b"\r\n\r\n" not in head and b"\n\n" not in head and len(head) < 1 << 16:
            if not await readable(sock, now() + IDLE):
                return b""
            data = sock.recv(1 << 16)
            if not data:
                break
            head += data
        path = head.split(b" ", 2)[1].split(b"?")[0].rsplit(b"/", 1)[-1]
        token = path.decode() if re.fullmatch(rb"[A-Za-z0-9._-]{1,64}", path) else ""
        body = compact(echo(token, self._identity, peer, sock.getsockname(), received=len(head))) + b"\n"
        lines = (
            "HTTP/1.1 200 OK",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            "Connection: close",
        )
        start = ("\r\n".join(lines) + "\r\n\r\n").encode()
        return start if head.startswith(b"HEAD ") else start + body


def raise_descriptor_limit() -> int:
    try:
        import resource
    except ImportError:
        return 1 << 14
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    aim = min(hard, 1 << 16) if hard != resource.RLIM_INFINITY else 1 << 16
    if soft < aim:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (aim, hard))
        except (OSError, ValueError):
            return soft
    return max(soft, aim)


# -------------------------------------------------------------------------------------------------- client exchange

SCTP = 132  # IPPROTO_SCTP
NO_SUCH_PROTOCOL = (errno.EPROTONOSUPPORT, 10041, 10043, 10044)  # Windows: for protocol, type, or both of them
LEAST_DATAGRAM = 320  # Room for an answer with two long IPv6 addresses and a long identity.
RESEND = 1.0
LINGER = 0.5  # Seconds that the server has to close after a complete answer.


def begun(token: str) -> Parameters:
    """An attempt of which nothing is known yet."""
    return {
        "token": token, "started": time.time(), "elapsed": 0.0, "local": None, "peer": None,
        "resolved": [], "reply": None, "error": None, "sent": 0, "received": 0,
    }  # fmt: skip


class Trial:
    """An attempt under way: what was asked for, until when, and what is known of it so far."""

    def __init__(self, loop: Loop, params: Parameters) -> None:
        self.loop, self.params = loop, params
        self.token, self.until = wanted(params, "token"), now() + wanted(params, "timeout", float)
        self.size = int(params.get("size") or 0)
        self.family, self.target = 0, ("", 0)  # type: int, Any
        self.attempt = begun(self.token)

    async def run(self, port: int, way: Callable[[Trial], Awaitable[None]]) -> Parameters:
        """Find the target, go the way to it, and say what came of it."""
        began = time.perf_counter()
        try:
            self.family, self.target = await locate(self.loop, self.params, port, self.attempt, self.until)
            await way(self)
        except Failure as failure:
            self.attempt["error"] = failure.facts
        self.attempt["elapsed"] = time.perf_counter() - began
        return self.attempt

    def socket(self, kind: int, protocol: int = 0) -> socket.socket:
        port, preferred = (int(self.params.get(name) or 0) for name in ("source_port", "preferred_port"))
        own = str(self.params.get("bind_address") or "")
        address = numeric(own, 0, self.family, "bind")[1] if own else (ANYWHERE[self.family], 0)
        try:
            sock = socket.socket(self.family, kind, protocol)
            try:
                sock.setblocking(False)
                if port and not WINDOWS:  # The port may still be in TIME_WAIT after the attempt before.
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if port:
                    sock.bind((address[0], port, *address[2:]))
                elif preferred:
                    with contextlib.suppress(OSError):  # It is taken; the attempt's `local` says which port it became.
                        sock.bind((address[0], preferred, *address[2:]))
                if own and not name_of(sock):
                    sock.bind(address)
            except OSError:
                sock.close()
                raise
        except OSError as error:
            if protocol == SCTP and error.errno in NO_SUCH_PROTOCOL:
                raise Failure("bind", "unsupported", error.errno, "SCTP is not supported here") from None
            raise Failure.of("bind", error) from None
        return sock

    def answered(self, answer: Parameters) -> None:
        empty = {"identity": "", "source": "", "source_port": 0, "destination": "", "destination_port": None}
        self.attempt["reply"] = {name: answer.get(name, value) for name, value in empty.items()}


async def exchange(loop: Loop, params: Parameters) -> Parameters:
    """One request and its answer over TCP, UDP, SCTP, HTTP or in a tunnel. `sent` and `received` count bytes, for UDP
    and tunnels datagrams."""
    proto = wanted(params, "proto")
    if proto not in WAYS:
        raise ValueError(f"parameter 'proto': {proto!r} is not tcp, udp, sctp, http or tunnel")
    return await Trial(loop, params).run(wanted(params, "port", int), WAYS[proto])


async def over_udp(trial: Trial) -> None:
    """A datagram, sent again every second. The socket stays unconnected: an answer from another address than the one
    asked is seen and named, though no program would take it."""
    data = question(trial.token, max(trial.size, LEAST_DATAGRAM))
    with trial.socket(socket.SOCK_DGRAM) as sock:
        own = None if trial.params.get("bind_address") else local_address(trial.family, trial.target)
        tell_icmp_errors(sock)

        def send() -> None:
            send_datagram(sock, data, trial.target)
            trial.attempt["local"] = [own or sock.getsockname()[0], sock.getsockname()[1]]

        await datagrams(trial, sock, data, send)


async def datagrams(trial: Trial, sock: socket.socket, data: bytes, send: Callable[[], None]) -> None:
    """Send a question every second until its answer comes to the socket."""
    attempt, scratch, stray = trial.attempt, trial.loop.scratch, ""
    again = now()
    while True:
        if now() >= again:
            send()
            attempt["sent"] += 1
            again += RESEND
        if not await readable(sock, min(trial.until, again)):
            if now() < trial.until:
                continue
            text = stray or f"no answer to {attempt['sent']} datagrams"
            raise Failure("receive", "other" if stray else "timeout", None, text)
        try:
            length, peer = sock.recvfrom_into(scratch)
        except BlockingIOError:
            continue
        except OSError as error:
            if error.errno == errno.EMSGSIZE:
                continue  # The path's MTU became known: the next datagram goes in fragments.
            raise Failure.of("receive", error, udp=True) from None
        attempt["received"] += 1
        attempt["peer"] = [peer[0], peer[1]]
        answer = parsed(bytes(scratch[:length]))
        if peer[:2] != trial.target[:2]:
            stray = f"the answer came from {peer[0]} port {peer[1]}"
        elif answer.get("token") != trial.token:
            stray = f"an answer that is not podwire's: {bytes(scratch[: min(length, 60)])!r}"
        elif answer.get("received", len(data)) != len(data):
            stray = f"the server got {answer['received']} of {len(data)} bytes"
        else:
            trial.answered(answer)
            return


def send_datagram(sock: socket.socket, data: bytes, target: Any) -> None:
    try:
        sock.sendto(data, target)
    except BlockingIOError:
        return  # The sender's own buffer is full: like a lost datagram, it is sent again.
    except OSError as error:
        raise Failure.of("send", error, udp=True) from None


async def over_tcp(trial: Trial) -> None:
    await over_stream(trial, 0)


async def over_sctp(trial: Trial) -> None:
    """By a one-to-one socket (RFC 6458, section 4), which is used as one of TCP is; Windows has none."""
    await over_stream(trial, SCTP)


async def over_stream(trial: Trial, protocol: int) -> None:
    """Connect, send, read to the server's end. The server's digest shows whether everything arrived as it was sent."""
    data, received = question(trial.token, trial.size), bytearray()
    with trial.socket(socket.SOCK_STREAM, protocol) as sock:
        await connect(trial, sock)
        await send_all(sock, data, trial.until)
        trial.attempt["sent"] = len(data)
        while len(received) < MOST_ANSWER:
            piece = await receive(trial, sock, complete=received.endswith(b"\n"))
            if not piece:
                break
            received += piece
    trial.attempt["received"] = len(received)
    answer = parsed(bytes(received))
    if answer.get("token") != trial.token:
        raise Failure("receive", "other", None, strange(received))
    if answer.get("crc32") != binascii.crc32(data):
        got = answer.get("received")
        text = f"the server got {got} of {len(data)} bytes" if got != len(data) else "the server got other bytes"
        raise Failure("receive", "other", None, text)
    trial.answered(answer)


async def over_http(trial: Trial) -> None:
    """GET /TOKEN, or the `path` that is asked for. Any server's well-formed answer counts; one that is not podwire's
    has no identity, and the beginning of its body is told."""
    host, path = wanted(trial.params, "host"), str(trial.params.get("path") or f"/{trial.token}")
    if not re.fullmatch(r"/[!-~]*", path):
        raise ValueError(f"parameter 'path': {path!r} is not a path")
    start = f"GET {path} HTTP/1.1\r\nHost: {f'[{host}]' if ':' in host else host}\r\nUser-Agent: podwire\r\n"
    end = "Connection: close\r\n\r\n"
    padding = trial.size - len(start) - len(end) - len("X-Padding: \r\n")
    data = (start + (f"X-Padding: {'x' * padding}\r\n" if padding > 0 else "") + end).encode()
    received, whole, head, split, body = bytearray(), False, b"", b"", b""
    with trial.socket(socket.SOCK_STREAM) as sock:
        await connect(trial, sock)
        await send_all(sock, data, trial.until)
        trial.attempt["sent"] = len(data)
        while len(received) < MOST_ANSWER:
            piece = await receive(trial, sock, complete=whole)
            if not piece:
                break
            received += piece
            head, split, body = bytes(received).partition(b"\r\n\r\n")
            length = re.search(rb"(?i)\r\ncontent-length: *([0-9]+)", head)
            whole = bool(split) and length is not None and len(body) >= int(length.group(1))
    trial.attempt["received"] = len(received)
    status = re.match(rb"HTTP/1\.[01] ([0-9]{3})", head)
    if status is None or not split:
        raise Failure("receive", "other", None, strange(received))
    answer, trial.attempt["status"] = parsed(body), int(status.group(1))
    if answer.get("token") != trial.token:
        answer, trial.attempt["body"] = {}, body[:MOST_BODY].decode("utf-8", "replace")
    trial.answered(answer)


async def over_tunnel(trial: Trial) -> None:
    """A datagram in a tunnel packet that this program made. What the node's own tunnel makes of a first datagram is
    read off its interfaces, and given a new question, a source port of this attempt and, for `vni` `other`, another
    virtual network; an ordinary socket sends it. For `no` the packet goes to the same machine without its tunnel. The
    answer comes as any answer to the node does."""
    vni = wanted(trial.params, "vni")
    if vni not in ("own", "other", "no"):
        raise ValueError(f"parameter 'vni': {vni!r} is not own, other or no")
    data = question(trial.token, max(trial.size, LEAST_DATAGRAM))
    first = question(trial.token[:2] + trial.token[:1:-1], len(data))
    with trial.socket(socket.SOCK_DGRAM) as sock:
        if not sock.getsockname()[1]:
            sock.bind((ANYWHERE[trial.family], 0))
        trial.attempt["local"] = [local_address(trial.family, trial.target), sock.getsockname()[1]]
        outer, packet, link = await seen_in_tunnel(trial, first)
        made = repacked(packet, first, data, sock.getsockname()[1], vni == "other", trial.family == socket.AF_INET6)
        if vni == "no":
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as bare:
                await datagrams(
                    trial, sock, data, lambda: send_datagram(bare, untunnelled(made, link[1]), (link[0], 0))
                )
            return
        with socket.socket(socket.AF_INET6 if ":" in outer[0] else socket.AF_INET, socket.SOCK_DGRAM) as tunnel:
            await datagrams(trial, sock, data, lambda: send_datagram(tunnel, made, outer))


async def seen_in_tunnel(trial: Trial, data: bytes) -> tuple[tuple[str, int], bytes, tuple[str, bytes]]:
    """Send a datagram and read off the node's interfaces where its tunnel sends what, header and inner frame, and by
    which interface from which MAC to which."""
    try:
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))  # ETH_P_ALL
    except AttributeError:
        raise Failure("bind", "unsupported", None, "packets cannot be read here") from None
    except OSError as error:
        raise Failure.of("bind", error) from None
    scratch, again = trial.loop.scratch, now()
    with tap, socket.socket(trial.family, socket.SOCK_DGRAM) as sock:
        tap.setblocking(False)
        while now() < trial.until:
            if now() >= again:
                send_datagram(sock, data, trial.target)
                again += RESEND
            if not await readable(tap, min(trial.until, again)):
                continue
            with contextlib.suppress(OSError):
                while True:
                    length, link = tap.recvfrom_into(scratch)
                    frame = bytes(scratch[:length])
                    found = tunnelled(frame, data, trial.target[0])
                    if found is not None:
                        return (*found, (link[0], frame[:12]))
    raise Failure("send", "other", None, "no packet to the target was seen in a tunnel")


def tunnelled(frame: bytes, data: bytes, target: str) -> tuple[tuple[str, int], bytes] | None:
    """Where an Ethernet frame takes what in a UDP datagram, if it has these data in it and goes elsewhere itself."""
    if data not in frame:
        return None
    if frame[12:14] == b"\x08\0" and frame[23] == socket.IPPROTO_UDP:
        start, outer = 14 + (frame[14] & 15) * 4, socket.inet_ntop(socket.AF_INET, frame[30:34])
    elif frame[12:14] == b"\x86\xdd" and frame[20] == socket.IPPROTO_UDP:
        start, outer = 54, socket.inet_ntop(socket.AF_INET6, frame[38:54])
    else:
        return None
    port, length = struct.unpack("!HH", frame[start + 2 : start + 6])
    return None if outer == target else ((outer, port), frame[start + 8 : start + length])


def repacked(packet: bytes, old: bytes, new: bytes, port: int, other: bool, v6: bool) -> bytes:
    """A tunnel packet with other data of the same length in its UDP datagram, and another source port. The VNI is at
    the same place of VXLAN's header and Geneve's (RFC 7348, RFC 8926); its highest bit makes it another one."""
    start = packet.index(old) - 8
    head, target_port = bytearray(packet[:start]), packet[start + 2 : start + 4]
    if other:
        head[4] ^= 0x80
    datagram = struct.pack("!H", port) + target_port + struct.pack("!HH", 8 + len(new), 0) + new
    addresses = bytes(head[-32:] if v6 else head[-8:])
    sum_ = checksum(addresses + struct.pack("!HH", socket.IPPROTO_UDP, len(datagram)) + datagram) or 0xFFFF
    return bytes(head) + datagram[:6] + struct.pack("!H", sum_) + datagram[8:]


def untunnelled(packet: bytes, macs: bytes) -> bytes:
    """What a VXLAN packet carries as a frame between other MACs: without VXLAN's header and the inner MACs."""
    return macs + packet[8 + 12 :]


def checksum(data: bytes) -> int:
    """RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


WAYS = {"udp": over_udp, "tcp": over_tcp, "sctp": over_sctp, "http": over_http, "tunnel": over_tunnel}
MOST_ANSWER = 1 << 16
MOST_BODY = 256


def strange(received: bytearray) -> str:
    return f"an answer that is not podwire's: {bytes(received[:60])!r}" if received else "closed without an answer"


def parsed(data: bytes) -> Parameters:
    try:
        tree = json.loads(data)
    except ValueError:
        return {}
    return tree if isinstance(tree, dict) else {}


async def connect(trial: Trial, sock: socket.socket) -> None:
    send_at_once(sock)
    number = sock.connect_ex(trial.target)
    trial.attempt["local"] = name_of(sock)
    if number in IN_PROGRESS:
        if not await writable(sock, trial.until):
            raise Failure("connect", "timeout", None, "no connection in time")
        number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if number:
        text = f"Winsock error {number}" if WINDOWS else os.strerror(number)
        raise Failure.of("connect", OSError(number, text))
    trial.attempt["local"] = name_of(sock)
    trial.attempt["peer"] = [trial.target[0], trial.target[1]]


def send_at_once(sock: socket.socket) -> None:
    """TCP_NODELAY; SCTP bundles only what waits for an acknowledgement anyway."""
    if sock.proto != SCTP:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


async def send_all(sock: socket.socket, data: bytes, until: float) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[sock.send(view) :]
        except BlockingIOError:
            if not await writable(sock, until):
                raise Failure("send", "timeout", None, f"{len(view)} bytes were not taken") from None
        except OSError as error:
            raise Failure.of("send", error) from None


async def receive(trial: Trial, sock: socket.socket, complete: bool) -> bytes:
    """The next bytes, none at the end. Once the answer is complete, how the connection ends does not matter."""
    scratch = trial.loop.scratch
    until = min(trial.until, now() + LINGER) if complete else trial.until
    while True:
        if not await readable(sock, until):
            if complete:
                return b""
            raise Failure("receive", "timeout", None, "connected, no answer in time")
        try:
            return bytes(scratch[: sock.recv_into(scratch)])
        except BlockingIOError:
            continue
        except OSError as error:
            if complete:
                return b""
            raise Failure.of("receive", error) from None


async def burst(loop: Loop, params: Parameters) -> Parameters:
    """Several exchanges at once."""
    several = wanted(params, "exchanges", list)
    return {"attempts": await together(loop, [exchange(loop, dict(one)) for one in several])}


async def sequence(loop: Loop, params: Parameters) -> Parameters:
    """Exchanges one after the other, `at_once` of them in flight; the time-out of each counts from its own start."""
    several, most = wanted(params, "exchanges", list), at_once(params)
    return {"attempts": await together(loop, [exchange(loop, dict(one)) for one in several], most)}


def at_once(params: Parameters) -> int:
    most: int = wanted(params, "at_once", int)
    if most < 1:
        raise ValueError(f"parameter 'at_once': {most} is not 1 or more")
    return most


async def together(loop: Loop, coroutines: list[Coroutine[Wait, Any, Any]], most: int = 0) -> list[Any]:
    """Run them all, `most` at once (0: all), and wait for all; the first problem of any is raised then."""
    results: list[Any] = [None] * len(coroutines)
    problems: list[Exception] = []
    to_do = collections.deque(enumerate(coroutines))
    left, done = min(most or len(to_do), len(to_do)), Promise(loop)

    async def work() -> None:
        nonlocal left
        while to_do:
            at, coroutine = to_do.popleft()
            try:
                results[at] = await coroutine
            except Exception as error:
                problems.append(error)
        left -= 1
        if not left:
            done.keep()

    for _ in range(left):
        loop.spawn(work())
    if coroutines:
        await done.wait()
    if problems:
        raise problems[0]
    return results


async def beacon(loop: Loop, params: Parameters) -> Parameters:
    """Datagrams that a capture must see. They are no questions: nobody answers them."""
    family, target = await locate(loop, params, wanted(params, "port", int), {}, now() + 5.0)
    data = wanted(params, "token").encode() + b" beacon\n"
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        for _ in range(int(params.get("count", 1))):
            sock.sendto(data, target)
    return {}


# ------------------------------------------------------------------------------------------------------------- ping


async def ping(loop: Loop, params: Parameters) -> Parameters:
    """ICMP echo, up to `count` requests until one is answered. `sent` and `received` count packets."""
    return await Trial(loop, params).run(0, over_icmp)


async def over_icmp(trial: Trial) -> None:
    address, attempt = local_address(trial.family, trial.target), trial.attempt
    attempt["local"] = [address, 0] if address else None
    word = trial.token.encode() + b" "
    size, count = max(trial.size, len(word)), max(1, int(trial.params.get("count") or 3))
    payload, step = (word * (size // len(word) + 1))[:size], min(1.0, (trial.until - now()) / count)
    echoes: Any = WindowsEchoes(trial, payload) if WINDOWS else SocketEchoes(trial, payload)
    with echoes:
        for sequence in range(count):
            attempt["sent"] += 1
            until = trial.until if sequence == count - 1 else min(trial.until, now() + step)
            if await echoes.answered(sequence, until):
                attempt["received"] += 1
                attempt["peer"] = [trial.target[0], 0]
                trial.answered({"source": address or "", "destination": trial.target[0]})
                return
    raise Failure("receive", "timeout", None, f"no answer to {attempt['sent']} echo requests")


class SocketEchoes:
    """Echo requests by a raw socket (CAP_NET_RAW), else a datagram one (net.ipv4.ping_group_range). It is connected: it
    gets only what comes from the target, and ICMP errors about what it sent become errors of the socket."""

    def __init__(self, trial: Trial, payload: bytes) -> None:
        self._loop, self._payload = trial.loop, payload
        self._v6, self._identity = trial.family == socket.AF_INET6, int.from_bytes(os.urandom(2), "big")
        self._sock, self._raw = self._open(trial.family)
        try:
            self._sock.setblocking(False)
            tell_icmp_errors(self._sock)
            self._sock.connect(trial.target)
        except OSError as error:
            self._sock.close()
            raise Failure.of("connect", error) from None

    def _open(self, family: int) -> tuple[socket.socket, bool]:
        protocol = socket.IPPROTO_ICMPV6 if self._v6 else socket.IPPROTO_ICMP
        try:
            sock = socket.socket(family, socket.SOCK_RAW, protocol)
        except PermissionError:
            try:
                return socket.socket(family, socket.SOCK_DGRAM, protocol), False
            except PermissionError:
                raise Failure("bind", "other", errno.EPERM, "ICMP sockets are not permitted here") from None
        # Types to keep out, as bits: all but echo reply, which is 129 of ICMPv6 and 0 of ICMP.
        if self._v6:
            blocked = [0xFFFFFFFF] * 8
            blocked[129 // 32] &= ~(1 << 129 % 32)
            sock.setsockopt(socket.IPPROTO_ICMPV6, 1, struct.pack("=8I", *blocked))  # ICMPV6_FILTER
        else:
            sock.setsockopt(255, 1, struct.pack("=I", 0xFFFFFFFE))  # SOL_RAW, ICMP_FILTER
        return sock, True

    def __enter__(self) -> SocketEchoes:
        return self

    def __exit__(self, *_: object) -> None:
        self._sock.close()

    async def answered(self, sequence: int, until: float) -> bool:
        """Send one echo request; whether a reply, to it or to one before, came in time."""
        try:
            self._sock.send(echo_request(self._v6, self._identity, sequence, self._payload))
        except BlockingIOError:
            pass  # No room to send: the next one will have it.
        except OSError as error:
            raise Failure.of("send", error) from None
        while await readable(self._sock, until):
            try:
                packet = bytes(self._loop.scratch[: self._sock.recv_into(self._loop.scratch)])
            except BlockingIOError:
                continue
            except OSError as error:
                raise Failure.of("receive", error) from None
            if self._is_reply(packet):
                return True
        return False

    def _is_reply(self, packet: bytes) -> bool:
        if self._raw and not self._v6:
            packet = packet[(packet[0] & 15) * 4 :]  # A raw IPv4 socket gives the IP header too.
        ours = not self._raw or packet[4:6] == self._identity.to_bytes(2, "big")  # The kernel sets a datagram one's.
        return ours and packet[:1] == (b"\x81" if self._v6 else b"\0") and packet[8:] == self._payload


def echo_request(v6: bool, identity: int, sequence: int, payload: bytes) -> bytes:
    """RFC 792, RFC 4443; the kernel fills in the checksum of ICMPv6, which covers addresses."""
    head = struct.pack("!BBHHH", 128 if v6 else 8, 0, 0, identity, sequence)
    if v6:
        return head + payload
    return head[:2] + struct.pack("!H", checksum(head + payload)) + head[4:] + payload


class WindowsEchoes:
    """IcmpSendEcho2 and Icmp6SendEcho2 (Microsoft: icmpapi.h), for any user; each call blocks a thread."""

    TIMED_OUT = 11010
    UNREACHABLE = (11002, 11003, 11004, 11005)

    def __init__(self, trial: Trial, payload: bytes) -> None:
        self._trial, self._payload = trial, payload

    def __enter__(self) -> WindowsEchoes:
        return self

    def __exit__(self, *_: object) -> None:
        """Each call has its own handle."""

    async def answered(self, sequence: int, until: float) -> bool:
        wait_ms = max(1, int((until - now()) * 1000))
        try:
            status = await self._trial.loop.in_thread(lambda: self._send(wait_ms), until + 1.0)
        except TimeoutError:
            return False
        except OSError as error:
            raise Failure.of("send", error) from None
        if status not in (0, self.TIMED_OUT):
            kind = "unreachable" if status in self.UNREACHABLE else "other"
            raise Failure("receive", kind, status, f"IP status {status}")
        return bool(status == 0)

    def _send(self, wait_ms: int) -> int:
        """The IP_STATUS of one echo, 0 for success."""
        import ctypes

        library = ctypes.WinDLL("iphlpapi", use_last_error=True)  # type: ignore[attr-defined,unused-ignore]
        family, target = self._trial.family, self._trial.target
        v6 = family == socket.AF_INET6
        create, close = library.Icmp6CreateFile if v6 else library.IcmpCreateFile, library.IcmpCloseHandle
        create.restype, close.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
        handle = create()
        if handle in (None, ctypes.c_void_p(-1).value):
            number = ctypes.get_last_error()  # type: ignore[attr-defined,unused-ignore]
            raise OSError(number, f"ICMP is not available: error {number}")
        data = ctypes.create_string_buffer(self._payload, len(self._payload))
        space = ctypes.create_string_buffer(len(data) + 256)
        tail = (data, ctypes.c_ushort(len(data)), None, space, ctypes.c_ulong(len(space)), ctypes.c_ulong(wait_ms))
        first = (ctypes.c_void_p(handle), None, None, None)
        try:
            if v6:
                ends = [socket.inet_pton(family, a) for a in (local_address(family, target) or "::", target[0])]
                scope = target[3] if len(target) > 3 else 0
                packed = [struct.pack("=HHI16sI", 23, 0, 0, end, scope) for end in ends]
                source, remote = (ctypes.create_string_buffer(one, 28) for one in packed)
                replies = library.Icmp6SendEcho2(*first, source, remote, *tail)
                at = 28  # ICMPV6_ECHO_REPLY: a packed address of 26 bytes, then Status
            else:
                number = struct.unpack("=I", socket.inet_aton(target[0]))[0]
                replies = library.IcmpSendEcho2(*first, ctypes.c_ulong(number), *tail)
                at = 4  # ICMP_ECHO_REPLY: Address, then Status
            if not replies:
                return int(ctypes.get_last_error() or self.TIMED_OUT)  # type: ignore[attr-defined,unused-ignore]
            return int(struct.unpack_from("=I", space.raw, at)[0])
        finally:
            close(handle)


# ---------------------------------------------------------------------------------------------------------- resolve


async def resolve(loop: Loop, params: Parameters) -> Parameters:
    """The addresses that the system's resolver gives for a name, in its order."""
    began, result = time.perf_counter(), {"addresses": [], "error": None}  # type: float, Parameters
    try:
        until = now() + wanted(params, "timeout", float)
        result["addresses"], _ = await look_up(loop, wanted(params, "name"), family_of(params), until)
    except Failure as failure:
        result["error"] = failure.facts
    result["elapsed"] = time.perf_counter() - began
    return result


async def lookup(loop: Loop, params: Parameters) -> Parameters:
    """One question to the system's resolver, told as an attempt without a reply; with `canonical` it asks for the
    canonical name too."""
    name, family, until = wanted(params, "name"), family_of(params), now() + wanted(params, "timeout", float)
    attempt, began = begun(str(params.get("token") or "")), time.perf_counter()
    flags = socket.AI_CANONNAME if params.get("canonical") else 0
    try:
        attempt["resolved"], attempt["canonical"] = await look_up(loop, name, family, until, flags)
    except Failure as failure:
        attempt["error"] = failure.facts
    attempt["elapsed"] = time.perf_counter() - began
    return attempt


async def lookups(loop: Loop, params: Parameters) -> Parameters:
    """Many of them, `at_once` in flight, each in a thread: MOST_THREADS of the agent are the upper limit. Once as
    many as `give_up` had no answer, neither an address nor that there is none, the others are not asked any more."""
    several, most = wanted(params, "lookups", list), at_once(params)
    left = int(params.get("give_up") or len(several))

    async def ask(one: Parameters) -> Parameters:
        nonlocal left
        if left <= 0:
            text = "not asked: too many before it had no answer"
            return {**begun(str(one.get("token") or "")), "error": Failure("resolve", "timeout", None, text).facts}
        attempt = await lookup(loop, one)
        left -= bool(attempt["error"]) and attempt["error"]["kind"] != "not-found"
        return attempt

    return {"attempts": await together(loop, [ask(dict(one)) for one in several], most)}


async def look_up(loop: Loop, name: str, family: int, until: float, flags: int = 0) -> tuple[list[str], str]:
    """Addresses in the resolver's order, each once, and the canonical name when the flags ask for it."""
    try:
        ask = (name, None, family, socket.SOCK_STREAM, 0, flags)
        found = await loop.in_thread(lambda: socket.getaddrinfo(*ask), until)
    except TimeoutError:
        raise Failure("resolve", "timeout", None, f"{name}: no word from the resolver in time") from None
    except socket.gaierror as error:
        missing = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME), 11001, 11004)
        kind = "not-found" if error.errno in missing else "other"
        raise Failure("resolve", kind, error.errno, f"{name}: {error.strerror}") from None
    except (OSError, UnicodeError) as error:
        raise Failure("resolve", "other", getattr(error, "errno", None), f"{name}: {error}") from None
    return list(dict.fromkeys(str(one[4][0]) for one in found)), next((one[3] for one in found if one[3]), "")


# ------------------------------------------------------------------------------------------------------- interfaces


def interfaces() -> list[Parameters]:
    """Name, MAC and addresses of every interface."""
    try:
        return interfaces_of_windows() if WINDOWS else interfaces_of_linux()
    except OSError as error:
        complain(f"interfaces: {error}")
        return []


def own_addresses() -> list[str]:
    return list(dict.fromkeys(address for interface in interfaces() for address in interface["addresses"]))


def interfaces_of_linux() -> list[Parameters]:
    """By rtnetlink: RTM_GETLINK 18 for names and MACs, RTM_GETADDR 22 for addresses."""
    known: dict[int, Parameters] = {}
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:
        sock.settimeout(5.0)
        for index, attributes in netlink_dump(sock, 18, 16):
            name = attributes.get(3, b"").rstrip(b"\0").decode("utf-8", "replace")
            hardware = attributes.get(1, b"") if len(attributes.get(1, b"")) == 6 else b""
            known[index] = {"name": name, "mac": hardware.hex(":"), "addresses": []}
        for index, attributes in netlink_dump(sock, 22, 8):
            raw = attributes.get(2) or attributes.get(1) or b""  # IFA_LOCAL, IFA_ADDRESS
            if index in known and len(raw) in (4, 16):
                family = socket.AF_INET if len(raw) == 4 else socket.AF_INET6
                known[index]["addresses"].append(socket.inet_ntop(family, raw))
    return list(known.values())


def netlink_dump(sock: socket.socket, kind: int, skip: int) -> Generator[tuple[int, dict[int, bytes]], None, None]:
    """Index and attributes of each object; `skip` is the size of its fixed header, whose bytes 4..8 are the index."""
    sock.send(struct.pack("=IHHII", 32, kind, 0x301, 1, 0) + bytes(16))  # NLM_F_REQUEST | NLM_F_DUMP
    while True:
        data, at = sock.recv(1 << 18), 0
        while at < len(data):
            length, what = struct.unpack_from("=IH", data, at)
            if what == 3:  # NLMSG_DONE
                return
            if what == 2:  # NLMSG_ERROR
                raise OSError(-struct.unpack_from("=i", data, at + 16)[0], "netlink")
            attributes, place, end = {}, at + 16 + skip, at + length
            while place + 4 <= end:
                size, name = struct.unpack_from("=HH", data, place)
                attributes[name] = data[place + 4 : place + size]
                place += max(4, (size + 3) & ~3)
            yield struct.unpack_from("=I", data, at + 20)[0], attributes
            at += (length + 3) & ~3


def interfaces_of_windows() -> list[Parameters]:
    """By GetAdaptersAddresses (Microsoft: iptypes.h, IP_ADAPTER_ADDRESSES_LH)."""
    import ctypes
    from ctypes import POINTER, Structure, c_char_p, c_int, c_ubyte, c_uint64, c_ulong, c_void_p, c_wchar_p

    class Unicast(Structure):
        pass

    class Adapter(Structure):
        pass

    Unicast._fields_ = [("head", c_uint64), ("next", POINTER(Unicast)), ("address", c_void_p), ("length", c_int)]
    Adapter._fields_ = [
        ("head", c_uint64), ("next", POINTER(Adapter)), ("guid", c_char_p), ("unicast", POINTER(Unicast)),
        ("anycast", c_void_p), ("multicast", c_void_p), ("dns", c_void_p), ("suffix", c_wchar_p),
        ("description", c_wchar_p), ("name", c_wchar_p), ("mac", c_ubyte * 8), ("mac_length", c_ulong),
    ]  # fmt: skip
    call = ctypes.WinDLL("iphlpapi").GetAdaptersAddresses  # type: ignore[attr-defined,unused-ignore]
    size = c_ulong(1 << 16)
    for _ in range(4):
        space = ctypes.create_string_buffer(size.value)
        number = call(0, 0xE, None, space, ctypes.byref(size))  # no anycast, multicast, DNS servers
        if number != 111:  # ERROR_BUFFER_OVERFLOW: the size that is needed is now in `size`
            break
    if number:
        raise OSError(number, f"GetAdaptersAddresses: error {number}")
    found, adapter = [], ctypes.cast(space, POINTER(Adapter))
    while adapter:
        one, unicast, addresses = adapter.contents, adapter.contents.unicast, []
        while unicast:
            raw = ctypes.string_at(unicast.contents.address, unicast.contents.length)
            family = struct.unpack_from("=H", raw)[0]
            if family == socket.AF_INET:
                addresses.append(socket.inet_ntop(socket.AF_INET, raw[4:8]))
            elif family == socket.AF_INET6:
                addresses.append(socket.inet_ntop(socket.AF_INET6, raw[8:24]))
            unicast = unicast.contents.next
        mac = bytes(one.mac[: one.mac_length]).hex(":")
        found.append({"name": one.name, "mac": mac, "addresses": addresses})
        adapter = one.next
    return found


# ---------------------------------------------------------------------------------------------------------- capture

MOST_CAPTURED = 32 << 20
PACKET = 263  # SOL_PACKET
PCAP_HEAD = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1)  # nanoseconds, LINKTYPE_ETHERNET
PCAP_RECORD = struct.Struct("<IIII")
ETHERNET_TYPES = (1, 772)  # ARPHRD_ETHER, ARPHRD_LOOPBACK: their frames start with an Ethernet header


class Ring:
    """The frames of a packet socket in memory that the kernel shares (packet_mmap, TPACKET_V3): a burst finds room
    there whatever net.core.rmem_max is, and no system call is needed for each frame.

    The kernel fills blocks one after the other, and hands over one that is full, or RETIRE milliseconds after the one
    before it, however empty: so long an agent may wait for its turn on a busy machine, times the number of blocks. A
    frame that is larger than a block is cut.
    """

    BLOCK, RETIRE = 1 << 16, 60
    STATUS, COUNT, FIRST = 8, 12, 16  # Places in the head of a block.
    HEAD = struct.Struct("=IIIIIIHH")  # Of a frame: next, seconds, nanoseconds, kept, length, status, MAC, network.
    WHERE = struct.Struct("=iHB")  # In the sockaddr_ll behind that head: interface, its kind, direction.
    WHERE_AT = 48 + 4

    def __init__(self, loop: Loop, sock: socket.socket, blocks: int) -> None:
        smallest = 1 << 11
        frames = self.BLOCK // smallest * blocks
        request = struct.pack("=7I", self.BLOCK, blocks, smallest, frames, self.RETIRE, 0, 0)
        sock.setsockopt(PACKET, 10, 2)  # PACKET_VERSION, TPACKET_V3
        sock.setsockopt(PACKET, 5, request)  # PACKET_RX_RING
        self._loop, self._blocks, self._next = loop, blocks, None  # type: Loop, int, Promise | None
        self._sock, self._at, self._memory = sock, 0, mmap.mmap(sock.fileno(), self.BLOCK * blocks)

    def frames(self, most: int) -> Frames:
        """Those of as many blocks as have been handed over; their bytes are the ring's."""
        memory, view = self._memory, memoryview(self._memory)
        for _ in range(most):
            start = self._at * self.BLOCK
            status, count, first = struct.unpack_from("=III", memory, start + self.STATUS)
            if not status & 1:  # TP_STATUS_USER
                return
            at = start + first
            for _ in range(count):
                following, seconds, nanoseconds, kept, length, _, mac, _ = self.HEAD.unpack_from(memory, at)
                data = view[at + mac : at + mac + kept]
                yield (seconds, nanoseconds, length, data, *self.WHERE.unpack_from(memory, at + self.WHERE_AT))
                at += following
            if self._next is not None:
                self._next.keep()
                self._next = None
            struct.pack_into("=I", memory, start + self.STATUS, 0)  # TP_STATUS_KERNEL
            self._at = (self._at + 1) % self._blocks

    def _state(self) -> tuple[bool, int]:
        """Whether the next block has been handed over, and how many frames are in it."""
        status, count = struct.unpack_from("=II", self._memory, self._at * self.BLOCK + self.STATUS)
        return bool(status & 1), count  # TP_STATUS_USER

    async def arrived(self, drain: Callable[[], None]) -> int:
        """Take all that there was at the call; how many frames had no room since the last call.

        The block that is being filled tells how many frames it has; it is handed over before long.
        """
        until = now() + 5.0
        while self._state()[0] and now() < until:
            drain()
        if self._state()[1]:
            self._next = Promise(self._loop)  # Who reads the socket takes it; two cannot wait for one descriptor.
            await self._next.wait(until)
        return int(struct.unpack("=III", self._sock.getsockopt(PACKET, 6, 12))[1])  # PACKET_STATISTICS: dropped

    def close(self) -> None:
        with contextlib.suppress(BufferError):  # Somebody still holds bytes of it; it ends with them.
            self._memory.close()


class Queue:
    """The frames of a packet socket one by one, where there is no ring."""

    def __init__(self, sock: socket.socket, scratch: bytearray) -> None:
        self._sock, self._scratch = sock, scratch
        for option in (33, socket.SO_RCVBUF):  # SO_RCVBUFFORCE, where CAP_NET_ADMIN is given
            try:
                sock.setsockopt(socket.SOL_SOCKET, option, 32 << 20)
                break
            except PermissionError:
                continue
        sock.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS

    def frames(self, most: int) -> Frames:
        view = memoryview(self._scratch)
        for _ in range(most * 128):
            try:
                length, control, _, where = self._sock.recvmsg_into([self._scratch], 64, socket.MSG_TRUNC)
            except OSError as error:
                if error.errno == errno.ENETDOWN:
                    continue  # Said once, when an interface goes down.
                return
            seconds, nanoseconds = struct.unpack("@ll", control[0][2]) if control else divmod(time.time_ns(), 10**9)
            data = view[: min(length, len(view))]
            number = self._number_of(where[0])
            yield seconds & 0xFFFFFFFF, nanoseconds, length, data, number, where[3], where[2]

    def _number_of(self, name: str) -> int:
        try:
            return socket.if_nametoindex(name)
        except OSError:
            return 0  # It has gone.

    async def arrived(self, drain: Callable[[], None]) -> int:
        packets, dropped = struct.unpack("=II", self._sock.getsockopt(PACKET, 6, 8))
        for _ in range(0, packets + 1, 128):
            drain()
        return int(dropped + struct.unpack("=II", self._sock.getsockopt(PACKET, 6, 8))[1])

    def close(self) -> None:
        """There is nothing to give back."""


class PacketCapture:
    """AF_PACKET: every frame in and out of some interfaces, with the kernel's own timestamps.

    With no interfaces named, one socket sees all of them but the loopback, and those that come later. Frames are kept
    in memory as libpcap files; what does not fit in, and what the kernel had no room for, counts as dropped. A program
    of classic BPF, as (code, jt, jf, k), may choose frames; a kernel that has no room for it captures all of them.
    """

    BLOCKS_OF_A_POD, BLOCKS_OF_A_NODE = 64, 192
    BLOCKS_AT_ONCE = (
        16  # More than all connections of this agent fill in one turn of the loop: or it would fall behind.
    )

    def __init__(
        self, loop: Loop, names: list[str], snaplen: int, most: int, program: list[list[int]] | None = None
    ) -> None:
        self._loop, self._snaplen, self._most = loop, snaplen or 1 << 18, most
        self._names, self._asked = frozenset(names), names
        self._program = array.array("B", b"".join(struct.pack("=HBBI", *one) for one in program or ()))
        self._known: dict[int, str] = {}
        self._empty()
        self._sources: list[tuple[socket.socket, Any]] = []
        self._tasks: list[Task] = []
        try:
            for name in names or [""]:
                self._open(name)
        except OSError as error:
            self.close()
            if isinstance(error, PermissionError):
                raise ValueError("capturing is not permitted here (it needs CAP_NET_RAW)") from None
            raise ValueError(f"interface {name}: {error.strerror}") from None

    def _empty(self) -> None:
        self._size, self._overflow, self._count = 0, 0, 0
        self._files: dict[str, bytearray] = {name: bytearray(PCAP_HEAD) for name in self._asked}
        self._directions: dict[str, bytearray] = {name: bytearray() for name in self._asked}

    def _open(self, name: str) -> None:
        # Protocol 0 (else ETH_P_ALL) until it is bound to its name: else frames of other interfaces get in first.
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0 if name else socket.htons(3))
        try:
            sock.setblocking(False)
            if self._program:
                where, size = self._program.buffer_info()
                try:
                    sock.setsockopt(socket.SOL_SOCKET, 26, struct.pack("@HP", size // 8, where))  # SO_ATTACH_FILTER
                except OSError as error:
                    if error.errno != errno.ENOMEM:  # net.core.optmem_max
                        raise
            source: Any
            try:
                source = Ring(self._loop, sock, self.BLOCKS_OF_A_NODE if self._program else self.BLOCKS_OF_A_POD)
            except (OSError, ValueError):
                source = Queue(sock, self._loop.scratch)
            if name:
                sock.bind((name, 3))
                if sock.getsockname()[3] not in ETHERNET_TYPES:
                    raise OSError(errno.EINVAL, "its frames have no Ethernet header")
        except OSError:
            sock.close()
            raise
        self._sources.append((sock, source))
        self._tasks.append(self._loop.spawn(self._read(sock, source)))

    async def _read(self, sock: socket.socket, source: Any) -> None:
        while True:
            await readable(sock)
            self._drain(source)

    def _drain(self, source: Any) -> None:
        for seconds, nanoseconds, length, data, number, hardware, kind in source.frames(self.BLOCKS_AT_ONCE):
            name = self._known.get(number) or self._name_of(number)
            if not self._names and (name == "lo" or hardware not in ETHERNET_TYPES):
                continue
            kept = min(len(data), self._snaplen)
            if self._size + kept + PCAP_RECORD.size > self._most:
                self._overflow += 1
                continue
            if name not in self._files:
                self._files[name], self._directions[name] = bytearray(PCAP_HEAD), bytearray()
            file = self._files[name]
            file += PCAP_RECORD.pack(seconds, nanoseconds, kept, length)
            file += data[:kept]
            self._directions[name].append(kind)
            self._size += kept + PCAP_RECORD.size
            self._count += 1

    def _name_of(self, number: int) -> str:
        try:
            self._known[number] = socket.if_indextoname(number)
        except OSError:
            return str(number)  # It has gone.
        return self._known[number]

    def describe(self) -> list[Parameters]:
        known = interfaces()
        return [one for one in known if one["name"] in self._names or (not self._names and one["name"] != "lo")]

    async def stop(self) -> Parameters:
        """Take what the kernel still holds, and end."""
        taken = await self.read()
        self.close()
        return taken

    async def read(self) -> Parameters:
        """Take what there is, and go on."""
        dropped = 0
        for _, source in self._sources:
            dropped += await source.arrived(lambda source=source: self._drain(source))
        parts = [(name, "pcap", file) for name, file in self._files.items()]
        parts += [(name, "directions", kinds) for name, kinds in self._directions.items()]
        taken = {"dropped": dropped + self._overflow, "count": self._count, "parts": parts}
        self._empty()
        return taken

    def close(self) -> None:
        for task in self._tasks:
            self._loop.cancel(task)
        for sock, source in self._sources:
            source.close()
            sock.close()
        self._sources, self._tasks = [], []


MAC = re.compile(r"(?i)^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$")


class PktmonCapture:
    """Windows' own packet monitor, by its command line (Microsoft: pktmon). There is one session for the whole host.

    A packet appears once for each component that it passes, so the file is converted once for each component that is
    asked for: by default one for each MAC that `pktmon list` shows, the adapter itself before its virtual copies.
    """

    def __init__(self, loop: Loop, names: list[str], addresses: list[str], filters: list[list[str]]) -> None:
        self._loop, self._names, self._addresses, self._filters = loop, names, addresses, filters
        self._folder = ""
        self._components: list[Parameters] = []

    async def start(self) -> None:
        await self._loop.in_thread(self._start, now() + 60.0)

    async def stop(self) -> Parameters:
        return dict(await self._loop.in_thread(self._stop, now() + 600.0))

    async def read(self) -> Parameters:
        raise ValueError("pktmon hands packets over when its session ends, not before")

    def describe(self) -> list[Parameters]:
        return self._components

    def close(self) -> None:
        """End the session, which would outlive this process."""
        if self._folder:
            try:
                pktmon("stop", timeout=10.0)
            except ValueError as error:
                complain(str(error))
            self._remove_filters()
            self._clean()

    def _start(self) -> None:
        import tempfile

        self._components = self._choose(components(pktmon("list", "--json")))
        self._end_forgotten()
        self._folder = tempfile.mkdtemp(prefix="podwire-")
        with open(self._marker(), "w", encoding="utf-8") as marker:
            marker.write(self._folder)
        try:
            pktmon("filter", "remove")
            try:
                for words in self._filters:
                    pktmon("filter", "add", *words)
            except ValueError as error:
                complain(f"captures everything: {error}")
                pktmon("filter", "remove")
            pktmon("start", "--capture", "--comp", "all", "--pkt-size", "0", "--file-name", self._file("capture.etl"))
        except ValueError:
            self._clean()
            raise

    def _stop(self) -> Parameters:
        said = pktmon("stop")
        self._remove_filters()
        lost = re.search(r"(?i)([0-9]+) events? (?:were )?lost", said)
        parts: list[tuple[str, str, bytes]] = []
        try:
            for component in self._components:
                out = self._file(f"component-{component['id']}.pcapng")
                pktmon("etl2pcap", self._file("capture.etl"), "--out", out, "--component-id", str(component["id"]))
                with open(out, "rb") as file:
                    parts.append((component["name"], "pcapng", file.read()))
        except OSError as error:
            raise ValueError(f"pktmon etl2pcap left no file: {error}") from None
        finally:
            self._clean()
        return {"dropped": int(lost.group(1)) if lost else 0, "count": None, "parts": parts}

    def _remove_filters(self) -> None:
        """They would outlive the session, and change what the next one sees, whosever it is."""
        if self._filters:
            with contextlib.suppress(ValueError):
                pktmon("filter", "remove", timeout=10.0)

    def _choose(self, found: list[Parameters]) -> list[Parameters]:
        if self._names:
            chosen = [one for one in found if one["name"] in self._names or str(one["id"]) in self._names]
            missing = set(self._names) - {name for one in chosen for name in (one["name"], str(one["id"]))}
            if missing:
                raise ValueError(f"pktmon has no component {', '.join(sorted(missing))}")
        else:
            macs = self._macs()
            chosen = [one for one in found if one["mac"] and (not macs or one["mac"] in macs)]
            best: dict[str, Parameters] = {}
            for one in sorted(chosen, key=rank):
                best.setdefault(one["mac"], one)
            chosen = list(best.values())
        if not chosen:
            raise ValueError("pktmon lists no component to capture at")
        names = collections.Counter(one["name"] for one in chosen)
        return [
            {**one, "name": one["name"] if names[one["name"]] == 1 else f"{one['name']} #{one['id']}"} for one in chosen
        ]

    def _macs(self) -> list[str]:
        """Addresses are MACs, or IPs of this host's own interfaces."""
        macs = []
        known = {address: one["mac"] for one in interfaces() for address in one["addresses"]}
        for address in self._addresses:
            mac = address.lower().replace("-", ":") if MAC.match(address) else known.get(address)
            if not mac:
                raise ValueError(f"address {address} is neither a MAC nor one of this host")
            macs.append(mac)
        return macs

    def _file(self, name: str) -> str:
        return os.path.join(self._folder, name)

    @staticmethod
    def _marker() -> str:
        import tempfile

        return os.path.join(tempfile.gettempdir(), "podwire-pktmon-session")

    def _end_forgotten(self) -> None:
        """A session that an agent before left behind when it was killed. A session of somebody else is left alone."""
        try:
            with open(self._marker(), encoding="utf-8") as marker:
                self._folder = marker.read()
        except OSError:
            return
        with contextlib.suppress(ValueError):  # It has ended already, with the node's last start perhaps.
            pktmon("stop")
        self._clean()

    def _clean(self) -> None:
        import shutil

        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder = ""
        with contextlib.suppress(OSError):  # Gone already.
            os.remove(self._marker())


def pktmon(*arguments: str, timeout: float = 300.0) -> str:
    """Run it, and what it said. ValueError with its own words when it failed."""
    import subprocess

    try:
        done = subprocess.run(
            ("pktmon", *arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError:
        raise ValueError("there is no pktmon here: Windows Server 2022 or later has it, on the host") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ValueError(f"pktmon {arguments[0]}: {error}") from None
    said = done.stdout.decode("utf-8", "replace")
    if done.returncode:
        raise ValueError(f"pktmon {arguments[0]}: exit code {done.returncode}: {' '.join(said.split())[:300]}")
    return said


def components(text: str) -> list[Parameters]:
    """What `pktmon list --json` names: groups of components, each with an Id and named properties."""
    found: list[Parameters] = []
    try:
        for group in json.loads(text[text.index("[") :]):
            for one in group.get("Components", [group]):
                values = [str(each.get("Value")) for each in one.get("Properties") or ()]
                mac = next((value.lower().replace("-", ":") for value in values if MAC.match(value)), "")
                names = {key.lower(): str(one.get(key, "")) for key in ("Name", "Type")}
                found.append({"id": one["Id"], "group": str(group.get("Group", "")), "mac": mac, **names})
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"pktmon list --json: cannot be read: {error!r}") from None
    return found


def rank(component: Parameters) -> int:
    """An adapter before a port of the virtual switch, and that before the host's virtual adapter of the same MAC."""
    kind, name = component["type"].lower(), component["name"].lower()
    if "virtual ethernet" in name:
        return 2
    return 0 if kind in ("miniport", "netvsc") else 1


# ------------------------------------------------------------------------------------------------------------- tool

TOOLS = ("nslookup", "ipconfig")
POWERSHELL = ("powershell.exe", "-NoProfile", "-NonInteractive", "-Command")
LISTS = {  # The module HostNetworkingService comes with the Containers feature; VSID is HNS' word for a VNI.
    "hns-networks": "Get-HnsNetwork | ForEach-Object { [pscustomobject]@{ Name = $_.Name; Type = $_.Type; "
    "VSID = @($_.Subnets.Policies.VSID)[0]; Subnets = @($_.Subnets.AddressPrefix) } } | ConvertTo-Json -Compress",
    "hns-endpoints": "$types = @{}; Get-HnsNetwork | ForEach-Object { $types[[string]$_.ID] = $_.Type }; "
    "$all = @(Get-HnsEndpoint); $own = @($all | Where-Object { -not $_.IsRemoteEndpoint }).IPAddress; "
    "$all | Where-Object { $own -contains $_.IPAddress } | ForEach-Object { [pscustomobject]@{ Name = $_.Name; "
    "IPAddress = $_.IPAddress; MacAddress = $_.MacAddress; Remote = [bool]$_.IsRemoteEndpoint; "
    "Type = $types[[string]$_.VirtualNetwork] } } | ConvertTo-Json -Compress",
    "hns-load-balancers": "$ErrorActionPreference = 'Stop'; [pscustomobject]@{ LoadBalancers = @(Get-HnsPolicyList | "
    "ForEach-Object { $_.Policies } | Where-Object { $_.Type -eq 'ELB' } | ForEach-Object { [pscustomobject]@{ "
    "VIPs = @($_.VIPs); IsDSR = [bool]$_.IsDSR } }) } | ConvertTo-Json -Compress -Depth 4",
    # An OutBoundNAT policy with Destinations, its own address, is the way back to itself with DSR: no way out.
    "windows-nat": "$ErrorActionPreference = 'Stop'; [pscustomobject]@{ NetNat = @(Get-NetNat | ForEach-Object { "
    "$_.Name }); Endpoints = @(Get-HnsEndpoint | Where-Object { -not $_.IsRemoteEndpoint } | ForEach-Object { "
    "[pscustomobject]@{ IPAddress = $_.IPAddress; Told = $null -ne $_.Policies; Policies = @($_.Policies | "
    "Where-Object { -not $_.Destinations } | ForEach-Object { $_.Type }) } }) } | ConvertTo-Json -Compress -Depth 4",
    "vmswitch-ports": "vfpctrl.exe /list-vmswitch-port | Where-Object { "
    r"$_ -match '^\s*(Port name|Port Friendly name|Switch name|Port type|MAC address)\b' }",
}
PLUGINS = (
    "bridge", "win-bridge", "sdnbridge", "l2bridge", "win-overlay", "sdnoverlay", "flannel", "host-local", "vpc-bridge",
    "azure-vnet", "azure-vnet-ipam", "calico", "calico-ipam", "antrea", "ovn-k8s-cni-overlay",
)  # fmt: skip
MOST_TOLD, MOST_LISTED = 64 << 10, 512 << 10


async def tool(loop: Loop, params: Parameters) -> Parameters:
    """Run one of TOOLS, a CNI plugin by its absolute path, or one of LISTS, which tell what a node has, and tell
    its exit code and the beginning of what it said.

    A HostProcess container has the node's files below C: and its own below %CONTAINER_SANDBOX_MOUNT_POINT%, which is
    replaced, as any variable of the environment is.
    """
    import ntpath  # It takes both kinds of slashes.
    import subprocess

    name, limit = wanted(params, "name"), wanted(params, "timeout", float)
    path = os.path.normpath(ntpath.expandvars(name))
    plugin = re.sub(r"(?i)\.exe$", "", ntpath.basename(path)).lower() in PLUGINS
    if name in LISTS:
        path, *arguments = (*POWERSHELL, LISTS[name])
    elif not (name in TOOLS or (plugin and (os.path.isabs(path) or ntpath.isabs(path)))):
        raise ValueError(f"{name!r} is neither {' nor '.join(TOOLS)} nor the absolute path of a known CNI plugin")
    else:
        arguments = [str(one) for one in params.get("arguments") or ()]
    command = (path, *arguments)
    environment = {**os.environ, **{key: str(value) for key, value in (params.get("environment") or {}).items()}}
    said, began = str(params.get("stdin") or "").encode(), time.perf_counter()

    def work() -> Any:
        return subprocess.run(command, input=said, capture_output=True, env=environment, timeout=limit, check=False)

    try:
        done = await loop.in_thread(work, now() + limit + 5.0)
    except (FileNotFoundError, NotADirectoryError):
        raise Failure("run", "not-found", errno.ENOENT, f"there is no {path} here") from None
    except (TimeoutError, subprocess.TimeoutExpired):
        raise Failure("run", "timeout", None, f"{path} did not end within {limit:g} s") from None
    except OSError as error:
        raise Failure("run", "other", error.errno, f"{path} cannot be run: {error.strerror}") from None
    most = MOST_LISTED if name in LISTS else MOST_TOLD
    if name in LISTS and len(done.stdout) > most:
        raise Failure("run", "other", None, f"{name} lists {len(done.stdout)} bytes, more than {most}")
    stdout, stderr = (text[:most].decode("utf-8", "replace") for text in (done.stdout, done.stderr[:MOST_TOLD]))
    return {"code": done.returncode, "stdout": stdout, "stderr": stderr, "elapsed": time.perf_counter() - began}


# ----------------------------------------------------------------------------------------------------- network card

METADATA = ("169.254.169.254", 80)  # Amazon EC2 user guide: instance metadata, of link-local scope.
ADDRESSES_OF_A_PREFIX = 16


async def ec2_card(loop: Loop, params: Parameters) -> Parameters:
    """What EC2 says of this machine's network cards, and of the addresses of the first, as a tool prints it: a JSON
    object by category of the metadata. Asked again until that card has `least` addresses beside its own, or `timeout`
    is over: who assigns them takes its time."""
    least, limit, began = wanted(params, "least", int), wanted(params, "timeout", float), time.perf_counter()
    until = now() + limit

    def work() -> Parameters:
        while True:
            card = card_told(min(limit, 5.0))
            enough = len(card["local-ipv4s"]) - 1 + ADDRESSES_OF_A_PREFIX * len(card["ipv4-prefix"]) >= least
            if enough or now() >= until:
                return card
            time.sleep(0.25)

    try:
        card = await loop.in_thread(work, until + 20.0)
    except TimeoutError:
        raise Failure("receive", "timeout", None, "the metadata service of EC2 does not answer") from None
    except OSError as error:
        raise Failure.of("connect", error) from None
    return {"code": 0, "stdout": json.dumps(card), "stderr": "", "elapsed": time.perf_counter() - began}


def card_told(limit: float) -> Parameters:
    """Ask once, as IMDSv2 wants it: for a token first (Amazon EC2 user guide, instance metadata: categories)."""
    import http.client

    def ask(method: str, path: str, head: dict[str, str]) -> str:
        connection = http.client.HTTPConnection(*METADATA, timeout=limit)
        with contextlib.closing(connection):
            connection.request(method, f"/latest/{path}", headers=head)
            answer = connection.getresponse()
            text = answer.read(MOST_TOLD).decode("utf-8", "replace")
        if answer.status not in (200, 404):  # A category of which there is nothing is not found.
            raise Failure(
                "receive", "other", answer.status, f"the metadata service answers {path} with {answer.status}"
            )
        return text if answer.status == 200 else ""

    token = {"X-aws-ec2-metadata-token": ask("PUT", "api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "60"})}
    mac = ask("GET", "meta-data/mac", token).strip()
    place = "meta-data/network/interfaces/macs/"
    macs = [line.strip("/") for line in ask("GET", place, token).split()]
    lists = {name: ask("GET", f"{place}{mac}/{name}", token).split() for name in ("local-ipv4s", "ipv4-prefix")}
    return {"local-ipv4": ask("GET", "meta-data/local-ipv4", token).strip(), "macs": macs, **lists}


# -------------------------------------------------------------------------------------------------------------- RPC


class Stdio:
    """stdin and stdout as one stream. On Linux the loop reads and writes them; elsewhere, and when they are neither
    pipes nor sockets, two threads do."""

    QUEUED = 256 * 1024

    def __init__(
        self, loop: Loop, on_bytes: Callable[[bytes], None], on_end: Callable[[], None], threads: bool = False
    ) -> None:
        self._loop, self._on_bytes, self._on_end = loop, on_bytes, on_end
        self._out: collections.deque[bytes] = collections.deque()
        self._queued, self._writing = 0, False
        self._room: list[Promise] = []
        self.threads = threads or WINDOWS or not all(pollable(fd) for fd in (0, 1))
        loop.before_wait = self.flush
        if self.threads:
            import queue

            self._queue: Any = queue.SimpleQueue()
            threading.Thread(target=self._read_thread, daemon=True).start()
            threading.Thread(target=self._write_thread, daemon=True).start()
        else:
            os.set_blocking(1, False)
            loop.spawn(self._read())

    def send(self, data: bytes) -> None:
        """Queued until the loop is about to wait, so that what belongs together leaves together."""
        self._out.append(data)
        self._queued += len(data)

    async def room(self) -> None:
        """Wait until little enough is queued."""
        while self._queued > self.QUEUED:
            promise = Promise(self._loop)
            self._room.append(promise)
            await promise.wait()

    def flush(self) -> None:
        if not self._out or self._writing:
            return
        if self.threads:
            self._queue.put(b"".join(self._out))
            self._out.clear()
            return
        data = self._out.popleft() if len(self._out) == 1 else b"".join(self._out)
        self._out.clear()
        try:
            written = os.write(1, data)
        except BlockingIOError:
            written = 0
        except OSError:
            self._on_end()
            return
        self._wrote(written)
        if written < len(data):  # The pipe is full: the loop tells when it takes more.
            self._out.append(data[written:])
            self._writing = True
            self._loop.spawn(self._write_later())

    def drain(self, until: float) -> None:
        """Write what is left before the process ends, for a bounded time."""
        self.flush()
        if self.threads:
            written = threading.Event()
            self._queue.put(written)
            written.wait(until - now())
            return
        while self._queued and now() < until:
            if select.select([], [1], [], 0.1)[1]:
                self._writing = False
                self.flush()

    async def _write_later(self) -> None:
        await _pause((1, True, None))
        self._writing = False
        self.flush()

    def _wrote(self, count: int) -> None:
        self._queued -= count
        if self._queued <= self.QUEUED:
            for promise in self._room:
                promise.keep()
            self._room.clear()

    async def _read(self) -> None:
        while True:
            await _pause((0, False, None))
            data = os.read(0, 1 << 16)
            if not data:
                break
            self._on_bytes(data)
        self._on_end()

    def _read_thread(self) -> None:
        while True:
            try:
                data = os.read(0, 1 << 16)
            except OSError:
                data = b""
            if not data:
                break
            self._loop.from_thread(self._on_bytes, data)
        self._loop.from_thread(self._on_end)

    def _write_thread(self) -> None:
        while True:
            data = self._queue.get()
            if isinstance(data, threading.Event):
                data.set()  # Everything before it is written.
                continue
            view = memoryview(data)
            while view:
                try:
                    view = view[os.write(1, view[: 1 << 16]) :]
                except OSError:
                    self._loop.from_thread(self._on_end)
                    return
            self._loop.from_thread(self._wrote, len(data))


def pollable(fd: int) -> bool:
    mode = os.fstat(fd).st_mode
    return hasattr(select, "epoll") and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode))


class Rpc:
    """Requests from the runner, many at once; each gets one RESULT or ERROR, in whatever order they end."""

    def __init__(self, loop: Loop, threads: bool = False) -> None:
        self._loop = loop
        self._encoder, self._decoder = Encoder(), Decoder()
        self._captures: dict[str, Any] = {}
        self._heard = now()
        self._methods: dict[str, Callable[[Loop, Parameters], Any]] = {
            "exchange": exchange, "burst": burst, "sequence": sequence, "ping": ping, "beacon": beacon,
            "resolve": resolve, "lookup": lookup, "lookups": lookups, "tool": tool,
            "ec2_card": ec2_card,
            "hello": self._hello, "capture_start": self._capture_start, "bye": self._bye,
        }  # fmt: skip
        self._stdio = Stdio(loop, self._on_bytes, lambda: self.end(0), threads)
        self._stdio.send(PREAMBLE)
        loop.spawn(self._heartbeat())

    def end(self, code: int) -> None:
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
            if kind == REQUEST:
                self._loop.spawn(self._serve(request, payload))
            elif kind == BYE:
                self.end(0)

    async def _heartbeat(self) -> None:
        while True:
            await sleep(now() + HEARTBEAT_EVERY)
            if now() - self._heard > SILENCE:
                complain(f"no word from the runner for {SILENCE} s")
                self.end(1)
            self._send(HEARTBEAT)

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
            if method not in self._methods:
                raise ValueError("no such method")
            result = compact(await self._methods[method](self._loop, params))
            if len(result) > LIMIT:
                raise ValueError(f"the result is too long: {len(result)} bytes")
            self._send(RESULT, request, result)
        except Exception as error:  # Whatever happens, the runner gets an answer to its request.
            facts = error.facts if isinstance(error, Failure) else {}
            known = isinstance(error, (ValueError, OSError, Failure))
            text = f"{method}: {error if known else repr(error)}"
            self._send(ERROR, request, compact({"text": text, **({"error": facts} if facts else {})}))

    async def _hello(self, loop: Loop, params: Parameters) -> Parameters:
        return {
            "version": VERSION, "python": ".".join(map(str, sys.version_info[:3])), "platform": sys.platform,
            "pid": os.getpid(), "identity": os.environ.get("PODWIRE_IDENTITY", ""), "interfaces": interfaces(),
        }  # fmt: skip

    async def _bye(self, loop: Loop, params: Parameters) -> Parameters:
        loop.spawn(self._end_soon())
        return {}

    async def _end_soon(self) -> None:
        self.end(0)

    async def _capture_start(self, loop: Loop, params: Parameters) -> Parameters:
        name, via = wanted(params, "capture"), wanted(params, "via")
        if name in self._captures:
            raise ValueError(f"capture {name!r} runs already")
        names = [str(one) for one in params.get("interfaces") or ()]
        if via == "pktmon":
            filters = [[str(word) for word in words] for words in params.get("filters") or ()]
            capture: Any = PktmonCapture(loop, names, [str(one) for one in params.get("addresses") or ()], filters)
            await capture.start()
        elif via == "af_packet":
            if not hasattr(socket, "AF_PACKET"):
                raise ValueError(f"there is no AF_PACKET on {sys.platform}")
            most = int(params.get("limit") or MOST_CAPTURED)
            capture = PacketCapture(loop, names, int(params.get("snaplen") or 0), most, params.get("filter"))
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
        self._send(RESULT, request, compact({**taken, "parts": listed}))
        digest = hashlib.sha256()
        while parts:
            data = memoryview(parts.pop(0)[2])
            digest.update(data)
            for at in range(0, len(data), PIECE):
                await self._stdio.room()
                self._send(DATA, request, bytes(data[at : at + PIECE]))
        self._send(END, request, compact({"sha256": digest.hexdigest()}))


# ------------------------------------------------------------------------------------------------------------- main

USAGE = """usage: agent.py serve --port PORT [--port PORT ...] [--http-port PORT] [--dns-port PORT]
       agent.py rpc"""


def main(arguments: list[str]) -> None:
    if not WINDOWS:
        # As process 1 of a container it would ignore these otherwise.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: os._exit(0))
    mode, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if mode == "serve":
        options = serve_options(rest)
        if options.get("--port"):
            serve(options)
    elif mode == "rpc" and rest in ([], ["--threads"]):
        rpc(threads=bool(rest))
    sys.stderr.write(USAGE + "\n")
    sys.exit(2)


def serve_options(arguments: list[str]) -> dict[str, list[int]]:
    """The numbers of each option, in their order; nothing at all when one is wrong."""
    options: dict[str, list[int]] = {name: [] for name in ("--port", "--http-port", "--dns-port")}
    for name, value in itertools.zip_longest(arguments[::2], arguments[1::2], fillvalue=""):
        if name not in options or not re.fullmatch("[0-9]{1,5}", value) or int(value) > 65535:
            return {}
        options[name].append(int(value))
    return options


def serve(options: dict[str, list[int]]) -> None:
    loop = Loop()
    server = EchoServer(loop, os.environ.get("PODWIRE_IDENTITY", ""))
    try:
        for port in options["--port"]:
            server.listen(port)
        for port in options["--http-port"]:
            server.listen_tcp(port)
        for port in options["--dns-port"]:
            server.listen_dns(port)
    except ValueError as problem:
        complain(str(problem))
        sys.exit(1)
    complain(f"echo on port {', '.join(map(str, options['--port']))}")
    loop.run()


def rpc(threads: bool) -> None:
    sys.stdout = sys.stderr  # Whatever prints must not get into the stream.
    raise_descriptor_limit()
    if WINDOWS:
        import msvcrt

        for fd in (0, 1):
            msvcrt.setmode(fd, os.O_BINARY)  # type: ignore[attr-defined,unused-ignore]
    loop = Loop()
    agent = Rpc(loop, threads)
    if not WINDOWS:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: agent.end(0))
    loop.run()


if __name__ == "__main__":
    main(sys.argv[1:])
