"""Removing what runs left behind (after SIGKILL, a lost machine, `--keep`). Namespaces are found by their labels."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from podwire.cluster.connect import Connection
from podwire.cluster.deployment.manifests import MANAGED_BY, MANAGER, OWNER, RUN_LABEL
from podwire.cluster.deployment.removal import undeploy
from podwire.errors import PodwireError, UsageError

Object = dict[str, Any]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """A namespace of a run. `age` is in seconds; `owner` says who ran it (`user@host`), as far as it is known."""

    namespace: str
    run_id: str
    age: float
    owner: str


def parse_age(text: str) -> float:
    """`90s`, `15m`, `2h`, `1d` or plain seconds, in seconds. Raises `UsageError`."""
    match = re.fullmatch(r"(\d+)([smhd]?)", text.strip())
    if match is None:
        raise UsageError(f"--older-than {text}: is not an age (90s, 15m, 2h, 1d)")
    return float(match[1]) * _UNITS[match[2] or "s"]


def find_leftovers(
    connection: Connection, *, run: str | None = None, older_than: float = 0.0, now: datetime | None = None
) -> list[Leftover]:
    """The namespaces that podwire made, oldest first: of one run, or of all that are at least that old (seconds)."""
    labels = f"{MANAGED_BY}={MANAGER}" + (f",{RUN_LABEL}={run}" if run else "")
    moment = now or datetime.now(UTC)
    leftovers = [_leftover(obj, moment) for obj in connection.rest.list("namespaces", labels=labels)]
    chosen = [leftover for leftover in leftovers if leftover.run_id and leftover.age >= older_than]
    return sorted(chosen, key=lambda leftover: (-leftover.age, leftover.namespace))


def cleanup(
    connection: Connection,
    leftovers: list[Leftover],
    *,
    seconds: float = 90.0,
    say: Callable[[str], object] = lambda line: None,
) -> list[str]:
    """Remove them, saying a line for each; returns what stays, a line each."""
    not_removed: list[str] = []
    for leftover in leftovers:
        try:
            left = undeploy(connection, leftover.namespace, seconds=seconds)
        except PodwireError as error:
            left = [f"namespace {leftover.namespace} may still exist: {error}"]
        if left:
            not_removed += left
        else:
            say(
                f"removed namespace {leftover.namespace} "
                f"(run {leftover.run_id} of {leftover.owner}, {describe_age(leftover.age)} old)"
            )
    return not_removed


def describe_age(seconds: float) -> str:
    """An age for a person: `42s`, `7m`, `3h`, `2d`."""
    if math.isinf(seconds):
        return "unknown"
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:.0f}s"


def _leftover(obj: Object, now: datetime) -> Leftover:
    metadata = obj["metadata"]
    try:
        created = datetime.fromisoformat(str(metadata.get("creationTimestamp")).replace("Z", "+00:00"))
        age = max(0.0, (now - created).total_seconds())
    except (TypeError, ValueError):
        age = math.inf  # Nothing tells that it is in use.
    return Leftover(
        namespace=metadata["name"],
        run_id=str((metadata.get("labels") or {}).get(RUN_LABEL, "")),
        age=age,
        owner=str((metadata.get("annotations") or {}).get(OWNER, "an unknown owner")),
    )
