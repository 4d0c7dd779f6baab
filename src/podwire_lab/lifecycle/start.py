"""What passes between the owner of a lab and the lab's own processes."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from typing import Any

KEEP_GOING = b"stay"
"""What the owner writes on the lifeline to let the lab outlive it."""


class CannotBuild(Exception):
    """Why the lab cannot run here, in one line."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """What the owner passes on: descriptors by number, the run directory, the file with the agent that the host outside
    runs, the API token and the choice of lab."""

    listen: int
    lock: int
    lifeline: int
    ready: int
    owner: int
    directory: str
    agent: str
    token: str
    profile: str
    faults: tuple[str, ...]
    dsr: bool | None
    build: str | None
    pod_mtu: int | None
    variations: tuple[str, ...]

    @property
    def work(self) -> str:
        """Where PID 1 mounts the memory that holds volumes; outside its mount namespace it is an empty directory."""
        return f"{self.directory}/work"

    @classmethod
    def read(cls, text: str) -> Start:
        data: dict[str, Any] = json.loads(text)
        return cls(**{**data, "faults": tuple(data["faults"]), "variations": tuple(data["variations"])})


def report(fd: int, message: dict[str, Any]) -> None:
    """A line for the owner, who waits for the last one: `external` when all is ready, `error` when it will not be. A
    `step` says that the start goes on."""
    with contextlib.suppress(OSError):
        os.write(fd, json.dumps(message).encode() + b"\n")
