"""A test of a suite, the cases that a plan makes of it, and where the packets of a case are seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from podwire.model.axes.axis import Matrix
from podwire.model.flows import Flow, Peer
from podwire.model.observations import Point


@dataclass(frozen=True, kw_only=True)
class SuiteTest:
    """A test function of a suite: its requirement, its matrices, and where it stands."""

    name: str
    module: str
    requirement: str
    matrices: tuple[Matrix, ...]
    function: Callable[..., None]

    @property
    def place(self) -> str:
        """Where its author finds it."""
        return f"{self.module}: {self.name}"


@dataclass(frozen=True, kw_only=True)
class Slot:
    """Which probe plays a role: its node, and which of the probes there.

    `probe` is `a`, `b` or `host`, a special kind of pod, or, without a probe of ours, `outside`, `backends`, `dns`.
    """

    os: str
    node: str
    probe: str

    @property
    def is_probe(self) -> bool:
        return self.probe not in ("outside", "backends", "dns")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One case of the plan. `id` is `<area>/<requirement>[<words>]` and depends on catalogue and facts alone.

    `entry` is the name of the node that the flow is sent to when it comes by a node's address.
    """

    id: str
    area: str
    requirement: str
    test: str
    flow: Flow
    client: Slot
    server: Slot
    points: tuple[Point, ...]
    entry: str = ""
    controls: tuple[str, ...] = ()
    limitation: str | None = None

    @property
    def words(self) -> str:
        """What stands in the brackets of the id."""
        return self.id.partition("[")[2].rstrip("]")


@dataclass(frozen=True, kw_only=True)
class Exclusion:
    """Cases that the facts rule out: which, and why."""

    requirement: str
    cases: str
    reason: str


def wire_points(case: Case) -> tuple[Point, ...]:
    """The capture points on the underlay that see this flow: the NICs of the nodes that it passes."""
    points: list[Point] = []
    if case.flow.client.kind != "outside":
        points.append("client-node")
    if case.entry and case.entry not in (case.client.node, case.server.node):
        points.append("entry-node")
    # A pod may reach itself by way of another node.
    if case.server.node and case.server.node != case.client.node:
        points.append("server-node")
    return tuple(points) or ("client-node",)


def pod_point(peer: Peer) -> Point:
    """Where a peer's own packets are seen: at its pod's port, or at the node's NIC for a host and a pod like one.

    A client outside is seen first at the node that it enters by; a DNS server at the NIC of its node.
    """
    if peer.kind == "pod" and not peer.on_node_network:
        return "client-pod" if peer.role == "client" else "server-pod"
    if peer.role == "client":
        return "entry-node" if peer.kind == "outside" else "client-node"
    return "server-node"
