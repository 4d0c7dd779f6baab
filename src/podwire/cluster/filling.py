"""A Windows node that is filled with pods: how many it has addresses for, and when one is given to another pod.

It takes room from whatever else the cluster would put there, so a run does it only when it is told to.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from podwire.cluster import manifests
from podwire.cluster.errors import ClusterError, NotFound
from podwire.cluster.rest import RestClient
from podwire.cluster.vpc import VPC_ADDRESS
from podwire.cluster.workloads import Deployment, Filled, Probe

Object = dict[str, Any]
PATIENCE, PAUSE = 600.0, 0.25
"""Seconds for all pods of a node to start (Windows nodes start few at once), and between two looks at them."""
REST_PATIENCE = 120.0
SLOT = "filler"
_THREADS = 8


def fill(rest: RestClient, deployment: Deployment, offered: Callable[[Object], int], *, give_back: bool) -> None:
    """Fill the first Windows node of the run with one pod more than it has addresses for, and note what came of it in
    the deployment. `offered` reads the number of addresses from a Node; with `give_back` a pod is deleted then, and the
    one that waits is waited for.

    Raises:
        ClusterError: more pods have addresses than it offers, or no pod gets the one that was given back.
    """
    first = next((probe for probe in deployment.probes if probe.os == "windows" and probe.slot == "a"), None)
    if first is None:
        raise ClusterError("there is no probe on a Windows node")
    filling = _Filling(rest, deployment, first)
    filling.fill(offered(rest.get("nodes", None, first.node)))
    seconds = filling.rest_of_an_address() if give_back and filling.were_waiting else None
    deployment.filled[first.node] = Filled(
        addresses=len(filling.addresses()), waiting=filling.were_waiting, rest=seconds
    )


class _Filling:
    """The pods of one node, as the API shows them."""

    def __init__(self, rest: RestClient, deployment: Deployment, like: Probe) -> None:
        self._rest, self._deployment, self._like = rest, deployment, like
        self._fillers: list[str] = []
        self.were_waiting = 0

    def addresses(self) -> set[str]:
        """The addresses of the pod network that pods of the node have; a pod that asks in vain for the node's own has
        one that the API does not tell, and stands for it. What is on its way out does not count."""
        pods = self._rest.list("pods", fields=f"spec.nodeName={self._like.node}")
        staying = (pod for pod in pods if not pod["metadata"].get("deletionTimestamp"))
        return {holder for pod in staying if (holder := _holder(pod))}

    def _end_what_leaves(self) -> None:
        """Pods of the run that serve on until their time is over have done so: all that they still hold is room."""
        for pod in self._rest.list("pods", self._deployment.namespace, fields=f"spec.nodeName={self._like.node}"):
            if pod["metadata"].get("deletionTimestamp"):
                self._rest.delete("pods", self._deployment.namespace, pod["metadata"]["name"], grace=1)

    def fill(self, offered: int) -> None:
        self._end_what_leaves()
        free = offered - len(self.addresses())
        if free < 0:
            raise ClusterError(f"node {self._like.node} has addresses for {offered} pods, and more have one already")
        like = self._rest.get("pods", self._deployment.namespace, self._like.pod)
        pods = [_filler(like, f"{self._like.pod.removesuffix('-a')}-{SLOT}-{at}") for at in range(free + 1)]
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="fill") as threads:
            for done in [threads.submit(self._rest.apply, pod) for pod in pods]:
                done.result()
        self._fillers = [pod["metadata"]["name"] for pod in pods]
        _until(self._full, PATIENCE)  # A node that takes too long to start its pods is taken as it is then.
        self.were_waiting = len(list(self._waiting()))

    def _own(self) -> list[Object]:
        return self._rest.list("pods", self._deployment.namespace, labels=f"{manifests.SLOT_LABEL}={SLOT}")

    def _waiting(self) -> Iterator[str]:
        """The names of fillers without an address."""
        return (pod["metadata"]["name"] for pod in self._own() if not _holder(pod))

    def _full(self) -> bool:
        """All fillers but one have an address, and of that one somebody has said why it has none; or all have one."""
        waiting = set(self._waiting())
        if len(waiting) > 1:
            return False
        told = {name for pod in self._own() if (name := pod["metadata"]["name"]) in waiting and _unschedulable(pod)}
        if waiting - told:
            events = self._rest.list("events", self._deployment.namespace)
            told |= {event["involvedObject"]["name"] for event in events if event.get("reason") == NO_SANDBOX}
        return waiting <= told

    def rest_of_an_address(self) -> float:
        """Delete a filler, and wait until the one that waits has an address: for how many seconds it was nobody's."""
        waiting = set(self._waiting())
        leaving = next((name for name in self._fillers if name not in waiting), None)
        if leaving is None:
            raise ClusterError(f"node {self._like.node} has no pod of this run that could give an address back")
        self._rest.delete("pods", self._deployment.namespace, leaving, grace=1)
        if not _until(lambda: self._gone(leaving), PATIENCE):
            raise ClusterError(f"pod {leaving} does not end within {PATIENCE:g} s")
        began = time.monotonic()
        if not _until(lambda: waiting - set(self._waiting()), REST_PATIENCE):
            text = f"no pod of node {self._like.node} gets the address that another gave back"
            raise ClusterError(f"{text} within {REST_PATIENCE:g} s")
        return time.monotonic() - began

    def _gone(self, pod: str) -> bool:
        try:
            self._rest.get("pods", self._deployment.namespace, pod)
        except NotFound:
            return True
        return False


