"""The rows of workloads in a Table (kubernetes: pkg/printers/internalversion)."""

from __future__ import annotations

from typing import Any

from podwire_lab.kube_api.objects.fields import at, moment_of
from podwire_lab.kube_api.printing.cells import NONE, age, human, pairs
from podwire_lab.model.interfaces import Object


def _ends(obj: Object) -> tuple[str, str]:
    """Name and age, which every row has at its ends."""
    return obj["metadata"]["name"], age(obj["metadata"].get("creationTimestamp"))


def _images(obj: Object) -> list[str]:
    """The containers and images of the template."""
    containers = at(obj, "spec", "template", "spec", "containers") or ()
    return [",".join(container.get(key, "") for container in containers) for key in ("name", "image")]


def _selector(obj: Object) -> str:
    return pairs(at(obj, "spec", "selector", "matchLabels"))


def daemon_set(obj: Object) -> list[Any]:
    status = obj.get("status") or {}
    keys = (
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    )
    name, old = _ends(obj)
    nodes = pairs(at(obj, "spec", "template", "spec", "nodeSelector"))
    return [name, *(status.get(key, 0) for key in keys), nodes, old, *_images(obj), _selector(obj)]


def _ready(obj: Object) -> str:
    return f"{at(obj, 'status', 'readyReplicas') or 0}/{at(obj, 'spec', 'replicas') or 0}"


def deployment(obj: Object) -> list[Any]:
    status = obj.get("status") or {}
    name, old = _ends(obj)
    counts = (status.get("updatedReplicas", 0), status.get("availableReplicas", 0))
    return [name, _ready(obj), *counts, old, *_images(obj), _selector(obj)]


def replica_set(obj: Object) -> list[Any]:
    status = obj.get("status") or {}
    name, old = _ends(obj)
    counts = (at(obj, "spec", "replicas") or 0, status.get("replicas", 0), status.get("readyReplicas", 0))
    return [name, *counts, old, *_images(obj), _selector(obj)]


def stateful_set(obj: Object) -> list[Any]:
    name, old = _ends(obj)
    return [name, _ready(obj), old, *_images(obj)]


def job(obj: Object) -> list[Any]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    name, old = _ends(obj)
    conditions = {condition["type"]: condition["status"] for condition in status.get("conditions") or ()}
    state = next((kind for kind in ("Complete", "Failed") if conditions.get(kind) == "True"), "Running")
    if spec.get("suspend"):
        state = "Suspended"
    completions = spec.get("completions")
    whole = completions if completions is not None else f"1 of {spec.get('parallelism', 1)}"
    done = f"{status.get('succeeded', 0)}/{whole}"
    started, ended = moment_of(status.get("startTime", "")), moment_of(status.get("completionTime", ""))
    took = human((ended - started).total_seconds()) if started and ended else age(status.get("startTime"))
    return [name, state, done, took if started else "", old, *_images(obj), _selector(obj)]


def controller_revision(obj: Object) -> list[Any]:
    name, old = _ends(obj)
    owners = obj["metadata"].get("ownerReferences") or ()
    controller = next((f"{owner['kind'].lower()}.apps/{owner['name']}" for owner in owners), NONE)
    return [name, controller, obj.get("revision", 0), old]
