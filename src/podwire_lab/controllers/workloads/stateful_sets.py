"""StatefulSets: pods with a number, each after the one before it (kubernetes.io: "StatefulSets"). No volumes of claims:
the lab has no storage."""

from __future__ import annotations

from podwire_lab.controllers.workloads.dependents import available_in, deleting, ended, ready
from podwire_lab.controllers.workloads.revisions import HASH, Revisions
from podwire_lab.controllers.workloads.workload import WorkloadController
from podwire_lab.kube_api.objects.fields import at
from podwire_lab.kube_api.objects.store import MemoryStore
from podwire_lab.model.interfaces import Object


class StatefulSets(WorkloadController):
    """Makes, replaces and removes one pod at a time, or all at once with `podManagementPolicy: Parallel`."""

    watches = ("statefulsets", "pods", "controllerrevisions")
    resource, component = "statefulsets", "statefulset-controller"

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self._revisions = Revisions(store, self._dependents)

    def _sync(self, owner: Object) -> None:
        revision = self._revisions.current(owner)
        name = revision["metadata"]["name"]
        pods = {_ordinal(owner, pod): pod for pod in self._dependents.claimed(owner)}
        pods.pop(-1, None)
        self._step(owner, pods, name)
        left = [pod for pod in self._dependents.claimed(owner) if not deleting(pod)]
        used = [_revision(pod).removeprefix(f"{owner['metadata']['name']}-") for pod in left]
        self._revisions.forget(owner, revision, used)
        self._write_status(owner, left, name)

    def _step(self, owner: Object, pods: dict[int, Object], revision: str) -> None:
        """The next change; with `OrderedReady` there is one only if all before it are ready."""
        spec = owner["spec"]
        parallel = spec.get("podManagementPolicy") == "Parallel"
        for number in range(spec["replicas"]):
            pod = pods.get(number)
            if pod is None:
                self._create(owner, number, revision)
            elif ended(pod):
                self._dependents.remove_pod(owner, pod)
            if not parallel and (pod is None or not self._available(owner, pod)):
                return
        for number in sorted(pods, reverse=True):
            if number >= spec["replicas"]:
                self._dependents.remove_pod(owner, pods[number])
                if not parallel:
                    return
        if at(spec, "updateStrategy", "type") != "RollingUpdate":
            return
        partition = at(spec, "updateStrategy", "rollingUpdate", "partition") or 0
        for number in range(spec["replicas"] - 1, partition - 1, -1):
            pod = pods.get(number)
            if pod is None or not self._available(owner, pod):
                return
            if _revision(pod) != revision:
                self._dependents.remove_pod(owner, pod)
                return

    def _create(self, owner: Object, number: int, revision: str) -> None:
        name = f"{owner['metadata']['name']}-{number}"
        labels = {
            "apps.kubernetes.io/pod-index": str(number),
            HASH: revision,
            "statefulset.kubernetes.io/pod-name": name,
        }
        service = owner["spec"].get("serviceName")
        place = {"hostname": name, **({"subdomain": service} if service else {})}
        self._dependents.create_pod(owner, name=name, labels=labels, **place)

    def _available(self, owner: Object, pod: Object) -> bool:
        wait = available_in(pod, owner["spec"].get("minReadySeconds", 0))
        self._wake_after([wait])
        return wait == 0

    def _write_status(self, owner: Object, pods: list[Object], revision: str) -> None:
        updated = sum(_revision(pod) == revision for pod in pods)
        available = sum(self._available(owner, pod) for pod in pods)
        done = updated == len(pods) == available == owner["spec"]["replicas"]
        before = at(owner, "status", "currentRevision") or revision
        current = revision if done else before
        status: Object = {
            "replicas": len(pods),
            "readyReplicas": sum(map(ready, pods)),
            "availableReplicas": available,
            "currentReplicas": sum(_revision(pod) == current for pod in pods),
            "updatedReplicas": updated,
            "currentRevision": current,
            "updateRevision": revision,
            "collisionCount": 0,
            "observedGeneration": owner["metadata"]["generation"],
        }
        self._dependents.write_status("statefulsets", owner, status)


def _ordinal(owner: Object, pod: Object) -> int:
    number = pod["metadata"]["name"].removeprefix(f"{owner['metadata']['name']}-")
    return int(number) if number.isdigit() else -1


def _revision(pod: Object) -> str:
    return str((pod["metadata"].get("labels") or {}).get(HASH, ""))
