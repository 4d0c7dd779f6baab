"""The namespace of a run: made once, never taken from anybody else, and not left behind by a deployment that failed."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from podwire.cluster.connect import Connection
from podwire.cluster.deployment import manifests
from podwire.cluster.deployment.guest import leave
from podwire.cluster.deployment.manifests import MANAGED_BY, MANAGER, RUN_LABEL
from podwire.cluster.deployment.removal import clean_up, command, run_of
from podwire.errors import ApiError, ClusterError, Conflict, UsageError

SECONDS = 20.0
"""How long a deployment that failed waits for the end of what it made."""


class _Taken(ClusterError):
    """The namespace is on its way out."""


def claim(connection: Connection, run_id: str, spaces: Sequence[str] = (), *, keep: bool = False) -> None:
    """Create it (never apply: that would take over somebody else's), or take the one of this very run; and those for
    pods of their own, after it.

    The answer may be lost though the namespace was made: then it is asked for again, and removed when that fails too
    (unless `keep`). Raises `UsageError` for one that is not ours, `ClusterError` when there is none.
    """
    made: list[str] = []
    try:
        for space in ("", *spaces):
            _create(connection, run_id, space)
            made.append(space)
    except BaseException as error:
        told = isinstance(error, UsageError | _Taken) or (isinstance(error, ApiError) and error.status < 500)
        if keep or (told and not made):
            raise
        left = _cleaned_up(connection, run_id, spaces=made[1:] if told else spaces[: len(made)])
        if told:
            _note(error, left)
            raise
        if isinstance(error, ClusterError):
            name = manifests.namespace_name(run_id)
            words = left or [f"should namespace {name} appear after all: {command(connection, run_id)}"]
            raise ClusterError("; ".join([str(error), *words])) from error
        _note(error, left)
        raise


def _create(connection: Connection, run_id: str, space: str) -> None:
    wanted = manifests.namespace(run_id, _owner(), space)
    name = str(wanted["metadata"]["name"])
    try:
        connection.rest.create(wanted, repeatable=True)
    except Conflict:
        namespace = connection.rest.get("namespaces", None, name)
        if run_of(namespace) != run_id:
            raise UsageError(
                f"namespace {name} exists and is not podwire's (it has no labels {MANAGED_BY}={MANAGER} and "
                f"{RUN_LABEL}={run_id}); choose another run id"
            ) from None
        if namespace["metadata"].get("deletionTimestamp"):
            raise _Taken(f"namespace {name} is still being deleted; wait, or use another run id") from None


@contextmanager
def nothing_left(
    connection: Connection, run_id: str, spaces: Sequence[str] = (), *, keep: bool = False, guest_of: str = ""
) -> Iterator[None]:
    """A block that fills the namespace. Whatever ends it early, Ctrl-C too, what was made is removed (unless `keep`),
    without hiding why it failed; what stays is told with the error. `guest_of` is a namespace that stays."""
    try:
        yield
    except BaseException as error:
        left = [] if keep else _cleaned_up(connection, run_id, guest_of, spaces)
        if left and isinstance(error, ClusterError):
            raise ClusterError("; ".join([str(error), *left])) from error
        _note(error, left)
        raise


def _cleaned_up(connection: Connection, run_id: str, guest_of: str = "", spaces: Sequence[str] = ()) -> list[str]:
    if guest_of:
        left = leave(connection, guest_of, run_id, seconds=SECONDS)
    else:
        names = [manifests.namespace_name(run_id, space) for space in ("", *spaces)]
        left = clean_up(connection, *names, run_id=run_id, seconds=SECONDS)
    return [*left, f"to remove it: {command(connection, run_id, guest_of)}"] if left else []


def _note(error: BaseException, left: list[str]) -> None:
    for line in left:
        error.add_note(line)


def _owner() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"
    return f"{user}@{socket.gethostname()}"
