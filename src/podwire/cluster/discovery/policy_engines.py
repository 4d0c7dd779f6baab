"""Who enforces network policies, on the nodes of each OS. Pure.

Sources: names of DaemonSets and images of the engines (documentation and manifests of Calico, Antrea, Cilium,
ovn-kubernetes, kube-router, Azure, AWS); annotations of Calico on nodes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from podwire.cluster.discovery.node_votes import os_of
from podwire.cluster.discovery.signals import NetworkSignals
from podwire.model.facts import NO_ENGINE, OS, UNKNOWN, NetworkPolicies, NodeFacts, PolicyEngine
from podwire.platforms.policy_engines import engine, engines

Object = dict[str, Any]
Objects = Mapping[str, list[Object]]

# The beginning of a DaemonSet's name, the engine that it is, and the OS of its nodes; the longest beginning counts.
_DAEMONSETS: tuple[tuple[str, str, OS], ...] = (
    ("calico-node", "calico", "linux"),
    ("calico-node-windows", "calico", "windows"),
    ("canal", "calico", "linux"),
    ("rke2-canal", "calico", "linux"),
    ("antrea-agent", "antrea", "linux"),
    ("antrea-agent-windows", "antrea", "windows"),
    ("azure-npm", "azure-npm", "linux"),
    ("azure-npm-win", "azure-npm", "windows"),
    ("cilium", "cilium", "linux"),
    ("kube-router", "kube-router", "linux"),
    ("kube-network-policies", "kube-network-policies", "linux"),
    ("ovnkube-node", "ovn-kubernetes", "linux"),
)
# DaemonSets whose names begin like an engine's and that are none.
_OTHERS = ("cilium-envoy",)
# aws/amazon-vpc-cni-k8s: the agent is a container of aws-node, and enforces only with this setting of the ConfigMap.
_VPC_AGENT, _VPC_CONFIG, _VPC_SWITCH = "aws-eks-nodeagent", "amazon-vpc-cni", "enable-network-policy-controller"
_CALICO_NOTE = "projectcalico.org/"
_VERSION = re.compile(r":v?(\d+(?:\.\d+)+)[^:/]*$")
_CALLED: Mapping[OS, str] = {"linux": "Linux", "windows": "Windows"}


@dataclass(frozen=True, kw_only=True)
class _Sign:
    """One sign of an engine."""

    name: str
    os: OS
    source: str
    version: str = ""


def network_policies(
    objects: Objects, network: NetworkSignals, nodes: Sequence[NodeFacts], signals: list[str]
) -> NetworkPolicies:
    """The engines of Linux and of Windows nodes. Without a sign of one there is none, unless the signs could not be
    read, or an engine is known to run on Windows nodes without one."""
    signs = list(_signs(objects, network))
    readable = "daemonsets" in objects
    linux = _engine("linux", signs, NO_ENGINE if readable else UNKNOWN, signals)
    windows = PolicyEngine()
    if any(node.os == "windows" for node in nodes):
        usual = _usual_on_windows(linux, network, nodes) if readable else UNKNOWN
        windows = _engine("windows", signs, usual, signals)
    return NetworkPolicies(linux=linux, windows=windows)


def _usual_on_windows(linux: PolicyEngine, network: NetworkSignals, nodes: Sequence[NodeFacts]) -> str:
    """Of Windows nodes without a sign. Calico may run there as Windows services, beside any CNI that it works with
    (AWS: EKS, Calico; AKS: network policies); not on GKE (Tigera: Calico for Windows, limitations)."""
    of_google = any(node.machine.provider == "gce" for node in nodes)
    if network.cni == UNKNOWN or (linux.name == "calico" and not of_google):
        return UNKNOWN
    return NO_ENGINE


def _engine(os: OS, signs: Sequence[_Sign], otherwise: str, signals: list[str]) -> PolicyEngine:
    called = f"network policies on {_CALLED[os]} nodes"
    of_os = [sign for sign in signs if sign.os == os]
    names = list(dict.fromkeys(sign.name for sign in of_os))
    if len(names) > 1:
        both = " and ".join(f"{sign.name} ({sign.source})" for sign in of_os)
        signals.append(f"conflict: {called} {both}; taken as unknown")
        return PolicyEngine()
    if not names:
        words = "none is assumed" if otherwise == NO_ENGINE else "taken as unknown"
        signals.append(f"{called}: no signal of an engine; {words}")
        return engine(otherwise, os)
    version = next((sign.version for sign in of_os if sign.version), "")
    found = engine(names[0], os, version)
    signals.append(f"{called}: {' '.join(filter(None, (found.name, version)))} ({of_os[0].source})")
    ended = next((row.until for row in engines() if (row.name, row.os) == (found.name, os)), "")
    if ended:
        signals.append(f"{called}: {found.name} is supported until {ended}; plan for another engine")
    return found


def _signs(objects: Objects, network: NetworkSignals) -> Iterator[_Sign]:
    for daemonset in objects.get("daemonsets", []):
        yield from _of_daemonset(daemonset, objects)
    for node in objects.get("nodes", []):
        notes = node["metadata"].get("annotations") or {}
        if os_of(node) == "windows" and any(key.startswith(_CALICO_NOTE) for key in notes):
            yield _Sign(name="calico", os="windows", source=f"node {node['metadata']['name']}: annotations of Calico")
    if network.cni == "calico":
        # Felix, which enforces, is a part of Calico on nodes of either OS.
        for os in _CALLED:
            yield _Sign(name="calico", os=os, source="Calico is the CNI")
    if network.cni == "ovn-kubernetes" and network.mode == "transparent":
        yield _Sign(name="ovn-kubernetes", os="windows", source="OVN switches on Windows nodes")


def _of_daemonset(daemonset: Object, objects: Objects) -> Iterator[_Sign]:
    meta = daemonset["metadata"]
    name, source = str(meta["name"]), f"DaemonSet {meta.get('namespace', '')}/{meta['name']}"
    pod = ((daemonset.get("spec") or {}).get("template") or {}).get("spec") or {}
    images = {str(part.get("name", "")): str(part.get("image", "")) for part in pod.get("containers") or []}
    if _VPC_AGENT in images and _vpc_agent_enforces(objects):
        yield _Sign(name="vpc-network-policy", os="linux", source=source, version=_version(images[_VPC_AGENT]))
    rows = [row for row in _DAEMONSETS if name == row[0] or name.startswith(f"{row[0]}-")]
    if rows and not name.startswith(_OTHERS):
        _, engine_name, os = max(rows, key=lambda row: len(row[0]))
        version = next((v for image in images.values() if (v := _version(image))), "")
        yield _Sign(name=engine_name, os=os, source=source, version=version)


def _vpc_agent_enforces(objects: Objects) -> bool:
    return any(
        str((config.get("data") or {}).get(_VPC_SWITCH, "")).lower() == "true"
        for config in objects.get("configmaps", [])
        if config["metadata"]["name"] == _VPC_CONFIG
    )


def _version(image: str) -> str:
    """The version in an image's tag, `3.31.0` of `quay.io/calico/node:v3.31.0-x`; empty for another tag or a digest."""
    found = _VERSION.search(image)
    return found[1] if found else ""
