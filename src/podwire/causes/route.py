"""The capture points of a case in the order in which its packets pass them, with the packets of one exchange."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from podwire.model.cases import Case
from podwire.model.observations import POINTS, Attempt, Capture, Observation, Point, SeenPacket
from podwire.packets.correlate import CaptureIndex, clues
from podwire.packets.dns import DNS_PORT

_PODS: tuple[Point, ...] = ("client-pod", "server-pod")
_NODE_OF: Mapping[Point, str] = {
    "client-pod": "client",
    "client-node": "client",
    "entry-node": "entry",
    "server-node": "server",
    "server-pod": "server",
}


@dataclass(frozen=True)
class Spot:
    """A place where packets are captured: a pod's own port, or the NIC of a node. `name` is the pod's or the node's."""

    kind: Literal["pod", "NIC"]
    node: str
    name: str

    def __str__(self) -> str:
        return f"pod {self.name}" if self.kind == "pod" else f"the NIC of {self.name}"


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A spot of a route, and what was seen of an exchange there.

    `needed`: every packet between the ends passes here. `certain`: what was not captured here did not pass.
    """

    spot: Spot
    needed: bool
    certain: bool
    packets: tuple[SeenPacket, ...]

    def of(self, way: str) -> list[SeenPacket]:
        return [seen for seen in self.packets if seen.direction == way]


def route(case: Case, observation: Observation, attempt: Attempt | None, *, names: bool = False) -> tuple[Stage, ...]:
    """The stages from the client to the server, with the packets of one exchange, or all packets for None.

    `names` asks for the DNS questions of the case in the place of the packets to its server.
    """
    stages: list[Stage] = []
    indexes = _indexes(observation) if attempt and len(observation.attempts) > 1 and not names else {}
    for point in POINTS:
        capture = observation.captures.get(point)
        if capture is None or not capture.usable or (names and point == "server-pod"):
            continue
        packets = _of(point, attempt, observation, indexes)
        if case.server.probe != "dns":
            packets = tuple(seen for seen in packets if names is (DNS_PORT in _ports(seen)))
        spot = _spot(case, point, capture)
        if stages and stages[-1].spot == spot:
            continue
        needed = _needed(case, point) and not names
        if needed or packets or (names and point == "client-pod"):
            stages.append(Stage(spot=spot, needed=needed, certain=not capture.reason, packets=packets))
    return tuple(stages)


def _ports(seen: SeenPacket) -> tuple[int | None, int | None]:
    return seen.packet.ports.sport, seen.packet.ports.dport


def _indexes(observation: Observation) -> Mapping[str, CaptureIndex]:
    return {
        point: CaptureIndex(seen.packet for seen in capture.packets) for point, capture in observation.captures.items()
    }


def _of(
    point: Point, attempt: Attempt | None, observation: Observation, indexes: Mapping[str, CaptureIndex]
) -> tuple[SeenPacket, ...]:
    """The packets of an exchange at a point, whatever translated them on the way."""
    packets = observation.captures[point].packets
    if attempt is None or not indexes:
        return packets
    port = observation.bindings.get("target.port")
    target = (str(observation.bindings.get("target.ip", "")), port if isinstance(port, int) else 0)
    first = next((indexes[point] for point in POINTS if point in indexes), None)
    places = {at for clue in clues([attempt], target, first) for at, _ in indexes[point].find(clue, ())}
    return tuple(packets[at] for at in sorted(places))


def _spot(case: Case, point: Point, capture: Capture) -> Spot:
    node = {"client": case.client.node, "entry": case.entry, "server": case.server.node}[_NODE_OF[point]]
    node = node or case.server.node
    if point in _PODS:
        return Spot("pod", node, capture.where)
    return Spot("NIC", node, node)


def _needed(case: Case, point: Point) -> bool:
    """Whether the packets of a case must pass a point, if all is well: a NIC when the next node is another one."""
    if point in _PODS:
        return True
    nodes = _nodes(case)
    at = {"client-node": 0, "entry-node": 1, "server-node": len(nodes) - 1}[point]
    if at >= len(nodes):
        return False
    neighbours = [nodes[place] for place in (at - 1, at + 1) if 0 <= place < len(nodes)]
    return any(neighbour is not None and neighbour != nodes[at] for neighbour in neighbours)


def _nodes(case: Case) -> Sequence[str | None]:
    """The nodes on the way; '' is outside, None one that only the packets tell."""
    fixed = {"outside": "", "backends": None}
    ends = (case.client.node or fixed.get(case.client.probe), case.server.node or fixed.get(case.server.probe))
    return [ends[0], *([case.entry] if case.entry else []), ends[1]]
