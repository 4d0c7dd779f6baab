"""What a request means: the object that its path names, its parameters, its body."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml
from aiohttp import web

from podwire_lab.kube_api.objects.resources import BY_PLURAL, Resource, Subresource, at_path
from podwire_lab.kube_api.objects.status import BadRequest, NotFound, UnsupportedMediaType, invalid, not_supported
from podwire_lab.kube_api.protobuf import decoder as protobuf
from podwire_lab.model.interfaces import Object

Query = Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """The thing that a path names: a collection (no name), an object, or a subresource of one."""

    resource: Resource
    namespace: str | None = None
    name: str | None = None
    subresource: str | None = None

    @property
    def described_subresource(self) -> Subresource | None:
        return self.resource.subresource(self.subresource) if self.subresource else None


def target_of(path: str) -> Target | None:
    """The target of a path below `/api` or `/apis`; None when there is no such resource."""
    parts = path.strip("/").split("/")
    if parts[0] == "api":
        group, version, rest = "", parts[1] if len(parts) > 1 else "", parts[2:]
    elif parts[0] == "apis" and len(parts) > 2:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace: str | None = None
    if len(rest) >= 3 and rest[0] == "namespaces" and at_path(group, version, rest[2]) is not None:
        namespace, rest = rest[1], rest[2:]
    if not rest or len(rest) > 3 or not all(rest):
        return None
    resource = at_path(group, version, rest[0])
    if resource is None or (namespace is not None and not resource.namespaced):
        return None
    name = rest[1] if len(rest) > 1 else None
    subresource = rest[2] if len(rest) > 2 else None
    if name is not None and resource.namespaced and namespace is None:
        return None
    if subresource is not None and resource.subresource(subresource) is None:
        return None
    if resource is BY_PLURAL["namespaces"] and name is not None:
        namespace = name
    return Target(resource=resource, namespace=namespace, name=name, subresource=subresource)


def unknown(path: str) -> NotFound | None:
    """Why a path of objects has no target; None for the other paths, such as those of discovery."""
    parts = [part for part in path.split("/") if part]
    if len(parts) < 3 or parts[0] not in ("api", "apis") or (parts[0] == "apis" and len(parts) < 4):
        return None
    version, rest = ("/".join(parts[1:3]), parts[3:]) if parts[0] == "apis" else (parts[1], parts[2:])
    if len(rest) > 2 and rest[0] == "namespaces":
        rest = rest[2:]
    name = rest[0] if len(rest) < 3 else f"{rest[0]}/{rest[2]}"
    text = f"the server could not find the requested resource: the lab's API has no {name} in {version}"
    group = version.rpartition("/")[0]
    return NotFound(text, details={**({"group": group} if group else {}), "kind": rest[0]})


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML as JSON has it: a time stays text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}

YAML_TYPES: Final = frozenset({"application/yaml", "application/apply-patch+yaml"})
_JSON_TYPES: Final = frozenset({"", "application/json", "application/octet-stream"})


def media_type(request: web.BaseRequest) -> str:
    """The body's type, without parameters."""
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def parse(body: bytes, kind: str, expected: str) -> Any:
    """A JSON, YAML or protobuf body of the media type `kind`. `expected` is the object's kind, which an error names."""
    if kind == protobuf.MEDIA_TYPE:
        return protobuf.decode(body, expected)
    try:
        return json.loads(body)
    except ValueError as problem:
        if kind not in YAML_TYPES:
            text = body.decode("utf-8", "replace")
            why = "unexpected end of JSON input" if _cut_short(problem) else str(problem)
            raise BadRequest(
                f"the object provided is unrecognized (must be of type {expected}): couldn't get version/kind; "
                f"json parse error: {why} ({text})"
            ) from None
    try:
        return yaml.load(body, Loader=_Loader)  # a safe loader
    except yaml.YAMLError as problem:
        raise BadRequest(f"error decoding YAML: {problem}") from None


def _cut_short(problem: ValueError) -> bool:
    return isinstance(problem, json.JSONDecodeError) and not problem.doc[problem.pos :].strip()


async def read_object(request: web.Request, target: Target, kind: str | None = None) -> Object:
    """The object in the body, checked against the path. Raises `BadRequest`, `UnsupportedMediaType`."""
    expected = kind or target.resource.kind
    content_type = media_type(request)
    if content_type not in _JSON_TYPES and content_type not in YAML_TYPES and content_type != protobuf.MEDIA_TYPE:
        raise UnsupportedMediaType(
            "the body of the request was in an unknown format - accepted media types include: application/json, "
            f"application/yaml, {protobuf.MEDIA_TYPE}"
        )
    return checked(parse(await request.read(), content_type, expected), target, expected)


def checked(obj: Any, target: Target, expected: str | None = None) -> Object:
    """`obj` as an object of the target's kind, with the path's namespace."""
    resource = target.resource
    described = target.described_subresource
    kind, version = expected or resource.kind, resource.group_version
    if described is not None and described.group:
        kind, version = described.kind, f"{described.group}/{described.version}"
    if not isinstance(obj, dict):
        raise BadRequest(f"the object provided is unrecognized (must be of type {kind})")
    for field, usual in (("kind", kind), ("apiVersion", version)):
        obj[field] = obj.get(field) or usual  # a server knows from the path what is left open
    if obj["kind"] != kind or (obj["apiVersion"] != version and kind in (resource.kind, _own_kind(described))):
        raise BadRequest(
            f"the object provided is unrecognized (must be of type {kind}): got {obj['apiVersion']}, {obj['kind']}"
        )
    meta = obj.setdefault("metadata", {})
    if not isinstance(meta, dict):
        raise BadRequest(f"{kind} in version {version!r} cannot be handled as a {kind}: metadata is not a map")
    named = target.name is not None and (described is None or kind == resource.kind)
    if named and meta.setdefault("name", target.name) != target.name:
        raise BadRequest(f"the name of the object ({meta['name']}) does not match the name on the URL ({target.name})")
    if resource.namespaced and target.namespace is not None:
        if (meta.get("namespace") or target.namespace) != target.namespace:
            raise BadRequest("the namespace of the provided object does not match the namespace sent on the request")
        meta["namespace"] = target.namespace
    return obj


def _own_kind(described: Subresource | None) -> str | None:
    """The kind of a subresource that has one of another group, such as a Scale."""
    return described.kind if described is not None and described.group else None


def flag(query: Query, name: str) -> bool:
    """A boolean parameter; `watch=1`, `watch=true` and `watch` are all true."""
    return query.get(name, "false").lower() not in ("false", "0")


def number(query: Query, name: str) -> int | None:
    """An integer parameter; None when it is missing or empty."""
    text = query.get(name)
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise BadRequest(f'unable to parse {name}: strconv.ParseInt: parsing "{text}": invalid syntax') from None


def dry_run(query: Query, body: Object | None = None) -> bool:
    """`dryRun=All`, in the query or in DeleteOptions."""
    values = [query["dryRun"]] if "dryRun" in query else list((body or {}).get("dryRun") or ())
    for value in values:
        if value != "All":
            raise invalid(BY_PLURAL["pods"], None, [not_supported("dryRun", value, ("All",))])
    return bool(values)


def field_manager(query: Query, request: web.Request) -> str:
    """Who writes: the parameter, else the first word of the user agent."""
    return query.get("fieldManager") or request.headers.get("User-Agent", "").partition("/")[0] or "unknown"
