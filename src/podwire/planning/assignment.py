"""Chooses the probes of a flow, or the reason why a cluster cannot have the flow. Pure and deterministic."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

from podwire.model.addressing.inherited import FORMER, HEIR
from podwire.model.addressing.nobody import TooFew, nobody_of
from podwire.model.asking import DNS_PORT, OF_PODS
from podwire.model.cases import Slot
from podwire.model.facts import OS, ClusterFacts, Family, NodeFacts, family_of
from podwire.model.flows import ANY_OS, Flow, Peer

# Kinds of Services of type LoadBalancer. podwire sends nothing to them before they have an address.
BALANCED = frozenset(
    {
        "draining-load-balancer",
        "emptied-load-balancer",
        "leaving-load-balancer",
        "load-balancer",
        "load-balancer-local",
        "moved-away-load-balancer",
        "never-ready",
        "no-longer-ready-balanced",
        "preserve-destination",
        "replaced-load-balancer",
        "scaled-down-load-balancer",
        "scaled-up-load-balancer",
        "source-ranges",
        "unready-load-balancer",
    }
)

WITH_OWN_DNS = ("custom-dns",)
"""Special pods whose dnsConfig names a DNS server of the run."""
WITH_OWN_FILE = "two-containers"
"""The special pod whose resolver file names a server that no host is."""
WITH_OWN_NETWORK = ("external-ip", "source-ranges")
"""Kinds of Services with addresses that no host has, or for clients that there are none of."""
# Kinds of Services with hand-made EndpointSlices, and their number of endpoints: the usual Linux pods, and addresses
# that no host has.
CROWDS: Mapping[str, int] = {
    "crowd-64": 64,
    "crowd-65": 65,
    "crowd-headless": 100,
    "crowd-1000": 1000,
    "crowd-1025": 1025,
}

# Microsoft, "TCP/IP Raw Sockets": no TCP data, and no UDP datagram from a source address that is not the machine's. A
# Windows container has no packet driver either.
NOT_FROM_WINDOWS = "needs a client that sends packets as a suite writes them: Windows lets no pod do that"


def usable(os: str, facts: ClusterFacts, nodes_per_os: int) -> tuple[NodeFacts, ...]:
    """The nodes of an OS that take part, at most `nodes_per_os`; unready nodes only if there are too few ready ones."""
    return facts.taking_part(os_named(os), nodes_per_os)


def on_a_node(peer: Peer) -> bool:
    """Whether a peer is a probe of ours on a node."""
    return peer.kind in ("pod", "host")


def servers_of(flow: Flow, facts: ClusterFacts, nodes_per_os: int) -> tuple[NodeFacts, ...]:
    """The nodes that the server may be on."""
    return _of_pool(flow.server.os, facts, nodes_per_os, flow.pools.server_pool)


def _of_pool(os: str, facts: ClusterFacts, nodes_per_os: int, pool: str) -> tuple[NodeFacts, ...]:
    """Those that take part, of a pool; all where it has no name."""
    return facts.taking_part(os_named(os), nodes_per_os, pool)


def ready_among(nodes: Sequence[NodeFacts]) -> tuple[NodeFacts, ...]:
    """The ready nodes, or all nodes if none is ready."""
    return tuple(node for node in nodes if node.ready) or tuple(nodes)


def why_not(flow: Flow, facts: ClusterFacts, nodes_per_os: int) -> str | None:
    """Why a cluster with these facts cannot have this flow, or None."""
    for peer in (flow.client, flow.server):
        reason = _no_peer(peer, flow, facts, nodes_per_os)
        if reason:
            return reason
    if _needs_another(flow) and len(servers_of(flow, facts, nodes_per_os)) < 2:
        return f"needs two usable {_named(flow.client.os)} nodes{_in(flow.pools.client_pool)}"
    if flow.load.sends and flow.client.os == "windows":
        return NOT_FROM_WINDOWS
    if flow.service.kind in BALANCED and not facts.outside.load_balancer:
        return "needs addresses for Services of type LoadBalancer; if the cluster gives them, add --load-balancer"
    if flow.via == "service-external-ip" and facts.proxy.external_ips is False:
        return "kube-proxy serves no externalIPs: its feature gate AllowServiceExternalIPs is off"
    return _no_entry(flow, facts, nodes_per_os) or _no_nobody(flow, facts, nodes_per_os)


def _no_nobody(flow: Flow, facts: ClusterFacts, nodes_per_os: int) -> str | None:
    """Why the cluster leaves too few addresses of nobody for a flow, or None."""
    kind = flow.service.kind
    if kind not in CROWDS and kind not in WITH_OWN_NETWORK and flow.client.pod != WITH_OWN_FILE:
        return None
    nobody = nobody_of(facts)
    try:
        if kind in CROWDS:
            nobody.addresses(max(0, CROWDS[kind] - in_crowd(facts, nodes_per_os)))
        if flow.client.pod == WITH_OWN_FILE:
            nobody.large(0)
        if kind in WITH_OWN_NETWORK:
            nobody.network(flow.family)
    except TooFew as few:
        return str(few)
    return None


def in_crowd(facts: ClusterFacts, nodes_per_os: int) -> int:
    """How many endpoints of a crowd are pods: `a` and `b` on each Linux node that takes part."""
    return 2 * len(ready_among(usable("linux", facts, nodes_per_os)))


def _needs_another(flow: Flow) -> bool:
    """Whether both ends are on nodes of one OS and one pool, and not on the same one."""
    pools = flow.pools
    return (
        flow.placement == "cross-node" and flow.client.os == flow.server.os and pools.client_pool == pools.server_pool
    )


def _no_peer(peer: Peer, flow: Flow, facts: ClusterFacts, nodes_per_os: int) -> str | None:
    version = _version(flow.family)
    if peer.kind == "outside":
        if facts.outside.host is None:
            return "needs a host outside the cluster; name one with --external-host NAME=ADDRESS"
        if facts.outside.host.address(flow.family) is None:
            return f"needs a host outside with an {version} address; --external-host names none"
        if peer.role == "client" and not facts.outside.host.agent:
            return "needs an agent on the host outside; start one with --external-agent COMMAND"
        return None
    if peer.kind == "backends":
        return _no_backends(flow, facts, nodes_per_os)
    if peer.kind == "dns":
        if not any((":" in ip) == (flow.family == "ipv6") for ip in facts.dns.addresses):
            return f"the cluster's DNS has no {version} address"
        if flow.load.asks in OF_PODS:
            return _no_dns_pods(flow, facts)
        return _no_way_to_dns(flow, facts, nodes_per_os) if flow.placement == "cross-node" else None
    pool = flow.pools.client_pool if peer.role == "client" else flow.pools.server_pool
    nodes = _of_pool(peer.os, facts, nodes_per_os, pool)
    if not nodes:
        left_out = any(node.os == peer.os and node.schedulable and not node.part.chosen for node in facts.nodes)
        why = "; the choice of nodes leaves all of them out" if left_out else ""
        return f"needs a usable {_named(peer.os)} node{why}"
    has_family = flow.family in facts.network.pod_families(os_named(peer.os))
    if peer.kind == "pod" and not has_family and not (flow.unaddressed and peer.role == "client"):
        return f"pods on {_named(peer.os)} nodes have no {version} {_where(flow, facts)}"
    if peer.role == "client" and peer.kind == "host" and not has_family:
        return f"{_named(peer.os)} nodes do not reach pods by {version} {_where(flow, facts)}"
    if peer.kind == "host" and _lacks_address(nodes, flow.family):
        return f"a {_named(peer.os)} node has no {version} address"
    return None


def _no_backends(flow: Flow, facts: ClusterFacts, nodes_per_os: int) -> str | None:
    if not any(usable(os, facts, nodes_per_os) for os in ANY_OS):
        return "needs a usable node"
    has_family = flow.family in facts.network.families
    return None if has_family else f"pods have no {_version(flow.family)} on this cluster"


def _where(flow: Flow, facts: ClusterFacts) -> str:
    """Whether the mode of the Windows nodes' network is why a family is missing, or the cluster has none of it."""
    return f"in network mode {facts.network.mode}" if flow.family in facts.network.families else "on this cluster"


