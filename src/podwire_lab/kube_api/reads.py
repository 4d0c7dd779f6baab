"""GET: one object, a list, a page of a list."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence

from podwire_lab.kube_api import representations
from podwire_lab.kube_api.objects.status import BadRequest, not_found
from podwire_lab.kube_api.objects.store import MemoryStore, Stored
from podwire_lab.kube_api.representations import Form
from podwire_lab.kube_api.requests import Query, Target, number
from podwire_lab.kube_api.selectors import predicate
from podwire_lab.model.interfaces import Object


def stored_object(store: MemoryStore, target: Target) -> Stored:
    """The object that the target names. Raises `NotFound`."""
    assert target.name is not None
    namespace = target.namespace if target.resource.namespaced else None
    stored = store.stored(target.resource.plural, namespace, target.name)
    if stored is None:
        raise not_found(target.resource, target.name)
    return stored


def selected(store: MemoryStore, target: Target, query: Query) -> Sequence[Stored]:
    """The objects of a collection that the query's selectors choose, ordered by namespace and name."""
    chosen = predicate(query.get("labelSelector", ""), query.get("fieldSelector", ""), target.resource)
    namespace = target.namespace if target.resource.namespaced else None
    objects = store.all(target.resource.plural, namespace)
    return objects if chosen is None else [item for item in objects if chosen(item.object)]


def list_objects(store: MemoryStore, target: Target, query: Query, form: Form) -> bytes:
    """A list, or a page of it with `limit` and `continue` (the next page shows the state at its own time)."""
    objects = selected(store, target, query)
    version = str(store.version)
    start = query.get("continue")
    if start:
        version, after = _resume(start)
        objects = [item for item in objects if _key(item) > after]
    meta: Object = {"resourceVersion": version}
    limit = number(query, "limit") or 0
    if 0 < limit < len(objects):
        rest = len(objects) - limit
        objects = objects[:limit]
        meta["continue"] = _token(version, objects[-1])
        if not query.get("labelSelector") and not query.get("fieldSelector"):
            meta["remainingItemCount"] = rest
    return representations.many(objects, target.resource, form, meta)


def _key(stored: Stored) -> tuple[str, str]:
    meta = stored.object["metadata"]
    return meta.get("namespace") or "", meta["name"]


def _token(version: str, last: Stored) -> str:
    return base64.urlsafe_b64encode(json.dumps([version, *_key(last)]).encode()).decode().rstrip("=")


def _resume(token: str) -> tuple[str, tuple[str, str]]:
    try:
        version, namespace, name = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        return str(version), (str(namespace), str(name))
    except (ValueError, TypeError, binascii.Error):
        raise BadRequest("continue key is not valid: it was not made by this server") from None
