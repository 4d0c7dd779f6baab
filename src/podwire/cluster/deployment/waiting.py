"""Waiting for pods: what a pod's status says, and how long each kind of trouble may last."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from podwire.cluster.deployment.manifests import RUN_LABEL
from podwire.cluster.malformed import understood
from podwire.cluster.node_conditions import why_not_ready
from podwire.cluster.rest import RestClient
from podwire.errors import ApiError, ClusterError, MalformedAnswer, NotFound, Unreachable

Object = dict[str, Any]
Trouble = Literal["starting", "schedule", "image", "container", "node"]
LOOKS_AT_NODES = 2.0
"""Seconds between two looks at the nodes of pods that are awaited."""

_IMAGE = ("ErrImagePull", "ImagePullBackOff", "RegistryUnavailable")
_FINAL = ("InvalidImageName", "ErrImageNeverPull")
_CONTAINER = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError", "CrashLoopBackOff")


@dataclass(frozen=True, kw_only=True)
class PodState:
    """What a pod's status comes to. `final` means that waiting longer is of no use; `text` is for a person."""

    ready: bool = False
    final: bool = False
    trouble: Trouble = "starting"
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Seconds. `ready` bounds the whole wait, `image`, `schedule` and `container` how long one kind of trouble may last
    before it counts, while no other pod becomes ready; `node` how long the pod's node may be not ready (a kubelet that
    is restarted comes back); `listed` the time until a new pod shows in a list,
    `away` the absence of the API server."""

    ready: float = 600.0
    image: float = 60.0
    schedule: float = 30.0
    container: float = 30.0
    node: float = 20.0
    listed: float = 15.0
    away: float = 60.0

    def of(self, trouble: Trouble) -> float:
        return {
            "starting": self.ready,
            "schedule": self.schedule,
            "image": self.image,
            "container": self.container,
            "node": self.node,
        }[trouble]


def pod_state(pod: Object) -> PodState:
    """Read a pod's status (kubernetes.io: Pod Lifecycle). Pure."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    conditions = {c.get("type"): c for c in status.get("conditions") or []}
    if pod["metadata"].get("deletionTimestamp"):
        return PodState(final=True, text="another client than podwire is deleting it")
    if status.get("phase") in ("Failed", "Succeeded"):
        return PodState(final=True, text=_ended(status))
    if spec.get("restartPolicy") == "Never" and _ends(status):
        return PodState(final=True, text=_ended(status))  # Its other containers may run on; it will never be ready.
    # A pod with a gate that nobody meets is as ready as it will ever be once its containers are.
    condition_type = "ContainersReady" if spec.get("readinessGates") else "Ready"
    if conditions.get(condition_type, {}).get("status") == "True" and status.get("podIPs"):
        return PodState(ready=True)
    scheduled = conditions.get("PodScheduled", {})
    node = spec.get("nodeName") or (spec.get("nodeSelector") or {}).get("kubernetes.io/hostname", "")
    if scheduled.get("status") == "False":
        return PodState(
            trouble="schedule", text=f"cannot be scheduled on node {node}: {_line(scheduled.get('message'))}"
        )
    for container in status.get("containerStatuses") or []:
        waiting = (container.get("state") or {}).get("waiting") or {}
        reason, message = str(waiting.get("reason", "")), _line(waiting.get("message"))
        if reason in _IMAGE or reason in _FINAL:
            text = f"image {_image(pod)} cannot be pulled on node {node}: {message or reason}"
            return PodState(final=reason in _FINAL, trouble="image", text=text)
        if reason in _CONTAINER:
            return PodState(trouble="container", text=f"its container does not start: {reason}: {message}")
        if reason:
            return PodState(text=f"{reason} {message}".strip())
    return PodState(text=status.get("phase") or "no status yet")


def _ended(status: Object) -> str:
    reason = _line(f"{status.get('reason') or ''} {status.get('message') or ''}")
    for end in _ends(status):
        more = _line(f"{end.get('reason') or ''} {end.get('message') or ''}")
        reason = f"{reason} (exit code {end.get('exitCode')}: {more})".strip()
    return f"it has ended: {reason or status.get('phase')}"


def _ends(status: Object) -> list[Object]:
    """How containers of a pod ended, of those that have."""
    states = [container.get("state") or {} for container in status.get("containerStatuses") or []]
    return [state["terminated"] for state in states if state.get("terminated")]


def _image(pod: Object) -> str:
    containers = pod["spec"].get("containers") or [{}]
    return str(containers[0].get("image", "?"))


