"""DaemonSets: a pod on each node that they choose (kubernetes.io: "DaemonSet").

The node is written into the pod at once: a DaemonSet's pods run on cordoned nodes too. An update never has two pods
on a node (`maxSurge` is not carried out).
"""

from __future__ import annotations

from podwire_lab.controllers.scheduler import chosen_by
from podwire_lab.controllers.workloads.dependents import available_in, deleting, ended, ready, share
from podwire_lab.controllers.workloads.revisions import HASH, Revisions, hash_of
from podwire_lab.controllers.workloads.workload import WorkloadController
from podwire_lab.kube_api.objects.fields import at
from podwire_lab.kube_api.objects.store import MemoryStore
from podwire_lab.model.interfaces import Object

_TOLERATED = (
    ("not-ready", "NoExecute"),
    ("unreachable", "NoExecute"),
    ("disk-pressure", "NoSchedule"),
    ("memory-pressure", "NoSchedule"),
    ("pid-pressure", "NoSchedule"),
    ("unschedulable", "NoSchedule"),
)


class DaemonSets(WorkloadController):
    """Makes the pods, and changes them one after the other when the template changes."""

    watches = ("daemonsets", "nodes", "pods", "controllerrevisions")
    resource, component = "daemonsets", "daemonset-controller"

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self._revisions = Revisions(store, self._dependents)

    def _sync(self, owner: Object) -> None:
        template = {"spec": owner["spec"]["template"]["spec"]}
        nodes = [n["metadata"]["name"] for n in self._store.view("nodes") if chosen_by(template, n)]
        revision = self._revisions.current(owner)
        pods = self._dependents.claimed(owner)
        for pod in pods:
            if pod["spec"].get("nodeName") not in nodes or ended(pod):
                self._dependents.remove_pod(owner, pod)
        placed = {pod["spec"].get("nodeName") for pod in pods if not ended(pod)}
        for node in nodes:
            if node not in placed and self._create(owner, node, hash_of(revision)):
                break
        if at(owner, "spec", "updateStrategy", "type") == "RollingUpdate":
            self._replace(owner, nodes, hash_of(revision))
        pods = [pod for pod in self._dependents.claimed(owner) if not deleting(pod)]
        self._revisions.forget(owner, revision, [_hash(pod) for pod in pods])
        self._write_status(owner, nodes, pods, hash_of(revision))

    def _create(self, owner: Object, node: str, label: str) -> str | None:
        own = owner["spec"]["template"]["spec"].get("tolerations") or []
        added = [
            {"key": f"node.kubernetes.io/{state}", "operator": "Exists", "effect": effect}
            for state, effect in _TOLERATED
        ]
        return self._dependents.create_pod(owner, labels={HASH: label}, nodeName=node, tolerations=[*own, *added])

    def _replace(self, owner: Object, nodes: list[str], label: str) -> None:
        """Delete pods of older templates: those that do not work, and as many more as may be missing at a time."""
        pods = [pod for pod in self._dependents.claimed(owner) if pod["spec"].get("nodeName") in nodes]
        working = [pod for pod in pods if available_in(pod, owner["spec"].get("minReadySeconds", 0)) == 0]
        limit = share(at(owner, "spec", "updateStrategy", "rollingUpdate", "maxUnavailable"), len(nodes), up=True)
        budget = max(1, limit) - (len(nodes) - len(working))
        for pod in pods:
            if _hash(pod) == label or deleting(pod):
                continue
            if pod not in working:
                self._dependents.remove_pod(owner, pod)
            elif budget > 0:
                budget -= 1
                self._dependents.remove_pod(owner, pod)

    def _write_status(self, owner: Object, nodes: list[str], pods: list[Object], label: str) -> None:
        on = [pod for pod in pods if pod["spec"].get("nodeName") in nodes]
        waits = [available_in(pod, owner["spec"].get("minReadySeconds", 0)) for pod in on]
        self._wake_after(waits)
        available = waits.count(0.0)
        status: Object = {
            "currentNumberScheduled": len(on),
            "numberMisscheduled": len(pods) - len(on),
            "desiredNumberScheduled": len(nodes),
            "numberReady": sum(map(ready, on)),
            "observedGeneration": owner["metadata"]["generation"],
            "updatedNumberScheduled": sum(_hash(pod) == label for pod in on),
        }
        if available:
            status["numberAvailable"] = available
        if len(nodes) > available:
            status["numberUnavailable"] = len(nodes) - available
        self._dependents.write_status("daemonsets", owner, status)


def _hash(pod: Object) -> str:
    return str((pod["metadata"].get("labels") or {}).get(HASH, ""))
