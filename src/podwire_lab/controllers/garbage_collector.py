"""The garbage collector deletes an object once its last owner is gone (kubernetes.io: Garbage Collection)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from podwire_lab.controllers.controller import Controller
from podwire_lab.model.interfaces import Object

DEPENDENTS = (
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


class GarbageCollector(Controller):
    """Checks all dependents when an object appears or goes."""

    watches = (*DEPENDENTS, "nodes", "namespaces")
    reacts_to = frozenset({"ADDED", "DELETED"})

    def reconcile(self) -> None:
        present = {obj["metadata"]["uid"] for resource in self.watches for obj in self._store.view(resource)}
        for resource in DEPENDENTS:
            for obj in self._store.view(resource):
                owners = obj["metadata"].get("ownerReferences") or ()
                if owners and not any(owner["uid"] in present for owner in owners):
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