def image_of(pod: Object) -> tuple[str, str]:
    """The image that a pod's container asks for and, from its status, the digest of the one that it runs."""
    image = next((c.get("image", "") for c in (pod.get("spec") or {}).get("containers") or []), "")
    digest = next((c.get("imageID", "") for c in (pod.get("status") or {}).get("containerStatuses") or []), "")
    return str(image), str(digest)


def _line(text: object) -> str:
    return " ".join(str(text or "").split())


def _with_malformed(pod: Object) -> PodState:
    """The state of a pod; one that cannot be read is that pod's problem."""
    try:
        with understood("its status"):
            return pod_state(pod)
    except MalformedAnswer as error:
        return PodState(final=True, text=str(error))


def _elsewhere(pod: Object, node: str, *, ready: bool) -> str:
    """Why a pod is not on the node that it was made for, or nothing: cases know their pods by node."""
    spec = pod.get("spec")
    actual_node = spec.get("nodeName") if isinstance(spec, dict) else None
    if actual_node == node or (not actual_node and not ready):
        return ""
    if not actual_node:
        return f"it is ready, but the API server does not say on which node (podwire made it for node {node})"
    why = "a webhook has changed it, or two nodes have the same label kubernetes.io/hostname"
    return f"it runs on node {actual_node}, but podwire made it for node {node}: {why}"


def _bad_address(pod: Object) -> str:
    """Why a ready pod's addresses cannot be used, or nothing."""
    for entry in pod["status"]["podIPs"]:
        try:
            ipaddress.ip_address(entry["ip"])
        except (KeyError, TypeError, ValueError):
            return f"podwire cannot read its addresses: {str(entry)[:80]}"
    return ""


@dataclass
class PodWait:
    """Waits for the pods of one run by listing them. `ready` and `problems` fill up until no pod is left between."""

    rest: RestClient
    namespace: str
    run_id: str
    limits: Limits
    say: Callable[[str], object]
    ready: dict[str, Object] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _moved: float = 0.0
    _since: dict[tuple[str, Trouble], float] = field(default_factory=dict)
    _words: dict[tuple[str, Trouble], str] = field(default_factory=dict)
    _unready_nodes: dict[str, str] = field(default_factory=dict)

    def wait(self, nodes: Mapping[str, str]) -> None:
        """Return when each of these pods (keys) is ready on the node that it was made for (values) or has a problem;
        bounded by `limits.ready`."""
        begin = spoke = heard = looked = time.monotonic()
        pause = 0.02
        while True:
            now = time.monotonic()
            try:
                pods = self.rest.list("pods", self.namespace, labels=f"{RUN_LABEL}={self.run_id}")
            except (Unreachable, ApiError) as error:
                if getattr(error, "status", 500) < 500 or now - heard > self.limits.away:
                    raise
            else:
                heard = now = time.monotonic()
                pods_by_name = {pod["metadata"]["name"]: pod for pod in pods}
                for name, node in sorted(nodes.items()):
                    self._look(name, node, pods_by_name.get(name), begin, now)
            left = sorted(nodes.keys() - self.ready.keys() - self.problems.keys())
            if not left:
                self._give_up_nodes(nodes)
                return
            if now - looked > LOOKS_AT_NODES:
                looked = now
                self._look_at_nodes(left, nodes)
            if now - spoke > 10.0:
                spoke = now
                some = ", ".join(left[:3]) + (", ..." if len(left) > 3 else "")
                self.say(f"waiting for {len(left)} of {len(nodes)} probes ({some}), {now - begin:.0f} s")
            time.sleep(pause)
            pause = min(pause * 1.5, 1.0)

    def _look(self, name: str, node: str, pod: Object | None, begin: float, now: float) -> None:
        if name in self.problems or name in self.ready:
            return
        if pod is None:
            self._unlisted(name, begin, now)
            return
        self._seen.add(name)
        state = _with_malformed(pod)
        wrong = _elsewhere(pod, node, ready=state.ready) or (_bad_address(pod) if state.ready else "")
        if wrong:
            self.problems[name] = wrong
            return
        if state.ready:
            self.ready[name] = pod
            self._moved = now
            return
        if node in self._unready_nodes and not state.final:
            state = PodState(trouble="node", text=self._words_of_node(node))
        key = (name, state.trouble)
        since = self._since.setdefault(key, begin if state.trouble == "starting" else now)
        # "Back-off pulling image" follows the message that says why: keep the longer one.
        if len(state.text) >= len(self._words.get(key, "")):
            self._words[key] = state.text
        if state.final:
            self.problems[name] = state.text
        elif now - max(since, self._moved) >= self.limits.of(state.trouble) or now - begin >= self.limits.ready:
            text = self._words[key]
            if state.trouble == "starting":
                text = f"not ready after {now - begin:.0f} s: {text}{self._event(name)}"
            self.problems[name] = text

    def _look_at_nodes(self, left: Iterable[str], nodes: Mapping[str, str]) -> None:
        """Which nodes of these pods are not ready, and why; no answer changes nothing."""
        wanted = {nodes[name] for name in left}
        try:
            with understood("the nodes"):
                problems_by_node = {node["metadata"]["name"]: why_not_ready(node) for node in self.rest.list("nodes")}
        except ClusterError:
            return
        self._unready_nodes = {name: why for name, why in problems_by_node.items() if why and name in wanted}
        for name in left:
            if nodes[name] not in self._unready_nodes:
                self._since.pop((name, "node"), None)

    def _give_up_nodes(self, nodes: Mapping[str, str]) -> None:
        """A pod that was ready before its node was lost cannot be reached: no agent there is waited for."""
        lost = {nodes[name] for name in self.problems if (name, "node") in self._since} & self._unready_nodes.keys()
        for name in [name for name in self.ready if nodes[name] in lost]:
            del self.ready[name]
            self.problems[name] = self._words_of_node(nodes[name])

    def _words_of_node(self, node: str) -> str:
        return f"node {node} is not ready: {self._unready_nodes[node]}"

    def _unlisted(self, name: str, begin: float, now: float) -> None:
        """A server's cache may be behind: a new pod may show late, and one that was seen be gone from one list."""
        if name not in self._seen and now - begin < min(self.limits.listed, self.limits.ready):
            return
        try:
            self.rest.get("pods", self.namespace, name)
        except NotFound:
            self.problems[name] = "another client than podwire deleted it"
        except ClusterError:
            return
        else:
            if now - begin >= self.limits.ready:
                self.problems[name] = f"not ready after {now - begin:.0f} s: the API server does not list it"

    def _event(self, name: str) -> str:
        """The newest warning about a pod: a sandbox that gets no network is told nowhere else."""
        try:
            events = self.rest.list(
                "events", self.namespace, fields=f"involvedObject.kind=Pod,involvedObject.name={name},type=Warning"
            )
        except ClusterError:
            return ""
        events.sort(key=lambda e: str(e.get("lastTimestamp") or e.get("eventTime") or ""))
        return f"; {events[-1].get('reason')}: {_line(events[-1].get('message'))}" if events else ""


