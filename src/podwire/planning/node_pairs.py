"""Which pools the ends of a flow are of, and which pairs of nodes it is sent between beyond the usual one. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from podwire.model.facts import ClusterFacts, NodeFacts
from podwire.model.flows import Flow, Peer
from podwire.model.machines import Pools
from podwire.planning.assignment import clients_of, on_a_node, os_named, servers_of

LOCAL_TO_FIRST_NODES = ("moved-away",)
"""Kinds of Services with externalTrafficPolicy Local and written lists, whose endpoints are on the first node of each
OS before a change (`model.changes.endpoint_lists`): no other node serves them."""


def in_pools(flow: Flow, facts: ClusterFacts) -> Iterator[Flow]:
    """The flow within each pool and between any two of them; the flow itself where there are no pools."""
    for client in _pools(flow.client, facts):
        for server in (client,) if _on_one_node(flow) else _pools(flow.server, facts):
            for entry in _entry_pools(flow, (client, server), facts):
                pools = Pools(client_pool=client, server_pool=server, entry_pool=entry)
                yield replace(flow, pools=pools) if pools != flow.pools else flow


def _on_one_node(flow: Flow) -> bool:
    return flow.placement in ("same-node", "itself")


def _pools(peer: Peer, facts: ClusterFacts) -> tuple[str, ...]:
    return facts.pools_of(os_named(peer.os)) if on_a_node(peer) else ("",)


def _entry_pools(flow: Flow, ends: tuple[str, str], facts: ClusterFacts) -> tuple[str, ...]:
    """The pools of the node that a flow is sent to, where that is neither end's: a pool of an end if there is one, so
    that no flow within a pool leaves it."""
    if flow.way.enters != "other-node":
        return ("",)
    pools = facts.pools_of(os_named(flow.way.entry_os))
    if flow.service.kind in LOCAL_TO_FIRST_NODES:
        return tuple(node.part.pool for node in facts.usable(os_named(flow.way.entry_os))[:1]) or pools
    of_an_end = [name for name in (ends[1], ends[0]) if name and name in pools]
    return tuple(of_an_end[:1]) or pools


def covering(flow: Flow, facts: ClusterFacts, most: int) -> Iterator[Flow]:
    """The flow between so many pairs of nodes that each node is client once and server once, as far as it may be.

    They are as many as the nodes on the side that has more; a node that is not ready is with one that is.
    """
    if flow.placement != "cross-node":
        return
    clients, servers = clients_of(flow, facts, most), servers_of(flow, facts, most)
    for client, server in _pairs(clients, servers):
        yield replace(flow, turn=client + 1, server_turn=server + 1)


def _pairs(clients: Sequence[NodeFacts], servers: Sequence[NodeFacts]) -> Iterator[tuple[int, int]]:
    """Places of clients and servers, whose ready ones come first. No node is with itself."""
    ready = [[at for at, node in enumerate(side) if node.ready] for side in (clients, servers)]
    able = [some or list(range(len(side))) for some, side in zip(ready, (clients, servers), strict=True)]
    if not all(able) or len({node.name for node in (*clients, *servers)}) < 2:
        return
    shift = 1 if clients == servers else 0
    for number in range(max(map(len, able))):
        client, server = able[0][number % len(able[0])], able[1][(number + shift) % len(able[1])]
        if clients[client].name != servers[server].name:
            yield client, server
    for at in range(len(clients)):
        if at not in able[0]:
            yield at, able[1][0]
    for at in range(len(servers)):
        if at not in able[1]:
            yield able[0][0], at
