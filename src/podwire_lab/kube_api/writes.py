"""POST, PUT and PATCH: how objects come in and change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from aiohttp import web

from podwire_lab.kube_api.apply import Manager, added_by_server, record_update, server_side_apply
from podwire_lab.kube_api.deletion import Reviewing, finished
from podwire_lab.kube_api.objects.admission import admit
from podwire_lab.kube_api.objects.fields import at, copied, metadata
from podwire_lab.kube_api.objects.resources import Resource
from podwire_lab.kube_api.objects.shapes import shape_of
from podwire_lab.kube_api.objects.status import (
    ApiError,
    BadRequest,
    Conflict,
    UnsupportedMediaType,
    already_exists,
    invalid,
    not_found,
    required,
    stale,
)
from podwire_lab.kube_api.objects.store import MemoryStore, Stored
from podwire_lab.kube_api.objects.validation import validate
from podwire_lab.kube_api.patches import json_patch, merge_patch, strategic_merge_patch
from podwire_lab.kube_api.policies.policies import validate_policy
from podwire_lab.kube_api.reads import stored_object
from podwire_lab.kube_api.requests import Target, checked, dry_run, field_manager, flag, media_type, parse, read_object
from podwire_lab.kube_api.scales import check_scale, scale_of
from podwire_lab.model.interfaces import Object

APPLY: Final = "application/apply-patch+yaml"
_PATCHES: Final = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    APPLY,
)


@dataclass(frozen=True, kw_only=True)
class Written:
    """What came of a write: the object as it is now (would be, in a dry run), and whether it is new."""

    stored: Stored
    created: bool = False


async def create(store: MemoryStore, target: Target, request: web.Request, review: Reviewing) -> Written:
    """POST to a collection."""
    obj = await read_object(request, target)
    if metadata(obj).get("resourceVersion"):
        raise BadRequest("resourceVersion should not be set on objects to be created")
    return _create(store, target, obj, _manager(target, request, "Update"), review, dry=dry_run(request.query))


def _manager(target: Target, request: web.Request, operation: Literal["Apply", "Update"]) -> Manager:
    return Manager(
        name=field_manager(request.query, request),
        operation=operation,
        api_version=target.resource.group_version,
        subresource=target.subresource or "",
    )


def _create(
    store: MemoryStore,
    target: Target,
    obj: Object,
    manager: Manager,
    review: Reviewing,
    *,
    dry: bool,
    owned: bool = False,
) -> Written:
    """Default, admit, validate, store. `owned`: the managed fields are written already (apply)."""
    resource = target.resource
    obj = store.prepared(resource, obj)
    meta = obj["metadata"]
    if resource.plural in ("pods", "namespaces", "nodes", "services") and not owned:
        obj.pop("status", None)
    fields = meta.pop("managedFields", None)
    namespace: str | None = meta["namespace"] if resource.namespaced else None
    not_asked = added_by_server(resource, obj)
    if resource.namespaced and store.stored("namespaces", None, meta["namespace"]) is None:
        admit(store, resource, obj)
    _complete(store, target, obj, None)
    admit(store, resource, obj)
    review("CREATE", obj)
    if fields and owned:
        meta["managedFields"] = fields
    else:
        record_update(None, obj, resource, manager, not_asked=not_asked)
    if dry:
        meta.pop("resourceVersion")
        if store.stored(resource.plural, namespace, meta["name"]) is not None:
            raise already_exists(resource, meta["name"])
        return Written(stored=Stored(obj), created=True)
    return Written(stored=store.insert(resource.plural, obj), created=True)


def _complete(store: MemoryStore, target: Target, obj: Object, before: Object | None) -> None:
    """Fill in defaults and validate; a value of a wrong type is a bad request. What is empty is as if it were not."""
    meta = metadata(obj)
    for name in _LEFT_OUT:
        if name in meta and not meta[name]:
            del meta[name]
    try:
        store.filled(target.resource.plural, obj)
        validate(target.resource, obj, before)
        validate_policy(target.resource, obj)
    except ApiError:
        raise
    except (TypeError, AttributeError, KeyError, ValueError) as problem:
        kind, version = target.resource.kind, target.resource.version
        raise BadRequest(
            f'{kind} in version "{version}" cannot be handled as a {kind}: a field has a wrong type: {problem}'
        ) from problem


async def replace(store: MemoryStore, target: Target, request: web.Request, review: Reviewing) -> Written:
    """PUT of an object that exists, or of its status."""
    obj = await read_object(request, target)
    before = stored_object(store, target).object
    manager = _manager(target, request, "Update")
    return _change(store, target, before, obj, manager, review, dry=dry_run(request.query))


async def patch(store: MemoryStore, target: Target, request: web.Request, review: Reviewing) -> Written:
    """PATCH in any of the four formats; apply may create."""
    kind = media_type(request)
    if kind not in _PATCHES:
        raise UnsupportedMediaType(
            "the body of the request was in an unknown format - accepted media types include: " + ", ".join(_PATCHES)
        )
    body = parse(await request.read(), kind, target.resource.kind)
    if kind == APPLY and target.subresource == "scale":
        raise UnsupportedMediaType("the lab's API cannot apply a Scale; send a merge patch, as `kubectl scale` does")
    if kind == APPLY:
        return _apply(store, target, body, request, review)
    before = stored_object(store, target).object
    shown = scale_of(before) if target.subresource == "scale" else before
    after = checked(_patched(shown, body, kind, target), target)
    manager = _manager(target, request, "Update")
    return _change(store, target, before, after, manager, review, dry=dry_run(request.query))


def _patched(before: Object, body: Any, kind: str, target: Target) -> Any:
    match kind:
        case "application/json-patch+json":
            return json_patch(before, body)
        case "application/merge-patch+json":
            after = merge_patch(before, body)
        case _:
            after = strategic_merge_patch(before, body, shape_of(target.resource.plural))
    if not isinstance(body, dict):
        raise BadRequest("a patch must be a map")
    return copied(after)


def _apply(store: MemoryStore, target: Target, body: Any, request: web.Request, review: Reviewing) -> Written:
    query = request.query
    if not query.get("fieldManager"):
        raise invalid_options("fieldManager", "is required for apply patch")
    config = checked(body, target)
    if metadata(config).get("managedFields"):
        raise BadRequest("metadata.managedFields must be nil")
    manager = _manager(target, request, "Apply")
    assert target.name is not None
    namespace = target.namespace if target.resource.namespaced else None
    stored = store.stored(target.resource.plural, namespace, target.name)
    force, dry = flag(query, "force"), dry_run(query)
    if stored is None:
        if target.subresource:
            raise not_found(target.resource, target.name)
        if config["metadata"].get("uid"):
            raise Conflict("uid mismatch: the provided object specified uid, and no existing object was found")
        empty: Object = {"kind": config["kind"], "apiVersion": config["apiVersion"], "metadata": {}}
        obj = server_side_apply(empty, config, target.resource, manager, force=force)
        return _create(store, target, obj, manager, review, dry=dry, owned=True)
    version = config["metadata"].pop("resourceVersion", None)
    if version and version != stored.object["metadata"]["resourceVersion"]:
        raise stale(target.resource, target.name)
    after = copied(server_side_apply(stored.object, config, target.resource, manager, force=force))
    return _change(store, target, stored.object, after, None, review, dry=dry)


def invalid_options(field: str, message: str) -> ApiError:
    """A parameter that is missing or wrong."""
    options = Resource(plural="patchoptions", kind="PatchOptions", group="meta.k8s.io")
    return invalid(options, None, [required(field, message)])


_LEFT_OUT: Final = ("annotations", "finalizers", "labels", "ownerReferences")
_SERVER_OWNED: Final = (
    "uid",
    "creationTimestamp",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
)


def _scoped(target: Target, before: Object, after: Object, *, applied: bool) -> Object:
    """`after` with only that part changed that the (sub)resource may change. `applied`: its managed fields are new."""
    old = before["metadata"]
    match target.subresource:
        case "status":
            result = {**before, "status": after.get("status", {})}
            if applied:
                result["metadata"] = {**old, "managedFields": metadata(after).get("managedFields")}
            return dict(copied(result))
        case "scale":
            spec = {**before["spec"], "replicas": at(after, "spec", "replicas") or 0}
            return dict(copied({**before, "spec": spec}))
        case "finalize":
            finalizers = (after.get("spec") or {}).get("finalizers") or []
            return dict(copied({**before, "spec": {**before["spec"], "finalizers": finalizers}}))
        case _:
            if target.resource.subresource("status") is not None and "status" in before:
                after["status"] = copied(before["status"])
            return after


def _change(
    store: MemoryStore,
    target: Target,
    before: Object,
    after: Object,
    manager: Manager | None,
    review: Reviewing,
    *,
    dry: bool,
) -> Written:
    """Put `after` in the place of `before`, each side keeping what is not its to change: status and the rest."""
    resource, name = target.resource, str(target.name)
    meta, old = metadata(after), before["metadata"]
    if meta.get("resourceVersion") not in (None, "", old["resourceVersion"]):
        raise stale(resource, name)
    if meta.get("uid") not in (None, "", old["uid"]):
        raise stale(resource, name)
    if target.subresource == "scale":
        check_scale(after)
    after = _scoped(target, before, after, applied=manager is None)
    meta = after["metadata"]
    for field in _SERVER_OWNED:
        if field in old:
            meta[field] = old[field]
        else:
            meta.pop(field, None)
    meta["resourceVersion"] = old["resourceVersion"]
    _complete(store, target, after, before)
    review("UPDATE", after, before)
    if manager is not None:
        if not meta.get("managedFields"):
            meta.pop("managedFields", None)
        record_update(before, after, resource, manager)
    if dry:
        return Written(stored=Stored(after))
    if finished(after):
        namespace = target.namespace if resource.namespaced else None
        store.delete(resource.plural, namespace, name)
        return Written(stored=Stored(after))
    return Written(stored=store.replace(resource.plural, after))
