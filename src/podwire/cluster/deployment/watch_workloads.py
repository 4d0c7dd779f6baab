"""What a watch puts into a cluster: for each operating system a Deployment of pods, a DaemonSet of pods on the nodes'
networks, and a Service; with a host outside also a load balancer. Made from the files in `manifests/watch/`. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from podwire.cluster.deployment import manifests
from podwire.cluster.deployment.manifests import KIND_LABEL, MANAGED_BY, MANAGER, RUN_LABEL, SLOT_LABEL
from podwire.model.facts import OS, NodeFacts
from podwire.model.gaps.paths import SYSTEMS

Object = dict[str, Any]

POD_SLOT, HOST_SLOT, BALANCER = "watch", "watch-hosts", "watch-outside"
_DEADLINE = 3600
_OF_THE_CLUSTER = "node.kubernetes.io/"
"""Taints that say how a node is: a pod that tolerated them would come again on the node that it was evicted from."""


def workloads(
    run_id: str, node: NodeFacts, image: str, replicas: int, taints: Sequence[Object], *, balanced: bool
) -> list[Object]:
    """The objects for one operating system, that of `node`, in the order in which they are made.

    `taints` are those of its nodes; `balanced` adds the load balancer.
    """
    services = [_service(run_id, node.os)]
    if balanced:
        services.append(_service(run_id, node.os, balancer=True))
    pods = _template(run_id, POD_SLOT, node, image)
    pods["spec"]["tolerations"] = [_toleration(taint) for taint in taints if _is_of_the_pool(taint)]
    pods["spec"]["topologySpreadConstraints"] = [
        {
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": dict(pods["metadata"]["labels"])},
        }
    ]
    hosts = _template(run_id, HOST_SLOT, node, image)
    return [
        *services,
        _workload("Deployment", run_id, POD_SLOT, node.os) | {"spec": _spec(pods) | {"replicas": replicas}},
        _workload("DaemonSet", run_id, HOST_SLOT, node.os) | {"spec": _spec(hosts)},
    ]


def service_name(os: OS, *, balancer: bool = False) -> str:
    """The name of a system's Service, or of its load balancer."""
    return f"{BALANCER if balancer else POD_SLOT}-{os}"


def is_host(pod: Object) -> bool:
    """Whether the pod of a watch is on the network of its node."""
    return str((pod["metadata"].get("labels") or {}).get(KIND_LABEL)) == "host"


def system_of(pod: Object) -> OS | None:
    """The operating system of a pod of a watch; None for another pod."""
    slot = str((pod["metadata"].get("labels") or {}).get(SLOT_LABEL))
    return next((os for os in SYSTEMS if slot in (f"{POD_SLOT}-{os}", f"{HOST_SLOT}-{os}")), None)


def _template(run_id: str, slot: str, node: NodeFacts, image: str) -> Object:
    """A pod without a node and a name of its own."""
    kind = "host" if slot == HOST_SLOT else "pod"
    usual = manifests.probe_pod(run_id, slot, "host" if kind == "host" else "a", node, node.name, image, _DEADLINE)
    pod = manifests.changed_by(usual, f"watch/{'hosts' if kind == 'host' else 'pods'}.yaml")
    spec = pod["spec"]
    for field in ("hostname", "subdomain", "activeDeadlineSeconds"):
        spec.pop(field, None)
    del spec["nodeSelector"]["kubernetes.io/hostname"]
    labels = {MANAGED_BY: MANAGER, RUN_LABEL: run_id, KIND_LABEL: kind, SLOT_LABEL: f"{slot}-{node.os}"}
    return {"metadata": {"labels": labels}, "spec": spec}


def _workload(kind: str, run_id: str, slot: str, os: OS) -> Object:
    labels = {MANAGED_BY: MANAGER, RUN_LABEL: run_id}
    metadata = {"name": f"{slot}-{os}", "namespace": manifests.namespace_name(run_id), "labels": labels}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata}


def _spec(template: Object) -> Object:
    return {"selector": {"matchLabels": dict(template["metadata"]["labels"])}, "template": template}


def _service(run_id: str, os: OS, *, balancer: bool = False) -> Object:
    obj = manifests.fresh("watch/service.yaml")
    obj["metadata"] |= {"name": service_name(os, balancer=balancer), "namespace": manifests.namespace_name(run_id)}
    obj["metadata"]["labels"][RUN_LABEL] = run_id
    obj["spec"]["selector"] = {RUN_LABEL: run_id, SLOT_LABEL: f"{POD_SLOT}-{os}"}
    if balancer:
        obj["spec"]["type"] = "LoadBalancer"
    return obj


def _is_of_the_pool(taint: Object) -> bool:
    """Whether the taint belongs to the node's pool (`os=windows:NoSchedule`)."""
    return not str(taint.get("key", "")).startswith(_OF_THE_CLUSTER)


def _toleration(taint: Object) -> Object:
    return {
        "key": taint.get("key", ""),
        "operator": "Equal",
        "value": taint.get("value", ""),
        "effect": taint.get("effect", ""),
    }
