"""The fields of the messages that kubectl sends as protobuf (Kubernetes API: `generated.proto` of each group).

One text a message: `NUMBER name` is a string; `name:TYPE` another scalar or message; `TYPE?` a pointer, whose zero
value counts; `[TYPE]` a list; `{TYPE}` a map from strings; `+TYPE` a message whose members are the outer one's. A
status is `ignored`: it is the server's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """A member of a message. `form` is how often it is there, and whether its zero value means something."""

    name: str
    type: str = "string"
    form: Literal["value", "pointer", "list", "map", "inline"] = "value"


def _field(name: str, kind: str) -> Field:
    match kind[:1], kind[-1:]:
        case "[", _:
            return Field(name=name, type=kind[1:-1], form="list")
        case "{", _:
            return Field(name=name, type=kind[1:-1], form="map")
        case "+", _:
            return Field(name=name, type=kind[1:], form="inline")
        case _, "?":
            return Field(name=name, type=kind[:-1], form="pointer")
        case _:
            return Field(name=name, type=kind or "string")


def _fields(text: str) -> Mapping[int, Field]:
    found = {}
    for part in text.split(","):
        number, described = part.split()
        name, _, kind = described.partition(":")
        found[int(number)] = _field(name, kind)
    return found


_META: Final = "1 metadata:ObjectMeta"
_TEXTS: Final[Mapping[str, str]] = {
    "TypeMeta": "1 apiVersion, 2 kind",
    "ObjectMeta": "1 name, 2 generateName, 3 namespace, 4 selfLink, 5 uid, 6 resourceVersion, 7 generation:int, "
    "8 creationTimestamp:Time, 9 deletionTimestamp:Time, 10 deletionGracePeriodSeconds:int?, 11 labels:{string}, "
    "12 annotations:{string}, 13 ownerReferences:[OwnerReference], 14 finalizers:[string]",
    "OwnerReference": "1 kind, 3 name, 4 uid, 5 apiVersion, 6 controller:bool?, 7 blockOwnerDeletion:bool?",
    "LabelSelector": "1 matchLabels:{string}, 2 matchExpressions:[LabelSelectorRequirement]",
    "LabelSelectorRequirement": "1 key, 2 operator, 3 values:[string]",
    "DeleteOptions": "1 gracePeriodSeconds:int?, 2 preconditions:Preconditions, 3 orphanDependents:bool?, "
    "4 propagationPolicy, 5 dryRun:[string]",
    "Preconditions": "1 uid, 2 resourceVersion",
    "Namespace": f"{_META}, 2 spec:NamespaceSpec, 3 status:ignored",
    "NamespaceSpec": "1 finalizers:[string]",
    "ConfigMap": f"{_META}, 2 data:{{string}}, 3 binaryData:{{bytes}}, 4 immutable:bool?",
    "Secret": f"{_META}, 2 data:{{bytes}}, 3 type, 4 stringData:{{string}}, 5 immutable:bool?",
    "ServiceAccount": f"{_META}, 2 secrets:[ObjectReference], 3 imagePullSecrets:[LocalObjectReference], "
    "4 automountServiceAccountToken:bool?",
    "ObjectReference": "1 kind, 2 namespace, 3 name, 4 uid, 5 apiVersion, 6 resourceVersion, 7 fieldPath",
    "LocalObjectReference": "1 name",
    "Service": f"{_META}, 2 spec:ServiceSpec, 3 status:ignored",
    "ServiceSpec": "1 ports:[ServicePort], 2 selector:{string}, 3 clusterIP, 4 type, 5 externalIPs:[string], "
    "7 sessionAffinity, 8 loadBalancerIP, 9 loadBalancerSourceRanges:[string], 10 externalName, "
    "11 externalTrafficPolicy, 12 healthCheckNodePort:int, 13 publishNotReadyAddresses:bool, 17 ipFamilyPolicy, "
    "18 clusterIPs:[string], 19 ipFamilies:[string], 20 allocateLoadBalancerNodePorts:bool?, 21 loadBalancerClass, "
    "22 internalTrafficPolicy, 23 trafficDistribution",
    "ServicePort": "1 name, 2 protocol, 3 port:int, 4 targetPort:IntOrString, 5 nodePort:int, 6 appProtocol",
    "ResourceQuota": f"{_META}, 2 spec:ResourceQuotaSpec, 3 status:ignored",
    "ResourceQuotaSpec": "1 hard:{Quantity}, 2 scopes:[string]",
    "PodTemplateSpec": f"{_META}, 2 spec:PodSpec",
    "Pod": f"{_META}, 2 spec:PodSpec, 3 status:ignored",
    "PodSpec": "1 volumes:[Volume], 2 containers:[Container], 3 restartPolicy, 4 terminationGracePeriodSeconds:int?, "
    "5 activeDeadlineSeconds:int?, 6 dnsPolicy, 7 nodeSelector:{string}, 8 serviceAccountName, 9 serviceAccount, "
    "10 nodeName, 11 hostNetwork:bool, 12 hostPID:bool, 13 hostIPC:bool, 15 imagePullSecrets:[LocalObjectReference], "
    "16 hostname, 17 subdomain, 19 schedulerName, 20 initContainers:[Container], "
    "21 automountServiceAccountToken:bool?, 22 tolerations:[Toleration], 24 priorityClassName, 25 priority:int?",
    "Volume": "1 name, 2 source:+VolumeSource",
    "VolumeSource": "1 hostPath:HostPath?, 2 emptyDir:EmptyDir?",
    "HostPath": "1 path, 2 type",
    "EmptyDir": "1 medium",
    "VolumeMount": "1 name, 2 readOnly:bool, 3 mountPath, 4 subPath, 5 mountPropagation, 6 subPathExpr",
    "Toleration": "1 key, 2 operator, 3 value, 4 effect, 5 tolerationSeconds:int?",
    "SecurityContext": "2 privileged:bool?, 4 runAsUser:int?, 5 runAsNonRoot:bool?, 6 readOnlyRootFilesystem:bool?, "
    "7 allowPrivilegeEscalation:bool?, 8 runAsGroup:int?",
    "Container": "1 name, 2 image, 3 command:[string], 4 args:[string], 5 workingDir, 6 ports:[ContainerPort], "
    "7 env:[EnvVar], 8 resources:ResourceRequirements, 9 volumeMounts:[VolumeMount], 13 terminationMessagePath, "
    "14 imagePullPolicy, 15 securityContext:SecurityContext?, 16 stdin:bool, 17 stdinOnce:bool, 18 tty:bool, "
    "20 terminationMessagePolicy",
    "ContainerPort": "1 name, 2 hostPort:int, 3 containerPort:int, 4 protocol, 5 hostIP",
    "EnvVar": "1 name, 2 value",
    "ResourceRequirements": "1 limits:{Quantity}, 2 requests:{Quantity}",
    "Deployment": f"{_META}, 2 spec:DeploymentSpec, 3 status:ignored",
    "DeploymentSpec": "1 replicas:int?, 2 selector:LabelSelector, 3 template:PodTemplateSpec, "
    "4 strategy:DeploymentStrategy, 5 minReadySeconds:int, 6 revisionHistoryLimit:int?, 7 paused:bool, "
    "9 progressDeadlineSeconds:int?",
    "DeploymentStrategy": "1 type, 2 rollingUpdate:RollingUpdateDeployment",
    "RollingUpdateDeployment": "1 maxUnavailable:IntOrString, 2 maxSurge:IntOrString",
    "Job": f"{_META}, 2 spec:JobSpec, 3 status:ignored",
    "JobSpec": "1 parallelism:int?, 2 completions:int?, 3 activeDeadlineSeconds:int?, 4 selector:LabelSelector, "
    "5 manualSelector:bool?, 6 template:PodTemplateSpec, 7 backoffLimit:int?, 8 ttlSecondsAfterFinished:int?, "
    "9 completionMode, 10 suspend:bool?",
    "Role": f"{_META}, 2 rules:[PolicyRule]",
    "ClusterRole": f"{_META}, 2 rules:[PolicyRule]",
    "PolicyRule": "1 verbs:[string], 2 apiGroups:[string], 3 resources:[string], 4 resourceNames:[string], "
    "5 nonResourceURLs:[string]",
    "RoleBinding": f"{_META}, 2 subjects:[Subject], 3 roleRef:RoleRef",
    "ClusterRoleBinding": f"{_META}, 2 subjects:[Subject], 3 roleRef:RoleRef",
    "Subject": "1 kind, 2 apiGroup, 3 name, 4 namespace",
    "RoleRef": "1 apiGroup, 2 kind, 3 name",
    "Eviction": f"{_META}, 2 deleteOptions:DeleteOptions",
    "SelfSubjectReview": f"{_META}, 2 status:ignored",
    "SelfSubjectAccessReview": f"{_META}, 2 spec:SelfSubjectAccessReviewSpec, 3 status:ignored",
    "SelfSubjectAccessReviewSpec": "1 resourceAttributes:ResourceAttributes?, "
    "2 nonResourceAttributes:NonResourceAttributes?",
    "ResourceAttributes": "1 namespace, 2 verb, 3 group, 4 version, 5 resource, 6 subresource, 7 name",
    "NonResourceAttributes": "1 path, 2 verb",
    "SelfSubjectRulesReview": f"{_META}, 2 spec:SelfSubjectRulesReviewSpec, 3 status:ignored",
    "SelfSubjectRulesReviewSpec": "1 namespace",
}
MESSAGES: Final[Mapping[str, Mapping[int, Field]]] = {name: _fields(text) for name, text in _TEXTS.items()}
