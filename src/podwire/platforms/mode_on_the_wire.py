"""The network mode as one flow between nodes shows it on the wire, and one between pods of a node. Pure.

Each mode leaves its own marks at the client's node (Kubernetes: Networking on Windows, network modes; Microsoft:
Windows container network drivers).
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
    """What the wire tells, in words too; `mode` is unknown where the marks are those of no mode."""

    mode: Mode
    words: str
    encapsulation: Encapsulation | None = None


def told_by_wire(across: Observation, same_node: Observation | None) -> WireMode:
    """The mode by the requests of a flow to a pod of another node, at the NIC of the client's node.

    `same_node` is a flow to a pod of the client's own node: l2bridge keeps it inside, l2tunnel sends it out and back.
    """
    seen = _requests(across)
    if not seen:
        why = across.problem or "nothing of it passes the network card"
        return WireMode(mode="unknown", words=f"a flow between nodes tells nothing: {why}")
    first, bindings = seen[0], across.bindings
    if first.outer is not None:
        outer = first.outer
        tunnel = Encapsulation(kind=outer.kind, port=outer.dport, vni=outer.vni)
        words = f"{outer.kind.upper() if outer.kind == 'vxlan' else 'Geneve'} to port {outer.dport}, VNI {outer.vni}"
        return WireMode(mode="overlay" if outer.kind == "vxlan" else "transparent", words=words, encapsulation=tunnel)
    if first.ip.src == bindings.get("client.node.ip"):
        return WireMode(mode="nat", words="pods are seen under their node's address, by pods of the cluster too")
    if first.frame.src == bindings.get("client.mac"):
        return WireMode(mode="transparent", words="no tunnel, and frames carry the MAC of the pod")
    if first.ip.src != bindings.get("client.ip") or first.frame.src != bindings.get("client.node.mac"):
        return WireMode(mode="unknown", words=f"no tunnel, from {first.ip.src} in a frame of {first.frame.src}")
    if same_node is not None and _requests(same_node):
        return WireMode(mode="l2tunnel", words="no tunnel, the node's MAC, also for pods of one node")
    return WireMode(mode="l2bridge", words="no tunnel, pod addresses in frames with the node's MAC")


def _requests(observation: Observation) -> list[Packet]:
    capture = observation.captures.get("client-node")
    return [one.packet for one in capture.packets if one.direction == "request"] if capture else []


CONFLICT = "conflict: network mode"
DSR_CONFLICT = "conflict: Direct Server Return"


def with_hns(facts: ClusterFacts, told: HnsMode, node: str) -> ClusterFacts:
    """The facts with what HNS on a Windows node tells; its VNI is said only, for what is on the wire decides."""
    made = with_mode(facts, told.mode, f"HNS of {node}: {told.words}", f"HNS of {node}")
    if made.network.mode == "overlay" and facts.network.mode == UNKNOWN:
        return replace(made, network=replace(made.network, windows_families=("ipv4",)))
    return made


def with_dsr(facts: ClusterFacts, told: HnsDsr, node: str) -> ClusterFacts:
    """The facts with what HNS on a Windows node tells of Direct Server Return. Where the setting of kube-proxy, or
    another node, told the opposite, that is a conflict: it is unknown."""
    made = facts.with_signals(f"HNS of {node}: {told.words}")
    if told.dsr is None or any(signal.startswith(DSR_CONFLICT) for signal in facts.origin.signals):
        return made
    if facts.proxy.dsr not in (None, told.dsr):
        conflict = (
            f"{DSR_CONFLICT} {'on' if facts.proxy.dsr else 'off'} before, and not by HNS of {node}; taken as unknown"
        )
        return replace(made.with_signals(conflict), proxy=replace(made.proxy, dsr=None))
    return replace(made, proxy=replace(made.proxy, dsr=told.dsr))


def with_wire(facts: ClusterFacts, wire: WireMode, nodes: str) -> ClusterFacts:
    """The facts with what the wire tells. Where another mode was told before, that is a conflict: it is unknown."""
    made = with_mode(facts, wire.mode, f"wire, {nodes}: {wire.words}", "wire")
    if made.network.mode == UNKNOWN or wire.encapsulation is None:
        return made
    families = ("ipv4",) if wire.mode == "overlay" else facts.network.windows_families
    network = replace(made.network, encapsulation=wire.encapsulation, windows_families=families)
    return replace(made, network=network)


def with_mode(facts: ClusterFacts, mode: Mode, signal: str, by: str) -> ClusterFacts:
    """The facts with a network mode that something (`by`) tells. An unknown one changes nothing but is said."""
    made = facts.with_signals(signal + (f": {mode}" if mode != UNKNOWN else ""))
    if mode == UNKNOWN or (facts.network.mode == UNKNOWN and _in_conflict(facts)):
        return made
    if facts.network.mode not in (UNKNOWN, mode):
        conflict = f"{CONFLICT} {facts.network.mode} ({_told_before(facts)}) and {mode} ({by}); taken as unknown"
        network = replace(made.network, mode="unknown", encapsulation=None)
        return replace(made.with_signals(conflict), network=network)
    return replace(made, network=replace(made.network, mode=mode))


def _in_conflict(facts: ClusterFacts) -> bool:
    return any(signal.startswith(CONFLICT) for signal in facts.origin.signals)


def _told_before(facts: ClusterFacts) -> str:
    """What the mode that is known was told by: nodes, where they were asked, else the API."""
    asked = any(
        signal.startswith("HNS of ") and signal.endswith(f": {facts.network.mode}") for signal in facts.origin.signals
    )
    return "HNS" if asked else "API"
