"""The end of a run's namespace, with all that is in it."""

from __future__ import annotations

import time
from typing import Any

from podwire.cluster.connect import Connection
from podwire.cluster.deployment.manifests import MANAGED_BY, MANAGER, RUN_LABEL
from podwire.cluster.rest import RestClient
from podwire.errors import NotFound, UsageError

Object = dict[str, Any]


def undeploy(connection: Connection, namespace: str, *, seconds: float = 90.0) -> list[str]:
    """Remove a run's namespace and wait until it is gone. Returns what stays, a line each; nothing when all is gone.

    Raises `UsageError` when the namespace is not one of ours.
    """
    rest = connection.rest
    try:
        found = rest.get("namespaces", None, namespace)
    except NotFound:
        return []
    run_id = run_of(found)
    if run_id is None:
        raise UsageError(f"namespace {namespace} was not made by podwire (no label {MANAGED_BY}={MANAGER}); it stays")
    if not found["metadata"].get("deletionTimestamp"):
        labels = f"{RUN_LABEL}={run_id}"
        for resource in ("pods", "services", "configmaps"):
            # Nobody waits for a probe: one that lingers for its case would hold the whole namespace back.
            rest.delete_collection(resource, namespace, labels=labels, grace=1 if resource == "pods" else None)
        rest.delete("namespaces", None, namespace)
    return _wait_gone(rest, namespace, seconds)


def _wait_gone(rest: RestClient, namespace: str, seconds: float) -> list[str]:
    end = time.monotonic() + seconds
    pause = 0.02
    while True:
        try:
            found = rest.get("namespaces", None, namespace)
        except NotFound:
            return []
        if time.monotonic() >= end:
            break
        time.sleep(pause)
        pause = min(pause * 1.5, 1.0)
    stays = [f"namespace {namespace} is still being deleted after {seconds:.0f} s"]
    for pod in rest.list("pods", namespace):
        node = (pod.get("spec") or {}).get("nodeName", "no node")
        stays.append(f"pod {namespace}/{pod['metadata']['name']} on {node} has not ended")
    for condition in (found.get("status") or {}).get("conditions") or []:
        if condition.get("status") == "True":
            stays.append(f"namespace {namespace}: {' '.join(str(condition.get('message')).split())}")
    return stays


def run_of(namespace: Object) -> str | None:
    """The run that a Namespace belongs to, or None when it is not ours."""
    labels = namespace["metadata"].get("labels") or {}
    return labels.get(RUN_LABEL) if labels.get(MANAGED_BY) == MANAGER else None
