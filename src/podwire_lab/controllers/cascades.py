"""Deletions of workloads that take their dependents first, or leave them (kubernetes.io: "Garbage Collection").

The API marks the object with a finalizer; what the policy asks for is done here, and then the object goes.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwire_lab.controllers.controller import Controller
from podwire_lab.controllers.removal import marked, remove
from podwire_lab.kube_api.deletion import CASCADING, FOREGROUND, ORPHAN
from podwire_lab.model.interfaces import Object

_DEPENDENTS = ("replicasets", "pods", "controllerrevisions")


class Cascades(Controller):
    """Works on what is being deleted with one of the two finalizers."""

    watches = (*CASCADING, "pods")

    def reconcile(self) -> None:
        for resource in CASCADING:
            for obj in self._store.view(resource):
                meta = obj["metadata"]
                finalizers = meta.get("finalizers") or ()
                if not meta.get("deletionTimestamp"):
                    continue
                if ORPHAN in finalizers:
                    self._leave(obj)
                    self._release(resource, obj, ORPHAN)
                elif FOREGROUND in finalizers and not self._take(obj):
                    self._release(resource, obj, FOREGROUND)

    def _dependents(self, owner: Object) -> Iterator[tuple[str, Object]]:
        uid = owner["metadata"]["uid"]
        for resource in _DEPENDENTS:
            for obj in self._store.view(resource, owner["metadata"]["namespace"]):
                if any(reference["uid"] == uid for reference in obj["metadata"].get("ownerReferences") or ()):
                    yield resource, obj

    def _leave(self, owner: Object) -> None:
        for resource, obj in list(self._dependents(owner)):
            owners = [
                reference
                for reference in obj["metadata"]["ownerReferences"]
                if reference["uid"] != owner["metadata"]["uid"]
            ]
            meta = {key: value for key, value in obj["metadata"].items() if key != "ownerReferences"}
            after = {**obj, "metadata": {**meta, **({"ownerReferences": owners} if owners else {})}}
            self._store.update(resource, after)

    def _take(self, owner: Object) -> bool:
        """Delete the dependents; whether there still are any."""
        for resource, obj in list(self._dependents(owner)):
            if resource == "replicasets" and not obj["metadata"].get("deletionTimestamp"):
                meta = {**obj["metadata"], "finalizers": [*(obj["metadata"].get("finalizers") or ()), FOREGROUND]}
                self._store.update(resource, marked({**obj, "metadata": meta}))
            elif resource != "replicasets":
                remove(self._store, resource, obj)
        return any(True for _ in self._dependents(owner))

    def _release(self, resource: str, obj: Object, finalizer: str) -> None:
        meta = obj["metadata"]
        left = [name for name in meta["finalizers"] if name != finalizer]
        if left:
            self._store.update(resource, {**obj, "metadata": {**meta, "finalizers": left}})
        else:
            self._store.delete(resource, meta["namespace"], meta["name"])
