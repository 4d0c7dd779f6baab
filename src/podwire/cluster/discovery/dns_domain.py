"""The domain of the cluster's names, as ConfigMaps and arguments of its DNS pods show it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

Object = dict[str, Any]
Objects = Mapping[str, list[Object]]

NAMESPACES = ("kube-system", "openshift-dns")
"""Where DNS pods run (kubernetes: cluster/addons/dns; openshift/cluster-dns-operator)."""


def cluster_domain(objects: Objects, signals: list[str]) -> str | None:
    """The domain of the cluster's names, None where nothing shows it. The source becomes a signal."""
    for domain, source in (*_in_configmaps(objects), *_in_arguments(objects)):
        signals.append(f"cluster domain: {domain} ({source})")
        return domain
    signals.append("cluster domain: no signal tells it; cluster.local is assumed")
    return None


def _in_configmaps(objects: Objects) -> Iterator[tuple[str, str]]:
    """The zones of the CoreDNS plugin `kubernetes` in ConfigMaps that the DNS pods mount, each with its source."""
    mounted = _mounted_by_dns(objects)
    for config in objects.get("configmaps", []):
        name, namespace = config["metadata"]["name"], config["metadata"].get("namespace")
        if namespace not in NAMESPACES or name not in mounted:
            continue
        for text in (config.get("data") or {}).values():
            zone = re.search(r"(?:^|[\s{])kubernetes[ \t]+([\w.-]+)", re.sub(r"#.*", "", str(text)))
            if zone and not zone[1].endswith("arpa"):
                yield zone[1].rstrip("."), f"ConfigMap {namespace}/{name}"


def _mounted_by_dns(objects: Objects) -> set[str]:
    """The names of the ConfigMaps that the DNS pods mount, and `coredns`."""
    volumes = [volume for pod in objects.get("pods", []) for volume in (pod.get("spec") or {}).get("volumes") or []]
    return {"coredns", *(str((volume.get("configMap") or {}).get("name")) for volume in volumes)}


def _in_arguments(objects: Objects) -> Iterator[tuple[str, str]]:
    """The `--domain` of kube-dns, which GKE runs in the place of CoreDNS (kubernetes: cluster/addons/dns/kube-dns)."""
    for pod in objects.get("pods", []):
        metadata = pod.get("metadata") or {}
        for container in (pod.get("spec") or {}).get("containers") or []:
            for word in (container.get("command") or []) + (container.get("args") or []):
                domain = re.fullmatch(r"--domain=([\w.-]+?)\.?", str(word))
                if domain:
                    yield domain[1], f"pod {metadata.get('namespace', '')}/{metadata.get('name', '')}, {word}"
