"""The agent's own event loop: one thread, and tasks that wait for a socket, a time or a promise.

asyncio alone needs three times the start-up time and twice the memory of the whole agent, and behaves differently on
Windows. A wait is `(descriptor or -1, for writing?, until or None)`; its result is False if the time `until` came
first, else True. Times are seconds of `now`.
"""

from __future__ import annotations

import collections
import contextlib
import heapq
import itertools
import select
import socket
import time
import types

from podwire.agent.system import complain

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from typing import Any, Awaitable, Callable, Coroutine, Generator, Tuple

    Wait = Tuple[int, bool, "float | None"]

now = time.monotonic
MOST_THREADS = 512  # An unanswered look-up holds a thread for seconds; other look-ups must not wait for it.


class EpollPoller:
    """Watches each descriptor for one event (EPOLLONESHOT). A closed descriptor is no longer watched."""

    def __init__(self) -> None:
        self._epoll = select.epoll()

    def watch(self, fd: int, write: bool) -> None:
        """Report once when the descriptor can be read, or written."""
        events = (select.EPOLLOUT if write else select.EPOLLIN) | select.EPOLLONESHOT
        try:
            self._epoll.register(fd, events)
        except FileExistsError:
            self._epoll.modify(fd, events)

    def forget(self, fd: int) -> None:
        """Nothing to do: the loop ignores an event without a waiting task."""

    def wait(self, timeout: float) -> list[int]:
        """The ready descriptors, after at most `timeout` seconds."""
        return [fd for fd, _ in self._epoll.poll(timeout)]


class SelectPoller:
    """The same with select(), for Windows, where one call takes at most 512 sockets."""

    MOST = 500

    def __init__(self) -> None:
        self._watched: dict[int, bool] = {}

    def watch(self, fd: int, write: bool) -> None:
        """Report once when the socket can be read, or written."""
        self._watched[fd] = write

    def forget(self, fd: int) -> None:
        """Stop watching the socket."""
        self._watched.pop(fd, None)

    def wait(self, timeout: float) -> list[int]:
        """The ready sockets, after at most `timeout` seconds."""
        watched = list(self._watched.items())
        if len(watched) > self.MOST:
            timeout = min(timeout, 0.005)
        ready: list[int] = []
        for start in range(0, len(watched), self.MOST):
            part = watched[start : start + self.MOST]
            writing = [fd for fd, write in part if write]
            # Windows reports a failed connect as an exceptional condition.
            fd_lists = select.select([fd for fd, write in part if not write], writing, writing, 0 if ready else timeout)
            ready += {fd for fds in fd_lists for fd in fds}
        for fd in ready:
            del self._watched[fd]
        return ready


class Lateness:
    """Measures how late timers fire, which shows how busy the machine is."""

    LATE = 0.1

    def __init__(self) -> None:
        self._timers, self._late, self._most = 0, 0, 0.0

    def note(self, seconds: float) -> None:
        """Count one timer that fired `seconds` late."""
        self._timers += 1
        self._late += seconds > self.LATE
        self._most = max(self._most, seconds)

    def taken(self) -> dict[str, Any]:
        """The counts since the last call: all timers, late timers, and the longest delay in seconds."""
        counts = {"timers": self._timers, "late": self._late, "most": self._most}
        self._timers, self._late, self._most = 0, 0, 0.0
        return counts


class Task:
    """A running coroutine. `ticket` changes with each step, so that the loop ignores events of an earlier wait."""

    __slots__ = ("coroutine", "fd", "ticket")

    def __init__(self, coroutine: Coroutine[Wait, Any, None]) -> None:
        self.coroutine, self.ticket, self.fd = coroutine, 0, -1


