"""What can be said of a case in the description of a group: its ends, its nodes, its family, its way, its size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from podwire.causes.ends import DNS, End
from podwire.model.cases import Case
from podwire.model.flows import Peer
from podwire.model.observations import Observation
from podwire.model.ways import BY_NAME, BY_SERVICE, BY_TUNNEL, Via

LARGE = 1000
"""Bytes of a request. One that is larger needs packets near the MTU."""
FIRST = 4
"""Packets of a capture that tell whether there is a tunnel around them."""
_CROSSING = {True: "between machines", False: "within one node"}
_PROTOCOLS = {"tcp": "TCP", "udp": "UDP", "icmp": "ICMP", "sctp": "SCTP", "http": "HTTP", "dns": "name look-ups"}
_LOOK_UPS = ("dns", "tool")
_SYSTEMS = {"linux": "Linux", "windows": "Windows"}


@dataclass(frozen=True, order=True)
class Trait:
    """One thing that holds for a case. Axes with a lower `rank` say more about a cause."""

    rank: int
    axis: str
    words: str


@dataclass(frozen=True)
class _Place:
    """An end of a flow: its node, where that is in words, and the name of its pod."""

    node: str
    place: str
    name: str


@dataclass(frozen=True)
class Known:
    """What the cases of a run tell together: the pod behind an address, and the node of the cluster's DNS."""

    pods: Mapping[str, _Place]
    dns: str

    @classmethod
    def of(cls, observed: Iterable[tuple[Case, Observation]]) -> Known:
        pods: dict[str, _Place] = {}
        dns = ""
        for case, observation in observed:
            dns = case.server.node if case.server.probe == "dns" else dns
            for peer, slot in ((case.flow.client, case.client), (case.flow.server, case.server)):
                address = observation.bindings.get(f"{peer.role}.ip")
                name = observation.bindings.get(f"{peer.role}.identity")
                if isinstance(address, str) and isinstance(name, str) and slot.is_probe and not peer.on_node_network:
                    pods[address] = _end(peer, slot.node, name)
        return cls(pods, dns)


def traits_of(case: Case, observation: Observation, known: Known, end: End | None = None) -> frozenset[Trait]:
    """All traits of a case; of a failing one with the server that its packets were on the way to."""
    flow = case.flow
    client = _end(flow.client, case.client.node, str(observation.bindings.get("client.identity", "")))
    servers = tuple(_servers(case, observation, known, end))
    traits = [
        Trait(5, "way", _way(flow.via)),
        Trait(9, "family", {"ipv4": "IPv4", "ipv6": "IPv6"}[flow.family]),
        Trait(10, "protocol", _PROTOCOLS.get(flow.protocol, flow.protocol)),
        *_of_end("from", client, case.client.os),
        *(trait for server in servers for trait in _of_end("to", server, case.server.os)),
        *(Trait(6, "placement", _CROSSING[server.node != client.node]) for server in servers),
    ]
    if not servers and end is not None and "NIC" in {spot.kind for spot in (end.last, end.missing) if spot}:
        traits.append(Trait(6, "placement", _CROSSING[True]))
    if flow.load.size or flow.load.payload > LARGE:
        traits.append(Trait(4, "size", f"with more than {LARGE} bytes"))
    if case.entry:
        traits.append(Trait(4, "entry", f"entering at {case.entry}"))
    places = {end.place for end in (client, *servers) if end.place}
    proxy = case.entry or client.node
    if any(seen.packet.encapsulated for capture in observation.captures.values() for seen in capture.packets[:FIRST]):
        traits.append(Trait(3, "tunnel", "through the tunnel"))
    for os in {case.client.os, case.server.os} & set(_SYSTEMS):
        traits.append(Trait(8, "OS", f"from or to {_SYSTEMS[os]} nodes and their pods"))
    translated = flow.via in BY_SERVICE and "service.cluster_ip" in observation.bindings
    if proxy and translated and flow.protocol not in _LOOK_UPS:
        traits.append(Trait(1, "proxy", f"to Services through the proxy of {proxy}"))
    nodes = {node for node in (client.node, case.entry, *(server.node for server in servers)) if node}
    traits += [Trait(2, "place", f"from or to {place}") for place in places]
    traits += [Trait(3, "node", f"by way of {node}") for node in nodes]
    traits += [
        Trait(3, "pair", f"between {' and '.join(sorted((client.place, server.place)))}")
        for server in servers
        if client.place and server.place and client.node != server.node
    ]
    return frozenset(traits)


def _of_end(word: str, end: _Place, os: str) -> Iterator[Trait]:
    if end.place:
        yield Trait(1, f"{word} place", f"{word} {end.place}")
    if end.name:
        yield Trait(4, f"{word} pod", f"{word} pod {end.name}")
    if os in _SYSTEMS:
        yield Trait(7, f"{word} OS", f"{word} {_SYSTEMS[os]}")


def _end(peer: Peer, node: str, name: str) -> _Place:
    if peer.kind == "outside" or not node:
        return _Place("", "outside" if peer.kind == "outside" else "", "")
    if peer.on_node_network:
        return _Place(node, f"{node} itself", "")
    return _Place(node, f"pods of {node}", name)


def _servers(case: Case, observation: Observation, known: Known, end: End | None) -> Iterator[_Place]:
    """Who the packets are for: by name the cluster's DNS too.

    Of a Service with several backends that is whom the lost ones were on the way to, or who answered.
    """
    looked_up = end.what == DNS if end is not None else case.flow.via in BY_NAME
    if looked_up and known.dns:
        yield _Place(known.dns, f"pods of {known.dns}", "of the cluster's DNS")
    if end is not None and end.what == DNS:
        return
    if case.server.probe != "backends":
        name = observation.bindings.get("server.identity", "") if case.server.is_probe else ""
        yield _end(case.flow.server, case.server.node, str(name))
    elif end is not None:
        yield from ([known.pods[end.target]] if end.target in known.pods else ())
    else:
        pods = {pod.name: pod for pod in known.pods.values()}
        answered = {attempt.reply.identity for attempt in observation.attempts if attempt.reply}
        yield from (pods[name] for name in sorted(answered) if name in pods)


def _way(via: Via) -> str:
    if via in BY_NAME:
        return "by name"
    if via == "cluster-ip":
        return "by cluster IP"
    if via in BY_SERVICE:
        return "by an outer address of a Service"
    if via in BY_TUNNEL:
        return "in tunnel packets of its own"
    return {"pod-ip": "by pod IP", "node-ip": "by node IP", "external-ip": "to the outside"}.get(via, via)
