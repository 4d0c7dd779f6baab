"""The parts of OpenAPI that kubectl asks for.

`kubectl apply` looks whether PATCH of a kind takes `fieldValidation` and `dryRun` (kubectl: QueryParamVerifierV3), and
has the kinds' schemas itself, as long as no PATCH here says which bodies it takes. `kubectl explain` shows schemas.
"""

from __future__ import annotations

import asyncio
import re
from typing import Final

from podwire_lab.kube_api.objects.fields import encoded
from podwire_lab.kube_api.objects.resources import GroupVersion, Resource, group_versions
from podwire_lab.kube_api.schemas import PREFIX, schemas_of
from podwire_lab.model.interfaces import Object

_ROOT: Final = "/openapi/v3"
_PARAMETERS: Final = ("dryRun", "fieldManager", "fieldValidation", "force")


class OpenApi:
    """The documents of one server. They are made when the first of them is asked for, which takes a second."""

    def __init__(self) -> None:
        self._documents: asyncio.Task[dict[str, bytes]] | None = None

    async def document(self, path: str) -> bytes | None:
        """The document at `path`, encoded; None when there is none."""
        if path == _ROOT:
            links = {
                _prefix(group_version): {"serverRelativeURL": f"{_ROOT}/{_prefix(group_version)}"}
                for group_version in group_versions()
            }
            return encoded({"paths": links})
        if path not in {f"{_ROOT}/{_prefix(group_version)}" for group_version in group_versions()}:
            return None
        if self._documents is None:
            self._documents = asyncio.ensure_future(_documents())
        return (await asyncio.shield(self._documents))[path]

    def stop(self) -> None:
        """Give up what is not made yet."""
        if self._documents is not None:
            self._documents.cancel()


async def _documents() -> dict[str, bytes]:
    """Every document by its path."""
    schemas = await schemas_of(
        tuple(resource.kind for group_version in group_versions() for resource in group_version.resources)
    )
    return {
        f"{_ROOT}/{_prefix(group_version)}": encoded(_document(group_version, schemas))
        for group_version in group_versions()
    }


def _prefix(group_version: GroupVersion) -> str:
    return f"apis/{group_version.name}" if group_version.group else f"api/{group_version.name}"


def _document(group_version: GroupVersion, schemas: Object) -> Object:
    components: Object = {}
    for resource in group_version.resources:
        name = f"{PREFIX}{resource.kind}"
        if name in schemas:
            _add(name, schemas, components)
            components[name] = {**schemas[name], "x-kubernetes-group-version-kind": [_kind(resource)]}
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "unversioned"},
        "paths": {
            _path(group_version, resource): {"patch": _patch(resource)}
            for resource in group_version.resources
            if resource.stored
        },
        "components": {"schemas": components},
    }


def _add(name: str, schemas: Object, components: Object) -> None:
    """Add a schema and all that it refers to."""
    if name in components or name not in schemas:
        return
    components[name] = schemas[name]
    for below in re.findall(rf'"#/components/schemas/({re.escape(PREFIX)}\w+)"', encoded(schemas[name]).decode()):
        _add(below, schemas, components)


def _path(group_version: GroupVersion, resource: Resource) -> str:
    scope = "namespaces/{namespace}/" if resource.namespaced else ""
    return f"/{_prefix(group_version)}/{scope}{resource.plural}/{{name}}"


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
