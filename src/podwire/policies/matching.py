"""Whether peers and ports of a rule match a connection, and by which sentence. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from podwire.policies.network_policy import Direction, Peer, Ports
from podwire.policies.world import Connection, End, Pod, World


def other_end(connection: Connection, direction: Direction) -> tuple[End, str]:
    """The end that a rule of this direction names, and its address."""
    if direction == "ingress":
        return connection.source, connection.source_ip
    return connection.target, connection.target_ip


def peer_matches(peer: Peer, namespace: str, end: End, address: str, world: World) -> str:
    """The name of the sentence by which a peer of a policy in this namespace matches an end, or ''."""
    if peer.block:
        return "block" if in_block(address, peer.block, peer.excepted) else ""
    if not isinstance(end, Pod) or end.on_node_network:
        return ""
    if peer.namespaces is None:
        return "pods" if end.namespace == namespace and peer.pods and peer.pods.selects(end.labels) else ""
    if not peer.namespaces.selects(world.labels_of(end.namespace)):
        return ""
    if peer.pods is None:
        return "namespaces"
    return "both" if peer.pods.selects(end.labels) else ""


def in_block(address: str, block: str, excepted: Iterable[str] = ()) -> bool:
    """Whether an address is in a network and in none of its exceptions. One of the other family is in none."""
    return in_network(address, block) and not any(in_network(address, exception) for exception in excepted)


def in_network(address: str, network: str) -> bool:
    """Whether an address is in a network."""
    ip, net = ipaddress.ip_address(address), ipaddress.ip_network(network, strict=False)
    return ip.version == net.version and ip in net


def port_matches(ports: Ports, connection: Connection) -> str:
    """The name of the sentence by which an entry of `ports` matches a connection, or ''."""
    if ports.protocol != connection.protocol:
        return ""
    if ports.name:
        target = connection.target
        named = target.ports if isinstance(target, Pod) else ()
        meant = any(
            port.name == ports.name and port.protocol == ports.protocol and port.number == connection.port
            for port in named
        )
        return "named-port" if meant else ""
    if not ports.first:
        return "every-port"
    if not ports.first <= connection.port <= ports.last:
        return ""
    return "port" if ports.first == ports.last else "range"
