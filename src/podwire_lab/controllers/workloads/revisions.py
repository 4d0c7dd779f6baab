"""ControllerRevisions: the templates that a DaemonSet or a StatefulSet had, for its history and the way back."""

from __future__ import annotations

from collections.abc import Iterable

from podwire_lab.controllers.workloads.dependents import controller_of, reference, template_hash
from podwire_lab.kube_api.objects.store import MemoryStore
from podwire_lab.model.interfaces import Object

HASH = "controller-revision-hash"
_NOT_COPIED = "kubectl.kubernetes.io/last-applied-configuration"


def revisions_of(store: MemoryStore, owner: Object) -> list[Object]:
    """All of the owner's, the oldest first."""
    every = store.view("controllerrevisions", owner["metadata"]["namespace"])
    own = [each for each in every if controller_of(each) == owner["metadata"]["uid"]]
    return sorted(own, key=lambda each: int(each["revision"]))


def current_revision(store: MemoryStore, owner: Object) -> Object:
    """The revision of the owner's template; it is made, or becomes the newest again, if it has to."""
    known = revisions_of(store, owner)
    template = owner["spec"]["template"]
    data = {"spec": {"template": {**template, "$patch": "replace"}}}
    last = int(known[-1]["revision"]) if known else 0
    found = next((each for each in known if each["data"] == data), None)
    if found is None:
        meta, label = owner["metadata"], {HASH: template_hash(template)}
        notes = {key: text for key, text in (meta.get("annotations") or {}).items() if key != _NOT_COPIED}
        made: Object = {
            "metadata": {
                "name": f"{meta['name']}-{label[HASH]}",
                "namespace": meta["namespace"],
                "labels": {**((template.get("metadata") or {}).get("labels") or {}), **label},
                **({"annotations": notes} if notes else {}),
                "ownerReferences": [reference(owner)],
            },
            "data": data,
            "revision": last + 1,
        }
        return store.create("controllerrevisions", made)
    if int(found["revision"]) < last:
        return store.update("controllerrevisions", {**found, "revision": last + 1})
    return found


def hash_of(revision: Object) -> str:
    """The value of its label."""
    return str(revision["metadata"]["labels"][HASH])


def forget_revisions(store: MemoryStore, owner: Object, current: Object, used: Iterable[str]) -> None:
    """Delete the oldest that no pod uses, beyond the limit of the history. `used` are hashes."""
    kept = {hash_of(current), *used}
    old = [each for each in revisions_of(store, owner) if hash_of(each) not in kept]
    for each in old[: max(0, len(old) - owner["spec"]["revisionHistoryLimit"])]:
        store.delete("controllerrevisions", each["metadata"]["namespace"], each["metadata"]["name"])