def wait_for_endpoints(rest: RestClient, namespace: str, wanted: Mapping[str, str], seconds: float = 15.0) -> set[str]:
    """Wait until each Service (key) has an endpoint that is ready; return those that have none when for that time no
    further Service has got one.

    It says nothing of the nodes' proxies, which follow a moment later and must be asked with packets.
    """
    end, most = time.monotonic() + seconds, 0
    pause = 0.02
    while True:
        try:
            with understood("the EndpointSlices"):
                served = _served(rest.list("endpointslices", namespace))
        except ClusterError:
            return set()  # Not allowed to look, nobody there, or no sense in it: the flows will tell.
        missing = set(wanted) - served
        if len(wanted) - len(missing) > most:
            end, most = time.monotonic() + seconds, len(wanted) - len(missing)
        if not missing or time.monotonic() >= end:
            return missing
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)


def _served(slices: Iterable[Object]) -> set[str]:
    """The Services that have a ready endpoint."""
    return {
        str((endpoint_slice["metadata"].get("labels") or {}).get("kubernetes.io/service-name"))
        for endpoint_slice in slices
        for endpoint in endpoint_slice.get("endpoints") or []
        if (endpoint.get("conditions") or {}).get("ready") is not False and endpoint.get("addresses")
    }


def why_lost(rest: RestClient, namespace: str, pod: str) -> str:
    """What the API tells of a probe that answered and now does not: its end, its deletion, or its node's condition.

    Empty when the API sees nothing wrong, or cannot be asked.
    """
    try:
        pod_object = rest.get("pods", namespace, pod)
        with understood(f"pod {pod}"):
            return _why_lost(rest, pod, pod_object)
    except NotFound:
        return f"pod {pod} was deleted"
    except ClusterError:
        return ""


def _why_lost(rest: RestClient, pod: str, pod_object: Object) -> str:
    name = (pod_object.get("spec") or {}).get("nodeName", "")
    try:
        trouble = why_not_ready(rest.get("nodes", None, name)) if name else ""
    except ClusterError:
        trouble = ""
    if trouble:
        return f"node {name} is not ready: {trouble}"
    state = pod_state(pod_object)
    return "" if state.ready else f"pod {pod}: {state.text}"
