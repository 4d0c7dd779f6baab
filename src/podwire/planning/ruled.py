"""The flows that network policies rule: what the policies say of each, and the probes that play it. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from podwire.model.cases import Slot
from podwire.model.facts import ClusterFacts, NodeFacts
from podwire.model.flows import Flow
from podwire.model.machines import Pools
from podwire.planning.assignment import ready_among, usable
from podwire.planning.rulings import Rulings
from podwire.policies import cast


def ruled(flows: Iterable[Flow], rulings: Rulings, facts: ClusterFacts, most_nodes: int) -> Iterator[Flow]:
    """These flows with what the policies say of them, without those that the documents leave open and those between
    pods that stand elsewhere. Pools of nodes make no difference: each pod that policies are about is there once."""
    known: set[Flow] = set()
    for pooled in flows:
        flow = pooled.but(client_pool="", server_pool="", entry_pool="") if pooled.pools != Pools() else pooled
        ruling = rulings.of(flow)
        if ruling is None or flow in known or not _fits(flow, facts, most_nodes):
            continue
        known.add(flow)
        settles = "unanswered" if ruling.decision == "denied" else "answered"
        yield flow.but(decision=ruling.decision, because=ruling.because, settles=settles)


def _fits(flow: Flow, facts: ClusterFacts, most_nodes: int) -> bool:
    """Whether both ends stand where the placement wants them, as far as their nodes are fixed."""
    if flow.placement == "itself":
        return flow.client.pod == flow.server.pod
    client, server = (_fixed(peer.os, peer.pod, facts, most_nodes) for peer in (flow.client, flow.server))
    if client is None or server is None:
        return True
    return (client.name == server.name) is (flow.placement == "same-node")


def _fixed(os: str, pod: str, facts: ClusterFacts, most_nodes: int) -> NodeFacts | None:
    """The node of a pod that is there once for each OS, None for all others, and where there is no node."""
    nodes = ready_among(usable(os, facts, most_nodes))
    if pod not in cast.NODES or not nodes:
        return None
    return nodes[min(cast.NODES[pod], len(nodes) - 1)]


def ruled_slots(identity: str, flow: Flow, facts: ClusterFacts, most_nodes: int) -> tuple[Slot, Slot]:
    """The probes of client and server of a ruled flow, in this order. The case id chooses among the nodes of a client
    that is on several."""
    server = _fixed(flow.server.os, flow.server.pod, facts, most_nodes)
    client = _fixed(flow.client.os, flow.client.pod, facts, most_nodes)
    turn = zlib.crc32(identity.encode())
    if server is None:
        server = _one_of(flow.server.os, client, flow, facts, most_nodes, turn)
    if client is None:
        client = _one_of(flow.client.os, server, flow, facts, most_nodes, turn)
    at_client, at_server = (peer.pod or ("host" if peer.kind == "host" else "a") for peer in (flow.client, flow.server))
    return (
        Slot(os=flow.client.os, node=client.name, probe=at_client),
        Slot(os=flow.server.os, node=server.name, probe=at_server),
    )


def _one_of(os: str, other: NodeFacts | None, flow: Flow, facts: ClusterFacts, most_nodes: int, turn: int) -> NodeFacts:
    """The node of an end that is on several: that of the other end, or another one."""
    nodes = ready_among(usable(os, facts, most_nodes))
    if other is not None and flow.placement in ("same-node", "itself"):
        return other
    elsewhere = [node for node in nodes if other is None or node.name != other.name]
    return elsewhere[turn % len(elsewhere)]
