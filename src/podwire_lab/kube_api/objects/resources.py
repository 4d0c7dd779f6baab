"""The kinds that this server has: one row a resource, as API discovery lists them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

STORED = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
NAMESPACE_VERBS = ("create", "delete", "get", "list", "patch", "update", "watch")
SUBRESOURCE_STATUS = ("get", "patch", "update")
CREATE_ONLY = ("create",)
CALICO_GROUP = "crd.projectcalico.org"
TOKENS_GROUP = "authentication.k8s.io"
VPC_GROUP, VPC_RESOURCES_GROUP = "crd.k8s.amazonaws.com", "vpcresources.k8s.aws"
CUSTOM_GROUPS: Mapping[str, tuple[str, ...]] = {
    "calico": (CALICO_GROUP,),
    "vpc-cni": (VPC_GROUP, VPC_RESOURCES_GROUP),
}
"""What a CNI installs, by its name."""


@dataclass(frozen=True, kw_only=True)
class Subresource:
    """A path below an object, such as `pods/exec`. `kind` is what it takes: of the object's group, or of its own."""

    name: str
    kind: str
    verbs: tuple[str, ...] = SUBRESOURCE_STATUS
    group: str | None = None
    version: str | None = None


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A kind and its plural name.

    `counts_generations` says that a change of its spec counts in `metadata.generation`; `returned` that a deletion
    at once answers with the object instead of a Status. One of a `custom` group is served once that is installed.
    """

    plural: str
    kind: str
    group: str = ""
    version: str = "v1"
    singular: str = ""
    namespaced: bool = True
    verbs: tuple[str, ...] = STORED
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[Subresource, ...] = ()
    counts_generations: bool = False
    returned: bool = False
    custom: bool = False
    fields: tuple[str, ...] = ()

    @property
    def group_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """The name that error messages use, e.g. `leases.coordination.k8s.io`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def subresource(self, name: str) -> Subresource | None:
        return next((subresource for subresource in self.subresources if subresource.name == name), None)

    @property
    def stored(self) -> bool:
        return "get" in self.verbs


def _status(kind: str) -> Subresource:
    return Subresource(name="status", kind=kind)


def _workload(plural: str, kind: str, *short: str, group: str = "apps", scaled: bool = True) -> Resource:
    scale = Subresource(name="scale", kind="Scale", group="autoscaling", version="v1")
    return Resource(
        plural=plural,
        kind=kind,
        group=group,
        short_names=short,
        categories=("all",),
        subresources=(*((scale,) if scaled else ()), _status(kind)),
        counts_generations=True,
    )


def _rbac(plural: str, kind: str, namespaced: bool) -> Resource:
    return Resource(plural=plural, kind=kind, group="rbac.authorization.k8s.io", namespaced=namespaced)


def _policy(kind: str, plural: str) -> Resource:
    return Resource(
        plural=plural, kind=kind, group="admissionregistration.k8s.io", namespaced=False, counts_generations=True
    )


def _review(kind: str, group: str = "authorization.k8s.io") -> Resource:
    return Resource(plural=kind.lower() + "s", kind=kind, group=group, namespaced=False, verbs=CREATE_ONLY)


_EVENT_FIELDS = (
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
)
_POD_FIELDS = (
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
)
_CONNECT = ("create", "get")

