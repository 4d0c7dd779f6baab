"""Start a lab, hold it, end it: one child process that cannot outlive its owner (unless it is asked to stay)."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import podwire_lab
from podwire.model.facts import ExternalHost
from podwire_lab.lifecycle import outside, rundir
from podwire_lab.lifecycle.start import KEEP_GOING

CONTEXT = "podwire-lab"
START_SECONDS = 30.0
"""For one step of the start to follow another, however many there are."""
END_SECONDS = 5.0


class LabError(Exception):
    """The lab could not be started; the text is one line for the user."""


@dataclass(kw_only=True)
class Lab:
    """A running lab. `close` (or leaving the `with` block) ends it and waits until all of it is gone.

    `pid` is the supervisor's; `kubeconfig` (mode 0600) goes with the lab. `external_command` is a command line that
    runs an RPC agent on the host outside, with the command's standard input and output as its stream.
    """

    profile: str
    url: str
    kubeconfig: Path
    context: str
    external_host: ExternalHost
    external_command: tuple[str, ...]
    pid: int
    _child: subprocess.Popen[str] | None = None
    _lifeline: int | None = None
    _lock: int | None = None

    def close(self) -> None:
        """End the lab: at once, nothing stays. Safe to call twice. A lab that stays is ended by `lab_down`."""
        for name in ("_lifeline", "_lock"):
            fd = getattr(self, name)
            if fd is not None:
                setattr(self, name, None)
                os.close(fd)
        if self._child is not None:
            try:
                self._child.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self._child.kill()  # the kernel then ends PID 1, and that everything else
                self._child.wait(END_SECONDS)
                shutil.rmtree(self.kubeconfig.parent, ignore_errors=True)
            self._child = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def start_lab(
    profile: str,
    *,
    agent: Callable[[], bytes],
    faults: Sequence[str] = (),
    dsr: bool | None = None,
    build: str | None = None,
    pod_mtu: int | None = None,
    variations: Sequence[str] = (),
    stay: bool = False,
    log: Path | None = None,
    timeout: float = START_SECONDS,
) -> Lab:
    """Start a lab of that profile and return when its API answers and its nodes are ready.

    `agent` gives the file that the host outside runs as echo server and as RPC agent (`python3 FILE serve`, `rpc`).
    `faults` are injected before it is ready; `dsr` and `build` (`20348.2762`) override the profile's for Windows nodes,
    `pod_mtu` (bytes) that of all pods; `variations` are names of `model.variations`.
    `timeout` is the seconds in which a step of its start must follow the one before it. With `stay` it outlives this
    process. `log` gets what the lab's processes print (else a file in its own directory).
    Raises `LabError` with one line when it cannot run here.
    """
    rundir.remove_stale()
    try:
        directory, lock = rundir.create()
    except OSError as error:
        raise LabError(f"the lab needs a directory for temporary files: {error}") from error
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    lifeline_read, lifeline = os.pipe2(os.O_CLOEXEC)
    ready, ready_write = os.pipe2(os.O_CLOEXEC)
    start = {
        "listen": listener.fileno(),
        "lock": lock,
        "lifeline": lifeline_read,
        "ready": ready_write,
        "owner": os.getpid(),
        "directory": str(directory),
        "agent": str(directory / "agent.pyz"),
        "token": secrets.token_urlsafe(24),
        "profile": profile,
        "faults": list(faults),
        "dsr": dsr,
        "build": build,
        "pod_mtu": pod_mtu,
        "variations": list(variations),
    }
    log = log or directory / "lab.log"
    try:
        child = _spawn(start, agent, log)
    except BaseException as error:
        for fd in (lifeline, ready, lock):
            os.close(fd)
        shutil.rmtree(directory, ignore_errors=True)
        if isinstance(error, OSError):
            raise LabError(f"the lab's process could not be started: {error}") from error
        raise
    finally:
        listener.close()
        os.close(lifeline_read)
        os.close(ready_write)
    lab = Lab(
        profile=profile,
        url=url,
        kubeconfig=directory / "kubeconfig",
        context=CONTEXT,
        external_host=ExternalHost(name=""),
        external_command=(sys.executable, "-I", "-S", outside.__file__, str(directory)),
        pid=child.pid,
        _child=child,
        _lifeline=lifeline,
        _lock=lock,
    )
    try:
        answer = _await_ready(ready, timeout, log)
        lab.external_host = ExternalHost(
            name=answer["external"]["name"], addresses=tuple(answer["external"]["addresses"])
        )
        if stay:
            os.write(lifeline, KEEP_GOING)
            lab._child, child.returncode = None, 0  # not waited for: it is nobody's child when this process ends
    except BaseException:
        lab.close()
        raise
    finally:
        os.close(ready)
    return lab


def _spawn(start: dict[str, Any], agent: Callable[[], bytes], log: Path) -> subprocess.Popen[str]:
    """The supervisor: in its own session, so that Ctrl-C in a terminal reaches the owner only."""
    inherited = (start["listen"], start["lifeline"], start["ready"], start["lock"])
    with log.open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "podwire_lab", start["profile"]],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            pass_fds=inherited,
            start_new_session=True,
            cwd="/",
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(podwire_lab.__file__).parents[1])},
        )
    assert child.stdin is not None
    try:
        Path(start["agent"]).write_bytes(agent())  # made while that process imports
    except BaseException:
        child.kill()
        child.wait()
        raise
    with contextlib.suppress(BrokenPipeError):
        child.stdin.write(json.dumps(start) + "\n")
        child.stdin.close()
    return child


def _await_ready(ready: int, timeout: float, log: Path) -> dict[str, Any]:
    """What the lab says once it is ready. A busy machine may need long for it: what counts is that it goes on."""
    step = "nothing"
    for message in _messages(ready, timeout):
        if message is None:
            raise LabError(f"the lab does not start: for {timeout:.0f} s nothing followed its last step ({step})")
        if "error" in message:
            raise LabError(message["error"])
        if "step" not in message:
            return message
        step = message["step"]
    last = log.read_text(errors="replace").strip().splitlines()[-1:] if log.exists() else []
    raise LabError(f"the lab ended before it was ready: {last[0] if last else 'no message'}")


def _messages(ready: int, timeout: float) -> Iterator[dict[str, Any] | None]:
    """What a lab that starts has to say, until it ends; None when it says nothing for so many seconds."""
    data = b""
    while True:
        if not select.select([ready], [], [], timeout)[0]:
            yield None
            return
        piece = os.read(ready, 65536)
        if not piece:
            return
        *lines, data = (data + piece).split(b"\n")
        yield from map(json.loads, lines)


def stop(pid: int, seconds: float = END_SECONDS) -> bool:
    """End the lab whose supervisor is `pid`, which need not be a child of this process; True when it is gone."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        signal.pidfd_send_signal(fd, signal.SIGTERM)
        return bool(select.select([fd], [], [], seconds)[0])
    finally:
        os.close(fd)
