"""Which node a pod goes to: selector, readiness and schedulability, fewest pods first. No taints, no resources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from podwire.lab import events
from podwire.lab.interfaces import Event, Object, Store
from podwire.lab.pod_status import condition


def ready(node: Object) -> bool:
    """The node's Ready condition."""
    conditions = (node.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def refusal(pod: Object, node: Object) -> str | None:
    """Why the pod cannot go to the node, in the scheduler's words; None when it can."""
    if (node.get("spec") or {}).get("unschedulable"):
        return "node(s) were unschedulable"
    if not ready(node):
        return "node(s) had untolerated taint {node.kubernetes.io/not-ready: }"
    labels = node["metadata"].get("labels") or {}
    selector = pod["spec"].get("nodeSelector") or {}
    system = (pod["spec"].get("os") or {}).get("name")
    if any(labels.get(key) != value for key, value in selector.items()):
        return "node(s) didn't match Pod's node affinity/selector"
    if system and labels.get("kubernetes.io/os") != system:
        return "node(s) didn't match Pod's node affinity/selector"
    return None


class Scheduler:
    """Gives pods without a node one, as soon as there is one for them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ends: list[Callable[[], None]] = []

    def start(self) -> None:
        self._ends = [
            self._store.subscribe("pods", self._on_pod),
            self._store.subscribe("nodes", lambda _: self._retry()),
        ]
        self._retry()

    def stop(self) -> None:
        for end in self._ends:
            end()

    def _retry(self) -> None:
        for pod in self._store.list("pods"):
            self._consider(pod)

    def _on_pod(self, event: Event) -> None:
        if event.kind == "ADDED":
            self._consider(event.object)

    def _consider(self, pod: Object) -> None:
        if pod["spec"].get("nodeName") or pod["metadata"].get("deletionTimestamp"):
            return
        if pod["spec"].get("schedulerName", "default-scheduler") != "default-scheduler" or pod["spec"].get(
            "schedulingGates"
        ):
            return
        nodes = self._store.view("nodes")
        refusals = {node["metadata"]["name"]: refusal(pod, node) for node in nodes}
        possible = [name for name, why in refusals.items() if why is None]
        if possible:
            load = Counter(each["spec"].get("nodeName") for each in self._store.view("pods"))
            self._bind(pod, min(possible, key=lambda name: (load[name], name)))
            return
        reasons = Counter(why for why in refusals.values() if why)
        why = ", ".join(f"{count} {reason}" for reason, count in reasons.items()) or "no nodes available"
        self._leave_pending(
            pod, f"0/{len(nodes)} nodes are available: {why}. preemption: 0/{len(nodes)} nodes are available."
        )

    def _bind(self, pod: Object, node: str) -> None:
        pod["spec"]["nodeName"] = node
        self._set_condition(pod, scheduled=True)
        meta = pod["metadata"]
        if self._store.get("pods", meta["namespace"], meta["name"]) is not None:
            bound = self._store.update("pods", pod)
            message = f"Successfully assigned {meta['namespace']}/{meta['name']} to {node}"
            events.record(self._store, bound, "Scheduled", message, component="default-scheduler")

    def _leave_pending(self, pod: Object, message: str) -> None:
        before = (pod.get("status") or {}).get("conditions") or ()
        if any(each["type"] == "PodScheduled" and each.get("message") == message for each in before):
            return
        self._set_condition(pod, scheduled=False, message=message)
        self._store.update("pods", pod)
        events.record(self._store, pod, "FailedScheduling", message, kind="Warning", component="default-scheduler")

    def _set_condition(self, pod: Object, *, scheduled: bool, message: str = "") -> None:
        status = pod.setdefault("status", {})
        others = [each for each in status.get("conditions") or () if each["type"] != "PodScheduled"]
        before = next((each for each in status.get("conditions") or () if each["type"] == "PodScheduled"), None)
        reason = "" if scheduled else "Unschedulable"
        made = condition(before, "PodScheduled", scheduled, pod, reason=reason, message=message)
        status["conditions"] = [*others, made]
