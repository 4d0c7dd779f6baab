"""EndpointSlices and Endpoints of Services with a selector (kubernetes.io: "EndpointSlices"; forms as recorded)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from podwire.model.facts import family_of
from podwire_lab.controllers.controller import Controller
from podwire_lab.model.interfaces import Object
from podwire_lab.model.pod_status import now

MANAGER = "endpointslice-controller.k8s.io"
_FAMILY = {"IPv4": "ipv4", "IPv6": "ipv6"}


def is_ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def matches(selector: Mapping[str, str], pod: Object) -> bool:
    labels = pod["metadata"].get("labels") or {}
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def target_port(port: Object, pod: Object) -> int | None:
    """The number of a Service port's target in one pod; a name is looked up in the ports of its containers."""
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target
    for container in pod["spec"].get("containers") or ():
        for container_port in container.get("ports") or ():
            if container_port.get("name") == target and container_port.get("protocol", "TCP") == port.get(
                "protocol", "TCP"
            ):
                return int(container_port["containerPort"])
    return None


def endpoint(service: Object, pod: Object, address: str) -> Object:
    """One entry of a slice."""
    ready, terminating = is_ready(pod), bool(pod["metadata"].get("deletionTimestamp"))
    public = bool(service["spec"].get("publishNotReadyAddresses"))
    meta, spec = pod["metadata"], pod["spec"]
    slice_object: Object = {
        "addresses": [address],
        "conditions": {"ready": public or (ready and not terminating), "serving": ready, "terminating": terminating},
        "targetRef": {"kind": "Pod", "namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"]},
        "nodeName": spec["nodeName"],
    }
    if spec.get("hostname") and spec.get("subdomain") == service["metadata"]["name"]:
        slice_object["hostname"] = spec["hostname"]
    return slice_object


def wanted_slices(service: Object, pods: Iterable[Object]) -> list[Object]:
    """`addressType`, `endpoints` and `ports` of all slices of the Service: one for each family and set of ports."""
    families = service["spec"].get("ipFamilies") or ["IPv4"]
    found: dict[tuple[str, str], Object] = {}
    for family in families:
        found[family, ""] = {"addressType": family, "endpoints": [], "ports": []}
    for pod in pods:
        if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed") or not pod["spec"].get("nodeName"):
            continue
        ports = _ports(service, pod)
        for ip in (pod.get("status") or {}).get("podIPs") or ():
            family = next((candidate for candidate in families if _FAMILY[candidate] == family_of(ip["ip"])), None)
            if family is None:
                continue
            key = (family, repr(ports))
            slice_ = found.setdefault(key, {"addressType": family, "endpoints": [], "ports": ports})
            slice_["endpoints"].append(endpoint(service, pod, ip["ip"]))
    return [slice_ for (family, key), slice_ in found.items() if key or not any(k[0] == family and k[1] for k in found)]


def _ports(service: Object, pod: Object) -> list[Object]:
    ports = []
    for port in service["spec"].get("ports") or ():
        number = target_port(port, pod)
        if number is not None:
            endpoint_port = {"name": port.get("name", ""), "protocol": port.get("protocol", "TCP"), "port": number}
            if port.get("appProtocol"):
                endpoint_port["appProtocol"] = port["appProtocol"]
            ports.append(endpoint_port)
    return ports


def wanted_subsets(slices: Iterable[Object], primary: str, *, terminating: bool = False) -> list[Object]:
    """The subsets of the older Endpoints object. It has the Service's first family only, and terminating pods only if
    the Service publishes addresses that are not ready (kubernetes, endpoints_controller.go).
    """
    subsets = []
    for slice_ in slices:
        if slice_["addressType"] != primary or not slice_["endpoints"]:
            continue
        lists: dict[str, list[Object]] = {"addresses": [], "notReadyAddresses": []}
        for entry in slice_["endpoints"]:
            if entry["conditions"]["terminating"] and not terminating:
                continue
            address = {"ip": entry["addresses"][0], "nodeName": entry["nodeName"], "targetRef": entry["targetRef"]}
            lists["addresses" if entry["conditions"]["ready"] else "notReadyAddresses"].append(address)
        subset: Object = {key: value for key, value in lists.items() if value}
        if subset:
            subsets.append(subset | {"ports": slice_["ports"]})
    return subsets


