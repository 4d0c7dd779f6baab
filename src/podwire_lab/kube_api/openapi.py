"""The part of OpenAPI that kubectl asks for before it leaves validation to the server.

`kubectl apply` looks whether PATCH of a kind takes `fieldValidation` and `dryRun` (kubectl: QueryParamVerifierV3).
There are no schemas here: kubectl has those of the built-in kinds itself.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from podwire_lab.kube_api.objects.fields import encoded
from podwire_lab.kube_api.objects.resources import GroupVersion, Resource, group_versions
from podwire_lab.model.interfaces import Object

_ROOT: Final = "/openapi/v3"
_PARAMETERS: Final = ("dryRun", "fieldManager", "fieldValidation", "force")


@cache
def openapi_v3(path: str) -> bytes | None:
    """The document at `path`, encoded; None when there is none."""
    if not path.startswith(_ROOT):
        return None
    documents = {f"{_ROOT}/{_prefix(each)}": each for each in group_versions()}
    if path == _ROOT:
        links = {_prefix(each): {"serverRelativeURL": f"{_ROOT}/{_prefix(each)}"} for each in group_versions()}
        return encoded({"paths": links})
    found = documents.get(path)
    return None if found is None else encoded(_document(found))


def _prefix(each: GroupVersion) -> str:
    return f"apis/{each.name}" if each.group else f"api/{each.name}"


def _document(each: GroupVersion) -> Object:
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "unversioned"},
        "paths": {_path(each, resource): {"patch": _patch(resource)} for resource in each.resources if resource.stored},
        "components": {"schemas": {}},
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
        "x-kubernetes-group-version-kind": {
            "group": resource.group,
            "kind": resource.kind,
            "version": resource.version,
        },
    }
