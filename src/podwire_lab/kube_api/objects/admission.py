"""What a creation must pass after authorization: the namespace, Pod Security, quota."""

from __future__ import annotations

from podwire_lab.kube_api.objects import podsecurity
from podwire_lab.kube_api.objects.fields import at
from podwire_lab.kube_api.objects.resources import BY_PLURAL, Resource
from podwire_lab.kube_api.objects.status import forbidden, not_found
from podwire_lab.kube_api.objects.store import MemoryStore
from podwire_lab.model.interfaces import Object


def admit(store: MemoryStore, resource: Resource, obj: Object) -> None:
    """Raise `NotFound` or `Forbidden` when `obj`, with its defaults, may not be created."""
    if not resource.namespaced:
        return
    meta = obj["metadata"]
    name = meta["namespace"]
    namespace = store.stored("namespaces", None, name)
    if namespace is None:
        raise not_found(BY_PLURAL["namespaces"], name)
    if at(namespace.object, "metadata", "deletionTimestamp"):
        cause = {
            "reason": "NamespaceTerminating",
            "message": f"namespace {name} is being terminated",
            "field": "metadata.namespace",
        }
        why = f"unable to create new content in namespace {name} because it is being terminated"
        raise forbidden(resource, meta["name"], why, causes=[cause])
    if resource.plural == "pods":
        violation = podsecurity.violation(namespace.object, obj)
        if violation:
            raise forbidden(resource, meta["name"], violation)
        _quota(store, resource, obj)


def _quota(store: MemoryStore, resource: Resource, obj: Object) -> None:
    meta = obj["metadata"]
    for quota in store.all("resourcequotas", meta["namespace"]):
        limit = at(quota.object, "spec", "hard", "pods")
        if limit is None:
            continue
        used = sum(
            at(pod.object, "status", "phase") not in ("Succeeded", "Failed")
            for pod in store.all("pods", meta["namespace"])
        )
        if str(limit).isdigit() and used + 1 > int(limit):
            name = quota.object["metadata"]["name"]
            why = f"exceeded quota: {name}, requested: pods=1, used: pods={used}, limited: pods={limit}"
            raise forbidden(resource, meta["name"], why)
