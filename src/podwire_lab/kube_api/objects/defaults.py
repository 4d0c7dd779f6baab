"""What the API server writes into objects that leave it open: the defaults of each kind.

As a Kubernetes 1.36 server was recorded to do it. Filling in twice changes nothing.
"""

from __future__ import annotations

from typing import Any, Final

from podwire_lab.kube_api.objects.network_policies import fill_network_policy
from podwire_lab.kube_api.objects.services import Existing, fill_service
from podwire_lab.model.interfaces import Object

_FILE_MODE: Final = 0o644
_EVICTION: Final = tuple(
    {"key": f"node.kubernetes.io/{state}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    for state in ("not-ready", "unreachable")
)
_PROBE: Final = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}


def fill(resource: str, obj: Object, existing: Existing) -> None:
    """Fill `obj` in place. Raises `Invalid` for a Service that asks for an address or port that it cannot have."""
    match resource:
        case "pods":
            _pod(obj)
        case "services":
            fill_service(obj, existing)
        case "namespaces":
            _namespace(obj)
        case "endpointslices":
            for port in obj.get("ports") or ():
                port.setdefault("name", "")
                port.setdefault("protocol", "TCP")
        case "secrets":
            obj.setdefault("type", "Opaque")
        case "events":
            for key in ("firstTimestamp", "lastTimestamp", "eventTime"):
                obj.setdefault(key, None)
            obj.setdefault("source", {})
        case "resourcequotas" | "nodes":
            obj.setdefault("status", {})
        case "daemonsets" | "deployments" | "jobs" | "replicasets" | "statefulsets":
            _workload(resource, obj)
        case "networkpolicies":
            fill_network_policy(obj)
        case _:
            pass


def _spec(obj: Object) -> Object:
    spec = obj.setdefault("spec", {})
    return spec if isinstance(spec, dict) else {}


def _namespace(obj: Object) -> None:
    obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = obj["metadata"]["name"]
    _spec(obj).setdefault("finalizers", ["kubernetes"])
    obj.setdefault("status", {}).setdefault("phase", "Active")


def _workload(resource: str, obj: Object) -> None:
    """What apps/v1 and batch/v1 default: the template as far as it is no pod yet, and how a change is carried out."""
    spec, status = _spec(obj), obj.setdefault("status", {})
    template = spec.get("template")
    if isinstance(template, dict) and isinstance(template.get("spec"), dict):
        spec["template"] = template = _without_nulls(template)
        template.setdefault("metadata", {})
        _pod_spec(template["spec"])
    match resource:
        case "deployments":
            _rolling(spec, "strategy", {"maxUnavailable": "25%", "maxSurge": "25%"})
            defaults: Object = {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600}
        case "daemonsets":
            _rolling(spec, "updateStrategy", {"maxUnavailable": 1, "maxSurge": 0})
            defaults = {"revisionHistoryLimit": 10}
            for count in ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady"):
                status.setdefault(count, 0)
        case "statefulsets":
            _rolling(spec, "updateStrategy", {"partition": 0})
            defaults = {"replicas": 1, "podManagementPolicy": "OrderedReady", "revisionHistoryLimit": 10}
            for count in ("replicas", "availableReplicas"):
                status.setdefault(count, 0)
        case "replicasets":
            defaults = {"replicas": 1}
            status.setdefault("replicas", 0)
        case _:
            defaults = {"backoffLimit": 6, "completionMode": "NonIndexed", "suspend": False, "parallelism": 1}
            if "parallelism" not in spec:
                defaults["completions"] = 1
            _job_labels(spec, obj["metadata"])
    for name, value in defaults.items():
        spec.setdefault(name, value)


def _without_nulls(value: Any) -> Any:
    """A null is the same as no field, and kubectl writes some into templates."""
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _rolling(spec: Object, field: str, amounts: Object) -> None:
    strategy = spec.setdefault(field, {})
    if isinstance(strategy, dict) and strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        strategy["rollingUpdate"] = {**amounts, **(strategy.get("rollingUpdate") or {})}


