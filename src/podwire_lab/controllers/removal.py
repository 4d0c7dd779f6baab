"""How controllers delete: a pod that runs gets its grace period, all else goes at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from podwire_lab.model.interfaces import Object, Store


def marked(obj: Object, seconds: int = 0) -> Object:
    """`obj` with the time of its deletion, which is `seconds` from now."""
    end = datetime.now(UTC) + timedelta(seconds=seconds)
    marks = {"deletionTimestamp": end.strftime("%Y-%m-%dT%H:%M:%SZ"), "deletionGracePeriodSeconds": seconds}
    return {**obj, "metadata": {**obj["metadata"], **marks}}


def remove(store: Store, resource: str, obj: Object) -> None:
    """Delete `obj`; one whose deletion has begun is left alone."""
    meta = obj["metadata"]
    if meta.get("deletionTimestamp"):
        return
    running = (obj.get("status") or {}).get("phase") in ("Pending", "Running")
    if resource == "pods" and obj["spec"].get("nodeName") and running:
        store.update("pods", marked(obj, int(obj["spec"].get("terminationGracePeriodSeconds", 30))))
    else:
        store.delete(resource, meta.get("namespace"), meta["name"])
