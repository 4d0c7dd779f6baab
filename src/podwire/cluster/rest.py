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
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import urllib3

from podwire.errors import ApiError, ClusterError, Conflict, Forbidden, NotFound, Unauthorized, Unreachable

Object = dict[str, Any]

FIELD_MANAGER = "podwire"
PAGE = 500
RETRIED = (408, 429, 500, 502, 503, 504)
_ERRORS: Mapping[int, type[ApiError]] = {401: Unauthorized, 403: Forbidden, 404: NotFound, 409: Conflict}


@dataclass(frozen=True)
class Resource:
    """A kind of object as the API addresses it: its group and version, its plural, whether it lives in a namespace."""

    group_version: str
    plural: str
    kind: str
    namespaced: bool = True

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """The path of a collection (all namespaces when none is given) or of one object."""
        root = "/api/v1" if self.group_version == "v1" else f"/apis/{self.group_version}"
        parts = [root]
        if self.namespaced and namespace:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        if name:
            parts.append(quote(name, safe=""))
        return "/".join(parts)


RESOURCES: Mapping[str, Resource] = {
    r.plural: r
    for r in (
        Resource("v1", "nodes", "Node", namespaced=False),
        Resource("v1", "namespaces", "Namespace", namespaced=False),
        Resource("v1", "pods", "Pod"),
        Resource("v1", "services", "Service"),
        Resource("v1", "configmaps", "ConfigMap"),
        Resource("v1", "events", "Event"),
        Resource("apps/v1", "daemonsets", "DaemonSet"),
        Resource("apps/v1", "deployments", "Deployment"),
        Resource("coordination.k8s.io/v1", "leases", "Lease"),
        Resource("discovery.k8s.io/v1", "endpointslices", "EndpointSlice"),
        Resource("networking.k8s.io/v1", "networkpolicies", "NetworkPolicy"),
        Resource("crd.projectcalico.org/v1", "ippools", "IPPool", namespaced=False),
        Resource("crd.projectcalico.org/v1", "blockaffinities", "BlockAffinity", namespaced=False),
        Resource("crd.k8s.amazonaws.com/v1alpha1", "eniconfigs", "ENIConfig", namespaced=False),
        Resource("vpcresources.k8s.aws/v1beta1", "securitygrouppolicies", "SecurityGroupPolicy"),
    )
}
BY_KIND: Mapping[str, Resource] = {r.kind: r for r in RESOURCES.values()}


@dataclass(frozen=True)
class Patience:
    """How long to try, in seconds. `answer` bounds one answer, `connect` one connection, `total` all tries together."""

    connect: float = 5.0
    answer: float = 30.0
    total: float = 15.0


