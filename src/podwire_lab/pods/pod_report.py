"""A node's reports to the API about one of its pods: the status and the events, from its network and its containers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from podwire_lab.controllers import events
from podwire_lab.model.interfaces import Object, PodNetwork
from podwire_lab.model.pod_status import ContainerState, now, pod_status
from podwire_lab.pods.node_services import NodeServices
from podwire_lab.pods.spec import PodContext


class PodReport:
    """The pod as its node sees it. `network` is None for a pod on the node's network, and until it is attached; `ended`
    is the reason and the message of a pod that the node has ended.
    """

    def __init__(self, services: NodeServices, pod: Object) -> None:
        self.services, self.pod = services, pod
        self.network: PodNetwork | None = None
        self.network_ready = False
        self.ended: tuple[str, str] | None = None
        self.containers = [ContainerState(spec=spec) for spec in pod["spec"].get("containers") or ()]
        self._start_time = now()

    @property
    def uid(self) -> str:
        return str(self.pod["metadata"]["uid"])

    @property
    def namespace(self) -> str:
        return str(self.pod["metadata"]["namespace"])

    @property
    def name(self) -> str:
        return str(self.pod["metadata"]["name"])

    @property
    def context(self) -> PodContext:
        """The values that a container's command and file system depend on."""
        node = self.services.node
        return PodContext(pod=self.pod, system=node.os, pod_ips=self.pod_ips, host_ips=node.addresses)

    @property
    def pod_ips(self) -> Sequence[str]:
        """A kubelet reports the node's addresses for every pod with hostNetwork, wherever a Windows runtime put it."""
        if self.pod["spec"].get("hostNetwork"):
            return self.services.node.addresses
        return self.network.addresses if self.network is not None else ()

    def netns(self, container: str = "") -> int:
        """The network namespace of the pod's processes: its own, or the node's. All containers share it, except with
        the fault that sets all but the first apart.
        """
        node = self.services.node
        apart = bool(container) and node.containers_apart and container != self.containers[0].name
        return node.namespace.fd if apart or self.network is None else self.network.namespace.fd

    def take_over_after_boot(self) -> None:
        """Go on from what the API has of the pod: its containers ended with the machine, and start once more."""
        for container, status in self._before():
            container.restart_with_machine(status)

    def fail_after_boot(self) -> None:
        """The pod, which is not to be restarted, has failed: its containers ended with the machine."""
        if (self.pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            return
        for container, status in self._before():
            container.end_with_machine(status)
        self.publish()

    def _before(self) -> Iterator[tuple[ContainerState, Object]]:
        """The containers, with what the API has of them."""
        known = {each["name"]: each for each in (self.pod.get("status") or {}).get("containerStatuses") or ()}
        return ((container, known[container.name]) for container in self.containers if container.name in known)

    def publish(self) -> None:
        """Write the pod's status, if the API still has this pod."""
        current = self.current()
        if current is None:
            return
        node = self.services.node
        current["status"] = pod_status(
            current,
            containers=self.containers,
            pod_ips=self.pod_ips if self.network_ready else (),
            host_ips=node.addresses,
            start_time=self._start_time,
            network_ready=self.network_ready,
            ended=self.ended,
        )
        if self.network is not None and self.network_ready:
            current["metadata"].setdefault("annotations", {}).update(node.notes_of(self.network))
        self.services.store.update("pods", current)

    def current(self) -> Object | None:
        """The pod in the API; None if it is gone, or another pod has its name."""
        pod = self.services.store.get("pods", self.namespace, self.name)
        return pod if pod is not None and pod["metadata"]["uid"] == self.uid else None

    def event(self, reason: str, message: str, *, warning: bool = False, container: str = "") -> None:
        """Write an event about the pod or one of its containers."""
        kind: Literal["Normal", "Warning"] = "Warning" if warning else "Normal"
        node = self.services.node.name
        events.record(self.services.store, self.pod, reason, message, kind=kind, host=node, container=container)
