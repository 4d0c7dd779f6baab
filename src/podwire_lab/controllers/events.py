"""Kubernetes events of the lab's controllers and node agents."""

from __future__ import annotations

import time
from typing import Literal

from podwire_lab.model.interfaces import Object, Store
from podwire_lab.model.pod_status import now

NAMESPACE_OF_NODES = "default"
"""The namespace of events about objects without one (client-go, tools/record)."""


def record(
    store: Store,
    about: Object,
    reason: str,
    message: str,
    *,
    kind: Literal["Normal", "Warning"] = "Normal",
    component: str = "kubelet",
    host: str = "",
    container: str = "",
) -> None:
    """Write an event about an object, unless its namespace is terminating: a real API server refuses it then."""
    meta = about["metadata"]
    place = meta.get("namespace", NAMESPACE_OF_NODES)
    namespace = store.get("namespaces", None, place)
    if namespace is None or namespace["metadata"].get("deletionTimestamp"):
        return
    involved = {
        "kind": about.get("kind", "Pod"),
        **({"namespace": place} if "namespace" in meta else {}),
        "name": meta["name"],
        "uid": meta["uid"],
        "apiVersion": about.get("apiVersion", "v1"),
        "resourceVersion": meta.get("resourceVersion", ""),
    }
    if container:
        involved["fieldPath"] = f"spec.containers{{{container}}}"
    moment = now()
    store.create(
        "events",
        {
            "metadata": {"name": f"{meta['name']}.{time.time_ns():x}", "namespace": place},
            "involvedObject": involved,
            "reason": reason,
            "message": message,
            "source": {"component": component} | ({"host": host} if host else {}),
            "firstTimestamp": moment,
            "lastTimestamp": moment,
            "count": 1,
            "type": kind,
            "eventTime": None,
            "reportingComponent": component,
            "reportingInstance": host,
        },
    )
