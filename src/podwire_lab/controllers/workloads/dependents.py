"""What the controllers of workloads share: whose a pod is, and how pods come and go."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from podwire_lab.controllers import events
from podwire_lab.controllers.removal import remove
from podwire_lab.engines.selecting import selects
from podwire_lab.kube_api.objects.admission import admit
from podwire_lab.kube_api.objects.fields import at, copied, moment_of
from podwire_lab.kube_api.objects.resources import BY_PLURAL
from podwire_lab.kube_api.objects.status import ApiError
from podwire_lab.kube_api.objects.store import MemoryStore
from podwire_lab.model.interfaces import Object

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


def controller_of(obj: Object) -> str | None:
    """The uid of the owner that controls it."""
    owners = obj["metadata"].get("ownerReferences") or ()
    return next((owner["uid"] for owner in owners if owner.get("controller")), None)


def reference(owner: Object) -> Object:
    """The owner reference of what `owner` controls."""
    meta = owner["metadata"]
    named = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": meta["name"], "uid": meta["uid"]}
    return {**named, "controller": True, "blockOwnerDeletion": True}


def deleting(obj: Object) -> bool:
    """Whether its deletion has begun."""
    return bool(obj["metadata"].get("deletionTimestamp"))


def ended(pod: Object) -> bool:
    return at(pod, "status", "phase") in ("Succeeded", "Failed")


def ready(pod: Object) -> bool:
    """Whether the pod is ready and stays."""
    return not deleting(pod) and _ready_since(pod) is not None


def _ready_since(pod: Object) -> str | None:
    for condition in at(pod, "status", "conditions") or ():
        if condition["type"] == "Ready" and condition["status"] == "True":
            return str(condition.get("lastTransitionTime") or "")
    return None


def available_in(pod: Object, min_ready_seconds: int) -> float | None:
    """Seconds until a ready pod counts as available, 0 when it does; None for one that is not ready."""
    if not ready(pod):
        return None
    since = moment_of(_ready_since(pod) or "")
    if not min_ready_seconds or since is None:
        return 0.0
    return max(0.0, min_ready_seconds - (datetime.now(UTC) - since).total_seconds())


def share(amount: Any, whole: int, *, up: bool) -> int:
    """A number, or a percentage such as `25%` of the whole, rounded up or down."""
    if isinstance(amount, int):
        return amount
    percent = int(str(amount).removesuffix("%"))
    return -(-whole * percent // 100) if up else whole * percent // 100


def template_hash(template: Object) -> str:
    """Ten letters for a template, which names and labels can have."""
    digest = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).digest()
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:10])


class Dependents:
    """What is controlled by the owners of one controller. `component` is who its events are from."""

    def __init__(self, store: MemoryStore, component: str) -> None:
        self._store, self._component = store, component
        self._refused: dict[str, str] = {}

    def claimed(self, owner: Object, resource: str = "pods") -> list[Object]:
        """What the owner controls and its selector chooses. It adopts what nobody controls, and lets go what its
        selector does not choose any more (kubernetes.io: "ReplicaSet", isolating pods)."""
        selector, uid = owner["spec"]["selector"], owner["metadata"]["uid"]
        found = []
        for obj in self._store.view(resource, owner["metadata"]["namespace"]):
            controller = controller_of(obj)
            chosen = selects(selector, obj["metadata"].get("labels") or {})
            if controller == uid and chosen:
                found.append(obj)
            elif controller == uid and not deleting(owner):
                self._set_owners(resource, obj, [o for o in obj["metadata"]["ownerReferences"] if o["uid"] != uid])
            elif controller is None and chosen and not deleting(owner) and not deleting(obj) and not ended(obj):
                owners = [*(obj["metadata"].get("ownerReferences") or ()), reference(owner)]
                found.append(self._set_owners(resource, obj, owners))
        return found

    def _set_owners(self, resource: str, obj: Object, owners: list[Object]) -> Object:
        meta = {key: value for key, value in obj["metadata"].items() if key != "ownerReferences"}
        return self._store.update(
            resource, {**obj, "metadata": {**meta, **({"ownerReferences": owners} if owners else {})}}
        )

    def create_pod(
        self, owner: Object, *, name: str = "", labels: Mapping[str, str] | None = None, **spec: Any
    ) -> str | None:
        """Create a pod from the owner's template; why the API refuses it, or None. `spec` is laid over the template."""
        template = copied(owner["spec"]["template"])
        meta = template.get("metadata") or {}
        named = {"name": name} if name else {"generateName": f"{owner['metadata']['name']}-"}
        made: Object = {
            "metadata": {
                **named,
                "namespace": owner["metadata"]["namespace"],
                "labels": {**(meta.get("labels") or {}), **(labels or {})},
                **({"annotations": meta["annotations"]} if meta.get("annotations") else {}),
                "ownerReferences": [reference(owner)],
            },
            "spec": {**template["spec"], **spec},
        }
        uid = owner["metadata"]["uid"]
        try:
            pod = self._store.filled("pods", self._store.prepared(BY_PLURAL["pods"], made))
            admit(self._store, BY_PLURAL["pods"], pod)
            self._store.insert("pods", pod)
        except ApiError as problem:
            if self._refused.get(uid) != problem.message:
                self._refused[uid] = problem.message
                self.say(owner, "FailedCreate", f"Error creating: {problem.message}", warning=True)
            return problem.message
        self._refused.pop(uid, None)
        self.say(owner, "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")
        return None

    def remove_pod(self, owner: Object, pod: Object) -> None:
        """Delete a pod, with its grace period."""
        remove(self._store, "pods", pod)
        self.say(owner, "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")

    def say(self, owner: Object, reason: str, message: str, *, warning: bool = False) -> None:
        """An event about the owner."""
        kind = "Warning" if warning else "Normal"
        events.record(self._store, owner, reason, message, kind=kind, component=self._component)  # type: ignore[arg-type]

    def write_status(self, resource: str, owner: Object, status: Object) -> None:
        """Put `status` in the place of what was written, unless the owner is gone."""
        meta = owner["metadata"]
        current = self._store.stored(resource, meta["namespace"], meta["name"])
        if current is not None and current.object["metadata"]["uid"] == meta["uid"]:
            self._store.update(resource, {**current.object, "status": status})
