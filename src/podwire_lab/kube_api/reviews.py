"""Reviews: may I, what may I, and who am I (kubernetes.io: "Authorization Overview", checking API access)."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from podwire_lab.kube_api.auth import Policy, rules_review
from podwire_lab.kube_api.objects.fields import copied
from podwire_lab.kube_api.objects.status import BadRequest
from podwire_lab.kube_api.requests import Target, read_object
from podwire_lab.model.interfaces import Object

_OPEN_URLS: Final = ("/api", "/apis", "/healthz", "/livez", "/openapi", "/readyz", "/version")


async def answered(target: Target, request: web.Request, policy: Policy) -> Object:
    """The review with its answer in `status`."""
    kind = target.resource.kind
    spec = copied(await read_object(request, target)).get("spec") or {}
    head: Object = {"kind": kind, "apiVersion": target.resource.group_version, "metadata": {}}
    match kind:
        case "SelfSubjectReview":
            return {**head, "status": {"userInfo": {"username": policy.user, "groups": list(policy.groups)}}}
        case "SelfSubjectRulesReview":
            return {**head, "spec": {}, "status": rules_review(policy)}
        case _:
            return {**head, "spec": spec, "status": {"allowed": _allowed(policy, spec)}}


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
    return url.get("verb") == "get" and any(path == prefix or path.startswith(prefix + "/") for prefix in _OPEN_URLS)
