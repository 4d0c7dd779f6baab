"""The messages between the owner of a lab and the lab's own processes."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from typing import Any

KEEP_GOING = b"stay"
"""The message on the lifeline that lets the lab outlive its owner."""


class CannotBuild(Exception):
    """The reason why the lab cannot run on this system, in one line."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """The message of the owner to a lab that starts."""

    # descriptors, by number
    listen: int
    lock: int
    lifeline: int
    ready: int
    owner: int
    """The owner's process id."""
    directory: str
    """The run directory."""
    agent: str
    """The file with the agent that the host outside runs."""
    token: str
    """The token of the API."""
    # the choice of lab
    profile: str
    faults: tuple[str, ...]
    dsr: bool | None
    build: str | None
    pod_mtu: int | None
    variations: tuple[str, ...]

    @property
    def work(self) -> str:
        """The directory where PID 1 mounts the memory for volumes; outside its mount namespace it is empty."""
        return f"{self.directory}/work"

    @classmethod
    def read(cls, text: str) -> Start:
        data: dict[str, Any] = json.loads(text)
        return cls(**{**data, "faults": tuple(data["faults"]), "variations": tuple(data["variations"])})


def report(fd: int, message: dict[str, Any]) -> None:
    """Send the owner a line: `step` while the start goes on, then `external` when all is ready, or `error`."""
    with contextlib.suppress(OSError):
        os.write(fd, json.dumps(message).encode() + b"\n")