class Loop:
    """Runs tasks in one thread. Other threads may call `from_thread` only."""

    STEPS = 100

    def __init__(self) -> None:
        self.poller: Any = EpollPoller() if hasattr(select, "epoll") else SelectPoller()
        self.scratch = bytearray(1 << 16)
        self.before_wait: Callable[[], None] = lambda: None
        self.hurried: list[Callable[[], None]] = []
        """Short calls that cannot wait until all ready tasks had their step; made after every STEPS steps."""
        self._steps = 0
        self.current: Task | None = None
        self.lateness = Lateness()
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
        """Add a task. The loop runs its first step later."""
        task = Task(coroutine)
        self._ready.append((task, 0, True))
        return task

    def wake(self, task: Task, ticket: int) -> None:
        """Continue a task, if it is still in the wait with this ticket."""
        self._ready.append((task, ticket, True))

    def interrupt(self, task: Task) -> None:
        """Continue a waiting task as if its time had come."""
        self._stop_watching(task)
        self._ready.append((task, task.ticket, False))

    def _stop_watching(self, task: Task) -> None:
        if self._waiting.get(task.fd) is task:
            del self._waiting[task.fd]
            self.poller.forget(task.fd)

    def cancel(self, task: Task) -> None:
        """End a waiting task; its `finally` blocks run."""
        self._stop_watching(task)
        task.ticket += 1
        task.coroutine.close()

    def from_thread(self, call: Callable[..., None], *arguments: Any) -> None:
        """Make a call in the loop's thread."""
        self._calls.append((call, arguments))
        with contextlib.suppress(OSError):  # A full socket wakes the loop too.
            self._ring.send(b"!")

    async def in_thread(self, work: Callable[[], Any], until: float) -> Any:
        """The result of blocking work in a thread. TimeoutError after `until`; the thread goes on unobserved."""
        promise = Promise(self)

        def job() -> None:
            try:
                value, problem = work(), None
            except Exception as error:
                value, problem = None, error
            self.from_thread(promise.keep, (value, problem))

        self._jobs.append(job)
        if self._threads < MOST_THREADS:
            self._start_thread()
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
            self._start_thread()

    def _start_thread(self) -> None:
        import threading  # In the loop's thread: threading takes the first thread that imports it for the main thread.

        self._threads += 1
        threading.Thread(target=self._work, daemon=True).start()

    def run(self) -> None:
        """Run the tasks. Never returns."""
        self.poller.watch(self._bell.fileno(), False)
        while True:
            while self._ready:
                task, ticket, value = self._ready.popleft()
                if task.ticket == ticket:
                    self._step(task, value)
            self.before_wait()
            if self._ready:
                continue
            # A wait ends at its moment only if a look that began after it found nothing: while other tasks ran, or this
            # process got no CPU, its socket may have become ready.
            looked = now()
            timeout = max(0.0, self._timers[0][0] - looked) if self._timers else 3600.0
            for fd in self.poller.wait(timeout):
                if fd == self._bell.fileno():
                    self._answer_bell()
                else:
                    waiting = self._waiting.pop(fd, None)
                    if waiting is not None:
                        self._step(waiting, True)
            while self._timers and self._timers[0][0] <= looked:
                due, _, task, ticket = heapq.heappop(self._timers)
                self.lateness.note(looked - due)
                if task.ticket == ticket:
                    self._stop_watching(task)
                    self._step(task, False)

    def _step(self, task: Task, value: bool) -> None:
        self._steps += 1
        if self._steps % self.STEPS == 0:
            self._hurry()
        started, self.current, task.fd = task.ticket > 0, task, -1
        task.ticket += 1
        try:
            fd, write, until = task.coroutine.send(value if started else None)
        except StopIteration:
            return
        except Exception as error:  # The error of one task must not end the others.
            complain(f"{type(error).__name__}: {error}")
            return
        if fd >= 0:
            task.fd = fd
            self._waiting[fd] = task
            self.poller.watch(fd, write)
        if until is not None:
            heapq.heappush(self._timers, (until, next(self._order), task, task.ticket))
            if len(self._timers) > self._timers_most:
                self._timers = [timer for timer in self._timers if timer[2].ticket == timer[3]]
                heapq.heapify(self._timers)
                self._timers_most = max(1000, 2 * len(self._timers))

    def _hurry(self) -> None:
        for call in tuple(self.hurried):
            try:
                call()
            except Exception as error:  # Nor may that of one call.
                complain(f"{type(error).__name__}: {error}")

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
def pause(wait: Wait) -> Generator[Wait, bool, bool]:
    """Yield a wait to the loop."""
    return (yield wait)


def readable(sock: socket.socket, until: float | None = None) -> Awaitable[bool]:
    """Wait until a socket can be read. The result is False if `until` came first."""
    return pause((sock.fileno(), False, until))


def writable(sock: socket.socket, until: float | None = None) -> Awaitable[bool]:
    """Wait until a socket can be written to. The result is False if `until` came first."""
    return pause((sock.fileno(), True, until))


def sleep(until: float) -> Awaitable[bool]:
    """Wait until this time."""
    return pause((-1, False, until))


class Promise:
    """A value that one task waits for. The loop, or a thread through `from_thread`, sets it."""

    def __init__(self, loop: Loop) -> None:
        self._loop, self._task, self._ticket = loop, None, 0  # type: Loop, Task | None, int
        self.kept, self.value = False, None  # type: bool, Any

    def keep(self, value: Any = None) -> None:
        """Set the value. Only the first one counts."""
        if not self.kept:
            self.kept, self.value = True, value
            if self._task is not None:
                self._loop.wake(self._task, self._ticket)

    async def wait(self, until: float | None = None) -> bool:
        """Wait for the value. Returns False if `until` came first."""
        if not self.kept:
            task = self._loop.current
            assert task is not None
            self._task, self._ticket = task, task.ticket
            await pause((-1, False, until))
        return self.kept
