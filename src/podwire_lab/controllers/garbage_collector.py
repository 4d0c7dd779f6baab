"""The garbage collector deletes an object once its last owner is gone (kubernetes.io: Garbage Collection)."""

from __future__ import annotations

from podwire_lab.controllers.controller import Controller
from podwire_lab.controllers.removal import remove

DEPENDENTS = (
    "pods",
    "services",
    "endpoints",
    "endpointslices",
    "configmaps",
    "secrets",
    "serviceaccounts",
    "leases",
    "controllerrevisions",
    "daemonsets",
    "deployments",
    "jobs",
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
                    remove(self._store, resource, obj)
