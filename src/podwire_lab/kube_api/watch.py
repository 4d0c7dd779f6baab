"""Watches: changes as a stream of JSON lines (kubernetes.io: "Efficient detection of changes")."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from typing import Final

from aiohttp import web

from podwire_lab.kube_api import representations
from podwire_lab.kube_api.objects.fields import encoded
from podwire_lab.kube_api.objects.status import BadRequest, Expired, Invalid
from podwire_lab.kube_api.objects.store import Change, MemoryStore, Stored
from podwire_lab.kube_api.representations import Form
from podwire_lab.kube_api.requests import Query, Target, flag, number
from podwire_lab.kube_api.selectors import Predicate, predicate
from podwire_lab.model.interfaces import Object

_MINUTES: Final = 1800
_BOOKMARKS_EVERY: Final = 60.0
_INITIAL_END: Final = "k8s.io/initial-events-end"
_EMPTY: Final[dict[str, Object]] = {
    "pods": {"spec": {"containers": None}, "status": {}},
    "nodes": {"spec": {}, "status": {}},
}


class Watch:
    """One watch: what it has to show, from its parameters on."""

    def __init__(self, store: MemoryStore, target: Target, query: Query, form: Form) -> None:
        """Raises `BadRequest` or `Invalid` for parameters that do not fit together."""
        self._store = store
        self._target = target
        self._form = form
        self._chosen: Predicate | None = predicate(
            query.get("labelSelector", ""), query.get("fieldSelector", ""), target.resource
        )
        if target.name is not None:
            self._chosen = lambda obj: obj["metadata"]["name"] == target.name
        self._bookmarks = flag(query, "allowWatchBookmarks")
        self._initial = flag(query, "sendInitialEvents")
        self._seconds = number(query, "timeoutSeconds") or random.randint(_MINUTES, 2 * _MINUTES)
        version = query.get("resourceVersion", "")
        if self._initial and query.get("resourceVersionMatch") != "NotOlderThan":
            raise Invalid(
                'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: '
                "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
            )
        if version and not version.isdigit():
            raise BadRequest(f'Invalid value: "{version}": resource version must be an unsigned integer')
        self._from = int(version or 0)

    async def serve(self, request: web.Request, stop: asyncio.Event) -> web.StreamResponse:
        """Stream until the time is over, the client is gone or the server stops."""
        response = web.StreamResponse(
            headers={"Content-Type": "application/json", "Cache-Control": "no-cache, private"}
        )
        changes: asyncio.Queue[Change | None] = asyncio.Queue()
        try:
            first = b"".join(self._start())
        except Expired as problem:
            await response.prepare(request)
            await response.write(_line("ERROR", encoded(problem.status())))
            return response
        end = self._store.watch(self._target.resource.plural, changes.put_nowait)
        waker = asyncio.ensure_future(stop.wait())
        waker.add_done_callback(lambda _: changes.put_nowait(None))
        try:
            await response.prepare(request)
            if first:
                await response.write(first)
            await self._follow(response, changes)
        finally:
            end()
            waker.cancel()
        return response

    async def _follow(self, response: web.StreamResponse, changes: asyncio.Queue[Change | None]) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._seconds
        bookmark = loop.time() + _BOOKMARKS_EVERY
        while (left := deadline - loop.time()) > 0:
            try:
                change = await asyncio.wait_for(changes.get(), min(left, bookmark - loop.time()))
            except TimeoutError:
                bookmark = loop.time() + _BOOKMARKS_EVERY
                if self._bookmarks:
                    await response.write(self._bookmark())
                continue
            if change is None:
                return
            lines = [self._shown(change)]
            while not changes.empty():
                following = changes.get_nowait()
                if following is None:
                    return
                lines.append(self._shown(following))
            text = b"".join(lines)
            if text:
                await response.write(text)

    def _start(self) -> Iterator[bytes]:
        """The state as it is, or the changes since the version asked for."""
        resource = self._target.resource
        if self._from and not self._initial:
            if self._from > self._store.version:
                return
            for change in self._store.since(resource.plural, self._from):
                yield self._shown(change)
            return
        namespace = self._target.namespace if resource.namespaced else None
        for stored in self._store.all(resource.plural, namespace):
            if self._chosen is None or self._chosen(stored.object):
                yield self._event("ADDED", stored)
        if self._initial and self._bookmarks:
            yield self._bookmark(annotations={_INITIAL_END: "true"})

    def _selects(self, obj: Object | None) -> bool:
        if obj is None:
            return False
        namespace = self._target.namespace if self._target.resource.namespaced else None
        if namespace is not None and obj["metadata"].get("namespace") != namespace:
            return False
        return self._chosen is None or self._chosen(obj)

    def _shown(self, change: Change) -> bytes:
        """The event as this watch sees it: what leaves its selection is deleted, what enters it is new."""
        after = change.kind != "DELETED" and self._selects(change.stored.object)
        before = self._selects(change.previous)
        if after:
            return self._event("MODIFIED" if before else "ADDED", change.stored)
        return self._event("DELETED", change.stored) if before else b""

    def _event(self, kind: str, stored: Stored) -> bytes:
        return _line(kind, representations.one(stored, self._target.resource, self._form))

    def _bookmark(self, annotations: dict[str, str] | None = None) -> bytes:
        resource = self._target.resource
        meta: Object = {"resourceVersion": str(self._store.version)}
        if annotations:
            meta["annotations"] = annotations
        obj: Object = {"kind": resource.kind, "apiVersion": resource.group_version, "metadata": meta}
        return _line("BOOKMARK", encoded({**obj, **_EMPTY.get(resource.plural, {})}))


def _line(kind: str, obj: bytes) -> bytes:
    return b'{"type":"' + kind.encode() + b'","object":' + obj + b"}\n"
