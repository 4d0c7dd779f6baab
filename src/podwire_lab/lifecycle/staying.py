"""The lab that stays up (`podwire lab up`): one for each user, found again by a state file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from podwire_lab.lifecycle import process
from podwire_lab.lifecycle.process import Lab, LabError


@dataclass(frozen=True, kw_only=True)
class LabState:
    """The content of the state file of a lab that stays."""

    profile: str
    pid: int
    start_time: int
    """Of that process, in ticks after boot: another process with the same pid has another one."""
    url: str
    kubeconfig: str
    context: str
    external_host: str
    external_addresses: tuple[str, ...]
    external_command: tuple[str, ...]


def state_file() -> Path:
    """`$XDG_RUNTIME_DIR/podwire/lab.json`, or the same below `~/.cache` without that directory."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    base = Path(runtime) if runtime and os.access(runtime, os.W_OK) else Path.home() / ".cache"
    return base / "podwire" / "lab.json"


def _start_time(pid: int) -> int | None:
    """Field 22 of /proc/PID/stat (proc(5)); None without such a process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return int(text.rpartition(")")[2].split()[19])


def lab_status() -> LabState | None:
    """The lab that is up, or None; removes the state file of a lab that is gone."""
    path = state_file()
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        tuples = {name: tuple(data[name]) for name in ("external_addresses", "external_command")}
        state = LabState(**{**data, **tuples})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    if _start_time(state.pid) != state.start_time:
        path.unlink(missing_ok=True)
        return None
    return state


def lab_up(
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
    log: Path | None = None,
) -> LabState:
    """Start a lab that outlives this process; for the parameters see `start_lab`.

    Raises:
        LabError: a lab is already up, or this one cannot start; the text is one line.
    """
    running = lab_status()
    if running is not None:
        raise LabError(
            f"a lab with profile {running.profile} is already up (pid {running.pid}); end it with podwire lab down"
        )
    path = state_file()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise LabError(f"cannot write the state file {path}: {error.strerror}") from error
    lab = process.start_lab(
        profile,
        agent=agent,
        faults=faults,
        dsr=dsr,
        build=build,
        pod_mtu=pod_mtu,
        nodes=nodes,
        ports=ports,
        variations=variations,
        stay=True,
        log=log,
    )
    try:
        state = _state(lab)
        path.write_text(json.dumps(asdict(state), indent=1) + "\n", encoding="utf-8")
    except (OSError, LabError) as error:
        process.stop(lab.pid)
        raise LabError(f"cannot write the state file {path}: {error}") from error
    finally:
        lab.close()
    return state


def _state(lab: Lab) -> LabState:
    start_time = _start_time(lab.pid)
    if start_time is None:
        raise LabError("the lab ended just after its start")
    return LabState(
        profile=lab.profile,
        pid=lab.pid,
        start_time=start_time,
        url=lab.url,
        kubeconfig=str(lab.kubeconfig),
        context=lab.context,
        external_host=lab.external_host.name,
        external_addresses=lab.external_host.addresses,
        external_command=lab.external_command,
    )


def lab_down() -> bool:
    """End the lab that is up and wait until it is gone. False if there was none."""
    state = lab_status()
    if state is None:
        return False
    if not process.stop(state.pid):
        raise LabError(f"the lab (pid {state.pid}) did not end; try again, or kill that process")
    state_file().unlink(missing_ok=True)
    return True
