"""Deployments: a ReplicaSet for each template, and the way from one to the next (kubernetes.io: "Deployments")."""

from __future__ import annotations

from datetime import UTC, datetime

from podwire_lab.controllers.workloads.dependents import ended, reference, share, template_hash
from podwire_lab.controllers.workloads.rolling import Size, next_sizes
from podwire_lab.controllers.workloads.workload import WorkloadController
from podwire_lab.kube_api.objects.fields import at, copied, moment_of
from podwire_lab.model.interfaces import Object
from podwire_lab.model.pod_status import now

REVISION = "deployment.kubernetes.io/revision"
_HASH = "pod-template-hash"
_NOT_COPIED = (REVISION, "kubectl.kubernetes.io/last-applied-configuration")


def revision_of(obj: Object) -> int:
    """The number of a ReplicaSet among those of its Deployment; 0 when it has none yet."""
    return int((obj["metadata"].get("annotations") or {}).get(REVISION, 0))


def bounds(deployment: Object) -> tuple[int, int]:
    """How many pods more than desired there may be during an update, and how many fewer are available."""
    rolling = at(deployment, "spec", "strategy", "rollingUpdate")
    if rolling is None:
        return 0, deployment["spec"]["replicas"]
    desired = deployment["spec"]["replicas"]
    surge = share(rolling["maxSurge"], desired, up=True)
    unavailable = share(rolling["maxUnavailable"], desired, up=False)
    return (surge, unavailable) if surge or unavailable else (0, 1)


