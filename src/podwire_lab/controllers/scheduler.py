"""The scheduler: selector, readiness and schedulability, then the fewest pods. No taints, and as the only resource the
VPC addresses of Windows nodes, of which each pod needs one (amazon-vpc-resource-controller-k8s).
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterable

from podwire_lab.controllers import events
from podwire_lab.controllers.controller import Controller
from podwire_lab.model.cni_notes import VPC_ADDRESS
from podwire_lab.model.interfaces import Object, Store
from podwire_lab.model.pod_status import condition


def ready(node: Object) -> bool:
    """The node's Ready condition."""
    conditions = (node.get("status") or {}).get("conditions") or ()
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def needs_address(pod: Object) -> bool:
    """Whether the pod needs an address of the pod network: on Windows every pod without HostProcess containers does."""
    options = (pod["spec"].get("securityContext") or {}).get("windowsOptions") or {}
    return not options.get("hostProcess") and (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")


def chosen_by(pod: Object, node: Object) -> bool:
    """Whether the pod's selector and operating system allow the node."""
    labels = node["metadata"].get("labels") or {}
    selector = pod["spec"].get("nodeSelector") or {}
    system = (pod["spec"].get("os") or {}).get("name")
    if any(labels.get(key) != value for key, value in selector.items()):
        return False
    return not system or labels.get("kubernetes.io/os") == system


def refusal(pod: Object, node: Object, beside: Iterable[Object] = ()) -> str | None:
    """Why the pod does not fit the node, in the scheduler's words; None if it fits. `beside` are the node's pods."""
    if (node.get("spec") or {}).get("unschedulable"):
        return "node(s) were unschedulable"
    if not ready(node):
        return "node(s) had untolerated taint {node.kubernetes.io/not-ready: }"
    if not chosen_by(pod, node):
        return "node(s) didn't match Pod's node affinity/selector"
    offered = ((node.get("status") or {}).get("allocatable") or {}).get(VPC_ADDRESS)
    if offered is not None and needs_address(pod) and sum(map(needs_address, beside)) >= int(offered):
        return f"Insufficient {VPC_ADDRESS}"
    return None


def _waits(pod: Object) -> bool:
    """Whether the pod waits for this scheduler."""
    spec = pod["spec"]
    if spec.get("nodeName") or pod["metadata"].get("deletionTimestamp") or spec.get("schedulingGates"):
        return False
    return bool(spec.get("schedulerName", "default-scheduler") == "default-scheduler")


class Scheduler(Controller):
    """Assigns a node to each pod without one, as soon as a node fits. With `overcommits` it counts no resources."""

    watches = ("pods", "nodes")

    def __init__(self, store: Store, overcommits: Callable[[], bool] = lambda: False) -> None:
        super().__init__(store)
        self._overcommits = overcommits

    def reconcile(self) -> None:
        for pod in self._store.view("pods"):
            if _waits(pod):
                self._place(copy.deepcopy(pod))

    def _place(self, pod: Object) -> None:
        nodes = self._store.view("nodes")
        beside: dict[str, list[Object]] = {}
        for other_pod in self._store.view("pods") if not self._overcommits() else ():
            beside.setdefault(other_pod["spec"].get("nodeName", ""), []).append(other_pod)
        names = {node["metadata"]["name"]: node for node in nodes}
        refusals = {name: refusal(pod, node, beside.get(name, ())) for name, node in names.items()}
        possible = [name for name, why in refusals.items() if why is None]
        if possible:
            load = Counter(other_pod["spec"].get("nodeName") for other_pod in self._store.view("pods"))
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
        bound = self._store.update("pods", pod)
        message = f"Successfully assigned {meta['namespace']}/{meta['name']} to {node}"
        events.record(self._store, bound, "Scheduled", message, component="default-scheduler")

    def _leave_pending(self, pod: Object, message: str) -> None:
        before = (pod.get("status") or {}).get("conditions") or ()
        if any(condition["type"] == "PodScheduled" and condition.get("message") == message for condition in before):
            return
        self._set_condition(pod, scheduled=False, message=message)
        self._store.update("pods", pod)
        events.record(self._store, pod, "FailedScheduling", message, kind="Warning", component="default-scheduler")

    def _set_condition(self, pod: Object, *, scheduled: bool, message: str = "") -> None:
        status = pod.setdefault("status", {})
        conditions = [each for each in status.get("conditions") or () if each["type"] != "PodScheduled"]
        before = next((each for each in status.get("conditions") or () if each["type"] == "PodScheduled"), None)
        reason = "" if scheduled else "Unschedulable"
        scheduled_condition = condition(before, "PodScheduled", scheduled, pod, reason=reason, message=message)
        status["conditions"] = [*conditions, scheduled_condition]
