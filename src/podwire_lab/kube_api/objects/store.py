"""The objects of the cluster, in memory: versions, subscriptions and a bounded history for watches."""

from __future__ import annotations

import logging
import secrets
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Literal

from podwire_lab.kube_api.objects.defaults import fill
from podwire_lab.kube_api.objects.fields import copied, encoded, metadata, now
from podwire_lab.kube_api.objects.resources import BY_PLURAL, Resource
from podwire_lab.kube_api.objects.status import Expired, already_exists, conflict, not_found, stale
from podwire_lab.model.interfaces import EVERY_KIND, Event, EventKind, Object

_LOG = logging.getLogger(__name__)
_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


class Stored:
    """An object as it is kept: never changed in place, encoded once."""

    __slots__ = ("_encoded", "object")

    def __init__(self, obj: Object) -> None:
        self.object = obj
        self._encoded: bytes | None = None

    @property
    def encoded(self) -> bytes:
        """The object's JSON."""
        if self._encoded is None:
            self._encoded = encoded(self.object)
        return self._encoded


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One entry of the history. `stored` is the object after the change; after a deletion its last state with the
    version of the deletion. `previous` is the object before, None for a creation."""

    version: int
    kind: EventKind
    stored: Stored
    previous: Object | None


Watcher = Callable[[Change], None]
Key = tuple[str, str]


class MemoryStore:
    """`podwire_lab.model.interfaces.Store`, and what the server needs beside it: stored encodings, versions, history.

    Writes fill in the defaults of the kind, `kind`, `apiVersion`, `uid` and the like. Errors are `ApiError`s:
    `AlreadyExists`, `NotFound`, `Conflict`. Watchers and subscribers are called in the order of the versions, also when
    one of them writes. `window` is how many changes of a resource are kept for watches.
    """

    def __init__(self, *, window: int = 2000) -> None:
        self._objects: dict[str, dict[Key, Stored]] = {name: {} for name in BY_PLURAL}
        self._history: dict[str, deque[Change]] = {name: deque() for name in BY_PLURAL}
        self._forgotten: dict[str, int] = dict.fromkeys(BY_PLURAL, 0)
        self._watchers: dict[str, list[Watcher]] = {name: [] for name in BY_PLURAL}
        self._undelivered: deque[tuple[str, Change]] = deque()
        self._delivering = False
        self._window = window
        self.version = 1

    # -- the Store protocol

    def get(self, resource: str, namespace: str | None, name: str) -> Object | None:
        stored = self.stored(resource, namespace, name)
        return None if stored is None else copied(stored.object)

    def list(
        self, resource: str, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> list[Object]:
        objects = []
        for stored in self.all(resource, namespace):
            has = stored.object["metadata"].get("labels") or {}
            if labels is None or all(has.get(key) == value for key, value in labels.items()):
                objects.append(copied(stored.object))
        return objects

    def view(self, resource: str, namespace: str | None = None) -> Sequence[Object]:
        return [stored.object for stored in self.all(resource, namespace)]

    def create(self, resource: str, obj: Object) -> Object:
        obj = self.prepared(BY_PLURAL[resource], obj)
        fill(resource, obj, self)
        return dict(copied(self.insert(resource, obj).object))

    def update(self, resource: str, obj: Object) -> Object:
        obj = copied(obj)
        fill(resource, obj, self)
        return dict(copied(self.replace(resource, obj).object))

    def delete(self, resource: str, namespace: str | None, name: str) -> Object | None:
        """Remove at once, whatever its finalizers and grace period; None when it is not there."""
        stored = self._objects[resource].pop((namespace or "", name), None)
        if stored is None:
            return None
        before = stored.object
        self.version += 1
        last = {**before, "metadata": {**before["metadata"], "resourceVersion": str(self.version)}}
        self._record(resource, Change(version=self.version, kind="DELETED", stored=Stored(last), previous=before))
        return dict(copied(before))

    def subscribe(self, resource: str, callback: Callable[[Event], None]) -> Callable[[], None]:
        return self.watch(
            resource, lambda change: callback(Event(kind=change.kind, object=copied(change.stored.object)))
        )

    def on_change(
        self, resource: str, callback: Callable[[], None], kinds: Set[EventKind] = EVERY_KIND
    ) -> Callable[[], None]:
        return self.watch(resource, lambda change: callback() if change.kind in kinds else None)

    # -- for the server

    def prepared(self, resource: Resource, obj: Object) -> Object:
        """A copy with all that the server itself writes into new metadata, but for the version."""
        obj = copied(obj)
        meta = metadata(obj)
        ordered: Object = {"kind": resource.kind, "apiVersion": resource.group_version, **obj}
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = f"{meta['generateName'][:58]}{''.join(secrets.choice(_SUFFIX_LETTERS) for _ in range(5))}"
        if not resource.namespaced:
            meta.pop("namespace", None)
        given = {key: value for key, value in meta.items() if key not in ("resourceVersion", "selfLink")}
        meta = {"name": meta.get("name", "")}
        if resource.namespaced:
            meta["namespace"] = given.get("namespace") or "default"
        meta["uid"] = str(uuid.uuid4())
        meta["resourceVersion"] = ""
        if resource.counts_generations:
            meta["generation"] = 1
        meta["creationTimestamp"] = now()
        for own in ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"):
            given.pop(own, None)
        ordered["metadata"] = {**meta, **{key: value for key, value in given.items() if key not in meta}}
        return ordered

    def insert(self, resource: str, obj: Object) -> Stored:
        """Keep a prepared and filled object, without a copy: it is the store's from here on."""
        meta = obj["metadata"]
        key = (meta.get("namespace") or "", meta["name"])
        if key in self._objects[resource]:
            raise already_exists(BY_PLURAL[resource], meta["name"])
        return self._put(resource, key, obj, None)

    def replace(self, resource: str, obj: Object) -> Stored:
        """`update` of a filled object, without a copy: it is the store's from here on."""
        described = BY_PLURAL[resource]
        meta = metadata(obj)
        name = str(meta.get("name"))
        key = ((meta.get("namespace") or "") if described.namespaced else "", name)
        current = self._objects[resource].get(key)
        if current is None:
            raise not_found(described, name)
        old = current.object["metadata"]
        if meta.get("resourceVersion") not in (None, "", old["resourceVersion"]):
            raise stale(described, name)
        if meta.get("uid") not in (None, "", old["uid"]):
            why = f"UID in precondition: {meta['uid']}, UID in object meta: {old['uid']}"
            raise conflict(described, name, f"Precondition failed: {why}")
        for field in ("uid", "resourceVersion", "creationTimestamp"):
            meta[field] = old[field]
        obj.setdefault("kind", described.kind)
        obj.setdefault("apiVersion", described.group_version)
        self._count_generation(described, obj, current.object)
        return current if obj == current.object else self._put(resource, key, obj, current.object)

    def stored(self, resource: str, namespace: str | None, name: str) -> Stored | None:
        """The object itself: to be read, never changed."""
        return self._objects[resource].get((namespace or "", name))

    def all(self, resource: str, namespace: str | None = None) -> Sequence[Stored]:
        """Every object of the resource (in the namespace), ordered by namespace and name: to be read, never changed."""
        objects = self._objects[resource]
        return [objects[key] for key in sorted(objects) if namespace is None or key[0] == namespace]

    def filled(self, resource: str, obj: Object) -> Object:
        """`obj` with its defaults, in place."""
        fill(resource, obj, self)
        return obj

    def namespaced_resources(self) -> Iterator[str]:
        return (name for name, resource in BY_PLURAL.items() if resource.namespaced and resource.stored)

    def watch(self, resource: str, watcher: Watcher) -> Callable[[], None]:
        """Call `watcher` for every later change, without copies; the returned function ends it."""
        watchers = self._watchers[resource]
        watchers.append(watcher)

        def end() -> None:
            if watcher in watchers:
                watchers.remove(watcher)

        return end

    def since(self, resource: str, version: int) -> Iterable[Change]:
        """The changes after `version`, oldest first. Raises `Expired` when some of them are forgotten."""
        if version < self._forgotten[resource]:
            raise Expired(f"too old resource version: {version} ({self._forgotten[resource]})")
        return [change for change in self._history[resource] if change.version > version]

    # -- inside

    def _count_generation(self, resource: Resource, obj: Object, before: Object) -> None:
        meta, old = obj["metadata"], before["metadata"]
        if "generation" not in old:
            meta.pop("generation", None)
            return
        marked = meta.get("deletionTimestamp") and not old.get("deletionTimestamp")
        changed = any(obj.get(key) != before.get(key) for key in {*obj, *before} - {"metadata", "status"})
        meta["generation"] = old["generation"] + bool(changed or (marked and resource.plural == "pods"))

    def _put(self, resource: str, key: Key, obj: Object, before: Object | None) -> Stored:
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        stored = Stored(obj)
        self._objects[resource][key] = stored
        kind: Literal["ADDED", "MODIFIED"] = "ADDED" if before is None else "MODIFIED"
        self._record(resource, Change(version=self.version, kind=kind, stored=stored, previous=before))
        return stored

    def _record(self, resource: str, change: Change) -> None:
        history = self._history[resource]
        history.append(change)
        while len(history) > self._window:
            self._forgotten[resource] = history.popleft().version
        self._undelivered.append((resource, change))
        if self._delivering:
            return
        self._delivering = True
        try:
            while self._undelivered:
                name, next_change = self._undelivered.popleft()
                for watcher in tuple(self._watchers[name]):
                    try:
                        watcher(next_change)
                    except Exception:
                        _LOG.exception("a watcher of %s failed", name)
        finally:
            self._delivering = False
