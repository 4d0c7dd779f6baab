"""The cluster's DNS, from the objects of its API: its addresses, its pods, and caches on nodes. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

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
        if (service.get("metadata") or {}).get("name") != "kube-dns-upstream":
            yield from (ip for ip in (service.get("spec") or {}).get("clusterIPs") or [] if ip != "None")


def dns_nodes(objects: Objects) -> tuple[str, ...]:
    """The nodes of its pods: those that are to stay."""
    pods = [
        pod
        for pod in objects.get("pods", [])
        if not (pod.get("metadata") or {}).get("deletionTimestamp")
        and (pod.get("status") or {}).get("phase") not in ENDED
    ]
    return tuple(sorted({(pod.get("spec") or {}).get("nodeName", "") for pod in pods} - {""}))


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