class Deployments(WorkloadController):
    """Makes ReplicaSets, gives them their sizes, and says how far the update is."""

    watches = ("deployments", "replicasets", "pods")
    resource, component = "deployments", "deployment-controller"

    def _sync(self, owner: Object) -> None:
        sets = sorted(self._dependents.claimed(owner, "replicasets"), key=revision_of)
        new = next(
            (replica_set for replica_set in sets if _template_of(replica_set) == owner["spec"]["template"]), None
        )
        if owner["spec"].get("paused"):
            self._resize_alone(owner, sets)
        else:
            new = self._current(owner, sets, new)
            owner = self._numbered(owner, new)
            change = self._recreate if at(owner, "spec", "strategy", "type") == "Recreate" else self._roll
            change(owner, new, _without(sets, new))
        old = _without(sets, new)
        self._forget(owner, old)
        self._write_status(owner, new, old)

    # -- ReplicaSets

    def _current(self, owner: Object, sets: list[Object], new: Object | None) -> Object:
        """The ReplicaSet of the template as it is now, with the highest revision."""
        last = max(map(revision_of, sets), default=0)
        if new is None:
            return self._store.create("replicasets", _replica_set(owner, last + 1))
        if revision_of(new) < last or not last:
            notes = {**(new["metadata"].get("annotations") or {}), **_notes(owner), REVISION: str(last + 1)}
            new = self._store.update("replicasets", {**new, "metadata": {**new["metadata"], "annotations": notes}})
        return new

    def _numbered(self, owner: Object, new: Object) -> Object:
        """The Deployment with the revision of its ReplicaSet."""
        if revision_of(owner) == revision_of(new):
            return owner
        notes = {**(owner["metadata"].get("annotations") or {}), REVISION: str(revision_of(new))}
        return self._store.update("deployments", {**owner, "metadata": {**owner["metadata"], "annotations": notes}})

    def _resize(self, owner: Object, replica_set: Object, replicas: int) -> None:
        before = replica_set["spec"]["replicas"]
        if before == replicas:
            return
        self._store.update("replicasets", {**replica_set, "spec": {**replica_set["spec"], "replicas": replicas}})
        way, name = "up" if replicas > before else "down", replica_set["metadata"]["name"]
        text = f"Scaled {way} replica set {name} from {before} to {replicas}"
        self._dependents.say(owner, "ScalingReplicaSet", text)

    def _resize_alone(self, owner: Object, sets: list[Object]) -> None:
        """What a paused Deployment does: its one ReplicaSet in use has the size, several keep theirs."""
        used = [replica_set for replica_set in sets if replica_set["spec"]["replicas"]]
        if len(used) == 1:
            self._resize(owner, used[0], owner["spec"]["replicas"])

    def _recreate(self, owner: Object, new: Object, old: list[Object]) -> None:
        for replica_set in old:
            self._resize(owner, replica_set, 0)
        uids = {replica_set["metadata"]["uid"] for replica_set in old}
        pods = self._store.view("pods", owner["metadata"]["namespace"])
        left = [p for p in pods if not ended(p) and uids & {o["uid"] for o in p["metadata"].get("ownerReferences", ())}]
        if not left:
            self._resize(owner, new, owner["spec"]["replicas"])

    def _roll(self, owner: Object, new: Object, old: list[Object]) -> None:
        surge, unavailable = bounds(owner)
        sizes = [_size(replica_set) for replica_set in old]
        grown, left = next_sizes(
            owner["spec"]["replicas"], surge=surge, unavailable=unavailable, new=_size(new), old=sizes
        )
        self._resize(owner, new, grown)
        for replica_set, replicas in zip(old, left, strict=True):
            self._resize(owner, replica_set, replicas)

    def _forget(self, owner: Object, old: list[Object]) -> None:
        """Delete the oldest unused ReplicaSets beyond the limit of the history."""
        unused = [
            replica_set
            for replica_set in old
            if not replica_set["spec"]["replicas"] and not at(replica_set, "status", "replicas")
        ]
        for replica_set in unused[: max(0, len(unused) - owner["spec"]["revisionHistoryLimit"])]:
            self._store.delete("replicasets", replica_set["metadata"]["namespace"], replica_set["metadata"]["name"])

    # -- status

    def _write_status(self, owner: Object, new: Object | None, old: list[Object]) -> None:
        fresh = [self._store.get("replicasets", s["metadata"]["namespace"], s["metadata"]["name"]) for s in old]
        current = None
        if new is not None:
            current = self._store.get("replicasets", new["metadata"]["namespace"], new["metadata"]["name"])
        every = [replica_set["status"] for replica_set in (*fresh, current) if replica_set is not None]
        counts = {
            name: sum(status.get(name, 0) for status in every)
            for name in ("replicas", "readyReplicas", "availableReplicas")
        }
        counts["updatedReplicas"] = current["status"].get("replicas", 0) if current is not None else 0
        desired = owner["spec"]["replicas"]
        counts["unavailableReplicas"] = max(0, desired - counts["availableReplicas"])
        status: Object = {key: value for key, value in counts.items() if value}
        status["observedGeneration"] = owner["metadata"]["generation"]
        status["conditions"] = self._conditions(owner, current, counts)
        self._dependents.write_status("deployments", owner, status)

    def _conditions(self, owner: Object, current: Object | None, counts: dict[str, int]) -> list[Object]:
        before = {condition["type"]: condition for condition in at(owner, "status", "conditions") or ()}
        enough = counts["availableReplicas"] >= owner["spec"]["replicas"] - bounds(owner)[1]
        words = ("Available", "has") if enough else ("Unavailable", "does not have")
        text = f"Deployment {words[1]} minimum availability."
        available = _condition(before, "Available", "True" if enough else "False", f"MinimumReplicas{words[0]}", text)
        return [available, self._progress(owner, current, counts, before)]

    def _progress(
        self, owner: Object, current: Object | None, counts: dict[str, int], before: dict[str, Object]
    ) -> Object:
        if owner["spec"].get("paused") or current is None:
            return _condition(before, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused")
        name, desired = current["metadata"]["name"], owner["spec"]["replicas"]
        if counts["updatedReplicas"] == counts["replicas"] == counts["availableReplicas"] == desired:
            text = f'ReplicaSet "{name}" has successfully progressed.'
            return _condition(before, "Progressing", "True", "NewReplicaSetAvailable", text)
        old = owner.get("status") or {}
        moved = any(counts[key] != old.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas"))
        last = before.get("Progressing")
        since = moment_of(last["lastUpdateTime"]) if last and not moved else None
        left = float(owner["spec"]["progressDeadlineSeconds"])
        if since is not None:
            left -= (datetime.now(UTC) - since).total_seconds()
        if left <= 0:
            text = f'ReplicaSet "{name}" has timed out progressing.'
            return _condition(before, "Progressing", "False", "ProgressDeadlineExceeded", text)
        self._again_in(left)
        text = f'ReplicaSet "{name}" is progressing.'
        return _condition(before, "Progressing", "True", "ReplicaSetUpdated", text, moved=moved)


def _condition(
    before: dict[str, Object], kind: str, status: str, reason: str, message: str, *, moved: bool = False
) -> Object:
    """A condition; its times stay while it says the same, and nothing has `moved`."""
    old, moment = before.get(kind), now()
    stated = {"type": kind, "status": status, "reason": reason, "message": message}
    if old is not None and not moved and all(old.get(key) == value for key, value in stated.items()):
        return old
    since = old["lastTransitionTime"] if old is not None and old["status"] == status else moment
    return {**stated, "lastUpdateTime": moment, "lastTransitionTime": since}


def _without(sets: list[Object], left_out: Object | None) -> list[Object]:
    return [
        replica_set
        for replica_set in sets
        if left_out is None or replica_set["metadata"]["uid"] != left_out["metadata"]["uid"]
    ]


def _size(replica_set: Object) -> Size:
    available = at(replica_set, "status", "availableReplicas") or 0
    return Size(replicas=replica_set["spec"]["replicas"], available=available)


def _template_of(replica_set: Object) -> Object:
    """The template as the Deployment had it: without the label that the controller adds."""
    template: Object = copied(replica_set["spec"]["template"])
    (template.get("metadata") or {}).get("labels", {}).pop(_HASH, None)
    return template


def _notes(owner: Object) -> Object:
    notes = owner["metadata"].get("annotations") or {}
    return {key: value for key, value in notes.items() if key not in _NOT_COPIED}


def _replica_set(owner: Object, revision: int) -> Object:
    spec, meta = owner["spec"], owner["metadata"]
    label = {_HASH: template_hash(spec["template"])}
    template = copied(spec["template"])
    labels = {**(template.setdefault("metadata", {}).get("labels") or {}), **label}
    template["metadata"]["labels"] = labels
    selector = copied(spec["selector"])
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), **label}
    return {
        "metadata": {
            "name": f"{meta['name']}-{label[_HASH]}",
            "namespace": meta["namespace"],
            "labels": labels,
            "annotations": {**_notes(owner), REVISION: str(revision)},
            "ownerReferences": [reference(owner)],
        },
        "spec": {
            "replicas": 0,
            **({"minReadySeconds": spec["minReadySeconds"]} if spec.get("minReadySeconds") else {}),
            "selector": selector,
            "template": template,
        },
    }
