"""A small REST client of the Kubernetes API: dicts in, dicts out, safe to share between threads.

It is made from a `kubernetes.client.Configuration` and speaks through one urllib3 pool. The typed models of the
`kubernetes` package are never used: they reject answers with missing fields, and their request path changed between
releases. Requests that can be repeated without harm (GET, DELETE, server-side apply) are retried for a bounded time.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import urllib3

from podwire.cluster.refusals import excerpt, refusal
from podwire.cluster.resources import BY_KIND, RESOURCES, Resource, describe
from podwire.cluster.transport import Answer, Lines, NoAnswer, Patience, plain_address, send
from podwire.errors import ApiError, MalformedAnswer, NotFound, Unauthorized, Unreachable
from podwire.files.foreign_json import foreign_json

Object = dict[str, Any]
Objects = list[Object]

FIELD_MANAGER = "podwire"
PAGE = 500
MOST_PAGES = 400
LISTING = 180.0
"""Seconds for all pages of a list together."""
ROUNDS = 3
"""How often a list is begun anew when the server has forgotten where it was (410, "continue" is too old)."""
RETRIED = (408, 429, 500, 502, 503, 504)
NOT_DONE = (429,)
"""The server has not looked at the request: whatever it asks for, it may be sent again."""
_UNAUTHORIZED, _EXPIRED = 401, 410


class RestClient:
    """Requests to one API server.

    `server` is its URL, `address` the same for people; `pool` is a `bounded` one. `authorization` gives the header's
    value anew for each request (tokens expire), or None. `renew` is called when the server does not know who asks: it
    gets new credentials, and says whether there may be any.
    """

    def __init__(
        self,
        server: str,
        pool: urllib3.PoolManager,
        authorization: Callable[[], str | None] = lambda: None,
        patience: Patience | None = None,
        renew: Callable[[], bool] = lambda: False,
        place: str = "",
    ) -> None:
        self.server = server.rstrip("/")
        self.address = plain_address(server)
        self._pool = pool
        self._authorization, self._renew = authorization, renew
        self._patience = patience or Patience()
        self._place = place

    def close(self) -> None:
        """Close the idle connections."""
        self._pool.clear()

    def with_patience(self, patience: Patience) -> RestClient:
        """The same client, with other bounds."""
        return RestClient(self.server, self._pool, self._authorization, patience, self._renew, self._place)

    def placing_in(self, namespace: str) -> RestClient:
        """The same client; what it applies goes into this namespace, whatever namespace the object names."""
        return RestClient(self.server, self._pool, self._authorization, self._patience, self._renew, namespace)

    def request(
        self,
        verb: str,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int | bool] | None = None,
        body: object = None,
        content_type: str = "application/json",
        what: str = "",
        repeatable: bool | None = None,
        shape: Any = None,
    ) -> Object:
        """One request, and its answer's JSON object.

        `verb` and `what` are for the error's text (`create`, `pods in namespace x`). `repeatable` says whether a lost
        answer may be asked for again; GET and DELETE are by default. `shape` is a TypedDict with the fields that are
        wanted: an answer that fits it has no others. Raises an `ApiError` for a refusal, `Unreachable`
        when no answer comes.
        """
        again = method in ("GET", "DELETE") if repeatable is None else repeatable
        deadline = time.monotonic() + self._patience.total
        pause, renewed = 0.1, False
        while True:
            wait = pause
            try:
                answer = self._send(method, path, query, body, content_type)
                if answer.status < 400:
                    return self._object(answer, shape)
            except NoAnswer as error:
                if not (again or not error.sent) or error.hopeless or time.monotonic() + wait > deadline:
                    raise Unreachable(f"API server {self.address}: {error}") from error
            else:
                refused = refusal(answer, self.address, verb, what or path)
                if isinstance(refused, Unauthorized) and not renewed and self._renew():
                    renewed = True
                    continue
                worth = answer.status in RETRIED if again else answer.status in NOT_DONE
                if not worth or time.monotonic() + wait > deadline:
                    raise refused
                wait = min(_retry_after(answer) or wait, max(0.0, deadline - time.monotonic()))
            time.sleep(wait * random.uniform(0.8, 1.2))
            pause = min(pause * 2, 2.0)

    def get(self, resource: str, namespace: str | None, name: str) -> Object:
        """One object. Raises `NotFound`."""
        kind = RESOURCES[resource]
        what = describe(kind, namespace, name)
        return self._checked(self.request("get", "GET", kind.path(namespace, name), what=what), what)

    def list(
        self, resource: str, namespace: str | None = None, *, labels: str = "", fields: str = "", shape: Any = None
    ) -> Objects:
        """All objects of a kind, in pages, with `apiVersion` and `kind` filled in. `labels`, `fields`: selectors;
        `shape`: of a page, as for `request`.

        Raises `MalformedAnswer` for what is no list of objects, `Unreachable` for one that does not end.
        """
        kind = RESOURCES[resource]
        query: dict[str, str | int | bool] = {"limit": PAGE}
        if labels:
            query["labelSelector"] = labels
        if fields:
            query["fieldSelector"] = fields
        for attempt in range(ROUNDS):
            try:
                return self._pages(kind, namespace, dict(query), shape)
            except ApiError as error:
                if error.status != _EXPIRED or attempt == ROUNDS - 1:
                    raise
        raise AssertionError("not reached")

    def _pages(self, kind: Resource, namespace: str | None, query: dict[str, str | int | bool], shape: Any) -> Objects:
        objects: Objects = []
        what = describe(kind, namespace)
        tokens: set[str] = set()
        end = time.monotonic() + LISTING
        while True:
            page = self.request("list", "GET", kind.path(namespace), query=query, what=what, shape=shape)
            items, head = page.get("items") or [], page.get("metadata") or {}
            if not isinstance(items, list) or not isinstance(head, dict):
                raise MalformedAnswer(f"API server {self.address}: its list of {what} is not a list of objects")
            for item in items:
                whole = self._checked(item, what)
                objects.append({"apiVersion": kind.group_version, "kind": kind.kind, **whole})
            more = head.get("continue")
            if not more:
                return objects
            if str(more) in tokens or len(tokens) >= MOST_PAGES or time.monotonic() > end:
                pages = len(tokens) + 1
                raise Unreachable(f"API server {self.address}: its list of {what} does not end ({pages} pages)")
            tokens.add(str(more))
            query["continue"] = str(more)

    def _checked(self, item: object, what: str) -> Object:
        """The object, which has a name at least."""
        metadata = item.get("metadata") if isinstance(item, dict) else None
        if not isinstance(item, dict) or not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
            shown = json.dumps(item)[:80]
            raise MalformedAnswer(f"API server {self.address}: among {what} is no object with a name: {shown}")
        for field in ("labels", "annotations"):
            if not isinstance(metadata.get(field) or {}, dict):
                raise MalformedAnswer(
                    f"API server {self.address}: {field} of {metadata['name']} among {what} are not a mapping"
                )
        return item

    def log(self, namespace: str, pod: str) -> str:
        """What a pod's first container has written."""
        path = f"{RESOURCES['pods'].path(namespace, pod)}/log"
        return self.text("get", path, {}, what=f"pods/log {pod} in namespace {namespace}")

    def text(self, verb: str, path: str, query: Mapping[str, str | int | bool], what: str) -> str:
        """An answer that is no JSON object; asked for once. Raises an `ApiError` for a refusal."""
        try:
            answer = self._send("GET", path, query, None, "application/json", accept="*/*")
        except NoAnswer as error:
            raise Unreachable(f"API server {self.address}: {error}") from error
        if answer.status >= 400:
            raise refusal(answer, self.address, verb, what)
        return answer.data.decode("utf-8", "replace")

    def date(self) -> str:
        """The `Date` header of an answer, '' where there is none. Raises `Unreachable` when no answer comes."""
        try:
            return self._send("GET", "/version", None, None, "application/json").headers.get("date", "")
        except NoAnswer as error:
            raise Unreachable(f"API server {self.address}: {error}") from error

    def follow(self, lines: Lines, path: str, query: Mapping[str, str | int | bool], what: str, silence: float) -> None:
        """Open an answer that goes on, line by line, with at most `silence` seconds between two pieces of it.

        Raises an `ApiError` for a refusal, `Unreachable` when no answer comes; once it goes on, see `Lines`.
        """
        patience = Patience(connect=self._patience.connect, answer=silence)
        url = f"{self.server}{path}?{_query(query)}"
        try:
            lines.open(self._pool, url, self._headers("application/json"), patience)
            if lines.status == _UNAUTHORIZED and self._renew():
                lines.whole()
                lines.open(self._pool, url, self._headers("application/json"), patience)
            if lines.status >= 400:
                raise refusal(lines.whole(), self.address, "watch", what)
        except NoAnswer as error:
            raise Unreachable(f"API server {self.address}: {error}") from error

    def create(self, obj: Object, *, repeatable: bool = False) -> Object:
        """A new object. Raises `Conflict` when it exists.

        With `repeatable` a lost answer is asked for again: then the `Conflict` may be with what this very call made.
        """
        kind = BY_KIND[obj["kind"]]
        namespace = obj["metadata"].get("namespace")
        what = describe(kind, namespace)
        return self.request("create", "POST", kind.path(namespace), body=obj, what=what, repeatable=repeatable)

    def merge(self, resource: str, namespace: str | None, name: str, patch: Object) -> Object:
        """A JSON merge patch (RFC 7386) of one object."""
        kind = RESOURCES[resource]
        what = describe(kind, namespace, name)
        return self.request(
            "patch",
            "PATCH",
            kind.path(namespace, name),
            query={"fieldManager": FIELD_MANAGER},
            body=patch,
            content_type="application/merge-patch+json",
            what=what,
            repeatable=True,
        )

    def apply(self, obj: Object) -> Object:
        """Server-side apply: the object is there afterwards, with these fields, and the fields are ours."""
        kind = BY_KIND[obj["kind"]]
        if self._place and obj["metadata"].get("namespace"):
            obj = {**obj, "metadata": {**obj["metadata"], "namespace": self._place}}
        namespace, name = obj["metadata"].get("namespace"), obj["metadata"]["name"]
        what = describe(kind, namespace, name)
        answer = self.request(
            "patch",
            "PATCH",
            kind.path(namespace, name),
            query={"fieldManager": FIELD_MANAGER, "force": True},
            body=obj,
            content_type="application/apply-patch+yaml",
            what=what,
            repeatable=True,
        )
        return self._checked(answer, what)

    def delete(self, resource: str, namespace: str | None, name: str, *, grace: int | None = None) -> bool:
        """Ask for one object's deletion; False when it is not there."""
        kind = RESOURCES[resource]
        try:
            self.request(
                "delete",
                "DELETE",
                kind.path(namespace, name),
                query={} if grace is None else {"gracePeriodSeconds": grace},
                what=describe(kind, namespace, name),
            )
        except NotFound:
            return False
        return True

    def delete_collection(self, resource: str, namespace: str, *, labels: str, grace: int | None = None) -> None:
        """Ask for the deletion of all objects of a kind in a namespace that carry these labels."""
        kind = RESOURCES[resource]
        query: dict[str, str | int | bool] = {"labelSelector": labels}
        if grace is not None:
            query["gracePeriodSeconds"] = grace
        try:
            self.request(
                "deletecollection", "DELETE", kind.path(namespace), query=query, what=describe(kind, namespace)
            )
        except NotFound:
            return

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int | bool] | None,
        body: object,
        content_type: str,
        accept: str = "application/json",
    ) -> Answer:
        headers, data = self._headers(accept), None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = content_type
        url = self.server + path
        if query:
            url += f"?{_query(query)}"
        return send(self._pool, method, url, body=data, headers=headers, patience=self._patience)

    def _headers(self, accept: str) -> dict[str, str]:
        authorization = self._authorization()
        return {"Accept": accept, "User-Agent": FIELD_MANAGER} | (
            {"Authorization": authorization} if authorization else {}
        )

    def _object(self, answer: Answer, shape: Any = None) -> Object:
        try:
            tree = foreign_json(answer.data, shape)
        except (ValueError, RecursionError):
            if answer.data.lstrip().startswith(b"{"):
                raise NoAnswer(f"its answer ends in the middle, after {len(answer.data)} bytes") from None
            tree = None
        if not isinstance(tree, dict):
            raise Unreachable(
                f"API server {self.address}: answered {answer.status} with something that is not a JSON object "
                f"({excerpt(answer.data)!r}); check that this address is a Kubernetes API server"
            )
        return tree


def _query(query: Mapping[str, str | int | bool]) -> str:
    return urlencode({k: str(v).lower() if isinstance(v, bool) else v for k, v in query.items()})


def _retry_after(answer: Answer) -> float | None:
    value = answer.headers.get("retry-after", "")
    return float(value) if value.isdigit() else None
