"""A Windows node that is filled with pods: how many it has addresses for, and when one is given to another pod.

It takes room from whatever else the cluster would put there, so a run does it only when it is told to.
"""

from __future__ import annotations

import copy
import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Any

from podwire.cluster.deployment import manifests
from podwire.cluster.deployment.filled import Filled, Rest
from podwire.cluster.deployment.workloads import Deployment, Probe
from podwire.cluster.discovery.vpc import VPC_ADDRESS, offered_addresses, vpc_address
from podwire.cluster.rest import RestClient
from podwire.errors import ClusterError, NotFound

Object = dict[str, Any]
PATIENCE, PAUSE = 600.0, 0.25
"""Seconds for all pods of a node to start (Windows nodes start few at once), and between two looks at them."""
PATIENCE_WITH_ONE = 120.0
"""Seconds for the one pod too many: to be told why it waits, and to get an address that another gave back."""
COOL_DOWN = 30.0
"""How long an address of the VPC rests, as documented (amazon-vpc-resource-controller-k8s)."""
SLOT = "filler"
_THREADS = 8


def fill(rest: RestClient, deployment: Deployment, offered: Callable[[Object], int], *, give_back: bool) -> None:
    """Fill the first Windows node of the run with one pod more than it has addresses for, and note what came of it in
    the deployment. `offered` reads the number of addresses from a Node; with `give_back` a pod is deleted then, and the
    one that waits is waited for. A node that has more addresses in use than it offers is noted as it is.

    Raises:
        ClusterError: pods get no address and no event says why, though some are free.
    """
    first = next((probe for probe in deployment.probes if probe.os == "windows" and probe.slot == "a"), None)
    if first is None:
        raise ClusterError("no Windows node has a probe")
    filling = _Filling(rest, deployment, first)
    refused = filling.fill(offered(rest.get("nodes", None, first.node)))
    filled = Filled(addresses=len(filling.addresses()), waiting=len(refused))
    deployment.filled[first.node] = replace(filled, rest=filling.give_back(refused)) if give_back else filled


class _Filling:
    """The pods of one node, as the API shows them."""

    def __init__(self, rest: RestClient, deployment: Deployment, like: Probe) -> None:
        self._rest, self._deployment, self._like = rest, deployment, like
        self._began: dict[str, float] = {}
        self._given: dict[str, tuple[str, float]] = {}
        """By filler the address that it got, and how many seconds after it was asked for."""
        self._left: set[str] = set()
        self._probe_took: float | None = None

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
                self._left.add(_first_told(pod))
                self._rest.delete("pods", self._deployment.namespace, pod["metadata"]["name"], grace=1)

    def fill(self, offered: int) -> set[str]:
        """Fill it. Returns the names of the pods that get no address and are told so."""
        self._end_what_leaves()
        free = offered - len(self.addresses())
        if free < 0:
            return set()  # The numbers say what is wrong, and another pod would only hide it.
        like = self._rest.get("pods", self._deployment.namespace, self._like.pod)
        self._probe_took = _seconds_to_network(like)
        pods = [_filler(like, f"{self._like.pod.removesuffix('-a')}-{SLOT}-{at}") for at in range(free + 1)]
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="fill") as threads:
            for done in [threads.submit(self._apply, pod) for pod in pods]:
                done.result()
        _until(lambda: len(self._waiting()) <= 1, PATIENCE)
        _until(lambda: not self._waiting() - self._refused(), PATIENCE_WITH_ONE)
        waiting = self._waiting()
        refused = waiting & self._refused()
        free = offered - len(self.addresses())
        if waiting - refused and free > 0:
            text = f"{len(waiting - refused)} pods of node {self._like.node} have no address, and no event says why"
            raise ClusterError(f"{text}, though {free} of {offered} addresses are free")
        return refused

    def _apply(self, pod: Object) -> None:
        self._began[pod["metadata"]["name"]] = time.monotonic()
        self._rest.apply(pod)

    def _own(self) -> list[Object]:
        """The fillers as they are now. Who got which address, and when, is noted on the way."""
        pods = self._rest.list("pods", self._deployment.namespace, labels=f"{manifests.SLOT_LABEL}={SLOT}")
        for pod in pods:
            name, address = pod["metadata"]["name"], _first_told(pod)
            if address and name in self._began and name not in self._given:
                self._given[name] = (address, time.monotonic() - self._began[name])
        return pods

    def _waiting(self) -> set[str]:
        """The names of fillers without an address."""
        return {pod["metadata"]["name"] for pod in self._own() if not _holder(pod)}

    def _refused(self) -> set[str]:
        """The names of pods that the scheduler or the kubelet told that there is no address for them."""
        unschedulable = {pod["metadata"]["name"] for pod in self._own() if _unschedulable(pod)}
        events = self._rest.list("events", self._deployment.namespace)
        return unschedulable | {event["involvedObject"]["name"] for event in events if _of_no_address(event)}

    def give_back(self, waiting: set[str]) -> Rest:
        """Delete a filler, and see for how long its address is nobody's.

        A pod that is slow to start would look like an address that rests. So what counts is that very address, from the
        moment that it is noted on a pod, and only where pods get a free one much sooner.
        """
        if not waiting:
            return Rest(problem="no pod waited for an address")
        leaving = min(self._given.keys() - waiting, default=None)
        if leaving is None:
            return Rest(problem="the node had no address for a pod of this run, which could give it back")
        # The addresses of what has just left were not free: they had to rest, too. Where a node had no others for
        # fillers, the probe tells how long a pod waits for a free one.
        free = [took for address, took in self._given.values() if address not in self._left]
        usual = max(free, default=self._probe_took)
        if usual is None:
            return Rest(problem="nothing tells how long a pod of that node waits for an address that is free")
        rest = Rest(returned=self._given[leaving][0], usual=usual)
        self._rest.delete("pods", self._deployment.namespace, leaving, grace=1)
        if not _until(lambda: self._gone(leaving), PATIENCE):
            return replace(rest, problem=f"pod {leaving} did not end within {PATIENCE:g} s")
        began = time.monotonic()
        if not _until(lambda: self._own() and waiting & self._given.keys(), PATIENCE_WITH_ONE):
            return replace(rest, problem=f"no pod got {rest.returned} within {PATIENCE_WITH_ONE:g} s")
        seconds = time.monotonic() - began
        got = {self._given[name][0] for name in waiting & self._given.keys()}
        if rest.returned not in got:
            text = f"the waiting pod got {', '.join(sorted(got))}, not {rest.returned}"
            return replace(rest, problem=f"{text}, which another pod gave back")
        if seconds + 1 >= COOL_DOWN and usual > COOL_DOWN / 2:
            text = f"another pod got {rest.returned} after {seconds:.0f} s"
            return replace(rest, problem=f"{text}, but pods waited {usual:.0f} s for addresses that were free, too")
        return replace(rest, seconds=seconds)

    def _gone(self, pod: str) -> bool:
        try:
            self._rest.get("pods", self._deployment.namespace, pod)
        except NotFound:
            return True
        return False


