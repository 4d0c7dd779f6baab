"""Which requests a policy is asked about: `matchConstraints` (kubernetes.io: matching rules of admission)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from podwire_lab.kube_api.requests import Target
from podwire_lab.model.interfaces import Object

# kubernetes: pkg/kubeapiserver/admission/exclusion/resources.go, and the policies themselves (kubernetes.io).
_NEVER = {
    ("authentication.k8s.io", "selfsubjectreviews"),
    ("authentication.k8s.io", "tokenreviews"),
    ("authorization.k8s.io", "localsubjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectrulesreviews"),
    ("authorization.k8s.io", "subjectaccessreviews"),
    ("admissionregistration.k8s.io", "validatingadmissionpolicies"),
    ("admissionregistration.k8s.io", "validatingadmissionpolicybindings"),
}


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What somebody is about to do. `operation` is CREATE, UPDATE, DELETE or CONNECT; `name` is '' if there is none."""

    target: Target
    operation: str
    name: str
    obj: Object | None = None
    old: Object | None = None


def is_matched(constraints: Object, attempt: Attempt, namespace: Object | None) -> bool:
    """Whether a request is matched. `namespace` is the Namespace that holds the object, or the object itself if it is a
    Namespace; None for all else of the cluster's scope."""
    if (attempt.target.resource.group, attempt.target.resource.plural) in _NEVER:
        return False
    rules = constraints.get("resourceRules") or []
    excluded = constraints.get("excludeResourceRules") or []
    if not any(_rule(rule, attempt) for rule in rules) or any(_rule(rule, attempt) for rule in excluded):
        return False
    if namespace is not None and not _selected(constraints.get("namespaceSelector"), namespace):
        return False
    selector = constraints.get("objectSelector")
    return not selector or any(_selected(selector, obj) for obj in (attempt.obj, attempt.old) if obj)


def _rule(rule: Object, attempt: Attempt) -> bool:
    target = attempt.target
    return (
        _among(rule.get("apiGroups"), target.resource.group)
        and _among(rule.get("apiVersions"), target.resource.version)
        and _among(rule.get("operations"), attempt.operation)
        and (rule.get("scope") or "*") in ("*", "Namespaced" if target.resource.namespaced else "Cluster")
        and (not rule.get("resourceNames") or attempt.name in rule["resourceNames"])
        and any(
            _resource(pattern, target.resource.plural, target.subresource or "")
            for pattern in rule.get("resources") or []
        )
    )


def _among(values: Sequence[str] | None, value: str) -> bool:
    return bool(values) and ("*" in (values or ()) or value in (values or ()))


def _resource(pattern: str, plural: str, subresource: str) -> bool:
    """`pods`, `pods/exec`, `pods/*`, `*/exec`, `*` (no subresources) and `*/*`."""
    resource, _, below = pattern.partition("/")
    return resource in ("*", plural) and below in (("*", subresource) if subresource else ("", "*"))


def _selected(selector: Object | None, obj: Object) -> bool:
    labels: Mapping[str, Any] = obj["metadata"].get("labels") or {} if "metadata" in obj else {}
    match_labels = (selector or {}).get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in match_labels.items()):
        return False
    return all(_holds(expression, labels) for expression in (selector or {}).get("matchExpressions") or [])


def _holds(expression: Object, labels: Mapping[str, Any]) -> bool:
    value, values = labels.get(expression["key"]), expression.get("values") or []
    match expression["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value is None or value not in values
        case "Exists":
            return value is not None
        case _:
            return value is None
