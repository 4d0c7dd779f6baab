"""Node upgrades: a machine goes down, and comes back with another build, another kubelet and nothing of its network.

The cordon and the drain before it, and the uncordon after it, are for whoever asks (`lifecycle.upgrade`). Sources: the
kubelet's node status (pkg/kubelet/nodestatus) and the node controller (pkg/controller/nodelifecycle), whose words the
conditions and events have. A real node controller waits for the kubelet for 50 seconds; the lab's knows at once.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Literal, Protocol

from podwire_lab.controllers import events
from podwire_lab.model.interfaces import Network, NodeReplaced, Object, Store
from podwire_lab.model.pod_status import condition, now

CONDITIONS = {
    "MemoryPressure": ("False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    "DiskPressure": ("False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    "PIDPressure": ("False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    "Ready": ("True", "KubeletReady", "kubelet is posting ready status"),
}
SILENT = ("Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
UNREACHABLE = "node.kubernetes.io/unreachable"

Break = Callable[[str, str], Callable[[], None]]
"""Break a node (by name) with a fault (by name); returns how to undo it. Raises ValueError with what to do."""


class NodeAgent(Protocol):
    """What runs the pods of the nodes."""

    def stop_node(self, name: str) -> None: ...

    def start_node(self, name: str) -> None: ...

    def plays(self, uid: str) -> bool:
        """Whether the lab itself is this pod, which then has no process."""


class _Broken:
    """A fault that a node came back with; it ends after its time, or when the node goes down again."""

    def __init__(self, undo: Callable[[], None], seconds: float | None) -> None:
        self._undo: Callable[[], None] | None = undo
        loop = asyncio.get_running_loop()
        self._timer = None if seconds is None else loop.call_later(seconds, self._mend_soon)
        self._mending: asyncio.Task[None] | None = None

    def _mend_soon(self) -> None:
        self._mending = asyncio.get_running_loop().create_task(self.mend())

    async def mend(self) -> None:
        """Undo the fault, once."""
        undo, self._undo = self._undo, None
        if self._timer is not None:
            self._timer.cancel()
        if undo is not None:
            await asyncio.to_thread(undo)


class NodeReplacements:
    """Replaces nodes, one at a time each."""

    def __init__(self, store: Store, network: Network, agents: NodeAgent, break_node: Break) -> None:
        self._store, self._network, self._agents, self._break = store, network, agents, break_node
        self._under_way: set[str] = set()
        self._broken: dict[str, list[_Broken]] = {}

    async def replace(self, name: str, asked: NodeReplaced) -> Object:
        """Let the machine go down and come back. Returns the Node, which is ready; a cordon stays.

        Raises:
            ValueError: the node cannot be replaced like this; the text says why, and what to do.
        """
        node = self._network.nodes.get(name)
        if node is None or node.os != "windows":
            windows = ", ".join(each.name for each in self._network.nodes.values() if each.os == "windows")
            raise ValueError(f"node {name}: the lab can upgrade Windows nodes only: {windows}")
        if name in self._under_way:
            raise ValueError(f"node {name} is being upgraded already")
        self._under_way.add(name)
        task = asyncio.get_running_loop().create_task(self._replaced(name, asked))
        task.add_done_callback(lambda _: self._under_way.discard(name))
        return await asyncio.shield(task)  # Who asks may hang up; a node is not left half built.

    async def _replaced(self, name: str, asked: NodeReplaced) -> Object:
        for broken in self._broken.pop(name, ()):
            await broken.mend()
        began = asyncio.get_running_loop().time()
        self._agents.stop_node(name)
        await asyncio.to_thread(self._network.take_down, name)
        self._lose(name)
        await asyncio.sleep(max(0.0, asked.away - (asyncio.get_running_loop().time() - began)))
        await asyncio.to_thread(self._network.rebuild, name, asked.build)
        for fault in asked.faults:
            undo = await asyncio.to_thread(self._break, name, fault.name)
            self._broken.setdefault(name, []).append(_Broken(undo, fault.seconds))
        self._agents.start_node(name)
        return self._return(name, asked)

    def _lose(self, name: str) -> None:
        """The kubelet is silent: the node controller marks the node and its pods, so that Services leave these out."""
        node = self._node(name)
        self._set_conditions(node, dict.fromkeys(CONDITIONS, SILENT))
        taints = [{"key": UNREACHABLE, "effect": effect} for effect in ("NoSchedule", "NoExecute")]
        node["spec"]["taints"] = [*(node["spec"].get("taints") or ()), *taints]
        self._store.update("nodes", node)
        self._event(node, "NodeNotReady", f"Node {name} status is now: NodeNotReady", component="node-controller")
        for pod in self._store.list("pods"):
            if pod["spec"].get("nodeName") == name and self._mark(pod, ready=False):
                events.record(
                    self._store, pod, "NodeNotReady", "Node is not ready", kind="Warning", component="node-controller"
                )

    def _return(self, name: str, asked: NodeReplaced) -> Object:
        node = self._node(name)
        self._set_conditions(node, CONDITIONS)
        node["spec"]["taints"] = [t for t in node["spec"].get("taints") or () if t["key"] != UNREACHABLE]
        if not node["spec"]["taints"]:
            del node["spec"]["taints"]
        boot, build = str(uuid.uuid4()), asked.build
        node["status"]["nodeInfo"] |= {
            "bootID": boot,
            "kernelVersion": build.kernel_version,
            "osImage": build.product,
            "kubeletVersion": asked.kubelet,
        }
        node["metadata"]["labels"]["node.kubernetes.io/windows-build"] = build.version
        for pod in self._store.list("pods"):
            if pod["spec"].get("nodeName") == name and self._agents.plays(pod["metadata"]["uid"]):
                self._restart_played_pod(pod)
        self._event(node, "Starting", "Starting kubelet.")
        self._event(node, "Rebooted", f"Node {name} has been rebooted, boot id: {boot}", kind="Warning")
        node = self._store.update("nodes", node)
        self._event(node, "NodeReady", f"Node {name} status is now: NodeReady")
        return node

    def _restart_played_pod(self, pod: Object) -> None:
        """kube-proxy of the node, which the lab itself plays, runs again."""
        for status in (pod.get("status") or {}).get("containerStatuses") or ():
            started = status["state"].get("running", {}).get("startedAt", now())
            ended = {"exitCode": 255, "reason": "Unknown", "startedAt": started, "finishedAt": now()}
            status |= {"lastState": {"terminated": ended}, "restartCount": status["restartCount"] + 1}
            status["state"] = {"running": {"startedAt": now()}}
        if not self._mark(pod, ready=True):
            self._store.update("pods", pod)

    def _mark(self, pod: Object, *, ready: bool) -> bool:
        """Set the pod's condition Ready. False if nothing changed."""
        conditions = (pod.get("status") or {}).get("conditions") or []
        before = next((each for each in conditions if each["type"] == "Ready"), None)
        if before is None or (before["status"] == "True") == ready:
            return False
        conditions[conditions.index(before)] = condition(before, "Ready", ready, pod)
        self._store.update("pods", pod)
        return True

    def _node(self, name: str) -> Object:
        node = self._store.get("nodes", None, name)
        if node is None:
            raise ValueError(f"node {name} is not in the API any more; start the lab again")
        return node

    @staticmethod
    def _set_conditions(node: Object, wanted: dict[str, tuple[str, str, str]]) -> None:
        for each in node["status"]["conditions"]:
            status, reason, message = wanted.get(each["type"], (each["status"], each["reason"], each["message"]))
            if status != each["status"]:
                each["lastTransitionTime"] = now()
            each |= {"status": status, "reason": reason, "message": message}

    def _event(
        self,
        node: Object,
        reason: str,
        message: str,
        *,
        kind: Literal["Normal", "Warning"] = "Normal",
        component: str = "kubelet",
    ) -> None:
        about = {**node, "kind": "Node"}
        events.record(
            self._store, about, reason, message, kind=kind, component=component, host=node["metadata"]["name"]
        )