def _no_way_to_dns(flow: Flow, facts: ClusterFacts, nodes_per_os: int) -> str | None:
    """Why no DNS query can be followed between nodes, or None. The server's node must be known."""
    if not dns_node(facts, nodes_per_os):
        where = {0: "an unknown node", 1: "a node without probes"}.get(len(facts.dns.nodes), "several nodes")
        return f"the cluster's DNS runs on {where}, so podwire cannot follow its packets"
    if not clients_of(flow, facts, nodes_per_os):
        return f"needs a usable {_named(flow.client.os)} node other than the one of the cluster's DNS"
    return None


def _no_dns_pods(flow: Flow, facts: ClusterFacts) -> str | None:
    """Why podwire cannot ask the pods of the cluster's DNS one by one, or None."""
    dns = facts.dns
    if not dns.pods:
        return "the API shows no ready pods of the cluster's DNS that its Service selects"
    if dns.pod_port != DNS_PORT:
        port = dns.pod_port or "several ports or an unknown one"
        return f"the cluster's DNS pods listen on {port}; podwire reads DNS packets of port {DNS_PORT}"
    if not any(family_of(address) == flow.family for address in dns.pods):
        return f"the pods of the cluster's DNS have no {_version(flow.family)} address"
    return None


def dns_node(facts: ClusterFacts, nodes_per_os: int) -> str:
    """The name of the node that the cluster's DNS runs on; '' if DNS runs on several nodes or on one without probes."""
    names = {node.name for os in ("linux", "windows") for node in usable(os, facts, nodes_per_os)}
    return facts.dns.nodes[0] if len(facts.dns.nodes) == 1 and facts.dns.nodes[0] in names else ""


