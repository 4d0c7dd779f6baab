"""Access reviews: may I, and what may I (kubernetes.io: "Authorization Overview", checking API access)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from aiohttp import web

from podwire_lab.kube_api.auth import Policy, rules_review
from podwire_lab.kube_api.objects.fields import copied
from podwire_lab.kube_api.objects.status import BadRequest, UnsupportedMediaType
from podwire_lab.kube_api.requests import Target, media_type, read_object
from podwire_lab.model.interfaces import Object

_MAGIC: Final = b"k8s\x00"
_PROTOBUF: Final = "application/vnd.kubernetes.protobuf"
_OPEN_URLS: Final = ("/api", "/apis", "/healthz", "/livez", "/openapi", "/readyz", "/version")

Fields = Mapping[int, "tuple[str, Fields | None]"]
_ATTRIBUTES: Final[Fields] = {
    number: (name, None)
    for number, name in enumerate(("namespace", "verb", "group", "version", "resource", "subresource", "name"), start=1)
}
_URL: Final[Fields] = {1: ("path", None), 2: ("verb", None)}
_SPECS: Final[Mapping[str, Fields]] = {
    "SelfSubjectAccessReview": {1: ("resourceAttributes", _ATTRIBUTES), 2: ("nonResourceAttributes", _URL)},
    "SelfSubjectRulesReview": {1: ("namespace", None)},
}


async def review(target: Target, request: web.Request, policy: Policy) -> Object:
    """The review with its answer in `status`. Newer kubectl sends it as protobuf."""
    kind = target.resource.kind
    if media_type(request) == _PROTOBUF:
        obj = _from_protobuf(await request.read(), kind, target.resource.group_version)
    else:
        obj = copied(await read_object(request, target))
    spec = obj.get("spec") or {}
    status = rules_review(policy) if kind == "SelfSubjectRulesReview" else {"allowed": _allowed(policy, spec)}
    return {
        "kind": kind,
        "apiVersion": target.resource.group_version,
        "metadata": {},
        "spec": spec if kind == "SelfSubjectAccessReview" else {},
        "status": status,
    }


def _allowed(policy: Policy, spec: Object) -> bool:
    attributes = spec.get("resourceAttributes")
    if isinstance(attributes, dict):
        resource = attributes.get("resource") or "*"
        if attributes.get("subresource"):
            resource += f"/{attributes['subresource']}"
        return policy.allows(
            attributes.get("verb") or "*",
            attributes.get("group") or "",
            resource,
            namespace=attributes.get("namespace") or None,
            name=attributes.get("name") or None,
        )
    url = spec.get("nonResourceAttributes")
    if not isinstance(url, dict):
        raise BadRequest("exactly one of resourceAttributes or nonResourceAttributes is needed")
    path = str(url.get("path", ""))
    return url.get("verb") == "get" and any(path == each or path.startswith(each + "/") for each in _OPEN_URLS)


def _from_protobuf(body: bytes, kind: str, api_version: str) -> Object:
    """A review in the Kubernetes protobuf envelope (apimachinery: runtime/serializer/protobuf)."""
    try:
        if not body.startswith(_MAGIC):
            raise ValueError("no magic")
        raw = dict(_members(body[len(_MAGIC) :]))[2]
        spec = dict(_members(raw)).get(2, b"")
        return {"kind": kind, "apiVersion": api_version, "spec": _decoded(spec, _SPECS[kind])}
    except (ValueError, IndexError, KeyError) as problem:
        raise UnsupportedMediaType(f"the protobuf body cannot be read as a {kind}: {problem}") from None


def _decoded(message: bytes, fields: Fields) -> Object:
    result: dict[str, Any] = {}
    for number, value in _members(message):
        name, below = fields.get(number, ("", None))
        if name:
            result[name] = _decoded(value, below) if below is not None else value.decode()
    return result


def _members(message: bytes) -> Iterator[tuple[int, bytes]]:
    """The length-delimited fields of a protobuf message; others are skipped."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        if tag & 7 == 0:
            _, at = _varint(message, at)
        elif tag & 7 == 2:
            size, at = _varint(message, at)
            if at + size > len(message):
                raise ValueError("cut short")
            yield tag >> 3, message[at : at + size]
            at += size
        else:
            raise ValueError(f"wire type {tag & 7}")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, at
