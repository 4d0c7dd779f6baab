"""ReplicaSets: as many pods as they say (kubernetes.io: "ReplicaSet")."""

from __future__ import annotations

from collections.abc import Sequence

from podwire_lab.controllers.workloads.dependents import available_in, deleting, ended, ready
from podwire_lab.controllers.workloads.workload import WorkloadController
from podwire_lab.model.interfaces import Object
from podwire_lab.model.pod_status import now


class ReplicaSets(WorkloadController):
    """Creates and deletes pods until the number is right."""

    watches = ("replicasets", "pods")
    resource, component = "replicasets", "replicaset-controller"

    def _in_order(self, objects: Sequence[Object]) -> Sequence[Object]:
        """Those that have too many pods first: an update of a Deployment stays within its `maxSurge` (kubernetes.io:
        Deployments, Max Surge), however many of its steps are taken at once."""
        return sorted(objects, key=_missing)

    def _sync(self, owner: Object) -> None:
        pods = [pod for pod in self._dependents.claimed(owner) if not deleting(pod) and not ended(pod)]
        refused: str | None = None
        surplus = len(pods) - owner["spec"]["replicas"]
        for _ in range(-surplus):
            refused = self._dependents.create_pod(owner)
            if refused:
                break
        for pod in sorted(pods, key=_worth)[: max(0, surplus)]:
            self._dependents.remove_pod(owner, pod)
        if surplus:
            pods = [pod for pod in self._dependents.claimed(owner) if not deleting(pod) and not ended(pod)]
        self._dependents.write_status("replicasets", owner, self._status(owner, pods, refused))

    def _status(self, owner: Object, pods: list[Object], refused: str | None) -> Object:
        labels = (owner["spec"]["template"].get("metadata") or {}).get("labels") or {}
        full = [pod for pod in pods if labels.items() <= (pod["metadata"].get("labels") or {}).items()]
        waits = [available_in(pod, owner["spec"].get("minReadySeconds", 0)) for pod in pods]
        self._wake_after(waits)
        status: Object = {
            "replicas": len(pods),
            "fullyLabeledReplicas": len(full),
            "readyReplicas": sum(map(ready, pods)),
            "availableReplicas": waits.count(0.0),
            "observedGeneration": owner["metadata"]["generation"],
        }
        if refused:
            before = (owner.get("status") or {}).get("conditions") or [{"lastTransitionTime": now()}]
            failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": refused}
            status["conditions"] = [{**failure, "lastTransitionTime": before[0]["lastTransitionTime"]}]
        return status


def _missing(owner: Object) -> int:
    """How many pods a ReplicaSet had too few, by its status; below 0: too many."""
    wanted: int = owner["spec"]["replicas"]
    return wanted - int((owner.get("status") or {}).get("replicas", 0))


def _worth(pod: Object) -> tuple[bool, bool, float]:
    """Pods that are deleted first come first: without a node, not ready, the youngest."""
    return bool(pod["spec"].get("nodeName")), ready(pod), -_number(pod)


def _number(pod: Object) -> float:
    return float(pod["metadata"]["resourceVersion"])