def _job_labels(spec: Object, meta: Object) -> None:
    """A Job selects its pods by its own uid, unless its author chose a selector (kubernetes.io: "Jobs")."""
    if spec.get("manualSelector") or not isinstance(spec.get("template"), dict) or not meta.get("uid"):
        return
    prefix = "batch.kubernetes.io"
    own = {f"{prefix}/controller-uid": meta["uid"], f"{prefix}/job-name": meta["name"]}
    labels = spec["template"].setdefault("metadata", {}).setdefault("labels", {})
    labels |= {**own, "controller-uid": meta["uid"], "job-name": meta["name"]}
    spec.setdefault("selector", {"matchLabels": {f"{prefix}/controller-uid": meta["uid"]}})


def _pod_spec(spec: Object) -> list[Object]:
    """What a pod and a template of pods default alike; the containers."""
    containers = [*_maps(spec.get("initContainers")), *_maps(spec.get("containers"))]
    for volume in _maps(spec.get("volumes")):
        _volume(volume)
    for container in containers:
        _container(container, host_network=bool(spec.get("hostNetwork")))
    for name, value in (
        ("restartPolicy", "Always"),
        ("terminationGracePeriodSeconds", 30),
        ("dnsPolicy", "ClusterFirst"),
        ("securityContext", {}),
        ("schedulerName", "default-scheduler"),
    ):
        spec.setdefault(name, value)
    return containers


def _pod(obj: Object) -> None:
    spec = _spec(obj)
    containers = _pod_spec(spec)
    account = spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"
    for name, value in (
        ("serviceAccountName", account),
        ("serviceAccount", account),
        ("priority", 0),
        ("enableServiceLinks", True),
        ("preemptionPolicy", "PreemptLowerPriority"),
    ):
        spec.setdefault(name, value)
    tolerations = spec.get("tolerations") or []
    missing = [
        eviction
        for eviction in _EVICTION
        if not any(_tolerates(toleration, eviction["key"]) for toleration in tolerations)
    ]
    if missing:
        spec["tolerations"] = [*tolerations, *(dict(eviction) for eviction in missing)]
    status = obj.setdefault("status", {})
    status.setdefault("phase", "Pending")
    status.setdefault("qosClass", _quality(containers))


def _maps(value: Any) -> list[Object]:
    """The members of a list that are maps: validation reports the others."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _tolerates(toleration: Object, key: Any) -> bool:
    return toleration.get("key") in (None, "", key) and toleration.get("effect") in (None, "", "NoExecute")


def _volume(volume: Object) -> None:
    for source in ("configMap", "secret", "projected", "downwardAPI"):
        if isinstance(volume.get(source), dict):
            volume[source].setdefault("defaultMode", _FILE_MODE)
    if isinstance(volume.get("hostPath"), dict):
        volume["hostPath"].setdefault("type", "")


def _container(container: Object, *, host_network: bool) -> None:
    image = str(container.get("image", ""))
    tag = image.rpartition("/")[2].partition(":")[2]
    latest = "@" not in image and tag in ("", "latest")
    container.setdefault("resources", {})
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    container.setdefault("imagePullPolicy", "Always" if latest else "IfNotPresent")
    for port in _maps(container.get("ports")):
        port.setdefault("protocol", "TCP")
        if host_network and "containerPort" in port:
            port.setdefault("hostPort", port["containerPort"])
    for variable in _maps(container.get("env")):
        reference = (variable.get("valueFrom") or {}).get("fieldRef")
        if isinstance(reference, dict):
            reference.setdefault("apiVersion", "v1")
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if isinstance(container.get(name), dict):
            container[name].update({key: value for key, value in _PROBE.items() if key not in container[name]})
    limits = container["resources"].get("limits") if isinstance(container["resources"], dict) else None
    if limits:
        requests = container["resources"].setdefault("requests", {})
        for name, amount in limits.items():
            requests.setdefault(name, amount)


def _quality(containers: list[Object]) -> str:
    """The QoS class (kubernetes.io: "Pod Quality of Service Classes")."""
    amounts = [
        (container["resources"].get("requests") or {}, container["resources"].get("limits") or {})
        for container in containers
        if isinstance(container.get("resources"), dict)
    ]
    if not any(requests or limits for requests, limits in amounts):
        return "BestEffort"
    names = {"cpu", "memory"}
    if all(names <= limits.keys() and all(requests.get(n) == limits[n] for n in names) for requests, limits in amounts):
        return "Guaranteed"
    return "Burstable"
