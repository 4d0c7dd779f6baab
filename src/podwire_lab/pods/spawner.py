"""The process that starts containers: small, single-threaded, forked before the lab grows.

Forking the lab's main process would copy its page tables each time and is unsafe beside threads; this one forks
in about a millisecond. It speaks JSON over a SEQPACKET socket; descriptors (netns, 0, 1, 2) go beside requests.

request  {"id", "op": "start", "argv", "env", "cwd", "capabilities", "user", "tty", "root": RootSpec, "root_at",
          "hostname"}
         {"id", "op": "exec", "argv", "env", "cwd", "capabilities", "user", "tty", "container": id}
         {"id", "op": "kill", "signal"}
reply    {"id", "pid"} when the command runs, {"id", "error", "number"} when it could not start,
         {"id", "exit": code} at its end

`id` names the process. A container's own process is PID 1 of a PID namespace: its end takes every exec'd one with it.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import json
import os
import selectors
import signal
import socket
import termios
from dataclasses import dataclass, field
from typing import Any

from podwire_lab.kernel import namespaces as ns
from podwire_lab.pods import rootfs

Message = dict[str, Any]

MAX_MESSAGE = 1 << 17
_KINDS = (ns.CLONE_NEWPID, ns.CLONE_NEWUTS, ns.CLONE_NEWNS)


@dataclass
class _Process:
    id: int
    pid: int
    starting: socket.socket
    namespaces: list[int] = field(default_factory=list)


def exit_code(status: int) -> int:
    """A wait status as a shell and the CRI show it: 128 + n for signal n."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


class Spawner:
    """Run the spawner's loop until the lab closes its end of the socket."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._by_pid: dict[int, _Process] = {}
        self._by_id: dict[int, _Process] = {}
        self._selector = selectors.DefaultSelector()
        self._own_pid_namespace = os.open("/proc/self/ns/pid", os.O_RDONLY)

    def run(self) -> None:
        ns.prctl(ns.PR_SET_CHILD_SUBREAPER, 1)
        awake, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        gc.freeze()
        self._selector.register(self._channel, selectors.EVENT_READ)
        self._selector.register(awake, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._channel:
                    data, fds, _, _ = socket.recv_fds(self._channel, MAX_MESSAGE, 4)
                    if not data:
                        return
                    self._handle(json.loads(data), fds)
                elif key.data is not None:
                    self._started(key.data)
                else:
                    with contextlib.suppress(BlockingIOError):
                        os.read(awake, 4096)
            self._reap()

    def _reply(self, message: Message) -> None:
        self._channel.send(json.dumps(message).encode())

    def _handle(self, request: Message, fds: list[int]) -> None:
        if request["op"] == "kill":
            process = self._by_id.get(request["id"])
            if process is not None:
                for kill in (os.kill, os.killpg):  # the group too: a shell's children must not outlive it
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        kill(process.pid, request["signal"])
            return
        try:
            self._spawn(request, fds)
        except OSError as error:
            self._reply({"id": request["id"], "error": error.strerror, "number": error.errno})
        finally:
            for fd in fds:
                os.close(fd)

    def _spawn(self, request: Message, fds: list[int]) -> None:
        inside: list[int] = []
        if request["op"] == "exec":
            container = self._by_id.get(request["container"])
            if container is None or not container.namespaces:
                self._reply({"id": request["id"], "error": "container is not running", "number": 0})
                return
            inside = container.namespaces
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if inside:
            ns.setns(inside[0], ns.CLONE_NEWPID)
        else:
            ns.unshare(ns.CLONE_NEWPID)
        try:
            pid = os.fork()
            if pid == 0:
                become_container(request, fds, inside, theirs)
        finally:
            ns.setns(self._own_pid_namespace, ns.CLONE_NEWPID)
            theirs.close()
        process = _Process(id=request["id"], pid=pid, starting=ours)
        self._by_pid[pid] = self._by_id[process.id] = process
        self._selector.register(ours, selectors.EVENT_READ, process)

    def _started(self, process: _Process) -> None:
        """The child sends its namespaces, then either an error or, by its exec, the end of the stream."""
        data, fds, _, _ = socket.recv_fds(process.starting, 4096, len(_KINDS))
        if fds:
            process.namespaces = fds
            return
        self._selector.unregister(process.starting)
        process.starting.close()
        if data:
            self._reply({"id": process.id, **json.loads(data)})
            self._by_id.pop(process.id, None)
        else:
            self._reply({"id": process.id, "pid": process.pid})

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            process = self._by_pid.pop(pid, None)
            if process is None:
                continue
            while process.starting.fileno() >= 0:  # its last words come before its end
                self._started(process)
            for fd in process.namespaces:
                os.close(fd)
            if self._by_id.pop(process.id, None) is not None:
                self._reply({"id": process.id, "exit": exit_code(status)})


def become_container(request: Message, fds: list[int], inside: list[int], report: socket.socket) -> None:
    """In the child: enter or make the namespaces, then exec. Never returns."""
    try:
        _enter(request, fds[0], inside, report)
        _take_terminal(fds[1:], tty=request["tty"])
        os.execvpe(request["argv"][0], request["argv"], request["env"])
    except BaseException as error:
        number = error.errno if isinstance(error, OSError) else 0
        text = str(error) if not isinstance(error, FileNotFoundError) else "executable file not found in $PATH"
        report.send(json.dumps({"error": text, "number": number}).encode())
    finally:
        os._exit(127)


def _enter(request: Message, netns: int, inside: list[int], report: socket.socket) -> None:
    os.setsid()
    ns.setns(netns, ns.CLONE_NEWNET)
    if inside:
        for fd, kind in zip(inside[1:], _KINDS[1:], strict=True):
            ns.setns(fd, kind)
    else:
        ns.unshare(ns.CLONE_NEWNS | ns.CLONE_NEWUTS)
        ns.sethostname(request["hostname"])
        rootfs.build(request["root_at"], request["root"])
        held = [os.open(f"/proc/self/ns/{name}", os.O_RDONLY) for name in ("pid", "uts", "mnt")]
        socket.send_fds(report, [b"namespaces"], held)
    os.chdir(request["cwd"] or "/")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    ns.keep_capabilities(set(request["capabilities"]))
    if request["user"]:
        ns.become_user(*request["user"])


def _take_terminal(stdio: list[int], *, tty: bool) -> None:
    for target, fd in enumerate(stdio):
        os.dup2(fd, target)
    if tty:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def main(channel: socket.socket) -> None:
    """The whole life of the spawner process."""
    try:
        Spawner(channel).run()
    finally:
        os._exit(0)