class RestClient:
    """Requests to one API server.

    `server` is its URL, `address` the same for people. `authorization` gives the header's value anew for each request
    (tokens expire), or None.
    """

    def __init__(
        self,
        server: str,
        pool: urllib3.PoolManager,
        authorization: Callable[[], str | None] = lambda: None,
        patience: Patience | None = None,
    ) -> None:
        self.server = server.rstrip("/")
        self.address = plain_address(server)
        self._pool = pool
        self._authorization = authorization
        self._patience = patience or Patience()

    def close(self) -> None:
        """Close the idle connections."""
        self._pool.clear()

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
    ) -> Object:
        """One request, and its answer's JSON object.

        `verb` and `what` are for the error's text (`create`, `pods in namespace x`). `repeatable` says whether a lost
        answer may be asked for again; GET and DELETE are by default. Raises an `ApiError` for a refusal, `Unreachable`
        when no answer comes.
        """
        again = method in ("GET", "DELETE") if repeatable is None else repeatable
        deadline = time.monotonic() + self._patience.total
        pause = 0.1
        while True:
            wait = pause
            try:
                answer = self._send(method, path, query, body, content_type)
            except urllib3.exceptions.HTTPError as error:
                refused = isinstance(error, urllib3.exceptions.NewConnectionError)
                if not (again or refused) or _hopeless(error) or time.monotonic() + wait > deadline:
                    raise Unreachable(f"API server {self.address}: {_why(error)}") from error
            else:
                if answer.status < 400:
                    return self._object(answer)
                if not (again and answer.status in RETRIED) or time.monotonic() + wait > deadline:
                    raise self._refusal(answer, verb, what or path)
                wait = min(_retry_after(answer) or wait, max(0.0, deadline - time.monotonic()))
            time.sleep(wait * random.uniform(0.8, 1.2))
            pause = min(pause * 2, 2.0)

    def get(self, resource: str, namespace: str | None, name: str) -> Object:
        """One object. Raises `NotFound`."""
        kind = RESOURCES[resource]
        return self.request("get", "GET", kind.path(namespace, name), what=_what(kind, namespace, name))

    def list(self, resource: str, namespace: str | None = None, *, labels: str = "", fields: str = "") -> list[Object]:
        """All objects of a kind, in pages, with `apiVersion` and `kind` filled in. `labels`, `fields`: selectors."""
        kind = RESOURCES[resource]
        query: dict[str, str | int | bool] = {"limit": PAGE}
        if labels:
            query["labelSelector"] = labels
        if fields:
            query["fieldSelector"] = fields
        found: list[Object] = []
        while True:
            page = self.request("list", "GET", kind.path(namespace), query=query, what=_what(kind, namespace))
            items = page.get("items") or []
            found += [{"apiVersion": kind.group_version, "kind": kind.kind, **item} for item in items]
            more = (page.get("metadata") or {}).get("continue")
            if not more:
                return found
            query["continue"] = more

    def log(self, namespace: str, pod: str) -> str:
        """What a pod's first container has written."""
        path = f"{RESOURCES['pods'].path(namespace, pod)}/log"
        return self.text("get", path, {}, what=f"pods/log {pod} in namespace {namespace}")

    def text(self, verb: str, path: str, query: Mapping[str, str | int | bool], what: str) -> str:
        """An answer that is no JSON object; asked for once. Raises an `ApiError` for a refusal."""
        try:
            answer = self._send("GET", path, query, None, "application/json", accept="*/*")
        except urllib3.exceptions.HTTPError as error:
            raise Unreachable(f"API server {self.address}: {_why(error)}") from error
        if answer.status >= 400:
            raise self._refusal(answer, verb, what)
        return answer.data.decode("utf-8", "replace")

    def create(self, obj: Object) -> Object:
        """A new object. Raises `Conflict` when it exists."""
        kind = BY_KIND[obj["kind"]]
        namespace = obj["metadata"].get("namespace")
        return self.request("create", "POST", kind.path(namespace), body=obj, what=_what(kind, namespace))

    def apply(self, obj: Object) -> Object:
        """Server-side apply: the object is there afterwards, with these fields, and the fields are ours."""
        kind = BY_KIND[obj["kind"]]
        namespace, name = obj["metadata"].get("namespace"), obj["metadata"]["name"]
        return self.request(
            "patch",
            "PATCH",
            kind.path(namespace, name),
            query={"fieldManager": FIELD_MANAGER, "force": True},
            body=obj,
            content_type="application/apply-patch+yaml",
            what=_what(kind, namespace, name),
            repeatable=True,
        )

    def delete(self, resource: str, namespace: str | None, name: str, *, grace: int | None = None) -> bool:
        """Ask for one object's deletion; False when it is not there."""
        kind = RESOURCES[resource]
        try:
            self.request(
                "delete",
                "DELETE",
                kind.path(namespace, name),
                query={} if grace is None else {"gracePeriodSeconds": grace},
                what=_what(kind, namespace, name),
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
            self.request("deletecollection", "DELETE", kind.path(namespace), query=query, what=_what(kind, namespace))
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
    ) -> urllib3.BaseHTTPResponse:
        headers = {"Accept": accept, "User-Agent": FIELD_MANAGER}
        authorization = self._authorization()
        if authorization:
            headers["Authorization"] = authorization
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = content_type
        url = self.server + path
        if query:
            url += "?" + urlencode({k: str(v).lower() if isinstance(v, bool) else v for k, v in query.items()})
        return self._pool.request(
            method,
            url,
            body=data,
            headers=headers,
            timeout=urllib3.Timeout(connect=self._patience.connect, read=self._patience.answer),
            retries=False,
            redirect=False,
        )

    def _object(self, answer: urllib3.BaseHTTPResponse) -> Object:
        try:
            tree = json.loads(answer.data)
        except ValueError:
            tree = None
        if not isinstance(tree, dict):
            raise Unreachable(
                f"API server {self.address}: answered {answer.status} with something that is not a JSON object "
                f"({_excerpt(answer.data)!r}); is this address a Kubernetes API server?"
            )
        return tree

    def _refusal(self, answer: urllib3.BaseHTTPResponse, verb: str, what: str) -> ClusterError:
        try:
            tree = json.loads(answer.data)
        except ValueError:
            tree = None
        known = tree if isinstance(tree, dict) and tree.get("kind") == "Status" else {}
        message = str(known.get("message") or _excerpt(answer.data) or answer.reason or "no message")
        reason = str(known.get("reason") or "")
        kind = _ERRORS.get(answer.status, ApiError)
        if kind is Unauthorized:
            text = f"API server {self.address}: 401 Unauthorized: the credentials are missing, wrong or expired"
        elif not known and not 500 <= answer.status < 600:
            text = (
                f"API server {self.address}: answered {answer.status} to {verb} {what} without a Kubernetes status "
                f"({_excerpt(answer.data)!r}); is this address a Kubernetes API server?"
            )
        elif kind is Forbidden:
            text = f"not allowed to {verb} {what}: {message}"
            if Forbidden(message=message).for_want_of_rights:
                text += " (manifests/rbac.yaml has the rights that podwire needs)"
        else:
            text = f"cannot {verb} {what}: {message} ({answer.status})"
        return kind(text, status=answer.status, reason=reason, message=message)


