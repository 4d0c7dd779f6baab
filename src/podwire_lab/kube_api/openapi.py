"""The parts of OpenAPI that kubectl asks for.

`kubectl apply` looks whether PATCH of a kind takes `fieldValidation` and `dryRun` (kubectl: QueryParamVerifierV3), and
has the kinds' schemas itself, as long as no PATCH here says which bodies it takes. `kubectl explain` shows schemas.
"""

from __future__ import annotations

from typing import Final

from podwire_lab.kube_api.objects.fields import encoded
from podwire_lab.kube_api.objects.resources import GroupVersion, Resource, group_versions
from podwire_lab.kube_api.schemas import PREFIX, schemas_of
from podwire_lab.model.interfaces import Object

_ROOT: Final = "/openapi/v3"
_PARAMETERS: Final = ("dryRun", "fieldManager", "fieldValidation", "force")


_documents: Final[dict[str, bytes]] = {}


async def openapi_v3(path: str) -> bytes | None:
    """The document at `path`, encoded; None when there is none. The first of a group takes a second."""
    if path == _ROOT:
        links = {_prefix(each): {"serverRelativeURL": f"{_ROOT}/{_prefix(each)}"} for each in group_versions()}
        return encoded({"paths": links})
    found = next((each for each in group_versions() if path == f"{_ROOT}/{_prefix(each)}"), None)
    if found is not None and path not in _documents:
        _documents[path] = encoded(await _document(found))
    return _documents[path] if found is not None else None


def _prefix(each: GroupVersion) -> str:
    return f"apis/{each.name}" if each.group else f"api/{each.name}"


async def _document(each: GroupVersion) -> Object:
    schemas = await schemas_of([resource.kind for resource in each.resources])
    for resource in each.resources:
        schema = schemas.get(f"{PREFIX}{resource.kind}")
        if schema is not None:
            schema["x-kubernetes-group-version-kind"] = [_kind(resource)]
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "unversioned"},
        "paths": {_path(each, resource): {"patch": _patch(resource)} for resource in each.resources if resource.stored},
        "components": {"schemas": schemas},
    }


def _path(each: GroupVersion, resource: Resource) -> str:
    scope = "namespaces/{namespace}/" if resource.namespaced else ""
    return f"/{_prefix(each)}/{scope}{resource.plural}/{{name}}"


def _patch(resource: Resource) -> Object:
    return {
        "operationId": f"patch{resource.kind}",
        "parameters": [
            {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}} for name in _PARAMETERS
        ],
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": _kind(resource),
    }


def _kind(resource: Resource) -> Object:
    return {"group": resource.group, "kind": resource.kind, "version": resource.version}
