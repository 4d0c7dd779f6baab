"""What the lab takes and does not carry out: told in a Warning header, which kubectl prints (RFC 7234, 5.5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from podwire_lab.kube_api.objects.fields import at
from podwire_lab.kube_api.objects.resources import Resource
from podwire_lab.model.interfaces import Object

_WORKLOADS: Final = frozenset({"daemonsets", "deployments", "jobs", "replicasets", "statefulsets"})


def cautions(resource: Resource, obj: Object) -> Iterator[str]:
    """One sentence for each part of the object that has no effect here."""
    match resource.plural:
        case "pods":
            yield from _placement("spec", obj.get("spec"))
        case "nodes" if at(obj, "spec", "taints"):
            yield "spec.taints: the lab's scheduler does not look at taints"
        case "resourcequotas":
            uncounted = sorted(set(at(obj, "spec", "hard") or ()) - {"pods"})
            if uncounted:
                yield f"spec.hard: the lab counts pods only, not {', '.join(uncounted)}"
        case "limitranges":
            yield "the lab limits nothing by a LimitRange"
        case plural if plural in _WORKLOADS:
            yield from _placement("spec.template.spec", at(obj, "spec", "template", "spec"))
            if at(obj, "spec", "updateStrategy", "rollingUpdate", "maxSurge") not in (None, 0, "0%"):
                yield "spec.updateStrategy.rollingUpdate.maxSurge: the lab never runs two pods of a DaemonSet on a node"


def _placement(field: str, spec: Object | None) -> Iterator[str]:
    for name in ("affinity", "topologySpreadConstraints"):
        if (spec or {}).get(name):
            yield f"{field}.{name}: the lab's scheduler looks at nodeSelector and os only"


def header(resource: Resource, obj: Object) -> list[tuple[str, str]]:
    """The headers of an answer that holds `obj`; none where all of it has its effect."""
    return [("Warning", f'299 - "podwire lab: {text}"') for text in cautions(resource, obj)]