def _asked_node(flow: Flow, facts: ClusterFacts, nodes_per_os: int) -> str:
    """The name of the node that the DNS server of the flow's client runs on, or '': the cluster's, or the run's own."""
    if flow.client.pod in WITH_OWN_DNS:
        return next((node.name for node in ready_among(usable("linux", facts, nodes_per_os))), "")
    return dns_node(facts, nodes_per_os)


def clients_of(flow: Flow, facts: ClusterFacts, nodes_per_os: int) -> tuple[NodeFacts, ...]:
    """The nodes that may have the client."""
    nodes = _of_pool(flow.client.os, facts, nodes_per_os, flow.pools.client_pool)
    if flow.server.kind != "dns" or flow.placement != "cross-node":
        return nodes
    return tuple(node for node in nodes if node.name != dns_node(facts, nodes_per_os))


def _no_entry(flow: Flow, facts: ClusterFacts, nodes_per_os: int) -> str | None:
    """Why no node can be the entry of this flow, or None. A node's proxy serves the families of its pods."""
    if not flow.way.enters:
        return None
    os = {"client-node": flow.client.os, "server-node": flow.server.os}.get(flow.way.enters, flow.way.entry_os)
    if flow.family not in facts.network.pod_families(os_named(os)):
        return f"{_named(os)} nodes serve no {_version(flow.family)} Services {_where(flow, facts)}"
    nodes = _entries(flow, facts, nodes_per_os) if flow.way.enters == "other-node" else usable(os, facts, nodes_per_os)
    if _lacks_address(nodes, flow.family):
        return f"a {_named(os)} node has no {_version(flow.family)} address"
    if flow.way.enters == "other-node":
        pool = flow.pools.entry_pool
        ends = ((flow.client, flow.pools.client_pool), (flow.server, flow.pools.server_pool))
        there = [peer for peer, its in ends if peer.os == os and pool in ("", its)]
        taken = len({peer.role for peer in there}) if flow.placement == "cross-node" else 1
        taken = min(taken, sum(1 for peer in there if on_a_node(peer)))
        if len(nodes) <= taken:
            return f"needs one more usable {_named(os)} node{_in(pool)}"
    return None


