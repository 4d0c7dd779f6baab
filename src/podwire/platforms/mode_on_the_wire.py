"""The network mode that two flows show on the wire: one between nodes, and one between pods of a node. Pure.

Each mode has its own signs at the client's node (Kubernetes: Networking on Windows, network modes; Microsoft: Windows
container network drivers).
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from podwire.model.facts import UNKNOWN, ClusterFacts, Encapsulation, Mode
from podwire.model.observations import Observation
from podwire.model.packets import Packet
from podwire.platforms.hns import HnsDsr, HnsMode


@dataclass(frozen=True, kw_only=True)
class WireMode:
    """The network mode that the wire shows, and a description. `mode` is `unknown` if the signs fit no mode."""

    mode: Mode
    words: str
    encapsulation: Encapsulation | None = None


def told_by_wire(across: Observation, same_node: Observation | None) -> WireMode:
    """The network mode by the requests at the NIC of the client's node.

    `across` is a flow to a pod of another node, `same_node` a flow to a pod of the client's own node: l2bridge keeps it
    on the node, l2tunnel sends it out and back.
    """
    requests = _requests(across)
    if not requests:
        why = across.problem or "none of its packets passes the network card"
        return WireMode(mode="unknown", words=f"a flow between nodes shows no mode: {why}")
    first, bindings = requests[0], across.bindings
    if first.outer is not None:
        outer = first.outer
        tunnel = Encapsulation(kind=outer.kind, port=outer.dport, vni=outer.vni)
        words = f"{outer.kind.upper() if outer.kind == 'vxlan' else 'Geneve'} to port {outer.dport}, VNI {outer.vni}"
        return WireMode(mode="overlay" if outer.kind == "vxlan" else "transparent", words=words, encapsulation=tunnel)
    if first.ip.src == bindings.get("client.node.ip"):
        return WireMode(mode="nat", words="other pods see a pod's packets with the address of its node")
    if first.frame.src == bindings.get("client.mac"):
        return WireMode(mode="transparent", words="no tunnel, and frames carry the MAC of the pod")
    if first.ip.src != bindings.get("client.ip") or first.frame.src != bindings.get("client.node.mac"):
        return WireMode(mode="unknown", words=f"no tunnel, from {first.ip.src} in a frame of {first.frame.src}")
    if same_node is not None and _requests(same_node):
        return WireMode(mode="l2tunnel", words="no tunnel, frames carry the node's MAC, even between pods of one node")
    return WireMode(mode="l2bridge", words="no tunnel, pod addresses in frames with the node's MAC")


def _requests(observation: Observation) -> list[Packet]:
    capture = observation.captures.get("client-node")
    return [packet.packet for packet in capture.packets if packet.direction == "request"] if capture else []


CONFLICT = "conflict: network mode"
DSR_CONFLICT = "conflict: Direct Server Return"


def with_hns(facts: ClusterFacts, hns: HnsMode, node: str) -> ClusterFacts:
    """The facts with the mode that HNS on a Windows node shows. Its VNI goes into a signal only; the wire decides."""
    changed = with_mode(facts, hns.mode, f"HNS of {node}: {hns.words}", f"HNS of {node}")
    if changed.network.mode == "overlay" and facts.network.mode == UNKNOWN:
        return replace(changed, network=replace(changed.network, windows_families=("ipv4",)))
    return changed


def with_dsr(facts: ClusterFacts, hns: HnsDsr, node: str) -> ClusterFacts:
    """The facts with the Direct Server Return setting that HNS on a Windows node shows.

    It is unknown, with a conflict signal, if kube-proxy's setting or another node shows the opposite.
    """
    changed = facts.with_signals(f"HNS of {node}: {hns.words}")
    if hns.dsr is None or any(signal.startswith(DSR_CONFLICT) for signal in facts.origin.signals):
        return changed
    if facts.proxy.dsr not in (None, hns.dsr):
        conflict = (
            f"{DSR_CONFLICT} {'on' if facts.proxy.dsr else 'off'} before, and not by HNS of {node}; taken as unknown"
        )
        return replace(changed.with_signals(conflict), proxy=replace(changed.proxy, dsr=None))
    return replace(changed, proxy=replace(changed.proxy, dsr=hns.dsr))


def with_wire(facts: ClusterFacts, wire: WireMode, nodes: str) -> ClusterFacts:
    """The facts with the mode that the wire shows. It is unknown, with a conflict signal, if the facts have another."""
    changed = with_mode(facts, wire.mode, f"wire, {nodes}: {wire.words}", "wire")
    if changed.network.mode == UNKNOWN or wire.encapsulation is None:
        return changed
    families = ("ipv4",) if wire.mode == "overlay" else facts.network.windows_families
    network = replace(changed.network, encapsulation=wire.encapsulation, windows_families=families)
    return replace(changed, network=network)


def with_mode(facts: ClusterFacts, mode: Mode, signal: str, by: str) -> ClusterFacts:
    """The facts with a network mode and its signal; `by` is its source. An unknown mode adds only the signal."""
    changed = facts.with_signals(signal + (f": {mode}" if mode != UNKNOWN else ""))
    if mode == UNKNOWN or (facts.network.mode == UNKNOWN and _in_conflict(facts)):
        return changed
    if facts.network.mode not in (UNKNOWN, mode):
        conflict = f"{CONFLICT} {facts.network.mode} ({_told_before(facts)}) and {mode} ({by}); taken as unknown"
        network = replace(changed.network, mode="unknown", encapsulation=None)
        return replace(changed.with_signals(conflict), network=network)
    return replace(changed, network=replace(changed.network, mode=mode))


def _in_conflict(facts: ClusterFacts) -> bool:
    return any(signal.startswith(CONFLICT) for signal in facts.origin.signals)


def _told_before(facts: ClusterFacts) -> str:
    """The source of the mode in the facts: HNS if a node showed it, else the API."""
    hns_told = any(
        signal.startswith("HNS of ") and signal.endswith(f": {facts.network.mode}") for signal in facts.origin.signals
    )
    return "HNS" if hns_told else "API"
