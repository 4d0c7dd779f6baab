"""The end of namespaces: what is in a terminating one is deleted, then it goes itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from podwire_lab.kube_api.deletion import delete, unreviewed
from podwire_lab.kube_api.objects.fields import at
from podwire_lab.kube_api.objects.resources import BY_PLURAL
from podwire_lab.kube_api.objects.store import Change, MemoryStore
from podwire_lab.kube_api.requests import Target


class NamespaceFinisher:
    """Watches the store. `start` needs a running loop: a namespace is worked on after the request that deletes it."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._ends: list[Callable[[], None]] = []
        self._due: set[str] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ends.append(self._store.watch("namespaces", self._namespace_changed))
        for resource in self._store.namespaced_resources():
            self._ends.append(self._store.watch(resource, self._content_changed))

    def stop(self) -> None:
        while self._ends:
            self._ends.pop()()

    def _namespace_changed(self, change: Change) -> None:
        if change.kind != "DELETED" and at(change.stored.object, "metadata", "deletionTimestamp"):
            self._soon(change.stored.object["metadata"]["name"])

    def _content_changed(self, change: Change) -> None:
        if change.kind == "DELETED":
            self._soon(change.stored.object["metadata"].get("namespace") or "")

    def _soon(self, name: str) -> None:
        if name in self._due or self._loop is None:
            return
        self._due.add(name)
        self._loop.call_soon(self._work_on, name)

    def _work_on(self, name: str) -> None:
        self._due.discard(name)
        namespace = self._store.stored("namespaces", None, name)
        if namespace is None or not at(namespace.object, "metadata", "deletionTimestamp"):
            return
        left = False
        for plural in tuple(self._store.namespaced_resources()):
            for stored in self._store.all(plural, name):
                target = Target(resource=BY_PLURAL[plural], namespace=name, name=stored.object["metadata"]["name"])
                delete(self._store, target, {}, unreviewed)
                left = left or self._store.stored(plural, name, str(target.name)) is not None
        if not left and not at(namespace.object, "metadata", "finalizers"):
            self._store.delete("namespaces", None, name)
