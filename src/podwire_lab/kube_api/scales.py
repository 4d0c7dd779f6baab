"""The scale of a workload, which `kubectl scale` and autoscalers read and write (kubernetes: autoscaling/v1)."""

from __future__ import annotations

from podwire_lab.kube_api.objects.fields import at
from podwire_lab.kube_api.objects.resources import Resource
from podwire_lab.kube_api.objects.status import invalid, invalid_value
from podwire_lab.model.interfaces import Object

_SCALE = Resource(plural="scales", kind="Scale", group="autoscaling")
_KEPT = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def scale_of(workload: Object) -> Object:
    """The Scale of a Deployment, ReplicaSet or StatefulSet."""
    meta = workload["metadata"]
    labels = at(workload, "spec", "selector", "matchLabels") or {}
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: meta[key] for key in _KEPT if key in meta},
        "spec": {"replicas": at(workload, "spec", "replicas") or 0},
        "status": {
            "replicas": at(workload, "status", "replicas") or 0,
            "selector": ",".join(f"{key}={value}" for key, value in sorted(labels.items())),
        },
    }


def check_scale(scale: Object) -> None:
    """Raises `Invalid` for a number of replicas that is none."""
    replicas = at(scale, "spec", "replicas") or 0
    if not isinstance(replicas, int) or replicas < 0:
        error = invalid_value("spec.replicas", replicas, "must be greater than or equal to 0")
        raise invalid(_SCALE, scale["metadata"].get("name"), [error])
