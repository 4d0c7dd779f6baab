"""The API server: routes, and how it is put on a listening socket."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import yaml
from aiohttp import web

from podwire_lab.kube_api import cautions, deletion, discovery, reads, representations, writes
from podwire_lab.kube_api.auth import ADMIN, PREFIX, Authenticator, Policy, Rule
from podwire_lab.kube_api.machines import node_to_replace, replace_node
from podwire_lab.kube_api.namespaces import NamespaceFinisher
from podwire_lab.kube_api.objects.fields import copied, encoded, metadata
from podwire_lab.kube_api.objects.status import ApiError, InternalError, MethodNotAllowed, Unauthorized
from podwire_lab.kube_api.objects.store import MemoryStore
from podwire_lab.kube_api.openapi import OpenApi
from podwire_lab.kube_api.policies.policies import Review
from podwire_lab.kube_api.rbac import rights_of
from podwire_lab.kube_api.representations import form_of
from podwire_lab.kube_api.requests import Target, dry_run, flag, read_object, target_of, unknown
from podwire_lab.kube_api.reviews import answered
from podwire_lab.kube_api.scales import scale_of
from podwire_lab.kube_api.streams.execs import serve_exec
from podwire_lab.kube_api.streams.forwards import serve_forward
from podwire_lab.kube_api.streams.logs import serve_logs
from podwire_lab.kube_api.watch import Watch
from podwire_lab.model.interfaces import Machines, Object, Runtime

_LOG = logging.getLogger(__name__)
VERSION: Final = "v1.36.2"
_VERBS: Final = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_HEALTH: Final = frozenset({"/healthz", "/livez", "/readyz"})
_LARGEST_BODY: Final = 3 * 1024 * 1024
"""As a kube-apiserver's limit of a request body."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(
    store: MemoryStore,
    runtime: Runtime,
    *,
    token: str,
    tokens: Mapping[str, Policy] | None = None,
    version: str = VERSION,
    machines: Machines | None = None,
) -> web.Application:
    """The whole API as an aiohttp application.

    `token` may do everything; `tokens` are more users, each with its policy. `version` is the Kubernetes version that
    the server says it has. `machines` serves what the lab does to machines, or nobody does.
    """
    server = _Server(
        store,
        runtime,
        Authenticator(token, tokens or {}, lambda *account: rights_of(store, *account)),
        discovery.version_info(version),
        machines,
    )
    app = web.Application(client_max_size=_LARGEST_BODY)
    app.router.add_route("*", "/{path:.*}", server.handle)
    app.on_startup.append(server.start)
    app.on_shutdown.append(server.stop)
    return app


async def serve(app: web.Application, listener: socket.socket) -> web.AppRunner:
    """Serve on a socket that listens already; `await runner.cleanup()` ends it within half a second."""
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.2)
    await runner.setup()
    listener.setblocking(False)
    await web.SockSite(runner, listener).start()
    return runner


def kubeconfig(url: str, token: str, namespace: str = "default") -> str:
    """A kubeconfig (YAML) for the server at `url`, e.g. `http://127.0.0.1:40123`.

    The server's address carries the token too: kubectl sends no token over plain HTTP (see `auth.PREFIX`).
    """
    config: Object = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "podwire-lab", "cluster": {"server": f"{url.rstrip('/')}{PREFIX}{token}"}}],
        "users": [{"name": "podwire-lab", "user": {"token": token}}],
        "contexts": [
            {
                "name": "podwire-lab",
                "context": {"cluster": "podwire-lab", "user": "podwire-lab", "namespace": namespace},
            }
        ],
        "current-context": "podwire-lab",
    }
    return str(yaml.safe_dump(config, sort_keys=False))


def _json(body: bytes, status: int = 200, content_type: str = "application/json") -> web.Response:
    return web.Response(
        body=body, status=status, headers={"Content-Type": content_type, "Cache-Control": "no-cache, private"}
    )


def _answer(obj: object, status: int = 200) -> web.Response:
    return _json(encoded(obj) + b"\n", status)


