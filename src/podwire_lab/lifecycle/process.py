"""Start a lab, hold it, end it: one child process that ends with its owner unless told to stay."""

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
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import podwire_lab
from podwire.model.facts import ExternalHost
from podwire_lab.lifecycle import outside, rundir
from podwire_lab.lifecycle.start import KEEP_GOING, Adjustments

CONTEXT = "podwire-lab"
START_SECONDS = 30.0
"""The time that one step of the start may take after the one before it, however many steps there are."""
END_SECONDS = 5.0


class LabError(Exception):
    """The lab could not be started; the text is one line for the user."""


@dataclass(kw_only=True)
class Lab:
    """A running lab. `close`, or the end of the `with` block, ends it and waits until all of it is gone."""

    profile: str
    url: str
    kubeconfig: Path
    """A file with mode 0600, removed with the lab."""
    context: str
    external_host: ExternalHost
    external_command: tuple[str, ...]
    """The command line that runs an RPC agent on the host outside; its standard streams are the agent's."""
    pid: int
    """The supervisor's."""
    _child: subprocess.Popen[str] | None = None
    _lifeline: int | None = None
    _lock: int | None = None

    def close(self) -> None:
        """End the lab at once and leave nothing. Safe to call twice. `lab_down` ends a lab that stays."""
        for name in ("_lifeline", "_lock"):
            fd = getattr(self, name)
            if fd is not None:
                setattr(self, name, None)
                os.close(fd)
        if self._child is not None:
            try:
                self._child.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self._child.kill()  # the kernel then ends PID 1, and with it everything else
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
    nodes: int | None = None,
    ports: Sequence[str] | None = None,
    variations: Sequence[str] = (),
    stay: bool = False,
    log: Path | None = None,
    timeout: float = START_SECONDS,
) -> Lab:
    """Start a lab of this profile. Returns when its API answers and its nodes are ready.

    Args:
        agent: returns the file that the host outside runs as echo server and as RPC agent (`python3 FILE serve`,
        `rpc`).
        faults: injected before the lab is ready.
        dsr, build: override the profile's for the Windows nodes; a build is `20348.2762`.
        pod_mtu: overrides the profile's MTU of all pods, in bytes.
        nodes: the number of nodes of each OS.
        ports: override the ranges of ports that the Windows nodes translate to.
        variations: names of `model.variations`.
        stay: the lab outlives this process.
        log: receives the output of the lab's processes; by default a file in the lab's own directory.
        timeout: the longest time between two steps of the start, in seconds.

    Raises:
        LabError: the lab cannot run here; the text is one line.
    """
    rundir.remove_stale()
    try:
        directory, lock = rundir.create()
    except OSError as error:
        raise LabError(f"the lab has no directory for temporary files ({error}); name one in TMPDIR") from error
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    lifeline_read, lifeline = os.pipe2(os.O_CLOEXEC)
    ready, ready_write = os.pipe2(os.O_CLOEXEC)
    ranges = None if ports is None else tuple(ports)
    adjusted = Adjustments(
        dsr=dsr, build=build, pod_mtu=pod_mtu, nodes=nodes, ports=ranges, variations=tuple(variations)
    )
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
        "adjusted": asdict(adjusted),
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
            lab._child, child.returncode = None, 0  # not waited for: this process is about to end
    except BaseException:
        lab.close()
        raise
    finally:
        os.close(ready)
    return lab


def _spawn(start: dict[str, Any], agent: Callable[[], bytes], log: Path) -> subprocess.Popen[str]:
    """The supervisor, in its own session, so that Ctrl-C in a terminal reaches the owner only."""
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
        Path(start["agent"]).write_bytes(agent())  # made while that process imports its modules
    except BaseException:
        child.kill()
        child.wait()
        raise
    with contextlib.suppress(BrokenPipeError):
        child.stdin.write(json.dumps(start) + "\n")
        child.stdin.close()
    return child


def _await_ready(ready: int, timeout: float, log: Path) -> dict[str, Any]:
    """The last message of the start. The lab may take long on a busy machine, as long as one step follows another."""
    step = "nothing"
    for message in _messages(ready, timeout):
        if message is None:
            raise LabError(f"the lab does not start: no progress for {timeout:.0f} s; its last step: {step}")
        if "error" in message:
            raise LabError(message["error"])
        if "step" not in message:
            return message
        step = message["step"]
    last = log.read_text(errors="replace").strip().splitlines()[-1:] if log.exists() else []
    raise LabError(f"the lab ended before it was ready: {last[0] if last else 'no message'}")


def _messages(ready: int, timeout: float) -> Iterator[dict[str, Any] | None]:
    """The messages of a lab that starts, until it ends; None when no message comes within `timeout` seconds."""
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
    """End the lab of the supervisor `pid`, which need not be a child of this process. True when the lab is gone."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        signal.pidfd_send_signal(fd, signal.SIGTERM)
        return bool(select.select([fd], [], [], seconds)[0])
    finally:
        os.close(fd)
