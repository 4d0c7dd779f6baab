"""The network software of the cluster: images and settings of kube-proxy and the CNI, from API objects. Pure.

No plan depends on them. The comparison of two runs shows what an upgrade changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from podwire.cluster.discovery.signals import DAEMONSETS

Object = dict[str, Any]
Objects = Mapping[str, list[Object]]

# The settings that change the path of packets (kubernetes.io: kube-proxy Configuration).
_SETTINGS = ("mode", "featureGates", "winkernel", "iptables", "ipvs", "nftables", "clusterCIDR", "nodePortAddresses")
# amazon-vpc-resource-controller-k8s, docs/windows: the address settings for Windows nodes.
_OF_THE_VPC = "amazon-vpc-cni"


def components(objects: Objects) -> dict[str, str]:
    """The values by the object and field that has them, sorted; empty values are left out."""
    versions: dict[str, str] = {}
    for daemonset in objects.get("daemonsets", []):
        if is_network(daemonset["metadata"]["name"]):
            versions |= dict(_of_daemonset(daemonset))
    for config in objects.get("configmaps", []):
        if "kube-proxy" in config["metadata"]["name"]:
            versions |= dict(_of_proxy(config))
        elif config["metadata"]["name"] == _OF_THE_VPC:
            versions |= dict(_of_vpc(config))
    return dict(sorted(versions.items()))


def is_network(name: str) -> bool:
    """Whether a DaemonSet of this name is kube-proxy or part of a CNI."""
    return "kube-proxy" in name or any(name == prefix or name.startswith(f"{prefix}-") for prefix, _, _ in DAEMONSETS)


def _of_daemonset(daemonset: Object) -> Iterator[tuple[str, str]]:
    meta = daemonset["metadata"]
    pod = ((daemonset.get("spec") or {}).get("template") or {}).get("spec") or {}
    for container in pod.get("containers") or []:
        place = f"DaemonSet {meta.get('namespace', '')}/{meta['name']} {container.get('name', '')}"
        if container.get("image"):
            yield f"{place} image", str(container["image"])
        words = (container.get("command") or []) + (container.get("args") or [])
        if words and "kube-proxy" in meta["name"]:
            yield f"{place} command", " ".join(str(word) for word in words)


def _of_proxy(config: Object) -> Iterator[tuple[str, str]]:
    meta = config["metadata"]
    for key, text in (config.get("data") or {}).items():
        try:
            tree = yaml.safe_load(str(text))
        except yaml.YAMLError:
            continue
        if isinstance(tree, dict) and tree.get("kind") == "KubeProxyConfiguration":
            place = f"ConfigMap {meta.get('namespace', '')}/{meta['name']} {key}"
            for name in _SETTINGS:
                yield from _leaves(f"{place} {name}", tree.get(name))


def _of_vpc(config: Object) -> Iterator[tuple[str, str]]:
    """The VPC resource controller's settings for Windows nodes: mode and warm pool."""
    place = f"ConfigMap {config['metadata'].get('namespace', '')}/{_OF_THE_VPC}"
    for name, value in (config.get("data") or {}).items():
        yield from _leaves(f"{place} {name}", value)


def _leaves(name: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _leaves(f"{name}.{key}", part)
    elif value not in (None, "", []):
        yield name, str(value).lower() if isinstance(value, bool) else str(value)