def _no_such_page() -> web.Response:
    return web.Response(status=404, text="404 page not found\n")


class _Server:
    def __init__(
        self,
        store: MemoryStore,
        runtime: Runtime,
        authenticator: Authenticator,
        version: Object,
        machines: Machines | None,
    ) -> None:
        self._store, self._machines = store, machines
        self._runtime = runtime
        self._authenticator = authenticator
        self._version = encoded(version)
        self._finisher = NamespaceFinisher(store)
        self._openapi = OpenApi()
        self._stopping = asyncio.Event()

    async def start(self, _: web.Application) -> None:
        self._finisher.start()

    async def stop(self, _: web.Application) -> None:
        """End every watch, followed log and exec."""
        self._stopping.set()
        self._finisher.stop()
        self._openapi.stop()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        try:
            policy, path = self._authenticator.split(request)
            target = target_of(path)
            if target is not None:
                if policy is None:
                    raise Unauthorized
                return await self._resource(request, target, policy)
            node = node_to_replace(path)
            if node is not None and self._machines is not None:
                return _answer(await replace_node(self._machines, node, request, policy))
            missing = unknown(path)
            if missing is not None:
                raise missing
            return await self._page(request, path)
        except ApiError as problem:
            return _answer(problem.status(), problem.code)
        except ConnectionError:
            raise  # the client is gone
        except web.HTTPException as problem:
            return _answer(
                {**InternalError(problem.reason).status(), "reason": problem.reason, "code": problem.status},
                problem.status,
            )
        except Exception as problem:
            _LOG.exception("%s %s", request.method, request.path)
            return _answer(InternalError(f"Internal error occurred: {problem}").status(), 500)

    async def _page(self, request: web.Request, path: str) -> web.Response:
        if request.method not in ("GET", "HEAD"):
            return _no_such_page()
        path = path.rstrip("/") or "/"
        if path in _HEALTH:
            return web.Response(text="ok")
        if path == "/version":
            return _json(self._version)
        if path in ("/api", "/apis"):
            return self._discovery(request, core=path == "/api")
        document = await self._openapi.document(path)
        if document is not None:
            return _json(document)
        parts = path.strip("/").split("/")
        found: Object | None = None
        if parts[0] == "api" and len(parts) == 2:
            found = discovery.resource_list(parts[1])
        elif parts[0] == "apis" and len(parts) in (2, 3):
            found = discovery.group(parts[1]) if len(parts) == 2 else discovery.resource_list("/".join(parts[1:]))
        return _answer(found) if found is not None else _no_such_page()

    def _discovery(self, request: web.Request, *, core: bool) -> web.Response:
        version = discovery.aggregated_version(request.headers.get("Accept", ""))
        if version is not None:
            body = encoded(discovery.aggregated(core, version))
            return _json(body, content_type=discovery.AGGREGATED.format(version))
        return _answer(discovery.api_versions(request.host) if core else discovery.group_list())

    async def _resource(self, request: web.Request, target: Target, policy: Policy) -> web.StreamResponse:
        method, query = request.method, request.query
        verb = _VERBS.get(method)
        if verb is None:
            raise MethodNotAllowed
        if target.name is None:
            verb = {"get": "watch" if flag(query, "watch") else "list", "delete": "deletecollection"}.get(verb, verb)
        below = target.described_subresource
        policy.check(target, verb)
        review = Review(store=self._store, target=target, user=policy)
        misplaced = verb in ("update", "patch") if target.name is None else verb == "create" and below is None
        if misplaced or verb not in (target.resource.verbs if below is None else below.verbs):
            raise MethodNotAllowed
        if below is not None and below.name == "exec":
            policy.check(target, "create")  # a GET that opens a WebSocket must not need less than a POST
            review("CONNECT", {"kind": below.kind, "apiVersion": "v1"})
            return await serve_exec(self._store, self._runtime, target, request, self._stopping)
        if below is not None and below.name == "portforward":
            policy.check(target, "create")
            review("CONNECT", {"kind": below.kind, "apiVersion": "v1"})
            return await serve_forward(self._store, self._runtime, target, request, self._stopping)
        if below is not None and below.name == "log":
            return await serve_logs(self._store, self._runtime, target, request, self._stopping)
        if method in ("GET", "HEAD"):
            return await self._read(request, target, verb)
        if method == "DELETE":
            return await self._delete(request, target, verb, review)
        if not target.resource.stored:
            return _answer(await answered(target, request, policy), 201)
        if below is not None and below.name == "binding":
            return _answer(await self._bind(request, target, review), 201)
        if below is not None and below.name == "eviction":
            return _answer(await self._evict(request, target, review), 201)
        if below is not None and below.name == "token":
            return _answer(await self._token(request, target, review), 201)
        return await self._write(request, target, verb, review)

    async def _read(self, request: web.Request, target: Target, verb: str) -> web.StreamResponse:
        query = request.query
        form = form_of(request.headers.get("Accept", ""), query.get("includeObject", ""))
        if verb == "watch" or flag(query, "watch"):
            return await Watch(self._store, target, query, form).serve(request, self._stopping)
        if verb == "list":
            return _json(reads.list_objects(self._store, target, query, form))
        stored = reads.stored_object(self._store, target)
        if target.subresource == "scale":
            return _answer(scale_of(stored.object))
        return _json(representations.one(stored, target.resource, form))

    async def _write(self, request: web.Request, target: Target, verb: str, review: Review) -> web.Response:
        form = form_of(request.headers.get("Accept", ""), request.query.get("includeObject", ""))
        match verb:
            case "create":
                written = await writes.create(self._store, target, request, review)
            case "update":
                written = await writes.replace(self._store, target, request, review)
            case _:
                written = await writes.patch(self._store, target, request, review)
        if target.subresource == "scale":
            return _answer(scale_of(written.stored.object))
        body = representations.one(written.stored, target.resource, form)
        answer = _json(body, 201 if written.created else 200)
        answer.headers.extend(cautions.header(target.resource, written.stored.object))
        return answer

    async def _delete(self, request: web.Request, target: Target, verb: str, review: Review) -> web.Response:
        options = await deletion.options_of(request)
        if verb == "delete":
            return _answer(deletion.delete(self._store, target, options, review))
        deleted = deletion.delete_collection(self._store, target, request.query, options, review)
        form = form_of(request.headers.get("Accept", ""))
        meta = {"resourceVersion": str(self._store.version)}
        return _json(representations.many(deleted, target.resource, form, meta))

    async def _evict(self, request: web.Request, target: Target, review: Review) -> Object:
        """pods/eviction: a deletion that disruption budgets may refuse, of which the lab has none."""
        eviction = await read_object(request, target, "Eviction")
        options = eviction.get("deleteOptions") or {}
        review("CREATE", eviction)
        deletion.evict(self._store, target, {**options, "dry": dry_run(request.query, options)})
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}

    async def _token(self, request: web.Request, target: Target, review: Review) -> Object:
        """serviceaccounts/token: a token with the account's rights, until the lab ends."""
        token_request = await read_object(request, target, "TokenRequest")
        review("CREATE", token_request)
        account = reads.stored_object(self._store, target).object["metadata"]
        token = self._authenticator.issue(account["namespace"], account["name"])
        return {**token_request, "status": {"token": token}}

    async def _bind(self, request: web.Request, target: Target, review: Review) -> Object:
        """pods/binding: what a scheduler does."""
        binding = await read_object(request, target, "Binding")
        review("CREATE", binding)
        pod = copied(reads.stored_object(self._store, target).object)
        metadata(pod).pop("resourceVersion", None)
        pod["spec"]["nodeName"] = (binding.get("target") or {}).get("name", "")
        self._store.update("pods", pod)
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


__all__ = ["ADMIN", "VERSION", "Policy", "Rule", "application", "kubeconfig", "serve"]
