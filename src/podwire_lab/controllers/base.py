"""What all controllers of the lab share, and the smallest of them: the garbage collector."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from podwire_lab.model.interfaces import Event, Object, Store

_LOG = logging.getLogger(__name__)

DEBOUNCE_SECONDS = 0.003

OWNERS_AND_DEPENDENTS = (
    "pods",
    "services",
    "endpoints",
    "endpointslices",
    "configmaps",
    "secrets",
    "serviceaccounts",
    "leases",
    "daemonsets",
    "deployments",
    "replicasets",
    "statefulsets",
    "networkpolicies",
    "roles",
    "rolebindings",
)


class Debounced:
    """Run a reconciliation once, a few milliseconds after the last of several changes asked for it began to wait."""

    def __init__(self, work: Callable[[], None], delay: float = DEBOUNCE_SECONDS) -> None:
        self._work, self._delay = work, delay
        self._handle: asyncio.TimerHandle | None = None

    def __call__(self) -> None:
        if self._handle is None:
            self._handle = asyncio.get_running_loop().call_later(self._delay, self._run)

    def _run(self) -> None:
        self._handle = None
        try:
            self._work()
        except Exception:  # a controller goes on: the next change is another try
            _LOG.exception("reconciliation failed")

    def cancel(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


class GarbageCollector:
    """Deletes what has owners when the last of them is gone (kubernetes.io: "Garbage Collection")."""

    def __init__(self, store: Store, resources: Iterable[str] = OWNERS_AND_DEPENDENTS) -> None:
        self._store = store
        self._resources = tuple(resources)
        self._uids: set[str] = set()
        self._ends: list[Callable[[], None]] = []
        self._collect = Debounced(self._sweep)

    def start(self) -> None:
        for resource in (*self._resources, "nodes", "namespaces"):
            for obj in self._store.view(resource):
                self._uids.add(obj["metadata"]["uid"])
            self._ends.append(self._store.subscribe(resource, self._on_event))

    def stop(self) -> None:
        self._collect.cancel()
        for end in self._ends:
            end()

    def _on_event(self, event: Event) -> None:
        meta = event.object["metadata"]
        if event.kind == "DELETED":
            self._uids.discard(meta["uid"])
            self._collect()
        else:
            self._uids.add(meta["uid"])
            if event.kind == "ADDED" and meta.get("ownerReferences"):
                self._collect()

    def _sweep(self) -> None:
        for resource in self._resources:
            for obj in self._store.view(resource):
                owners = obj["metadata"].get("ownerReferences") or ()
                if owners and all(owner["uid"] not in self._uids for owner in owners):
                    self._delete(resource, obj)

    def _delete(self, resource: str, obj: Object) -> None:
        meta = obj["metadata"]
        if meta.get("deletionTimestamp"):
            return
        if (
            resource == "pods"
            and obj["spec"].get("nodeName")
            and (obj.get("status") or {}).get("phase") in ("Pending", "Running")
        ):
            grace = int(obj["spec"].get("terminationGracePeriodSeconds", 30))
            end = datetime.now(UTC) + timedelta(seconds=grace)
            marks = {"deletionTimestamp": end.strftime("%Y-%m-%dT%H:%M:%SZ"), "deletionGracePeriodSeconds": grace}
            self._store.update("pods", {**obj, "metadata": {**meta, **marks}})
        else:
            self._store.delete(resource, meta.get("namespace"), meta["name"])
