"""The members of a watch: its pods as the API shows them, and the host outside. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from podwire.cluster.deployment import manifests
from podwire.cluster.deployment.watch_workloads import is_host, system_of
from podwire.model.facts import OS

Object = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Member:
    """A pod of the watch. `usable` while it is ready and stays; `address` is the first of its addresses."""

    name: str
    uid: str
    node: str
    os: OS
    kind: Literal["pod", "host"]
    address: str
    usable: bool
    leaving: bool
    command: tuple[str, ...] = ()
    """What to exec in it for an agent."""


def member(pod: Object) -> Member | None:
    """A pod as a member; None while it has no node, or is none of the watch."""
    metadata, spec, status = pod["metadata"], pod.get("spec") or {}, pod.get("status") or {}
    node, os = str(spec.get("nodeName") or ""), system_of(pod)
    if not node or os is None:
        return None
    leaving = bool(metadata.get("deletionTimestamp")) or status.get("phase") in ("Failed", "Succeeded")
    addresses = [str(entry.get("ip", "")) for entry in status.get("podIPs") or ()]
    ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in status.get("conditions") or ())
    return Member(
        name=str(metadata["name"]),
        uid=str(metadata.get("uid", "")),
        node=node,
        os=os,
        kind="host" if is_host(pod) else "pod",
        address=next(filter(None, addresses), ""),
        usable=ready and not leaving and any(addresses),
        leaving=leaving,
        command=manifests.command_of(pod),
    )


def why_leaving(pod: Object) -> str:
    """How a pod came to its end, as its conditions tell (kubernetes.io: Pod disruption conditions)."""
    for each in (pod.get("status") or {}).get("conditions") or ():
        if each.get("type") == "DisruptionTarget" and each.get("status") == "True":
            reason = str(each.get("reason", ""))
            return {"EvictionByEvictionAPI": "evicted", "DeletionByTaintManager": "evicted by a taint"}.get(
                reason, f"disrupted ({reason})"
            )
    return "deleted"
