"""Which container of a pod a request for logs or exec means."""

from __future__ import annotations

from podwire_lab.kube_api.objects.fields import at
from podwire_lab.kube_api.objects.status import BadRequest
from podwire_lab.model.interfaces import Object


def container_of(pod: Object, requested: str | None) -> str:
    """Its name. Raises `BadRequest` when there is no such container, or when one must be chosen."""
    name = pod["metadata"]["name"]
    spec = pod.get("spec") or {}
    every = [container["name"] for part in ("containers", "initContainers") for container in spec.get(part) or ()]
    if requested:
        if requested not in every:
            raise BadRequest(f"container {requested} is not valid for pod {name}")
        return requested
    preferred = at(pod, "metadata", "annotations", "kubectl.kubernetes.io/default-container")
    if preferred in every:
        return str(preferred)
    if len(every) != 1:
        raise BadRequest(f"a container name must be specified for pod {name}, choose one of: [{' '.join(every)}]")
    return str(every[0])


def node_of(pod: Object) -> str:
    """The node of the pod. Raises `BadRequest` when it has none yet."""
    node = at(pod, "spec", "nodeName")
    if not node:
        raise BadRequest(f"pod {pod['metadata']['name']} does not have a host assigned")
    return str(node)