NO_SANDBOX = "FailedCreatePodSandBox"
_KEPT = (
    "activeDeadlineSeconds",
    "automountServiceAccountToken",
    "enableServiceLinks",
    "nodeSelector",
    "os",
    "restartPolicy",
    "terminationGracePeriodSeconds",
    "tolerations",
)


def _filler(like: Object, name: str) -> Object:
    """A pod as the probe, which does nothing."""
    labels = {**like["metadata"]["labels"], manifests.PROBE_LABEL: name, manifests.SLOT_LABEL: SLOT}
    own = like["spec"]
    container = {key: own["containers"][0][key] for key in ("name", "image", "imagePullPolicy")}
    container |= {"command": ["python", "-I", "-S", "-c", "import threading; threading.Event().wait()"]}
    container |= {"resources": {"requests": {"cpu": "1m", "memory": "16Mi"}}}
    spec = {key: copy.deepcopy(own[key]) for key in _KEPT if key in own} | {"containers": [container]}
    metadata = {"name": name, "namespace": like["metadata"]["namespace"], "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _holder(pod: Object) -> str:
    """The address of the pod network that a pod of a Windows node has, or its name for one that is not told; '' for
    none. Only HostProcess containers have the node's network (kubernetes.io: Networking on Windows, limitations)."""
    spec, status = pod["spec"], pod.get("status") or {}
    options = ((spec.get("securityContext") or {}).get("windowsOptions") or {}).get("hostProcess")
    if options or status.get("phase") in ("Succeeded", "Failed") or not status.get("podIP"):
        return ""
    return str(pod["metadata"]["name"] if spec.get("hostNetwork") else status["podIP"])


def _unschedulable(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "PodScheduled" and one["status"] == "False" for one in conditions)


def _until(met: Callable[[], object], seconds: float) -> bool:
    """Wait for a fact; whether it came in time."""
    end = time.monotonic() + seconds
    while not met():
        if time.monotonic() >= end:
            return False
        time.sleep(PAUSE)
    return True


def calico_filled(rest: RestClient, deployment: Deployment) -> Sequence[Callable[[], bool]]:
    """A node of Calico: one block of 64 addresses, four of them not for pods."""
    fill(rest, deployment, lambda node: CALICO_ADDRESSES, give_back=False)
    return ()


def vpc_filled(rest: RestClient, deployment: Deployment) -> Sequence[Callable[[], bool]]:
    """A node of EKS: as many as its network card has for pods, which the node offers as a resource."""
    fill(rest, deployment, lambda node: int(node["status"]["allocatable"][VPC_ADDRESS]), give_back=True)
    return ()


CALICO_ADDRESSES = 60
