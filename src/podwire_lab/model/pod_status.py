"""The status of a pod in the shapes that a kubelet writes (recorded from a real one). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from podwire_lab.model.interfaces import Object

Phase = Literal["Pending", "Running", "Succeeded", "Failed"]


def now() -> str:
    """The current time as metav1.Time, in whole seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class ContainerState:
    """A node agent's record of one container; `state` and `last_state` are objects of the API."""

    spec: Object
    state: Object = field(default_factory=lambda: {"waiting": {"reason": "ContainerCreating"}})
    last_state: Object = field(default_factory=dict)
    ready: bool = False
    restarts: int = 0
    image: str = ""
    digest: str = ""
    container_id: str = ""

    @property
    def name(self) -> str:
        return str(self.spec["name"])

    @property
    def running(self) -> bool:
        return "running" in self.state

    @property
    def exit_code(self) -> int | None:
        """The terminated state, or None while the container has not ended."""
        ended = self.state.get("terminated")
        return None if ended is None else int(ended["exitCode"])

    def wait(self, reason: str, message: str = "") -> None:
        self.state = {"waiting": {"reason": reason} | ({"message": message} if message else {})}
        self.ready = False

    def run(self, container_id: str) -> None:
        self.state, self.container_id = {"running": {"startedAt": now()}}, container_id

    def end(self, code: int, reason: str = "", message: str = "") -> None:
        started = self.state.get("running", {}).get("startedAt", now())
        ended: Object = {"exitCode": code, "reason": reason or ("Completed" if code == 0 else "Error")}
        if message:
            ended["message"] = message
        ended |= {"startedAt": started, "finishedAt": now(), "containerID": self.container_id}
        self.state, self.ready = {"terminated": ended}, False

    def end_with_machine(self, status: Object) -> None:
        """The container of this status ended when its machine went down (containerd: exit code 255, reason Unknown)."""
        started = (status.get("state") or {}).get("running", {}).get("startedAt", now())
        ended = {"exitCode": 255, "reason": "Unknown", "startedAt": started, "finishedAt": now()}
        self.state, self.ready = {"terminated": ended | {"containerID": status.get("containerID", "")}}, False
        self.restarts = int(status.get("restartCount", 0))

    def restart_with_machine(self, status: Object) -> None:
        """The container of this status ended when its machine went down, and is about to start again."""
        self.end_with_machine(status)
        self.last_state, self.restarts = self.state, self.restarts + 1
        self.wait("ContainerCreating")

    def to_status(self) -> Object:
        status: Object = {
            "name": self.name,
            "state": self.state,
            "lastState": self.last_state,
            "ready": self.ready,
            "restartCount": self.restarts,
            "image": self.image or self.spec["image"],
            "imageID": self.digest,
        }
        if self.container_id:
            status["containerID"] = self.container_id
        status["started"] = self.running
        if self.container_id:
            status["resources"] = {}
        mounts = [_mount_status(mount) for mount in self.spec.get("volumeMounts") or ()]
        if mounts:
            status["volumeMounts"] = mounts
        return status


def _mount_status(mount: Object) -> Object:
    status = {"name": mount["name"], "mountPath": mount["mountPath"]}
    if mount.get("readOnly"):
        status |= {"readOnly": True, "recursiveReadOnly": "Disabled"}
    return status


def phase_of(containers: Sequence[ContainerState], restart_policy: str) -> Phase:
    """Kubernetes, "Pod Lifecycle": the phase as a summary of the containers."""
    if any("waiting" in container.state and not container.last_state for container in containers):
        return "Pending"
    if restart_policy == "Always" or any(container.running for container in containers):
        return "Running"
    codes = [container.exit_code for container in containers]
    failed = any(code != 0 for code in codes)
    if restart_policy == "OnFailure" and failed:
        return "Running"
    return "Failed" if failed else "Succeeded"


def pod_status(
    pod: Object,
    *,
    containers: Sequence[ContainerState],
    pod_ips: Sequence[str],
    host_ips: Sequence[str],
    start_time: str,
    network_ready: bool,
    ended: tuple[str, str] | None = None,
) -> Object:
    """The whole status of a pod on a node. `ended` is the node's reason and message for ending it (a deadline)."""
    old: dict[str, Any] = pod.get("status") or {}
    phase: Phase = "Failed" if ended else phase_of(containers, pod["spec"].get("restartPolicy", "Always"))
    status: Object = {"phase": phase, "conditions": _conditions(pod, old, phase, containers, network_ready)}
    generation = pod["metadata"].get("generation")
    if generation:
        status = {"observedGeneration": generation, **status}
    if ended:
        status |= {"reason": ended[0], "message": ended[1]}
    if host_ips:
        status |= {"hostIP": host_ips[0], "hostIPs": [{"ip": ip} for ip in host_ips]}
    if pod_ips:
        status |= {"podIP": pod_ips[0], "podIPs": [{"ip": ip} for ip in pod_ips]}
    status |= {"startTime": start_time, "containerStatuses": [container.to_status() for container in containers]}
    return status | {"qosClass": old.get("qosClass", "BestEffort"), "resources": {}}


def _conditions(
    pod: Object, old: Object, phase: Phase, containers: Sequence[ContainerState], network_ready: bool
) -> list[Object]:
    unready = [container.name for container in containers if not container.ready]
    not_ready: Object = {}
    if phase in ("Failed", "Succeeded"):
        not_ready = {"reason": "PodFailed" if phase == "Failed" else "PodCompleted"}
    elif unready:
        not_ready = {
            "reason": "ContainersNotReady",
            "message": f"containers with unready status: [{' '.join(unready)}]",
        }
    before = {condition["type"]: condition for condition in old.get("conditions") or ()}
    gates = not_ready or _closed_gates(pod, before)
    facts: list[tuple[str, bool, Object]] = [
        ("PodReadyToStartContainers", network_ready and phase in ("Pending", "Running"), {}),
        ("Initialized", True, {}),
        ("Ready", not gates, gates),
        ("ContainersReady", not not_ready, not_ready),
        ("PodScheduled", True, {}),
    ]
    conditions = [condition(before.pop(kind, None), kind, value, pod, **why) for kind, value, why in facts]
    return conditions + list(before.values())


def _closed_gates(pod: Object, conditions: Mapping[str, Object]) -> Object:
    """kubernetes.io, "Pod Lifecycle", Pod readiness: conditions that other components write; the messages are a
    kubelet's."""
    missing = []
    for gate in pod["spec"].get("readinessGates") or ():
        kind = gate["conditionType"]
        if kind not in conditions:
            missing.append(f'corresponding condition of pod readiness gate "{kind}" does not exist.')
        elif conditions[kind]["status"] != "True":
            status = conditions[kind]["status"]
            missing.append(f'the status of pod readiness gate "{kind}" is not "True", but {status}')
    return {"reason": "ReadinessGatesNotReady", "message": ", ".join(missing)} if missing else {}


def condition(
    before: Object | None, kind: str, value: bool, pod: Object, *, reason: str = "", message: str = ""
) -> Object:
    """One condition; its transition time stays as long as its value does."""
    text = "True" if value else "False"
    since = before["lastTransitionTime"] if before and before["status"] == text else now()
    stated: Object = {"type": kind, "status": text, "lastProbeTime": None, "lastTransitionTime": since}
    generation = pod["metadata"].get("generation")
    if generation:
        stated["observedGeneration"] = generation
    return stated | ({"reason": reason} if reason else {}) | ({"message": message} if message else {})
