"""The row of a pod in a Table: what STATUS and RESTARTS show (kubernetes: printers, printPod)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from podwire_lab.kube_api.objects.fields import at
from podwire_lab.model.interfaces import Object

NONE = "<none>"


def pod_cells(pod: Object, age: Callable[[Any], str]) -> list[Any]:
    """Name, ready, status, restarts, age, IP, node, nominated node, readiness gates."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    statuses = status.get("containerStatuses") or []
    ready = sum(
        bool(container.get("ready") and at(container, "state", "running") is not None) for container in statuses
    )
    addresses = status.get("podIPs") or []
    gates = spec.get("readinessGates") or []
    conditions = {condition.get("type"): condition.get("status") for condition in status.get("conditions") or ()}
    met = sum(conditions.get(gate.get("conditionType")) == "True" for gate in gates)
    return [
        pod["metadata"]["name"],
        f"{ready}/{len(spec.get('containers') or ())}",
        status_of(pod),
        _restarts(statuses, age),
        age(pod["metadata"].get("creationTimestamp")),
        addresses[0].get("ip") if addresses else status.get("podIP") or NONE,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        f"{met}/{len(gates)}" if gates else NONE,
    ]


def _restarts(statuses: list[Object], age: Callable[[Any], str]) -> str:
    count = sum(container.get("restartCount", 0) for container in statuses)
    ends = [end for container in statuses if (end := at(container, "lastState", "terminated", "finishedAt"))]
    return f"{count} ({age(max(ends))} ago)" if count and ends else str(count)


def status_of(pod: Object) -> str:
    """The one word for the state of a pod, e.g. `Running`, `ErrImagePull`, `Terminating`."""
    status = pod.get("status") or {}
    reason = status.get("reason") or status.get("phase") or "Unknown"
    initializing = _initializing(pod)
    if initializing:
        reason = initializing
    else:
        running = False
        for container in reversed(status.get("containerStatuses") or []):
            state = container.get("state") or {}
            if at(state, "waiting", "reason"):
                reason = state["waiting"]["reason"]
            elif state.get("terminated") is not None:
                reason = _ended(state["terminated"])
            elif container.get("ready") and state.get("running") is not None:
                running = True
        if reason == "Completed" and running:
            ready = any(
                condition.get("type") == "Ready" and condition.get("status") == "True"
                for condition in status.get("conditions") or ()
            )
            reason = "Running" if ready else "NotReady"
    if pod["metadata"].get("deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            return "Unknown"
        if status.get("phase") not in ("Succeeded", "Failed"):
            return "Terminating"
    return str(reason)


def _ended(terminated: Object) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _initializing(pod: Object) -> str | None:
    statuses = at(pod, "status", "initContainerStatuses") or []
    for index, container in enumerate(statuses):
        state = container.get("state") or {}
        terminated = state.get("terminated")
        if terminated is not None and terminated.get("exitCode") == 0:
            continue
        if terminated is not None:
            return f"Init:{_ended(terminated)}"
        waiting = at(state, "waiting", "reason")
        if waiting and waiting != "PodInitializing":
            return f"Init:{waiting}"
        return f"Init:{index}/{len(at(pod, 'spec', 'initContainers') or statuses)}"
    return None


def pod_conditions(pod: Object) -> list[Object]:
    """The row's conditions: a pod that has ended is marked."""
    phase = at(pod, "status", "phase")
    if phase == "Succeeded":
        return [
            {
                "type": "Completed",
                "status": "True",
                "reason": "Succeeded",
                "message": "The pod has completed successfully.",
            }
        ]
    if phase == "Failed":
        return [{"type": "Completed", "status": "True", "reason": "Failed", "message": "The pod failed."}]
    return []
