"""API discovery: versions, groups, resources, in the old form and aggregated (kubernetes.io: "API discovery")."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from podwire_lab.kube_api.objects.resources import GroupVersion, Resource, Subresource, group_versions, singular_of
from podwire_lab.model.interfaces import Object

AGGREGATED: Final = "application/json;g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList"


def version_info(git_version: str) -> Object:
    """The answer of /version for e.g. `v1.36.2`."""
    match = re.match(r"v(\d+)\.(\d+)\.\d+", git_version)
    if match is None:
        raise ValueError(f"not a Kubernetes version: {git_version}")
    major, minor = match[1], match[2]
    return {
        "major": major,
        "minor": minor,
        "emulationMajor": major,
        "emulationMinor": minor,
        "minCompatibilityMajor": major,
        "minCompatibilityMinor": str(max(0, int(minor) - 1)),
        "gitVersion": git_version,
        "gitCommit": "",
        "gitTreeState": "",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "python",
        "platform": "linux/amd64",
    }


def aggregated_version(accept: str) -> str | None:
    """`v2` or `v2beta1` when the header asks for aggregated discovery first."""
    for part in accept.split(","):
        if "as=APIGroupDiscoveryList" not in part.replace(" ", ""):
            return None
        for version in ("v2", "v2beta1"):
            if f"v={version}" in [piece.strip() for piece in part.split(";")]:
                return version
    return None


def api_versions(address: str) -> Object:
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    }


def group_list() -> Object:
    return {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [_group(group_version) for group_version in group_versions() if group_version.group],
    }


def group(name: str) -> Object | None:
    """One group, for /apis/<name>."""
    found = next((group_version for group_version in group_versions() if group_version.group == name and name), None)
    return None if found is None else {"kind": "APIGroup", "apiVersion": "v1", **_group(found)}


def _group(group_version: GroupVersion) -> Object:
    version = {"groupVersion": group_version.name, "version": group_version.version}
    return {"name": group_version.group, "versions": [version], "preferredVersion": version}


@cache
def resource_list(group_version: str) -> Object | None:
    """/api/v1, /apis/apps/v1 and so on; None when there is no such group and version."""
    found = next((each for each in group_versions() if each.name == group_version), None)
    if found is None:
        return None
    head: Object = {"kind": "APIResourceList", "groupVersion": group_version}
    if found.group:
        head = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version}
    return {**head, "resources": [entry for resource in found.resources for entry in _entries(resource)]}


def _entries(resource: Resource) -> list[Object]:
    entry: Object = {
        "name": resource.plural,
        "singularName": singular_of(resource),
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    below = [
        {
            "name": f"{resource.plural}/{subresource.name}",
            "singularName": "",
            "namespaced": resource.namespaced,
            **({"group": subresource.group, "version": subresource.version} if subresource.group else {}),
            "kind": subresource.kind,
            "verbs": list(subresource.verbs),
        }
        for subresource in resource.subresources
    ]
    return [entry, *below]


@cache
def aggregated(core: bool, version: str) -> Object:
    """APIGroupDiscoveryList of /api (core) or /apis."""
    items = []
    for group_version in group_versions():
        if (not group_version.group) is core:
            resources = [_aggregated(resource) for resource in group_version.resources]
            meta = {"name": group_version.group} if group_version.group else {}
            items.append(
                {
                    "metadata": meta,
                    "versions": [{"version": group_version.version, "resources": resources, "freshness": "Current"}],
                }
            )
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{version}",
        "metadata": {},
        "items": items,
    }


def _aggregated(resource: Resource) -> Object:
    def kind(name: str, below: Subresource | None = None) -> Object:
        if below is not None and below.group:
            return {"group": below.group, "version": below.version, "kind": name}
        if resource.group:
            return {"group": resource.group, "version": resource.version, "kind": name}
        return {"group": "", "version": "", "kind": name}

    entry: Object = {
        "resource": resource.plural,
        "responseKind": kind(resource.kind),
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": singular_of(resource),
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if resource.subresources:
        entry["subresources"] = [
            {
                "subresource": subresource.name,
                "responseKind": kind(subresource.kind, subresource),
                "verbs": list(subresource.verbs),
            }
            for subresource in resource.subresources
        ]
    return entry
