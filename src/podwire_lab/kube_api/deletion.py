"""DELETE: at once, with a grace period, held up by finalizers; one object or a collection."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from aiohttp import web

from podwire_lab.kube_api.objects.fields import at, copied, now, timestamp
from podwire_lab.kube_api.objects.resources import Resource
from podwire_lab.kube_api.objects.status import BadRequest, conflict, success
from podwire_lab.kube_api.objects.store import MemoryStore, Stored
from podwire_lab.kube_api.reads import selected, stored_object
from podwire_lab.kube_api.requests import Target, dry_run, media_type, number, parse
from podwire_lab.model.interfaces import Object
from podwire_lab.model.pod_status import condition


class Reviewing(Protocol):
    """Asks the admission policies about an operation, with the object as it will be and as it was."""

    def __call__(self, operation: str, obj: Object | None, old: Object | None = None) -> None:
        """Raise `ApiError` for what a policy refuses."""


def unreviewed(operation: str, obj: Object | None, old: Object | None = None) -> None:
    """The `Reviewing` of what the server does itself."""


_POLICIES = ("Background", "Foreground", "Orphan")
FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"
CASCADING = ("deployments", "replicasets", "daemonsets", "statefulsets", "jobs")
"""The resources whose dependents can be deleted before them, or left."""


async def options_of(request: web.Request) -> Object:
    """DeleteOptions, from the body and the query. Raises `BadRequest`."""
    body = await request.read()
    options: Any = parse(body, media_type(request), "DeleteOptions") if body.strip() else {}
    if not isinstance(options, dict):
        raise BadRequest("the object provided is unrecognized (must be of type DeleteOptions)")
    query = request.query
    grace = number(query, "gracePeriodSeconds")
    if grace is not None:
        options.setdefault("gracePeriodSeconds", grace)
    if query.get("propagationPolicy"):
        options.setdefault("propagationPolicy", query["propagationPolicy"])
    policy = options.get("propagationPolicy")
    if policy is not None and policy not in _POLICIES:
        raise BadRequest(f'invalid DeleteOptions: propagationPolicy: Unsupported value: "{policy}"')
    given = options.get("gracePeriodSeconds")
    if given is not None and (not isinstance(given, int) or given < 0):
        options["gracePeriodSeconds"] = 1
    options["dry"] = dry_run(query, options)
    return options


def finished(obj: Object) -> bool:
    """Whether nothing holds up the removal of a deleted object any more."""
    meta = obj["metadata"]
    held = meta.get("finalizers") or at(obj, "spec", "finalizers") or meta.get("deletionGracePeriodSeconds")
    return bool(meta.get("deletionTimestamp")) and not held


def delete(store: MemoryStore, target: Target, options: Object, review: Reviewing) -> Object:
    """Delete one object; the answer is the object, or a Status when it is gone and its kind says so."""
    stored = stored_object(store, target)
    _preconditions(target.resource, stored.object, options.get("preconditions") or {})
    review("DELETE", None, stored.object)
    return _delete(store, target.resource, stored, options)


def evict(store: MemoryStore, target: Target, options: Object) -> None:
    """Delete a pod that is evicted; its condition says so (kubernetes.io: Disruptions, pod disruption conditions)."""
    stored = stored_object(store, target)
    _preconditions(target.resource, stored.object, options.get("preconditions") or {})
    if not options.get("dry") and at(stored.object, "spec", "nodeName"):
        pod = copied(stored.object)
        conditions = pod.setdefault("status", {}).setdefault("conditions", [])
        before = next((each for each in conditions if each["type"] == "DisruptionTarget"), None)
        if before is None:
            words = {"reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting"}
            conditions.append(condition(None, "DisruptionTarget", True, pod, **words))
            store.update("pods", pod)
            options = {**options, "preconditions": {}}
    delete(store, target, options, unreviewed)


def delete_collection(
    store: MemoryStore, target: Target, query: Mapping[str, str], options: Object, review: Reviewing
) -> list[Stored]:
    """Delete all that the selectors choose; the objects as they are afterwards, or were at their end."""
    result = []
    for stored in selected(store, target, query):
        review("DELETE", None, stored.object)
        answer = _delete(store, target.resource, stored, options)
        result.append(Stored(answer) if answer.get("kind") == target.resource.kind else stored)
    return result


def _preconditions(resource: Resource, obj: Object, preconditions: Object) -> None:
    meta = obj["metadata"]
    for field, word in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
        if preconditions.get(field) is not None and preconditions[field] != meta[field]:
            why = (
                f"Precondition failed: {word} in precondition: {preconditions[field]}, "
                f"{word} in object meta: {meta[field]}"
            )
            raise conflict(resource, meta["name"], why)


def _delete(store: MemoryStore, resource: Resource, stored: Stored, options: Object) -> Object:
    obj = stored.object
    meta = obj["metadata"]
    grace = _grace(obj, options.get("gracePeriodSeconds")) if resource.plural == "pods" else 0
    obj = _with_finalizer(obj, resource, options)
    held = bool(obj["metadata"].get("finalizers")) or resource.plural == "namespaces"
    if options.get("dry"):
        return obj if held or grace or resource.returned else success(resource, meta["name"], meta["uid"])
    if held or grace:
        return _marked(store, resource, obj, grace)
    store.delete(resource.plural, meta.get("namespace"), meta["name"])
    return obj if resource.returned else success(resource, meta["name"], meta["uid"])


def _with_finalizer(obj: Object, resource: Resource, options: Object) -> Object:
    """`obj` as the policy of the deletion wants it; in the background, dependents go after it."""
    policy = options.get("propagationPolicy") or ("Orphan" if options.get("orphanDependents") else "Background")
    if resource.plural not in CASCADING or policy == "Background" or obj["metadata"].get("deletionTimestamp"):
        return obj
    finalizers = [*(obj["metadata"].get("finalizers") or ()), FOREGROUND if policy == "Foreground" else ORPHAN]
    return {**obj, "metadata": {**obj["metadata"], "finalizers": finalizers}}


def _grace(pod: Object, requested: int | None) -> int:
    """Seconds until the node agent may kill the pod. A pod that never came to a node, or has ended, gets none."""
    if not at(pod, "spec", "nodeName") or at(pod, "status", "phase") in ("Succeeded", "Failed"):
        return 0
    own = at(pod, "spec", "terminationGracePeriodSeconds")
    return int(requested if requested is not None else own if own is not None else 30)


def _marked(store: MemoryStore, resource: Resource, obj: Object, grace: int) -> Object:
    """Set the time of the deletion; a second deletion can only shorten it."""
    meta = obj["metadata"]
    if meta.get("deletionTimestamp") and grace >= (meta.get("deletionGracePeriodSeconds") or 0):
        return obj
    after = copied(obj)
    if resource.plural == "namespaces":
        after["metadata"]["deletionTimestamp"] = now()
        after.setdefault("status", {})["phase"] = "Terminating"
    else:
        end = datetime.now(UTC) + timedelta(seconds=grace)
        after["metadata"].update(deletionTimestamp=timestamp(end), deletionGracePeriodSeconds=grace)
    return store.update(resource.plural, after)
