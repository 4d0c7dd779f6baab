"""The kinds of API objects that podwire uses, and their paths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True)
class Resource:
    """A kind of API object: its group and version, its plural, its kind, and whether it is namespaced."""

    group_version: str
    plural: str
    kind: str
    namespaced: bool = True

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """The path of a collection (without a namespace: of all namespaces), or of one object."""
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
        Resource("v1", "resourcequotas", "ResourceQuota"),
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


def describe(kind: Resource, namespace: str | None, name: str | None = None) -> str:
    """A collection or an object in words, for a message."""
    objects = f"{kind.plural} {name}" if name else kind.plural
    if not kind.namespaced:
        return objects
    return f"{objects} in namespace {namespace}" if namespace else f"{objects} in all namespaces"
