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
class Adjustments:
    """What a lab has in another way than its profile; None keeps the profile's. See `profile_named`."""

    dsr: bool | None = None
    build: str | None = None
    pod_mtu: int | None = None
    nodes: int | None = None
    ports: tuple[str, ...] | None = None
    variations: tuple[str, ...] = ()

    @classmethod
    def read(cls, data: dict[str, Any]) -> Adjustments:
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
        }
        return cls(**values)


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
    adjusted: Adjustments

    @property
    def work(self) -> str:
        """The directory where PID 1 mounts the memory for volumes; outside its mount namespace it is empty."""
        return f"{self.directory}/work"

    @classmethod
    def read(cls, text: str) -> Start:
        data: dict[str, Any] = json.loads(text)
        return cls(**{**data, "faults": tuple(data["faults"]), "adjusted": Adjustments.read(data["adjusted"])})


def fault_and_nodes(text: str) -> tuple[str, tuple[str, ...]]:
    """`NAME[@NODE,NODE]`: the name of a fault, and the nodes that it is to be on, none for all."""
    name, _, nodes = text.partition("@")
    return name, tuple(filter(None, nodes.split(",")))


def report(fd: int, message: dict[str, Any]) -> None:
    """Send the owner a line: `step` while the start goes on, then `external` when all is ready, or `error`."""
    with contextlib.suppress(OSError):
        os.write(fd, json.dumps(message).encode() + b"\n")
