"""The cluster's DNS, from the objects of its API: its addresses, its pods, and caches on nodes. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from podwire.model.asking import DNS_PORT

Object = dict[str, Any]
Objects = Mapping[str, list[Object]]

LOCAL_DNS_LABEL = "kubernetes.azure.com/localdns-state"
LOCAL_DNS = "169.254.10.11"
"""Where AKS LocalDNS listens for pods that ask the cluster's names (AKS: DNS resolution, LocalDNS)."""
ENDED = ("Succeeded", "Failed")


def dns_addresses(objects: Objects) -> Iterator[str]:
    """Of the cluster DNS' Services. That of NodeLocal DNSCache has their label, and leads its caches alone to the pods
    (kubernetes: cluster/addons/dns/nodelocaldns)."""
    for service in objects.get("services", []):
        if _is_asked(service):
            yield from (ip for ip in (service.get("spec") or {}).get("clusterIPs") or [] if ip != "None")


def _is_asked(service: Object) -> bool:
    return (service.get("metadata") or {}).get("name") != "kube-dns-upstream"


def dns_nodes(objects: Objects) -> tuple[str, ...]:
    """The nodes of its pods: those that are to stay."""
    pods = [
        pod
        for pod in objects.get("pods", [])
        if not (pod.get("metadata") or {}).get("deletionTimestamp")
        and (pod.get("status") or {}).get("phase") not in ENDED
    ]
    return tuple(sorted({(pod.get("spec") or {}).get("nodeName", "") for pod in pods} - {""}))


def dns_pods(objects: Objects) -> tuple[tuple[str, ...], int | None]:
    """The addresses of its ready pods, which are the endpoints of its Service, and the port that this leads to, over
    UDP and over TCP; no port where the Service has two, or none that is known."""
    services = [one for one in objects.get("services", []) if _is_asked(one)]
    pods = [pod for pod in objects.get("pods", []) if _is_ready(pod) and any(_selects(one, pod) for one in services)]
    addresses = [one.get("ip", "") for pod in pods for one in (pod.get("status") or {}).get("podIPs") or []]
    ports = {port for one in services for pod in pods if _selects(one, pod) for port in _target_ports(one, pod)}
    order = sorted({one for one in addresses if one}, key=lambda one: (":" in one, ipaddress.ip_address(one)))
    return tuple(order), next(iter(ports)) or None if len(ports) == 1 else None


def _is_ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    leaving = (pod.get("metadata") or {}).get("deletionTimestamp")
    return not leaving and any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)


def _selects(service: Object, pod: Object) -> bool:
    selector = (service.get("spec") or {}).get("selector") or {}
    return bool(selector) and selector.items() <= ((pod.get("metadata") or {}).get("labels") or {}).items()


def _target_ports(service: Object, pod: Object) -> Iterator[int]:
    """Where port 53 of the Service leads to at a pod; a name is that of a port of the pod's containers."""
    containers = (pod.get("spec") or {}).get("containers") or []
    named = {one.get("name"): one.get("containerPort") for each in containers for one in each.get("ports") or []}
    for port in (service.get("spec") or {}).get("ports") or []:
        if port.get("port") == DNS_PORT:
            target = port.get("targetPort") or DNS_PORT
            number = named.get(target) if isinstance(target, str) else target
            yield number if isinstance(number, int) else 0


def dns_caches(objects: Objects, signals: list[str]) -> tuple[str, ...]:
    """The addresses of DNS caches on Linux nodes: NodeLocal DNSCache is told where to listen (`-localip`), and a node
    of AKS has a label when it runs LocalDNS."""
    source_by_address: dict[str, str] = {}
    for daemonset in objects.get("daemonsets", []):
        meta = daemonset.get("metadata") or {}
        source_by_address |= dict.fromkeys(
            _local_addresses(daemonset), f"DaemonSet {meta.get('namespace')}/{meta.get('name')}"
        )
    for node in objects.get("nodes", []):
        if ((node.get("metadata") or {}).get("labels") or {}).get(LOCAL_DNS_LABEL) == "enabled":
            source_by_address.setdefault(LOCAL_DNS, f"label {LOCAL_DNS_LABEL} of node {node['metadata']['name']}")
    signals += [f"DNS cache on Linux nodes: {address} ({source})" for address, source in source_by_address.items()]
    return tuple(source_by_address)


def _local_addresses(daemonset: Object) -> Iterator[str]:
    """What stands behind `-localip` in the command of a container; nothing where that is no address."""
    spec = ((daemonset.get("spec") or {}).get("template") or {}).get("spec") or {}
    for container in spec.get("containers") or []:
        words = [str(word) for word in (*(container.get("command") or []), *(container.get("args") or []))]
        for at, word in enumerate(words):
            option, _, value = word.lstrip("-").partition("=")
            if option == "localip" and word.startswith("-"):
                listed = value or (words[at + 1] if at + 1 < len(words) else "")
                yield from (address for address in listed.split(",") if _is_address(address))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