def _entries(flow: Flow, facts: ClusterFacts, nodes_per_os: int) -> tuple[NodeFacts, ...]:
    """The nodes that may be the one that a flow is sent to, its ends among them."""
    return _of_pool(flow.way.entry_os, facts, nodes_per_os, flow.pools.entry_pool)


def _in(pool: str) -> str:
    return f" in pool {pool}" if pool else ""


def _lacks_address(nodes: Sequence[NodeFacts], family: Family) -> bool:
    """Whether a ready node lacks an address of a family. An unready node may not have reported its addresses yet."""
    return any(node.address(family) is None for node in nodes if node.ready)


def os_named(name: str) -> OS:
    """The OS of that name; what is no node counts as Linux."""
    return "windows" if name == "windows" else "linux"


def _named(os: str) -> str:
    return {"linux": "Linux", "windows": "Windows"}.get(os, os)


def _version(family: Family) -> str:
    return "IPv6" if family == "ipv6" else "IPv4"


def slots(identity: str, flow: Flow, facts: ClusterFacts, nodes_per_os: int) -> tuple[Slot, Slot]:
    """The probes of client and server, in this order.

    The case id alone chooses among the nodes, so every node takes part and all runs choose alike. An unready node is
    chosen only if no ready node can be: its case is inconclusive.
    """
    turn = zlib.crc32(identity.encode())
    if flow.client.kind == "outside":
        client, at = Slot(os="outside", node="", probe="outside"), turn
    else:
        clients = clients_of(flow, facts, nodes_per_os)
        if not flow.turn:
            clients = ready_among(clients)
        at = (flow.turn - 1 if flow.turn else turn) % len(clients)
        client = Slot(os=flow.client.os, node=clients[at].name, probe=_client_probe(flow))
    server = flow.server
    if server.kind == "dns":
        return client, Slot(os="dns", node=_asked_node(flow, facts, nodes_per_os), probe="dns")
    if server.kind in ("outside", "backends"):
        return client, Slot(os=server.kind, node="", probe=server.kind)
    servers = servers_of(flow, facts, nodes_per_os)
    if flow.placement == "itself":
        return client, client
    if flow.server_turn:
        to = flow.server_turn - 1
    elif server.pod in (FORMER, HEIR) and flow.client.os != server.os:
        to = at % len(servers)  # The client asks both pods of a node: before the change the one, then the other.
    elif flow.placement == "same-node":
        to = at
    elif flow.client.os == server.os and flow.pools.client_pool == flow.pools.server_pool:
        itself = () if flow.placement == "cross-node" else servers[at : at + 1]
        servers, to = ready_among((*servers[at + 1 :], *servers[:at], *itself)), 0
    else:
        servers = ready_among(servers)
        to = (turn // 7) % len(servers)
    return client, Slot(os=server.os, node=servers[to].name, probe=_server_probe(flow))


def _client_probe(flow: Flow) -> str:
    if flow.client.kind == "host":
        return "host"
    # Look-ups come from a pod of their own, so that its DNS packets belong to no other case.
    return flow.client.pod or ("b" if flow.via == "dotted-name" or flow.protocol in ("dns", "tool") else "a")


def _server_probe(flow: Flow) -> str:
    if flow.server.kind == "host":
        return "host"
    both_pods = flow.client.kind == "pod" and not flow.client.pod
    return flow.server.pod or ("b" if both_pods and flow.placement == "same-node" else "a")


def entry_node(flow: Flow, client: Slot, server: Slot, facts: ClusterFacts, nodes_per_os: int) -> str:
    """The name of the node that a flow is sent to; '' for a flow that is not sent to a node."""
    if not flow.way.enters:
        return ""
    if flow.way.enters == "client-node":
        return client.node
    if flow.way.enters == "server-node":
        return server.node
    others = [node.name for node in _entries(flow, facts, nodes_per_os) if node.name not in (client.node, server.node)]
    # Flows from outside take the first: with those of pods, two nodes have both followed a change of endpoints.
    by_the_last = flow.client.kind == "pod" and flow.server.kind == "backends" and flow.change.after
    return others[-1] if by_the_last else others[0]