NO_SANDBOX = "FailedCreatePodSandBox"
_NO_ADDRESS = re.compile(r"(?i)\bno [a-z0-9 ]*address|addresses available|request(ed)? [a-z0-9 ]*address|affine block")
INSUFFICIENT = f"Insufficient {VPC_ADDRESS}"
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


def _first_told(pod: Object) -> str:
    """A pod's address as soon as anybody tells it: the controller of the VPC does before the node has started it."""
    return vpc_address(pod) or str((pod.get("status") or {}).get("podIP") or "")


def _seconds_to_network(pod: Object) -> float | None:
    """How long a pod was there until its network was, None where it does not tell (Kubernetes: Pod Lifecycle)."""
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition["type"] == "PodReadyToStartContainers" and condition["status"] == "True":
            network_ready, created = (
                datetime.fromisoformat(t)
                for t in (condition["lastTransitionTime"], pod["metadata"]["creationTimestamp"])
            )
            return (network_ready - created).total_seconds()
    return None


def _unschedulable(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(
        condition["type"] == "PodScheduled"
        and condition["status"] == "False"
        and INSUFFICIENT in str(condition.get("message"))
        for condition in conditions
    )


def _of_no_address(event: Object) -> bool:
    """Whether an event tells its pod that there is no address for it. Each IPAM has its own words for that; a sandbox
    may fail for many another reason, of which some speak of addresses too."""
    message = str(event.get("message"))
    if event.get("reason") == NO_SANDBOX:
        return bool(_NO_ADDRESS.search(message))
    return event.get("reason") == "FailedScheduling" and INSUFFICIENT in message


def _until(met: Callable[[], object], seconds: float) -> bool:
    """Wait for a fact; whether it came in time."""
    end = time.monotonic() + seconds
    while not met():
        if time.monotonic() >= end:
            return False
        time.sleep(PAUSE)
    return True


def calico_filled(rest: RestClient, deployment: Deployment) -> Sequence[Callable[[], bool]]:
    """The first Windows node on Calico is filled: 60 pods, as many as a block of 64 addresses allows, and one more."""
    fill(rest, deployment, lambda node: CALICO_ADDRESSES, give_back=False)
    return ()


def vpc_filled(rest: RestClient, deployment: Deployment) -> Sequence[Callable[[], bool]]:
    """The first Windows node of EKS is filled: as many pods as its network card has addresses, and one more."""
    fill(rest, deployment, lambda node: offered_addresses(node["status"]["allocatable"]) or 0, give_back=True)
    return ()


CALICO_ADDRESSES = 60
