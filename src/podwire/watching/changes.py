"""What a change of an API object means for a watch, in words. Pure: each function compares two states of one object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from podwire.cluster.node_conditions import why_not_ready
from podwire.watching.members import why_leaving

Object = dict[str, Any]

NODE_EVENTS = frozenset({"NodeNotReady", "NodeReady", "NodeNotSchedulable", "NodeSchedulable", "Rebooted"})
"""Reasons of events about nodes that the conditions of the Node tell already."""
_INFO = (("kernelVersion", "build"), ("kubeletVersion", "kubelet"), ("containerRuntimeVersion", "runtime"))


def node_state(node: Object) -> dict[str, str]:
    """What a watch remembers of a node."""
    info = (node.get("status") or {}).get("nodeInfo") or {}
    state = {name: str(info.get(field, "")) for field, name in _INFO}
    trouble = why_not_ready(node)
    cordoned = "yes" if (node.get("spec") or {}).get("unschedulable") else ""
    return {**state, "trouble": trouble, "cordoned": cordoned, "boot": str(info.get("bootID", ""))}


def node_changes(before: dict[str, str], now: dict[str, str]) -> Iterator[str]:
    """What happened to a node between two states, in the order in which it makes sense."""
    if now["cordoned"] != before["cordoned"]:
        yield "cordoned" if now["cordoned"] else "uncordoned"
    if now["trouble"] and not before["trouble"]:
        yield f"not ready: {now['trouble']}"
    if now["boot"] and before["boot"] and now["boot"] != before["boot"]:
        yield "rebooted"
    for name in ("build", "kubelet", "runtime"):
        if before[name] and now[name] and before[name] != now[name]:
            yield f"{name} {before[name]} became {now[name]}"
    if before["trouble"] and not now["trouble"]:
        yield "ready"


def pod_state(pod: Object) -> dict[str, str]:
    """What a watch remembers of a pod: whether it is ready, whether it ends, its node, and its restarts."""
    status = pod.get("status") or {}
    ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in status.get("conditions") or ())
    restarts = sum(int(one.get("restartCount") or 0) for one in status.get("containerStatuses") or ())
    image = next((str(one.get("image", "")) for one in (pod.get("spec") or {}).get("containers") or ()), "")
    return {
        "uid": str(pod["metadata"].get("uid", "")),
        "ready": "yes" if ready else "",
        "ending": why_leaving(pod) if pod["metadata"].get("deletionTimestamp") else "",
        "node": str((pod.get("spec") or {}).get("nodeName") or ""),
        "restarts": str(restarts),
        "image": image,
    }


def pod_changes(before: dict[str, str] | None, now: dict[str, str] | None) -> Iterator[str]:
    """What happened to a pod; None where there is none, before its creation and after its end."""
    if now is None:
        if before is not None:
            yield "gone"
        return
    at = f" on {now['node']}" if now["node"] else ""
    was_ready = bool(before and before["ready"])
    if before is None and not now["ready"]:
        yield f"new{at}"
    elif before is not None and not before["node"] and now["node"] and not now["ready"]:
        yield f"placed{at}"
    if now["ending"] and not (before and before["ending"]):
        yield f"{now['ending']}{at}"
    if before is not None and int(now["restarts"]) > int(before["restarts"]):
        yield f"restarted{at}"
    if before is not None and before["image"] != now["image"]:
        yield f"image {before['image']} became {now['image']}"
    if now["ready"] and not was_ready:
        yield f"ready{at}"
    elif was_ready and not now["ready"] and not now["ending"]:
        yield f"not ready{at}"
