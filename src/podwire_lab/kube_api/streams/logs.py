"""pods/log."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from podwire_lab.kube_api.objects.fields import at, copied
from podwire_lab.kube_api.objects.status import BadRequest
from podwire_lab.kube_api.objects.store import MemoryStore
from podwire_lab.kube_api.reads import stored_object
from podwire_lab.kube_api.requests import Target, flag, number
from podwire_lab.kube_api.streams.containers import container_of, node_of
from podwire_lab.model.interfaces import ContainerNotFound, Object, Runtime

_POLL: Final = 0.2
_UNSUPPORTED: Final = ("timestamps", "sinceSeconds", "sinceTime")


async def serve_logs(
    store: MemoryStore, runtime: Runtime, target: Target, request: web.Request, stop: asyncio.Event
) -> web.StreamResponse:
    """The container's output as text; with `follow` until the container has ended."""
    query = request.query
    pod = copied(stored_object(store, target).object)
    container = container_of(pod, query.get("container"))
    for name in _UNSUPPORTED:
        if query.get(name, "false") not in ("false", ""):
            raise BadRequest(f"{name}: this server keeps no times of log lines")
    if flag(query, "previous"):
        raise BadRequest(f'previous terminated container "{container}" in pod "{target.name}" not found')
    node_of(pod)
    tail = number(query, "tailLines")
    if tail is not None and tail < 0:
        raise BadRequest("tailLines: Invalid value: must be greater than or equal to 0")
    text = await _logs(runtime, pod, container, tail)
    limit = number(query, "limitBytes")
    if not flag(query, "follow"):
        return web.Response(body=text[:limit] if limit else text, headers={"Content-Type": "text/plain"})
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    seen = len(await _logs(runtime, pod, container, None)) if tail is not None else len(text)
    await response.prepare(request)
    await response.write(text)
    while True:
        current = store.stored("pods", target.namespace, str(target.name))
        ended = current is None or _ended(current.object, container)
        try:
            whole = await _logs(runtime, pod, container, None)
        except BadRequest:
            return response
        if len(whole) > seen:
            await response.write(whole[seen:])
            seen = len(whole)
        if ended or stop.is_set():
            return response
        await asyncio.sleep(_POLL)


def _ended(pod: Object, container: str) -> bool:
    statuses = at(pod, "status", "containerStatuses") or ()
    return any(status.get("name") == container and at(status, "state", "terminated") is not None for status in statuses)


async def _logs(runtime: Runtime, pod: Object, container: str, tail: int | None) -> bytes:
    try:
        return await runtime.logs(pod, container, tail_lines=tail)
    except ContainerNotFound:
        name = pod["metadata"]["name"]
        reason = "ContainerCreating"
        for status in at(pod, "status", "containerStatuses") or ():
            if status.get("name") == container:
                reason = at(status, "state", "waiting", "reason") or reason
        if reason in ("ErrImagePull", "ImagePullBackOff"):
            reason = "trying and failing to pull image"
        raise BadRequest(f'container "{container}" in pod "{name}" is waiting to start: {reason}') from None
