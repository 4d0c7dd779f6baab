"""Merges the facts that a user states with the discovered ones. Stated facts fill gaps and override nothing. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from msgspec.structs import replace

from podwire.model.addressing.nobody import known_networks, overlapping
from podwire.model.facts import CLUSTER_ROW, DENIED_PORT, OS, UNKNOWN, ClusterFacts, Encapsulation, Family, Mode
from podwire.platforms.policy_engines import engine

GENEVE_PORT = 6081


class Contradiction(ValueError):
    """A stated fact contradicts a discovered one. The text is one line that names both."""


@dataclass(frozen=True, kw_only=True)
class StatedNetwork:
    """The facts about the network between nodes that a user states."""

    mode: Mode | None = None
    cni: str | None = None
    ipam: str | None = None
    encapsulation: Encapsulation | None = None
    path_mtu: int | None = None
    unused_networks: tuple[str, ...] | None = None
    linux_translation: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class StatedEngines:
    """What a user states of who enforces network policies, by name."""

    linux_policies: str | None = None
    windows_policies: str | None = None


@dataclass(frozen=True, kw_only=True)
class StatedFacts:
    """The facts that a user states; None leaves a fact to discovery. `source` is the name of the file."""

    source: str
    network: StatedNetwork = StatedNetwork()
    engines: StatedEngines = StatedEngines()
    dsr: bool | None = None
    families: tuple[Family, ...] | None = None
    windows_families: tuple[Family, ...] | None = None
    cluster_domain: str | None = None
    denied_port: bool | None = None
    pod_security_group: str | None = None
    windows_ports: tuple[str, ...] | None = None
    dns_caches: tuple[str, ...] | None = None


# The beginnings of signals about assumed values, for facts that discovery always sets.
_ASSUMED = {
    "families": "families of the pod network: no signal tells them",
    "windows_families": "families of pods on Windows nodes: no signal tells them",
    "cluster_domain": "cluster domain: no signal tells it",
}
_WORDS = {
    "mode": "network mode",
    "cni": "CNI",
    "ipam": "IPAM",
    "dsr": "Direct Server Return",
    "families": "families of the pod network",
    "windows_families": "families of pods on Windows nodes",
    "cluster_domain": "cluster domain",
    "denied_port": f"denial of TCP port {DENIED_PORT}",
    "pod_security_group": "security group that lets nobody in",
    "windows_ports": "ports that Windows nodes translate to",
    "dns_caches": "DNS cache on Linux nodes",
    "path_mtu": "MTU of the network between nodes",
    "unused_networks": "networks that nobody uses",
    "linux_translation": "translation by Linux nodes",
}
_ENGINES: Mapping[str, tuple[OS, str]] = {
    "linux_policies": ("linux", "network policies on Linux nodes"),
    "windows_policies": ("windows", "network policies on Windows nodes"),
}
_OF_NETWORK = {field.name for field in fields(StatedNetwork)}


def merged(facts: ClusterFacts, stated: StatedFacts) -> ClusterFacts:
    """The facts with stated values for unknown ones, and a signal for each statement.

    If signals disagree, the value is unknown. A statement settles that if it agrees with one of the signals.

    Raises:
        Contradiction: discovery found another value.
    """
    changes: dict[str, Any] = {}
    signals: list[str] = []
    row = CLUSTER_ROW.row(facts)
    for name, value in _given(stated):
        discovered = row[name]
        if discovered == value and name not in _assumed(facts):
            signals.append(f"{stated.source}: {_WORDS[name]} {_text(value)}, as seen")
            continue
        if discovered not in (UNKNOWN, None, ()) and name not in _assumed(facts):
            raise _contradiction(facts, stated, name, value, discovered)
        _settles(facts, stated, name, value)
        changes[name] = value
        if name == "cluster_domain":
            changes["domain_told"] = True
        signals.append(f"{stated.source}: {_WORDS[name]} {_text(value)}, stated")
    _check_unused(facts, stated)
    _with_engines(facts, stated, changes, signals)
    changed = CLUSTER_ROW.changed(facts, changes)
    return _with_tunnel(_with_families(changed, facts, stated), stated, signals)


def _with_engines(facts: ClusterFacts, stated: StatedFacts, changes: dict[str, Any], signals: list[str]) -> None:
    """Take the stated engines where no signal shows one."""
    for name, (os, words) in _ENGINES.items():
        value, discovered = getattr(stated.engines, name), facts.policies.engine(os)
        if value is None:
            continue
        if discovered.enforces and discovered.name != value:
            sources = [signal for signal in facts.origin.signals if signal.startswith(words)]
            by = f" ({sources[0]})" if sources else ""
            raise Contradiction(
                f"{stated.source}: {name}: you state {value}, but podwire found {discovered.name}{by}; "
                "correct or remove the field"
            )
        changes[name] = discovered if discovered.name == value else engine(value, os)
        signals.append(f"{stated.source}: {words} {value}, {'as seen' if discovered.enforces else 'stated'}")


def _check_unused(facts: ClusterFacts, stated: StatedFacts) -> None:
    """Refuse a network that holds something of the cluster."""
    for network in stated.network.unused_networks or ():
        own = overlapping(network, known_networks(facts))
        if own:
            raise Contradiction(
                f"{stated.source}: unused_networks: you state that nobody uses {network}, but {own} is the cluster's; "
                "correct or remove the field"
            )


def _given(stated: StatedFacts) -> Iterator[tuple[str, Any]]:
    for name in _WORDS:
        value = getattr(stated.network if name in _OF_NETWORK else stated, name)
        if value is not None:
            yield name, value


def _assumed(facts: ClusterFacts) -> set[str]:
    return {
        name for name, words in _ASSUMED.items() if any(signal.startswith(words) for signal in facts.origin.signals)
    }


def _contradiction(facts: ClusterFacts, stated: StatedFacts, name: str, value: Any, discovered: Any) -> Contradiction:
    sources = [signal for signal in facts.origin.signals if _is_told_by(name, discovered, signal)]
    by = f" ({sources[0]})" if sources else ""
    return Contradiction(
        f"{stated.source}: {name}: you state {_text(value)}, but podwire found {_text(discovered)}{by}; "
        "correct or remove the field"
    )


def _is_told_by(name: str, discovered: Any, signal: str) -> bool:
    """Whether a value seems to come from a signal, by the words of the signal."""
    hints = {"overlay": "vxlan", "l2bridge": "bridge", "flannel": "flannel", "calico": "Calico"}
    if name in ("mode", "cni", "ipam"):
        words = (str(discovered), hints.get(str(discovered), str(discovered)))
        return any(word.lower() in signal.lower() for word in words) and not signal.startswith("conflict")
    return signal.startswith(_WORDS[name]) or _WORDS[name] in signal


def _settles(facts: ClusterFacts, stated: StatedFacts, name: str, value: Any) -> None:
    """Refuse a statement that agrees with none of the signals in a conflict."""
    for signal in facts.origin.signals:
        if signal.startswith(f"conflict: {_WORDS[name]} ") and f"{_text(value)} (" not in signal:
            conflict = signal.removeprefix("conflict: ").partition(";")[0]
            raise Contradiction(
                f"{stated.source}: {name}: you state {_text(value)}, but podwire found {conflict}; "
                "state one of these values or remove the field"
            )


def _with_families(facts: ClusterFacts, before: ClusterFacts, stated: StatedFacts) -> ClusterFacts:
    """With a newly stated mode `overlay` or `nat`, pods on Windows nodes have IPv4 only (kubernetes.io, dual-stack)."""
    network = facts.network
    if network.mode != before.network.mode and network.mode in ("overlay", "nat") and stated.windows_families is None:
        return replace(facts, network=replace(network, windows_families=("ipv4",)))
    return facts


def _with_tunnel(facts: ClusterFacts, stated: StatedFacts, signals: list[str]) -> ClusterFacts:
    network, stated_tunnel = facts.network, stated.network.encapsulation
    tunnel = discovered = network.encapsulation
    if tunnel is None and network.mode == "overlay":
        tunnel = Encapsulation()
    if tunnel is None and network.mode == "transparent" and network.cni == "ovn-kubernetes":
        tunnel = Encapsulation(kind="geneve", port=GENEVE_PORT)
    if stated_tunnel is not None:
        if network.mode in ("l2bridge", "l2tunnel", "nat"):
            raise Contradiction(
                f"{stated.source}: encapsulation: network mode {network.mode} has none; remove the field"
            )
        if discovered is not None:
            same_ports = (discovered.kind, discovered.port) == (stated_tunnel.kind, stated_tunnel.port)
            if not same_ports or discovered.vni not in (None, stated_tunnel.vni):
                text = f"you state {_tunnel(stated_tunnel)}, but podwire found {_tunnel(discovered)}"
                raise Contradiction(f"{stated.source}: encapsulation: {text}; correct or remove the field")
        signals.append(f"{stated.source}: encapsulation {_tunnel(stated_tunnel)}, stated")
        tunnel = stated_tunnel
    return replace(facts.with_signals(*signals), network=replace(network, encapsulation=tunnel))


def _tunnel(tunnel: Encapsulation) -> str:
    return f"{tunnel.kind} to port {tunnel.port}" + (f", VNI {tunnel.vni}" if tunnel.vni is not None else "")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return ", ".join(value) if isinstance(value, tuple) else str(value)
