"""Signals about the pod network in API objects. Each source votes for a CNI, a mode and tunnel parameters. Pure.

Sources: node annotations, labels and capacities of the CNIs, CNI configuration in ConfigMaps, Calico's IP pools, names
of DaemonSets (documentation and code of flannel, Calico, ovn-kubernetes, Azure and AWS). One network mode is active per
Windows node (kubernetes.io: Networking on Windows).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import yaml

from podwire.cluster.discovery.node_votes import of_node, os_of
from podwire.cluster.discovery.votes import Vote, flannel_mode, json_of
from podwire.model.facts import UNKNOWN, Encapsulation, Mode

Object = dict[str, Any]
Objects = Mapping[str, list[Object]]

VXLAN_PORT = 4789
GENEVE_PORT = 6081

# CNI plugins of Windows nodes by the type in their configuration: the CNI that they belong to ("" for a plugin that
# other CNIs also call as their delegate), and the mode of the HNS network that they create.
_PLUGINS: Mapping[str, tuple[str, Mode | None]] = {
    "win-overlay": ("", "overlay"),
    "sdnoverlay": ("", "overlay"),
    "win-bridge": ("", "l2bridge"),
    "sdnbridge": ("", "l2bridge"),
    "flannel": ("flannel", None),
    "calico": ("calico", None),
    "azure-vnet": ("azure-cni", None),
    "vpc-bridge": ("vpc-cni", "l2bridge"),
    "aws-cni": ("vpc-cni", None),
    "antrea": ("antrea", None),
    "ovn-k8s-cni-overlay": ("ovn-kubernetes", None),
    "nat": ("nat", "nat"),
    "cilium-cni": ("cilium", None),
}

# The IPAM of these CNIs if no signal names one.
_USUAL_IPAM: Mapping[str, str] = {"flannel": "host-local", "calico": "calico-ipam"}
# The known IPAM types in CNI configurations; azure-cns is an older name.
IPAMS = ("host-local", "azure-vnet-ipam", "azure-cns", "calico-ipam")
# With these plugins, HNS itself assigns pod addresses if the configuration names no IPAM plugin (kubernetes.io:
# Networking on Windows, IP address management, Windows Server IPAM).
_LEFT_TO_HNS = ("nat", "win-bridge", "win-overlay", "sdnbridge", "sdnoverlay")
# The HNS network of azure-vnet by its `mode` (Azure/azure-container-networking: docs/cni.md).
_AZURE_MODES: Mapping[str, Mode] = {"bridge": "l2bridge", "tunnel": "l2tunnel"}

# The beginning of a DaemonSet's name, the CNI that the DaemonSet is part of, and the mode that it implies on Windows.
DAEMONSETS: tuple[tuple[str, str, Mode | None], ...] = (
    ("kube-flannel", "flannel", None),
    ("calico-node", "calico", None),
    ("antrea-agent-windows", "antrea", "transparent"),
    ("antrea-agent", "antrea", None),
    ("azure-cns", "azure-cni", None),
    ("azure-vnet", "azure-cni", None),
    ("aws-node", "vpc-cni", None),
    ("ovnkube-node", "ovn-kubernetes", None),
    ("cilium", "cilium", None),
)


_ENGINES, _WITH_ENGINES = ("calico", "cilium"), ("vpc-cni", "azure-cni", "win-bridge", "sdnbridge")


@dataclass(frozen=True, kw_only=True)
class NetworkSignals:
    """The result of all votes: the values that they agree on, and each vote in words."""

    mode: Mode
    cni: str
    ipam: str
    encapsulation: Encapsulation | None
    signals: tuple[str, ...]


def network_signals(objects: Objects) -> NetworkSignals:
    """Count all votes in these objects. A contradiction gives `unknown`, and a signal that names its sources."""
    votes = _without_engines(list(_votes(objects)))
    signals = list(dict.fromkeys(f"{v.source}: {v.words}" for v in votes))
    modes = _distinct((v.mode, v.source) for v in votes if v.mode)
    mode: Mode = UNKNOWN  # type: ignore[assignment]
    if len(modes) == 1:
        mode = next(iter(modes))
    elif modes:
        signals.append(f"conflict: network mode {_both(modes)}; taken as unknown")
    else:
        signals.append("network mode: no signal tells it; taken as unknown")
    cnis = _distinct((v.cni, v.source) for v in votes if v.cni) or _distinct(
        (v.plugin, v.source) for v in votes if v.plugin
    )
    cni = next(iter(cnis)) if len(cnis) == 1 else UNKNOWN
    if len(cnis) > 1:
        signals.append(f"conflict: CNI {_both(cnis)}; taken as unknown")
    usual = {_USUAL_IPAM[cni]: cni} if cni in _USUAL_IPAM else {}
    ipams = _distinct((v.ipam, v.source) for v in votes if v.ipam) or usual
    if len(ipams) > 1:
        signals.append(f"conflict: IPAM {_both(ipams)}; taken as unknown")
    return NetworkSignals(
        mode=mode,
        cni=cni,
        ipam=next(iter(ipams)) if len(ipams) == 1 else UNKNOWN,
        encapsulation=_encapsulation(mode, cni, votes, signals),
        signals=tuple(signals),
    )


def _without_engines(votes: list[Vote]) -> list[Vote]:
    """The votes without those of policy engines. Calico or Cilium beside another CNI is a policy engine if only a
    DaemonSet shows it (AWS: EKS, Calico for policy; AKS: network policies; Google: GKE, network policy enforcement)."""
    base = next((vote.cni for vote in votes if vote.cni in _WITH_ENGINES), "")
    engines = {name for name in _ENGINES if base and all(vote.is_presence for vote in votes if vote.cni == name)}
    words = f"is a policy engine beside {base}"
    return [replace(vote, cni="", mode=None, words=words) if vote.cni in engines else vote for vote in votes]


def _encapsulation(mode: Mode, cni: str, votes: list[Vote], signals: list[str]) -> Encapsulation | None:
    if mode == "transparent" and cni == "antrea":
        return _of_agent(votes, signals)
    if mode == "transparent" and cni == "ovn-kubernetes":
        # kubernetes.io, "Networking on Windows", network modes, Transparent: Geneve or STT; OVN has the former.
        return Encapsulation(kind="geneve", port=GENEVE_PORT)
    if mode != "overlay":
        return None
    vnis = _distinct((v.vni, v.source) for v in votes if v.vni is not None)
    ports = _distinct((v.port, v.source) for v in votes if v.port is not None)
    if len(vnis) > 1:
        signals.append(f"conflict: VXLAN VNI {_both(vnis)}; taken as unknown")
    if len(ports) > 1:
        signals.append(f"conflict: VXLAN port {_both(ports)}; {VXLAN_PORT} is expected")
    return Encapsulation(
        kind="vxlan",
        port=next(iter(ports)) if len(ports) == 1 else VXLAN_PORT,
        vni=next(iter(vnis)) if len(vnis) == 1 else None,
    )


def _of_agent(votes: list[Vote], signals: list[str]) -> Encapsulation | None:
    """The tunnel in the agent configuration of a transparent network, if podwire reads it (VXLAN, Geneve)."""
    tunnel_vote = next((vote for vote in votes if vote.tunnel), None)
    if tunnel_vote is None or tunnel_vote.tunnel == "none":
        return None
    ports = {"vxlan": VXLAN_PORT, "geneve": GENEVE_PORT}
    if tunnel_vote.tunnel not in ports:
        signals.append(
            f"encapsulation {tunnel_vote.tunnel} ({tunnel_vote.source}): podwire does not read it; taken as none"
        )
        return None
    kind: Literal["vxlan", "geneve"] = "vxlan" if tunnel_vote.tunnel == "vxlan" else "geneve"
    return Encapsulation(kind=kind, port=tunnel_vote.port or ports[kind])


def _distinct(values: Iterable[tuple[Any, str]]) -> dict[Any, str]:
    """Each value with its first source."""
    first_source: dict[Any, str] = {}
    for value, source in values:
        first_source.setdefault(value, source)
    return first_source


def _both(sources: Mapping[Any, str]) -> str:
    return " and ".join(f"{value} ({source})" for value, source in sources.items())


def _votes(objects: Objects) -> Iterator[Vote]:
    windows = any(os_of(node) == "windows" for node in objects.get("nodes", []))
    for node in objects.get("nodes", []):
        yield from of_node(node)
    for config in objects.get("configmaps", []):
        yield from _of_configmap(config, windows)
    yield from _of_pools(objects.get("ippools", []))
    if objects.get("blockaffinities"):
        yield Vote(source="BlockAffinity resources", words="blocks of Calico's IPAM", cni="calico", ipam="calico-ipam")
    for daemonset in objects.get("daemonsets", []):
        yield from _of_daemonset(daemonset)


def _of_configmap(config: Object, windows: bool) -> Iterator[Vote]:
    name = config["metadata"]["name"]
    place = f"ConfigMap {config['metadata'].get('namespace', '')}/{name}"
    data = config.get("data") or {}
    if name == "amazon-vpc-cni" and _is_true(data.get("enable-windows-ipam")):
        ipam = "vpc-prefix" if _is_true(data.get("enable-windows-prefix-delegation")) else "vpc-secondary"
        words = f"enable-windows-ipam: vpc-bridge, {ipam}"
        yield Vote(source=place, words=words, cni="vpc-cni", ipam=ipam, mode="l2bridge" if windows else None)
    if name.startswith("antrea-") and "antrea-agent.conf" in data:
        yield _of_antrea(str(data["antrea-agent.conf"]), place)
    for key, text in data.items():
        tree = json_of(text) if key.endswith((".json", ".conf", ".conflist")) else None
        if not isinstance(tree, dict):
            continue
        backend = tree.get("Backend")
        if isinstance(backend, dict):
            yield _of_backend(backend, f"{place} {key}", "flannel" if "flannel" in name else "")
        for plugin in _plugins(tree):
            yield _of_plugin(plugin, f"{place} {key}", of_windows="windows" in name)
        yield from _of_ipam(tree, f"{place} {key}")
        tunnel = tree.get("vxlan")
        if isinstance(tunnel, dict):
            yield _of_backend(
                {"Type": "vxlan", "VNI": tunnel.get("vni"), "Port": tunnel.get("port")}, f"{place} {key}", ""
            )


def _of_backend(backend: Mapping[str, Any], source: str, cni: str) -> Vote:
    """The vote of a flannel network configuration; other agents for win-overlay use the same format."""
    kind = str(backend.get("Type", ""))
    vni, port = backend.get("VNI"), backend.get("Port")
    if kind != "vxlan":
        return Vote(source=source, words=f"backend {kind}", cni=cni, mode=flannel_mode(kind))
    parts = (f", {word} {value}" for word, value in (("VNI", vni), ("port", port)) if value is not None)
    return Vote(
        source=source,
        words="backend vxlan" + "".join(parts),
        cni=cni,
        mode="overlay",
        vni=vni if isinstance(vni, int) else None,
        port=port if isinstance(port, int) else None,
    )


def _of_antrea(text: str, place: str) -> Vote:
    """The vote of antrea-agent.conf (antrea-io/antrea). The default is `encap` with Geneve."""
    try:
        tree = yaml.safe_load(text)
    except yaml.YAMLError:
        tree = None
    settings = tree if isinstance(tree, dict) else {}
    traffic = str(settings.get("trafficEncapMode") or "encap")
    bare = traffic.lower() in ("noencap", "networkpolicyonly")
    kind = "none" if bare else str(settings.get("tunnelType") or "geneve").lower()
    port = settings.get("tunnelPort")
    words = f"trafficEncapMode {traffic}" + ("" if bare else f", tunnelType {kind}")
    tunnel_port = port if isinstance(port, int) and port else None
    return Vote(source=f"{place} antrea-agent.conf", words=words, cni="antrea", tunnel=kind, port=tunnel_port)


def _of_plugin(plugin: Object, source: str, *, of_windows: bool) -> Vote:
    kind = _kind(plugin)
    cni, mode = _PLUGINS[kind]
    words = f"CNI plugin {kind}"
    if kind == "azure-vnet" and plugin.get("mode") in _AZURE_MODES:
        mode = _AZURE_MODES[plugin["mode"]]
        words += f", mode {plugin['mode']}"
    elif kind == "ovn-k8s-cni-overlay" and of_windows:
        # Today's ovn-kubernetes uses other plugins on Windows nodes; this one is from older documents.
        mode, words = "transparent", f"{words} on Windows nodes"
    return Vote(source=source, words=words, cni=cni, plugin=kind, mode=mode)


def _of_ipam(tree: Object, source: str) -> Iterator[Vote]:
    # A delegate gets the rest of its configuration, IPAM included, from the plugin that calls it.
    delegated = [*_plugins(tree.get("delegate")), *_plugins(tree.get("delegates"))]
    for plugin in _plugins(tree):
        ipam = plugin.get("ipam")
        kind = _kind(ipam) if isinstance(ipam, dict) else ""
        if kind in IPAMS:
            yield Vote(source=source, words=f"IPAM {kind}", ipam=kind)
        elif _kind(plugin) == "ovn-k8s-cni-overlay":
            yield Vote(source=source, words="IPAM of OVN", ipam="ovn")
        elif _kind(plugin) in _LEFT_TO_HNS and not kind and plugin not in delegated:
            yield Vote(
                source=source,
                words=f"CNI plugin {_kind(plugin)} without an IPAM plugin: HNS gives addresses",
                ipam="hns",
            )


def _kind(part: Object) -> str:
    """The `type` of a plugin or of its IPAM, without `.exe`."""
    return str(part.get("type", "")).lower().removesuffix(".exe")


def _is_true(text: object) -> bool:
    return str(text).lower() == "true"


def _plugins(tree: object) -> Iterator[Object]:
    """The known plugins in a CNI configuration, in its list of plugins, and in their delegates."""
    if isinstance(tree, dict):
        if _kind(tree) in _PLUGINS:
            yield tree
        for part in ("plugins", "delegate", "delegates"):
            yield from _plugins(tree.get(part))
    elif isinstance(tree, list):
        for entry in tree:
            yield from _plugins(entry)


def _of_pools(pools: list[Object]) -> Iterator[Vote]:
    for pool in pools:
        spec = pool.get("spec") or {}
        if spec.get("disabled") or ":" in str(spec.get("cidr", "")):
            continue
        vxlan, ipip = spec.get("vxlanMode", "Never"), spec.get("ipipMode", "Never")
        source = f"IPPool {pool['metadata']['name']}"
        if vxlan != "Never":
            yield Vote(source=source, words=f"Calico, vxlanMode {vxlan}", cni="calico", mode="overlay")
        elif ipip != "Never":
            # Windows has no IP-in-IP. The documents do not say how Windows nodes behave in such a pool.
            yield Vote(source=source, words=f"Calico, ipipMode {ipip}, which Windows nodes do not have", cni="calico")
        else:
            yield Vote(source=source, words="Calico without encapsulation (BGP)", cni="calico", mode="l2bridge")


def _of_daemonset(daemonset: Object) -> Iterator[Vote]:
    name = daemonset["metadata"]["name"]
    for prefix, cni, mode in DAEMONSETS:
        if name == prefix or name.startswith(f"{prefix}-"):
            source = f"DaemonSet {daemonset['metadata'].get('namespace', '')}/{name}"
            yield Vote(source=source, words=f"is part of {cni}", cni=cni, mode=mode, is_presence=True)
            return
