"""Changes of the addresses of pods: a pod gets the address that another one had.

No API gives a certain address to a pod. Calico's IPAM takes a wish in an annotation of the pod ("Use a specific IP
address with a pod"). What the pod got is read, so a wish that is not heard leaves the cases without a verdict.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from podwire.cluster.deployment.changes.waits import Shown, await_shown, is_gone
from podwire.cluster.deployment.waiting import pod_state
from podwire.cluster.deployment.workloads import Deployment, Probe
from podwire.cluster.rest import RestClient
from podwire.errors import ApiError, concerns_the_run
from podwire.model.addressing.inherited import FORMER, HEIR
from podwire.model.facts import Family, family_of

Object = dict[str, Any]
WISH = "cni.projectcalico.org/ipAddrs"
"""The annotation by which a pod asks Calico's IPAM for addresses, as a JSON list."""
STARTS = 60.0
"""Seconds for the new pods to become ready; their image is on the node."""
_PAUSE = 0.1


def address_inherited(rest: RestClient, deployment: Deployment) -> Sequence[Shown]:
    """Delete the former holders and the heirs, and make each heir again with the address that its node's former holder
    had. From then on an heir has no address that a case could ask, unless it got this one."""
    pairs = list(_pairs(deployment))
    again = {heir.pod: _again(rest.get("pods", deployment.namespace, heir.pod), former) for former, heir in pairs}
    leaving = [probe.pod for pair in pairs for probe in pair]
    for pod in leaving:
        rest.delete("pods", deployment.namespace, pod, grace=1)
    for pod in leaving:
        await_shown(is_gone(rest, "pods", deployment.namespace, pod))
    for former, heir in pairs:
        deployment.renewed[heir.pod] = replace(heir, addresses={})
        deployment.problems[former.pod] = "podwire has deleted it, so that another pod gets its address"
        try:
            rest.apply(again[heir.pod])
        except ApiError as error:
            if concerns_the_run(error):
                raise
            deployment.problems[heir.pod] = f"the API server refuses it: {error.message}"
    end = time.monotonic() + STARTS
    for former, heir in pairs:
        if heir.pod not in deployment.problems:
            _await_heir(rest, deployment, former, heir, end)
    return ()


def _pairs(deployment: Deployment) -> Iterator[tuple[Probe, Probe]]:
    """The former holder and the heir of each node that has both."""
    for heir in deployment.available():
        former = deployment.on(heir.node, FORMER) if heir.slot == HEIR else None
        if former is not None and former.pod not in deployment.problems:
            yield former, heir


def _again(pod: Object, former: Probe) -> Object:
    """A pod as it was made, with a wish for the addresses of another one."""
    metadata, spec = pod["metadata"], copy.deepcopy(pod["spec"])
    spec.pop("nodeName", None)
    notes = {**(metadata.get("annotations") or {}), WISH: json.dumps(sorted(former.addresses.values()))}
    kept = {key: metadata[key] for key in ("name", "namespace", "labels") if key in metadata}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {**kept, "annotations": notes}, "spec": spec}


def _await_heir(rest: RestClient, deployment: Deployment, former: Probe, heir: Probe, end: float) -> None:
    """Wait until the heir is ready, and note its addresses, or why it has others than the former holder had."""
    while True:
        pod = rest.get("pods", deployment.namespace, heir.pod)
        state = pod_state(pod)
        if state.ready:
            break
        if state.final or time.monotonic() >= end:
            why = state.text or f"it did not become ready within {STARTS:g} s"
            deployment.problems[heir.pod] = f"made again with the address of {former.pod}: {why}"
            return
        time.sleep(_PAUSE)
    addresses: dict[Family, str] = {family_of(entry["ip"]): entry["ip"] for entry in pod["status"]["podIPs"]}
    if addresses == former.addresses:
        deployment.renewed[heir.pod] = replace(heir, addresses=addresses)
        return
    got, wanted = (", ".join(sorted(each.values())) for each in (addresses, former.addresses))
    text = f"made again, it got {got} and not {wanted}, which {former.pod} had: no address was used again"
    deployment.problems[heir.pod] = text
