"""ControllerRevisions: the templates that a DaemonSet or a StatefulSet had, for its history and the way back."""

from __future__ import annotations

from collections.abc import Iterable

from podwire_lab.controllers.workloads.dependents import Dependents, reference, template_hash
from podwire_lab.kube_api.objects.store import MemoryStore
from podwire_lab.model.interfaces import Object

HASH = "controller-revision-hash"
RESOURCE = "controllerrevisions"
_NOT_COPIED = "kubectl.kubernetes.io/last-applied-configuration"


class Revisions:
    """The revisions of the owners of one controller."""

    def __init__(self, store: MemoryStore, dependents: Dependents) -> None:
        self._store, self._dependents = store, dependents

    def _known(self, owner: Object) -> list[Object]:
        """All of the owner's, the oldest first."""
        return sorted(self._dependents.claimed(owner, RESOURCE), key=lambda revision: int(revision["revision"]))

    def current(self, owner: Object) -> Object:
        """The revision of the owner's template; it is made, or becomes the newest again, if it has to."""
        revisions = self._known(owner)
        data = {"spec": {"template": {**owner["spec"]["template"], "$patch": "replace"}}}
        last = int(revisions[-1]["revision"]) if revisions else 0
        current = next((revision for revision in revisions if revision["data"] == data), None)
        if current is None:
            return self._store.create(RESOURCE, _revision(owner, data, last + 1))
        if int(current["revision"]) < last:
            return self._store.update(RESOURCE, {**current, "revision": last + 1})
        return current

    def forget(self, owner: Object, current: Object, used: Iterable[str]) -> None:
        """Delete the oldest that no pod uses, beyond the limit of the history. `used` are hashes."""
        kept = {hash_of(current), *used}
        old = [revision for revision in self._known(owner) if hash_of(revision) not in kept]
        for revision in old[: max(0, len(old) - owner["spec"]["revisionHistoryLimit"])]:
            self._store.delete(RESOURCE, revision["metadata"]["namespace"], revision["metadata"]["name"])


def _revision(owner: Object, data: Object, number: int) -> Object:
    meta, template = owner["metadata"], owner["spec"]["template"]
    label = {HASH: template_hash(template)}
    notes = {key: text for key, text in (meta.get("annotations") or {}).items() if key != _NOT_COPIED}
    return {
        "metadata": {
            "name": f"{meta['name']}-{label[HASH]}",
            "namespace": meta["namespace"],
            "labels": {**((template.get("metadata") or {}).get("labels") or {}), **label},
            **({"annotations": notes} if notes else {}),
            "ownerReferences": [reference(owner)],
        },
        "data": data,
        "revision": number,
    }


def hash_of(revision: Object) -> str:
    """The value of its label."""
    return str(revision["metadata"]["labels"][HASH])
