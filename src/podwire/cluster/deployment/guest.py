"""A run in a namespace that somebody else made: it takes and leaves only objects that have its label."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from podwire.cluster.connect import Connection
from podwire.cluster.deployment.manifests import MANAGED_BY, MANAGER, RUN_LABEL
from podwire.cluster.deployment.removal import SECONDS, command
from podwire.cluster.malformed import understood
from podwire.cluster.rest import RestClient
from podwire.cluster.transport import Patience
from podwire.errors import ClusterError, Forbidden, NotFound, Unauthorized, UsageError

Object = dict[str, Any]

_KINDS = ("pods", "services", "configmaps", "endpointslices", "networkpolicies", "securitygrouppolicies")
_ASKING = Patience(connect=5.0, answer=10.0, total=3.0, whole=15.0)


def be_guest(connection: Connection, namespace: str) -> None:
    """Check that a run may use this namespace. Raises `UsageError` if it does not exist, or holds another run."""
    try:
        existing = connection.rest.get("namespaces", None, namespace)
    except NotFound:
        raise UsageError(f"--namespace {namespace}: the cluster has no such namespace; create it first") from None
    if existing["metadata"].get("deletionTimestamp"):
        raise UsageError(f"--namespace {namespace}: the cluster is deleting this namespace; name another one")
    for run_id in runs_in(connection, namespace):
        raise UsageError(
            f"--namespace {namespace}: run {run_id} has objects in it; wait for the end of that run, or remove them: "
            f"{command(connection, run_id, namespace)}"
        )


def runs_in(connection: Connection, namespace: str) -> list[str]:
    """The ids of the runs that have pods or ConfigMaps in a namespace."""
    labels = f"{MANAGED_BY}={MANAGER}"
    objects = [obj for kind in ("configmaps", "pods") for obj in connection.rest.list(kind, namespace, labels=labels)]
    return sorted({str((obj["metadata"].get("labels") or {}).get(RUN_LABEL, "")) for obj in objects} - {""})


def leave(connection: Connection, namespace: str, run_id: str, *, seconds: float = SECONDS) -> list[str]:
    """Remove what a run made in a namespace, and wait for the end of its pods. The namespace stays.

    Returns a line for each object that is left. Never raises; Ctrl-C ends the wait.
    """
    rest, labels = connection.rest.with_patience(_ASKING), f"{RUN_LABEL}={run_id}"
    try:
        problems = [line for kind in _KINDS for line in _without(rest, kind, namespace, labels)]
        return [*problems, *_pods_left(rest, namespace, labels, seconds)]
    except KeyboardInterrupt:
        return [
            f"namespace {namespace}: pods of run {run_id} may still exist; podwire was interrupted before they ended"
        ]


def _without(rest: RestClient, kind: str, namespace: str, labels: str) -> list[str]:
    """Delete all of a kind. A pod that ends slowly on purpose is not waited for."""
    try:
        if kind == "pods":
            for pod in rest.list(kind, namespace, labels=labels):
                if pod["metadata"].get("deletionTimestamp"):
                    rest.delete(kind, namespace, pod["metadata"]["name"], grace=0)
        rest.delete_collection(kind, namespace, labels=labels, grace=1 if kind == "pods" else None)
    except NotFound:
        return []  # The kind does not exist in this cluster.
    except ClusterError as error:
        return [f"{kind} in namespace {namespace} may still exist: {error}"]
    return []


def _pods_left(rest: RestClient, namespace: str, labels: str, seconds: float) -> list[str]:
    began, pause = time.monotonic(), 0.05
    left: list[Object] = []
    while time.monotonic() - began < seconds:
        try:
            with understood(f"namespace {namespace}"):
                left = rest.list("pods", namespace, labels=labels)
        except (Unauthorized, Forbidden) as error:
            return [f"pods in namespace {namespace} may still exist: {error}"]
        except ClusterError:
            left = left or [{"metadata": {"name": "unknown"}}]
        if not left:
            return []
        time.sleep(pause)
        pause = min(pause * 1.5, 1.0)
    with contextlib.suppress(ClusterError):
        for pod in left:
            rest.delete("pods", namespace, pod["metadata"]["name"], grace=0)
    return [f"pod {namespace}/{pod['metadata']['name']} has not ended after {seconds:.0f} s" for pod in left]
