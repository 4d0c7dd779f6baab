"""The runner's side of an agent: many calls in flight on one stream, answered in any order.

Every call ends with the agent's result, with `AgentError` (the agent's error), or with `ChannelLost`. After a broken
stream the client connects again for later calls. It does not repeat a call by itself, because the agent may have acted
on it: no exchange may run twice unnoticed.
"""

from __future__ import annotations

import contextlib
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, Protocol

from podwire.agent.framing import PREAMBLE, Decoder, Encoder, FramingError, Kind
from podwire.files.foreign_json import foreign_json
from podwire.probing.calls import AgentError, Call, CaptureCall, CaptureData, ChannelLost, NoAnswer, attempt_of

__all__ = ["AgentClient", "AgentError", "CaptureData", "Channel", "ChannelLost", "NoAnswer", "attempt_of"]

HEARTBEAT = 15.0
SILENCE = 60.0
START = 30.0
"""Seconds that an agent has for its first bytes. An exec on a Windows node may take several."""

LONGEST_PAUSE = 2.0
"""The limit in seconds for the pause between two attempts to connect."""

_TICK = 0.25


class Channel(Protocol):
    """A stream to the stdin and stdout of an agent."""

    def start(self, on_data: Callable[[bytes], None], on_end: Callable[[str], None]) -> None:
        """Start to read. Another thread calls `on_data` with the agent's output, and at the end `on_end` with why."""

    def write(self, data: bytes) -> None:
        """Send to the agent's stdin without waiting. Thread-safe. OSError, and no callback, after the end."""

    def close(self) -> None:
        """Close the stream. Safe to call more than once."""


class _Session:
    """One open channel, with the calls that wait for an answer on it."""

    def __init__(self, channel: Channel, ended: Callable[[_Session, str], None]) -> None:
        self._channel, self._ended = channel, ended
        self._lock = threading.Lock()
        self._encoder, self._decoder = Encoder(), Decoder()
        self._pending: dict[int, Call] = {}
        self._last_id = 0
        self._heard = self._spoke = self._said = time.monotonic()
        self.reason: str | None = None
        self.answered = False
        self.settled = threading.Event()
        """Set when the agent has sent its first bytes, or the session has ended."""

    def start(self) -> None:
        self._channel.start(self._on_data, self.finish)
        with self._lock, contextlib.suppress(OSError):  # The reader reports why it has ended.
            self._channel.write(PREAMBLE)

    def send(self, call: Call) -> None:
        problem = None
        with self._lock:
            if self.reason is not None:
                problem = self.reason
            else:
                self._last_id += 1
                self._pending[self._last_id] = call
                try:
                    self._write(Kind.REQUEST, self._last_id, call.payload)
                except (OSError, ValueError) as error:
                    del self._pending[self._last_id]
                    problem = str(error)
        if problem is not None:
            call.fail(ChannelLost(problem))

    def tick(self, now: float) -> None:
        """Send a heartbeat if due, give up late calls, and end the session of a silent agent."""
        with self._lock:
            late = [number for number, call in self._pending.items() if call.is_late(now, self._spoke)]
            calls = [self._pending.pop(number) for number in late]
            with contextlib.suppress(OSError):
                if self.reason is None and now - self._said > HEARTBEAT:
                    self._write(Kind.HEARTBEAT)
        for call in calls:
            call.fail(NoAnswer(f"the agent did not answer {call.method} within {call.timeout:g} s"))
        if now - self._heard > SILENCE:
            self.finish(f"the agent has sent nothing for {SILENCE:g} s")

    def finish(self, reason: str) -> None:
        """End the session after its channel has ended, and fail all waiting calls."""
        with self._lock:
            if self.reason is not None:
                return
            if self._decoder.inside and self._decoder.started:
                reason += " (in the middle of an answer)"
            self.reason = reason
            calls, self._pending = list(self._pending.values()), {}
        self._channel.close()
        for call in calls:
            call.fail(ChannelLost(reason))
        self.settled.set()
        self._ended(self, reason)

    def close(self) -> None:
        """Tell the agent to end, and end the session."""
        with self._lock, contextlib.suppress(OSError):
            if self.reason is None:
                self._write(Kind.BYE)
        self.finish("closed by the runner")

    def _write(self, kind: Kind, request: int = 0, payload: bytes = b"") -> None:
        self._channel.write(self._encoder.frame(kind, request, payload))
        self._said = time.monotonic()

    def _on_data(self, data: bytes) -> None:
        self._heard = time.monotonic()
        try:
            frames = self._decoder.feed(data)
        except FramingError as error:
            self.finish(str(error))
            return
        if self._decoder.started and not self.settled.is_set():
            self.settled.set()
        for kind, request, payload in frames:
            self._on_frame(kind, request, payload)

    def _on_frame(self, kind: Kind, request: int, payload: bytes) -> None:
        if kind is Kind.HEARTBEAT:
            return
        self._spoke = time.monotonic()
        if kind is Kind.DATA:
            call = self._pending.get(request)
            if call is not None:
                call.data(payload)
            return
        with self._lock:
            call = self._pending.pop(request, None)
        if call is None:
            return  # Its call has been given up.
        self.answered = True
        try:
            if kind is Kind.ERROR:
                problem = foreign_json(payload)
                call.fail(AgentError(problem["text"], problem.get("error", {}).get("kind", "")))
            elif kind is Kind.END:
                call.end(payload)
            elif not call.result(payload):
                with self._lock:
                    self._pending[request] = call
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            call.fail(ChannelLost(f"the agent's answer to {call.method} cannot be read: {error}"))


