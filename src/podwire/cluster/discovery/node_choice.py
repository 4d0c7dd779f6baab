"""The operating systems of a DaemonSet's pods, by its node selector and node affinity. Pure."""

from __future__ import annotations

from typing import Any

from podwire.model.facts import OS

Object = dict[str, Any]
_OS_LABELS = ("kubernetes.io/os", "beta.kubernetes.io/os")
_SYSTEMS: frozenset[OS] = frozenset({"linux", "windows"})


def systems_of(daemonset: Object) -> frozenset[OS]:
    """The operating systems that the node selector and the node affinity admit; both if neither names one.

    A node must match one term of an affinity, and all expressions of that term (kubernetes.io: Assigning Pods to
    Nodes).
    """
    pod = ((daemonset.get("spec") or {}).get("template") or {}).get("spec") or {}
    selector = pod.get("nodeSelector") or {}
    chosen = {system for system in _SYSTEMS if all(selector.get(label, system) == system for label in _OS_LABELS)}
    affinity = (pod.get("affinity") or {}).get("nodeAffinity") or {}
    terms = (affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}).get("nodeSelectorTerms") or []
    if terms:
        chosen &= {system for system in _SYSTEMS if any(_admits(term, system) for term in terms)}
    return frozenset(chosen)


def _admits(term: Object, system: OS) -> bool:
    for expression in term.get("matchExpressions") or []:
        if expression.get("key") in _OS_LABELS:
            listed = system in (expression.get("values") or [])
            if {"In": not listed, "NotIn": listed, "DoesNotExist": True}.get(expression.get("operator"), False):
                return False
    return True
