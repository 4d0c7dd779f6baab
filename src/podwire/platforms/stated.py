"""Facts that a user states, held against what discovery saw: they fill gaps, and never overrule what is seen. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from podwire.model.facts import CLUSTER_ROW, DENIED_PORT, UNKNOWN, ClusterFacts, Encapsulation, Family, Mode

GENEVE_PORT = 6081


class Contradiction(ValueError):
    """A stated fact is not what was seen; the text is one line that names both."""


@dataclass(frozen=True, kw_only=True)
class StatedFacts:
    """What a user states; None for what is left to discovery. `source` is the name of the file."""

    source: str
    mode: Mode | None = None
    cni: str | None = None
    ipam: str | None = None
    encapsulation: Encapsulation | None = None
    dsr: bool | None = None
    families: tuple[Family, ...] | None = None
    windows_families: tuple[Family, ...] | None = None
    cluster_domain: str | None = None
    denied_port: bool | None = None
    pod_security_group: str | None = None
    dns_caches: tuple[str, ...] | None = None


# How signals begin that say a value was assumed, for values that discovery never leaves open.
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
    "dns_caches": "DNS cache on Linux nodes",
}


def merged(facts: ClusterFacts, stated: StatedFacts) -> ClusterFacts:
    """The facts with what is stated in the place of what is not known, and a signal for each statement.

    Signals that disagree leave a value unknown; a statement settles that only if it says what one of them says.

    Raises:
        Contradiction: something else was seen.
    """
    changes: dict[str, Any] = {}
    signals: list[str] = []
    row = CLUSTER_ROW.row(facts)
    for name, value in _given(stated):
        seen = row[name]
        if seen == value and name not in _assumed(facts):
            signals.append(f"{stated.source}: {_WORDS[name]} {_text(value)}, as seen")
            continue
        if seen not in (UNKNOWN, None, ()) and name not in _assumed(facts):
            raise _contradiction(facts, stated, name, value, seen)
        _settles(facts, stated, name, value)
        changes[name] = value
        if name == "cluster_domain":
            changes["domain_told"] = True
        signals.append(f"{stated.source}: {_WORDS[name]} {_text(value)}, stated")
    made = CLUSTER_ROW.changed(facts, changes)
    return _with_tunnel(_with_families(made, facts, stated), stated, signals)


def _given(stated: StatedFacts) -> Iterator[tuple[str, Any]]:
    for name in _WORDS:
        value = getattr(stated, name)
        if value is not None:
            yield name, value


def _assumed(facts: ClusterFacts) -> set[str]:
    return {
        name for name, words in _ASSUMED.items() if any(signal.startswith(words) for signal in facts.origin.signals)
    }


def _contradiction(facts: ClusterFacts, stated: StatedFacts, name: str, value: Any, seen: Any) -> Contradiction:
    told = [signal for signal in facts.origin.signals if _is_told_by(name, seen, signal)]
    by = f" ({told[0]})" if told else ""
    return Contradiction(
        f"{stated.source}: {name}: {_text(value)} is stated, but {_text(seen)} is seen{by}; correct or remove it"
    )


def _is_told_by(name: str, seen: Any, signal: str) -> bool:
    """Whether a signal is where a value comes from, as far as its words tell."""
    hints = {"overlay": "vxlan", "l2bridge": "bridge", "flannel": "flannel", "calico": "Calico"}
    if name in ("mode", "cni", "ipam"):
        words = (str(seen), hints.get(str(seen), str(seen)))
        return any(word.lower() in signal.lower() for word in words) and not signal.startswith("conflict")
    return signal.startswith(_WORDS[name]) or _WORDS[name] in signal


def _settles(facts: ClusterFacts, stated: StatedFacts, name: str, value: Any) -> None:
    """Refuse a statement that takes neither side where signals disagree."""
    for signal in facts.origin.signals:
        if signal.startswith(f"conflict: {_WORDS[name]} ") and f"{_text(value)} (" not in signal:
            told = signal.removeprefix("conflict: ").partition(";")[0]
            raise Contradiction(f"{stated.source}: {name}: {_text(value)} is stated, but seen are {told}")


def _with_families(made: ClusterFacts, before: ClusterFacts, stated: StatedFacts) -> ClusterFacts:
    """A mode that was not known says that its pods on Windows nodes have IPv4 only (kubernetes.io, dual-stack)."""
    network = made.network
    if network.mode != before.network.mode and network.mode in ("overlay", "nat") and stated.windows_families is None:
        return replace(made, network=replace(network, windows_families=("ipv4",)))
    return made


def _with_tunnel(made: ClusterFacts, stated: StatedFacts, signals: list[str]) -> ClusterFacts:
    network, wanted = made.network, stated.encapsulation
    tunnel = seen = network.encapsulation
    if tunnel is None and network.mode == "overlay":
        tunnel = Encapsulation()
    if tunnel is None and network.mode == "transparent" and network.cni == "ovn-kubernetes":
        tunnel = Encapsulation(kind="geneve", port=GENEVE_PORT)
    if wanted is not None:
        if network.mode in ("l2bridge", "l2tunnel", "nat"):
            raise Contradiction(
                f"{stated.source}: encapsulation: stated, but there is none in network mode {network.mode}"
            )
        if seen is not None:
            same = (seen.kind, seen.port) == (wanted.kind, wanted.port) and seen.vni in (None, wanted.vni)
            if not same:
                text = f"{_tunnel(wanted)} is stated, but {_tunnel(seen)} is seen; correct or remove it"
                raise Contradiction(f"{stated.source}: encapsulation: {text}")
        signals.append(f"{stated.source}: encapsulation {_tunnel(wanted)}, stated")
        tunnel = wanted
    return replace(made.with_signals(*signals), network=replace(network, encapsulation=tunnel))


def _tunnel(one: Encapsulation) -> str:
    return f"{one.kind} to port {one.port}" + (f", VNI {one.vni}" if one.vni is not None else "")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return ", ".join(value) if isinstance(value, tuple) else str(value)