class EndpointsController(Controller):
    """Updates the slices of every Service from its pods."""

    watches = ("services", "pods", "endpointslices")

    def reconcile(self) -> None:
        pods: dict[str, list[Object]] = {}
        for pod in self._store.view("pods"):
            pods.setdefault(pod["metadata"]["namespace"], []).append(pod)
        slices: dict[tuple[str, str], list[Object]] = {}
        for slice_ in self._store.view("endpointslices"):
            labels = slice_["metadata"].get("labels") or {}
            if labels.get("endpointslice.kubernetes.io/managed-by") == MANAGER:
                key = (slice_["metadata"]["namespace"], labels.get("kubernetes.io/service-name", ""))
                slices.setdefault(key, []).append(slice_)
        alive = {
            namespace["metadata"]["name"]
            for namespace in self._store.view("namespaces")
            if not namespace["metadata"].get("deletionTimestamp")
        }
        endpoints = {_key(present): present for present in self._store.view("endpoints")}
        for service in self._store.view("services"):
            namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
            selector = service["spec"].get("selector")
            if not selector or service["spec"].get("type") == "ExternalName" or namespace not in alive:
                continue
            chosen = [pod for pod in pods.get(namespace, ()) if matches(selector, pod)]
            wanted = wanted_slices(service, chosen)
            self._write_slices(service, wanted, slices.get((namespace, name), []))
            self._write_endpoints(service, wanted, endpoints.get((namespace, name)))

    def _write_slices(self, service: Object, wanted: list[Object], present: list[Object]) -> None:
        left = list(present)
        for wanted_slice in wanted:
            same_family = [old for old in left if old["addressType"] == wanted_slice["addressType"]]
            old = next(
                (o for o in same_family if o.get("ports") == wanted_slice["ports"]),
                same_family[0] if same_family else None,
            )
            if old is None:
                self._store.create("endpointslices", {"metadata": _slice_metadata(service), **wanted_slice})
                continue
            left.remove(old)
            if any(old.get(key) != value for key, value in wanted_slice.items()):
                when = {"endpoints.kubernetes.io/last-change-trigger-time": now()}
                meta = old["metadata"]
                meta = {**meta, "annotations": {**(meta.get("annotations") or {}), **when}}
                self._store.update("endpointslices", {**old, **wanted_slice, "metadata": meta})
        for old in left:
            self._store.delete("endpointslices", old["metadata"]["namespace"], old["metadata"]["name"])

    def _write_endpoints(self, service: Object, wanted: list[Object], present: Object | None) -> None:
        meta = service["metadata"]
        primary = (service["spec"].get("ipFamilies") or ["IPv4"])[0]
        public = bool(service["spec"].get("publishNotReadyAddresses"))
        subsets = wanted_subsets(wanted, primary, terminating=public)
        if present is None:
            endpoints: dict[str, Any] = {
                "name": meta["name"],
                "namespace": meta["namespace"],
                "labels": dict(meta.get("labels") or {}),
            }
            endpoints["ownerReferences"] = [_owner(service)]
            self._store.create("endpoints", {"metadata": endpoints} | ({"subsets": subsets} if subsets else {}))
        elif (present.get("subsets") or []) != subsets:
            self._store.update("endpoints", {**present, "subsets": subsets})


def _key(obj: Object) -> tuple[str, str]:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def _owner(service: Object) -> Object:
    meta = service["metadata"]
    reference = {"apiVersion": "v1", "kind": "Service", "name": meta["name"], "uid": meta["uid"]}
    return {**reference, "controller": True, "blockOwnerDeletion": True}


def _slice_metadata(service: Object) -> Object:
    meta = service["metadata"]
    labels = dict(meta.get("labels") or {})
    labels |= {"endpointslice.kubernetes.io/managed-by": MANAGER, "kubernetes.io/service-name": meta["name"]}
    if service["spec"].get("clusterIP") == "None":
        labels["service.kubernetes.io/headless"] = ""
    return {
        "generateName": f"{meta['name']}-",
        "namespace": meta["namespace"],
        "labels": labels,
        "annotations": {"endpoints.kubernetes.io/last-change-trigger-time": now()},
        "ownerReferences": [_owner(service)],
    }
