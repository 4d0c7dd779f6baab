"""A rolling upgrade of the Windows nodes of a running lab (`podwire lab upgrade`), by way of its API.

As an upgrade of a node pool does it: one node after the other is cordoned and drained, replaced and let in again. The
drain evicts pods one by one and waits for the replacement of each, as a disruption budget of one pod makes a drain do.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from podwire_lab.lifecycle.access import LabApi, Refused
from podwire_lab.lifecycle.process import LabError

Object = dict[str, Any]
Say = Callable[[str], object]

REPLACED_SECONDS, GONE_SECONDS = 20.0, 60.0
_PAUSE = 0.1


@dataclass(frozen=True, kw_only=True)
class Upgrade:
    """What the nodes get. `build` None: the next monthly revision of each node's own; `kubelet` None: its next patch.

    `away` are the seconds in which each node is down. `faults` are those that each node comes back with, by name, with
    the seconds until they end by themselves, or None.
    """

    build: str | None = None
    kubelet: str | None = None
    away: float = 2.0
    faults: Sequence[tuple[str, float | None]] = ()


def upgrade_windows_nodes(api: LabApi, upgrade: Upgrade, say: Say = print) -> int:
    """Upgrade the Windows nodes, one after the other. Returns how many there are.

    Raises:
        LabError: a step failed; the text is one line, and the node stays as it is then.
    """
    nodes = api.ask("GET", "/api/v1/nodes?labelSelector=kubernetes.io/os=windows")["items"]
    if not nodes:
        raise LabError("the lab has no Windows node; nothing to upgrade")
    for node in sorted(nodes, key=lambda each: each["metadata"]["name"]):
        _upgrade(api, node, upgrade, say)
    return len(nodes)


def _upgrade(api: LabApi, node: Object, upgrade: Upgrade, say: Say) -> None:
    name, info = node["metadata"]["name"], node["status"]["nodeInfo"]
    _set_cordon(api, name, cordoned=True)
    say(f"{name}: cordoned")
    evicted = _drain(api, name)
    say(f"{name}: drained, {evicted} pods evicted")
    build = upgrade.build or next_revision(info["kernelVersion"])
    kubelet = upgrade.kubelet or next_patch(info["kubeletVersion"])
    asked = {
        "build": build,
        "kubelet": kubelet,
        "away": upgrade.away,
        "faults": [{"name": fault, "seconds": seconds} for fault, seconds in upgrade.faults],
    }
    api.ask("POST", f"/podwire.dev/nodes/{quote(name)}/replace", asked, seconds=upgrade.away + 60.0)
    say(f"{name}: back with Windows build {build} and kubelet {kubelet}")
    _set_cordon(api, name, cordoned=False)
    say(f"{name}: uncordoned")


def next_revision(kernel: str) -> str:
    """The build after that of a `kernelVersion` such as `10.0.20348.2762`: `20348.2763`."""
    number, revision = kernel.split(".")[-2:]
    return f"{number}.{int(revision) + 1}"


def next_patch(version: str) -> str:
    """The version after `v1.36.2`: `v1.36.3`."""
    found = re.fullmatch(r"(v\d+\.\d+\.)(\d+)(.*)", version)
    return f"{found[1]}{int(found[2]) + 1}{found[3]}" if found else version


def _set_cordon(api: LabApi, name: str, *, cordoned: bool) -> None:
    body = {"spec": {"unschedulable": True if cordoned else None}}
    api.ask("PATCH", f"/api/v1/nodes/{quote(name)}", body, kind="merge-patch+json")


def _drain(api: LabApi, node: str) -> int:
    """Evict what a drain evicts: all pods but those of DaemonSets. Returns when they are gone, with their number."""
    pods = [pod for pod in _pods(api, node) if _is_evicted(pod)]
    for pod in pods:
        owner = _controller(pod)
        before = _ready_pods(api, pod, owner) if owner else 0
        _evict(api, pod)
        if owner:
            _until(lambda pod=pod, owner=owner, n=before: _ready_pods(api, pod, owner) >= n, REPLACED_SECONDS)  # type: ignore[misc]
    uids = {pod["metadata"]["uid"] for pod in pods}
    if not _until(lambda: not uids & {pod["metadata"]["uid"] for pod in _pods(api, node)}, GONE_SECONDS):
        raise LabError(
            f"node {node}: its pods have not ended {GONE_SECONDS:g} s after their eviction; it stays cordoned"
        )
    return len(pods)


def _pods(api: LabApi, node: str) -> list[Object]:
    found: list[Object] = api.ask("GET", f"/api/v1/pods?fieldSelector=spec.nodeName={quote(node)}")["items"]
    return found


def _controller(pod: Object) -> Object | None:
    owners = pod["metadata"].get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), None)


def _is_evicted(pod: Object) -> bool:
    owner, phase = _controller(pod), (pod.get("status") or {}).get("phase")
    of_the_lab = pod["metadata"]["namespace"] == "kube-system"
    return not of_the_lab and phase not in ("Succeeded", "Failed") and (owner is None or owner["kind"] != "DaemonSet")


def _ready_pods(api: LabApi, pod: Object, owner: Object) -> int:
    """The ready pods of a pod's controller that stay."""
    found = api.ask("GET", f"/api/v1/namespaces/{quote(pod['metadata']['namespace'])}/pods")["items"]
    own = [each for each in found if (_controller(each) or {}).get("uid") == owner["uid"]]
    return sum(not each["metadata"].get("deletionTimestamp") and _is_ready(each) for each in own)


def _is_ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _evict(api: LabApi, pod: Object) -> None:
    meta = pod["metadata"]
    path = f"/api/v1/namespaces/{quote(meta['namespace'])}/pods/{quote(meta['name'])}/eviction"
    named = {"name": meta["name"], "namespace": meta["namespace"]}
    try:
        api.ask("POST", path, {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": named})
    except Refused as error:
        if error.status != 404:  # It has gone by itself.
            raise


def _until(fact: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not fact():
        if time.monotonic() > end:
            return False
        time.sleep(_PAUSE)
    return True