class AgentClient:
    """The client of one agent. Thread-safe; the reader's thread completes the futures.

    `open_channel` opens a stream to a new agent process; it blocks, and raises if that fails. The client connects in
    the background at once, and calls wait for it. It gives up after an error with a true attribute `permanent`, and
    after `tries` failures in a row that took at least `patience` seconds; `pause` is the first pause between two
    attempts in seconds and doubles each time, and `start` is how many seconds a new agent has for its first bytes. From
    then on every call ends with `ChannelLost`.
    """

    def __init__(
        self,
        name: str,
        open_channel: Callable[[], Channel],
        *,
        tries: int = 5,
        patience: float = 0.0,
        pause: float = 0.2,
        start: float = START,
    ) -> None:
        self.name = name
        self._open, self._tries, self._patience, self._pause = open_channel, tries, patience, pause
        self._start = start
        self._failing_since = time.monotonic()
        self._lock = threading.Lock()
        self._session: _Session | None = None
        self._waiting: list[Call] = []
        self._problem: str | None = None
        self._failures = 0
        self._closing = threading.Event()
        self.generation = 0
        """How many streams were opened. An agent loses its captures when its stream ends."""
        _clock.add(self)
        self._connect_in_background()

    @property
    def connected(self) -> bool:
        """Whether a stream to the agent is open."""
        return self._session is not None

    @property
    def gave_up(self) -> bool:
        """Whether it connects no more, and every call fails."""
        return self._problem is not None

    def call(
        self, method: str, params: Mapping[str, Any] | None = None, timeout: float = 30.0
    ) -> Future[dict[str, Any]]:
        """Call the agent. Within `timeout` seconds the future has its result, `AgentError` or `ChannelLost`."""
        return self._submit(Call(method, params or {}, timeout))

    def capture_stop(self, capture: str, timeout: float = 60.0) -> Future[CaptureData]:
        """End a capture and fetch it. `timeout` (seconds) is extended while data arrives."""
        return self._submit(CaptureCall("capture_stop", {"capture": capture}, timeout))

    def capture_read(self, capture: str, timeout: float = 60.0) -> Future[CaptureData]:
        """Fetch the packets so far of a capture that goes on. pktmon refuses this with `AgentError`."""
        return self._submit(CaptureCall("capture_read", {"capture": capture}, timeout))

    def connect_again(self) -> None:
        """Connect to the agent of a pod that was made again, also if there was none to connect to meanwhile."""
        with self._lock:
            waits = self._problem is not None and not self._closing.is_set()
            if waits:
                self._problem, self._failures, self._failing_since = None, 0, time.monotonic()
        if waits:
            self._connect_in_background()

    def close(self) -> None:
        """End the agent process and the stream. Calls in flight end with `ChannelLost`. Safe to call twice."""
        self._closing.set()
        with self._lock:
            self._problem = self._problem or "closed by the runner"
            session, calls = self._session, self._drop_waiting()
        if session is not None:
            session.close()
        self._fail(calls)

    def tick(self, now: float) -> None:
        """Fail the calls that are late. The clock calls this four times a second."""
        with self._lock:
            session = self._session
            late = [call for call in self._waiting if call.deadline < now]
            self._waiting = [call for call in self._waiting if call.deadline >= now]
        for call in late:
            call.fail(NoAnswer(f"{self.name}: podwire could not connect within {call.timeout:g} s"))
        if session is not None:
            session.tick(now)

    def _submit(self, call: Call) -> Future[Any]:
        with self._lock:
            session = self._session
            if session is None and self._problem is None:
                self._waiting.append(call)
                return call.future
        if session is None:
            self._fail([call])
        else:
            session.send(call)
        return call.future

    def _drop_waiting(self) -> list[Call]:
        calls, self._waiting = self._waiting, []
        return calls

    def _fail(self, calls: list[Call]) -> None:
        for call in calls:
            call.fail(ChannelLost(f"{self.name}: {self._problem}"))

    def _connect_in_background(self) -> None:
        threading.Thread(target=self._connect, name=f"connect {self.name}", daemon=True).start()

    def _connect(self) -> None:
        while not self._closing.is_set():
            try:
                session = _Session(self._open(), self._on_end)
                session.start()
            except Exception as error:  # Any error must reach the calls that wait.
                problem, permanent = (
                    " ".join(str(error).split()) or type(error).__name__,
                    getattr(error, "permanent", False),
                )
            else:
                if not session.settled.wait(self._start):
                    session.finish(f"the agent sent nothing within {self._start:g} s")
                if session.reason is None and self._adopt(session):
                    return
                problem, permanent = session.reason or "closed by the runner", False
                session.close()
            self._failures += 1
            if permanent or self._is_over():
                self._give_up(problem if permanent else f"{problem} (tried {self._failures} times)")
                return
            self._closing.wait(min(self._pause * 2 ** min(self._failures - 1, 10), LONGEST_PAUSE))

    def _is_over(self) -> bool:
        return self._failures >= self._tries and time.monotonic() - self._failing_since >= self._patience

    def _adopt(self, session: _Session) -> bool:
        """Use this session for calls, unless it or the client has ended meanwhile. Returns whether it is used."""
        with self._lock:
            if self._closing.is_set() or session.reason is not None:
                return False
            self._session = session
            self.generation += 1
            calls = self._drop_waiting()
        for call in calls:
            session.send(call)
        return True

    def _on_end(self, session: _Session, reason: str) -> None:
        """Connect again for later calls after the session in use has ended."""
        with self._lock:
            if self._session is not session:
                return
            self._session = None
            if session.answered:
                self._failures, self._failing_since = 0, time.monotonic()
            else:
                self._failures += 1
            if self._is_over() and self._problem is None:
                self._problem = f"{reason} ({self._failures} times)"
            ended, calls = self._problem is not None, self._drop_waiting() if self._problem else []
        self._fail(calls)
        if not ended:
            self._connect_in_background()

    def _give_up(self, problem: str) -> None:
        with self._lock:
            self._problem = self._problem or problem
            calls = self._drop_waiting()
        self._fail(calls)


class _Clock:
    """The timer thread of all clients."""

    def __init__(self) -> None:
        self._clients: weakref.WeakSet[AgentClient] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, client: AgentClient) -> None:
        with self._lock:
            self._clients.add(client)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="agent clock", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        pause = threading.Event()
        while not pause.wait(_TICK):
            with self._lock:
                clients = list(self._clients)
            now = time.monotonic()
            for client in clients:
                client.tick(now)


_clock = _Clock()