def plain_address(server: str) -> str:
    """Scheme, host and port of a URL: a proxy's URL may carry secrets in its path or before its host."""
    url = urllib3.util.parse_url(server)
    return f"{url.scheme}://{url.netloc or ''}"


def _what(kind: Resource, namespace: str | None, name: str | None = None) -> str:
    thing = f"{kind.plural} {name}" if name else kind.plural
    if not kind.namespaced:
        return thing
    return f"{thing} in namespace {namespace}" if namespace else f"{thing} in all namespaces"


def _excerpt(data: bytes) -> str:
    return " ".join(data[:80].decode("utf-8", "replace").split())


def _retry_after(answer: urllib3.BaseHTTPResponse) -> float | None:
    value = answer.headers.get("Retry-After", "")
    return float(value) if value.isdigit() else None


def _hopeless(error: Exception) -> bool:
    """No later try can mend it: a certificate, a name that is not one, a protocol that is not HTTP."""
    kinds = (urllib3.exceptions.SSLError, urllib3.exceptions.LocationParseError, urllib3.exceptions.LocationValueError)
    return isinstance(error, kinds) or "certificate" in str(error).lower()


def _why(error: Exception) -> str:
    """The reason of a failed request in a few words, without the library's object names."""
    if isinstance(error, urllib3.exceptions.NameResolutionError):
        return "its name cannot be resolved"
    refused = isinstance(error, urllib3.exceptions.NewConnectionError)  # a kind of ConnectTimeoutError, oddly
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError) and not refused:
        return "no connection: it did not answer in time (is the address right, is a VPN or a firewall in between?)"
    if isinstance(error, urllib3.exceptions.ReadTimeoutError):
        return "connected, but no answer came in time"
    cause: BaseException = error
    while True:
        inner = cause.__cause__ or next((a for a in cause.args if isinstance(a, BaseException)), None)
        if inner is None:
            break
        cause = inner
    text = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    if isinstance(error, urllib3.exceptions.SSLError) or "certificate" in text.lower():
        return f"TLS: {text} (check certificate-authority-data and server in the kubeconfig)"
    return f"no connection: {text}"