RESOURCES: tuple[Resource, ...] = (
    Resource(plural="configmaps", kind="ConfigMap", short_names=("cm",)),
    Resource(plural="endpoints", kind="Endpoints", singular="endpoints", short_names=("ep",)),
    Resource(plural="events", kind="Event", short_names=("ev",), fields=_EVENT_FIELDS),
    Resource(plural="limitranges", kind="LimitRange", short_names=("limits",)),
    Resource(
        plural="namespaces",
        kind="Namespace",
        namespaced=False,
        verbs=NAMESPACE_VERBS,
        short_names=("ns",),
        subresources=(Subresource(name="finalize", kind="Namespace", verbs=("update",)), _status("Namespace")),
        fields=("status.phase",),
    ),
    Resource(
        plural="nodes",
        kind="Node",
        namespaced=False,
        short_names=("no",),
        subresources=(_status("Node"),),
        fields=("spec.unschedulable",),
    ),
    Resource(
        plural="pods",
        kind="Pod",
        short_names=("po",),
        categories=("all",),
        subresources=(
            Subresource(name="binding", kind="Binding", verbs=CREATE_ONLY),
            Subresource(name="eviction", kind="Eviction", verbs=CREATE_ONLY, group="policy", version="v1"),
            Subresource(name="exec", kind="PodExecOptions", verbs=_CONNECT),
            Subresource(name="log", kind="Pod", verbs=("get",)),
            Subresource(name="portforward", kind="PodPortForwardOptions", verbs=_CONNECT),
            _status("Pod"),
        ),
        counts_generations=True,
        returned=True,
        fields=_POD_FIELDS,
    ),
    Resource(
        plural="resourcequotas",
        kind="ResourceQuota",
        short_names=("quota",),
        subresources=(_status("ResourceQuota"),),
    ),
    Resource(plural="secrets", kind="Secret", fields=("type",)),
    Resource(
        plural="serviceaccounts",
        kind="ServiceAccount",
        short_names=("sa",),
        subresources=(
            Subresource(name="token", kind="TokenRequest", verbs=CREATE_ONLY, group=TOKENS_GROUP, version="v1"),
        ),
        returned=True,
    ),
    Resource(
        plural="services",
        kind="Service",
        short_names=("svc",),
        categories=("all",),
        subresources=(_status("Service"),),
        returned=True,
        fields=("spec.clusterIP", "spec.type"),
    ),
    Resource(plural="controllerrevisions", kind="ControllerRevision", group="apps"),
    _workload("daemonsets", "DaemonSet", "ds", scaled=False),
    _workload("deployments", "Deployment", "deploy"),
    _workload("replicasets", "ReplicaSet", "rs"),
    _workload("statefulsets", "StatefulSet", "sts"),
    _workload("jobs", "Job", group="batch", scaled=False),
    _review("SelfSubjectReview", "authentication.k8s.io"),
    _review("SelfSubjectAccessReview"),
    _review("SelfSubjectRulesReview"),
    Resource(plural="leases", kind="Lease", group="coordination.k8s.io"),
    Resource(plural="endpointslices", kind="EndpointSlice", group="discovery.k8s.io", counts_generations=True),
    Resource(
        plural="networkpolicies",
        kind="NetworkPolicy",
        group="networking.k8s.io",
        singular="networkpolicy",
        short_names=("netpol",),
        counts_generations=True,
    ),
    Resource(plural="ippools", kind="IPPool", group=CALICO_GROUP, namespaced=False, custom=True),
    Resource(
        plural="blockaffinities",
        kind="BlockAffinity",
        group=CALICO_GROUP,
        singular="blockaffinity",
        namespaced=False,
        custom=True,
    ),
    Resource(plural="eniconfigs", kind="ENIConfig", group=VPC_GROUP, version="v1alpha1", namespaced=False, custom=True),
    Resource(
        plural="securitygrouppolicies",
        kind="SecurityGroupPolicy",
        group=VPC_RESOURCES_GROUP,
        version="v1beta1",
        singular="securitygrouppolicy",
        custom=True,
    ),
    _policy("ValidatingAdmissionPolicy", "validatingadmissionpolicies"),
    _policy("ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings"),
    _rbac("clusterrolebindings", "ClusterRoleBinding", False),
    _rbac("clusterroles", "ClusterRole", False),
    _rbac("rolebindings", "RoleBinding", True),
    _rbac("roles", "Role", True),
)

BY_PLURAL: Mapping[str, Resource] = {resource.plural: resource for resource in RESOURCES}
_BY_PATH: Mapping[tuple[str, str, str], Resource] = {(r.group, r.version, r.plural): r for r in RESOURCES}
_INSTALLED: set[str] = set()


def install(group: str) -> None:
    """Serve the custom kinds of a group, as after its CustomResourceDefinitions were created. A lab is a process."""
    _INSTALLED.add(group)


def at_path(group: str, version: str, plural: str) -> Resource | None:
    """The kind that is served there."""
    resource = _BY_PATH.get((group, version, plural))
    return resource if resource is not None and _is_served(resource) else None


def _is_served(resource: Resource) -> bool:
    return not resource.custom or resource.group in _INSTALLED


def singular_of(resource: Resource) -> str:
    """The singular name, e.g. `pod`."""
    return resource.singular or resource.kind.lower()


@dataclass(frozen=True, kw_only=True)
class GroupVersion:
    """One group with its one version, and what is in it."""

    group: str
    version: str
    resources: tuple[Resource, ...] = field(default_factory=tuple)

    @property
    def name(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


def group_versions() -> tuple[GroupVersion, ...]:
    """Every group with its resources, the core group first, in the order of the table."""
    groups: dict[tuple[str, str], list[Resource]] = {}
    for resource in filter(_is_served, RESOURCES):
        groups.setdefault((resource.group, resource.version), []).append(resource)
    return tuple(
        GroupVersion(group=group, version=version, resources=tuple(members))
        for (group, version), members in groups.items()
    )
