"""The settings of kube-proxy on Windows nodes, from its ConfigMaps and the arguments of its DaemonSets."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import yaml

from podwire.cluster.discovery.node_choice import systems_of
from podwire.cluster.discovery.signals import NetworkSignals
from podwire.model.facts import KubeProxy, NodeFacts

Object = dict[str, Any]
Objects = Mapping[str, list[Object]]
EXTERNAL_IPS = "AllowServiceExternalIPs"


def kube_proxy(
    objects: Objects, nodes: tuple[NodeFacts, ...], network: NetworkSignals, signals: list[str]
) -> KubeProxy:
    """The kube-proxy settings for these nodes, some of which run Windows. Adds a signal for each source or gap."""
    return KubeProxy(
        dsr=_dsr(objects, signals),
        win_dsr=_win_dsr(objects, nodes, signals),
        on_windows=_on_windows(objects, network, signals),
    )


def external_ips(objects: Objects, signals: list[str]) -> bool | None:
    """The feature gate AllowServiceExternalIPs (KEP-5707) of kube-proxy on nodes of either OS: off where one source has
    it off. None where none sets it."""
    told = dict(_external_ips_told(objects))
    signals += [f"{source}: feature gate {EXTERNAL_IPS} {'on' if on else 'off'}" for source, on in told.items()]
    return all(told.values()) if told else None


def _external_ips_told(objects: Objects) -> Iterator[tuple[str, bool]]:
    for _, source, tree in all_configs(objects):
        gates = tree.get("featureGates")
        if isinstance(gates, dict) and isinstance(gates.get(EXTERNAL_IPS), bool):
            yield source, gates[EXTERNAL_IPS]
    for _, source, words in all_arguments(objects):
        gate = re.search(rf"--feature-gates[=\s]\S*\b{EXTERNAL_IPS}=(true|false)", words, re.IGNORECASE)
        if gate:
            yield source, gate[1].lower() == "true"


def _dsr(objects: Objects, signals: list[str]) -> bool | None:
    """Direct Server Return in kube-proxy's ConfigMap (`winkernel.enableDSR`) or arguments; None: unset or different."""
    dsr_by_source = dict(_dsr_told(objects))
    signals += [f"{source}: Direct Server Return {'on' if on else 'off'}" for source, on in dsr_by_source.items()]
    if not dsr_by_source:
        signals.append("Direct Server Return on Windows nodes: no signal tells it")
        return None
    if len(set(dsr_by_source.values())) > 1:
        signals.append(
            f"conflict: Direct Server Return differs between {' and '.join(dsr_by_source)}; taken as unknown"
        )
        return None
    return next(iter(dsr_by_source.values()))


def _dsr_told(objects: Objects) -> Iterator[tuple[str, bool]]:
    for source, tree in _proxy_configs(objects):
        winkernel = tree.get("winkernel")
        if isinstance(winkernel, dict) and isinstance(winkernel.get("enableDSR"), bool):
            yield source, winkernel["enableDSR"]
    for source, words in _proxy_arguments(objects):
        flag = re.search(r"--enable-dsr(?:[=\s]+(true|false))?(?=\s|$)", words, re.IGNORECASE)
        if flag:
            yield source, (flag[1] or "true").lower() == "true"


def _on_windows(objects: Objects, network: NetworkSignals, signals: list[str]) -> bool | None:
    """Whether Windows nodes have a kube-proxy. None if unknown: it may be a service of the node, which the API does not
    show. A transparent network has none, because its plugins balance by themselves."""
    sources = [source for source, _ in (*_proxy_configs(objects), *_proxy_arguments(objects))]
    if sources:
        return True
    if network.mode != "transparent":
        return None
    signals.append("kube-proxy on Windows nodes: none, on a transparent network")
    return False


def _win_dsr(objects: Objects, nodes: tuple[NodeFacts, ...], signals: list[str]) -> bool | None:
    """The WinDSR feature gate of kube-proxy: its setting, else the default, on since 1.33 (kube_features.go)."""
    for source, on in _win_dsr_told(objects):
        signals.append(f"{source}: feature gate WinDSR {'on' if on else 'off'}")
        return on
    versions = [re.match(r"v?(\d+)\.(\d+)", node.software.kubelet) for node in nodes if node.os == "windows"]
    known = [(int(version[1]), int(version[2])) for version in versions if version]
    if not known:
        signals.append("feature gate WinDSR: no signal tells it")
        return None
    on = min(known) >= (1, 33)
    signals.append(f"feature gate WinDSR: {'on' if on else 'off'}, as the kubelets' version has it")
    return on


def _win_dsr_told(objects: Objects) -> Iterator[tuple[str, bool]]:
    for source, tree in _proxy_configs(objects):
        gates = tree.get("featureGates")
        if "winkernel" in tree and isinstance(gates, dict) and isinstance(gates.get("WinDSR"), bool):
            yield source, gates["WinDSR"]
    for source, words in _proxy_arguments(objects):
        gate = re.search(r"--feature-gates[=\s]\S*\bWinDSR=(true|false)", words, re.IGNORECASE)
        if gate:
            yield source, gate[1].lower() == "true"


def _proxy_configs(objects: Objects) -> Iterator[tuple[str, Object]]:
    """The kube-proxy configurations for Windows, each with the name of its ConfigMap."""
    for name, source, tree in all_configs(objects):
        if "winkernel" in tree and _of_windows(name, tree):
            yield source, tree


def all_configs(objects: Objects) -> Iterator[tuple[str, str, Object]]:
    """The kube-proxy configurations, each with the name of its ConfigMap and where it stands, in words."""
    for config in objects.get("configmaps", []):
        if "kube-proxy" not in config["metadata"]["name"]:
            continue
        for key, text in (config.get("data") or {}).items():
            if "winkernel" not in str(text) and "featureGates" not in str(text):
                continue
            try:
                tree = yaml.safe_load(str(text))
            except yaml.YAMLError:
                continue
            if isinstance(tree, dict):
                name = config["metadata"]["name"]
                yield name, f"ConfigMap {config['metadata'].get('namespace', '')}/{name} {key}", tree


def _of_windows(name: str, tree: Object) -> bool:
    """Whether a configuration is for kube-proxy on Windows: by its name, its mode, or a set field of winkernel.
    kubeadm writes an empty winkernel section, with enableDSR false, for Linux nodes too."""
    winkernel = tree.get("winkernel")
    for_windows = isinstance(winkernel, dict) and any(winkernel.values())
    return "win" in name or tree.get("mode") == "kernelspace" or for_windows


def _proxy_arguments(objects: Objects) -> Iterator[tuple[str, str]]:
    """The kube-proxy command lines on Windows nodes, each with the name of its DaemonSet."""
    return ((source, words) for systems, source, words in all_arguments(objects) if "windows" in systems)


def all_arguments(objects: Objects) -> Iterator[tuple[Collection[str], str, str]]:
    """The kube-proxy command lines, each with the systems of its nodes and the name of its DaemonSet."""
    for daemonset in objects.get("daemonsets", []):
        name = daemonset["metadata"]["name"]
        pod = ((daemonset.get("spec") or {}).get("template") or {}).get("spec") or {}
        if "kube-proxy" in name:
            containers = pod.get("containers") or []
            words = (str(word) for c in containers for word in (c.get("command") or []) + (c.get("args") or []))
            yield (
                systems_of(daemonset),
                f"DaemonSet {daemonset['metadata'].get('namespace', '')}/{name}",
                " ".join(words),
            )
