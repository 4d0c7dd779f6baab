"""A case: one requirement on one flow. An expectation: what must be seen of it, and where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from podwire.flows import Flow, Peer, Symbol
from podwire.observations import Point
from podwire.patterns import OneOf, Pattern


@dataclass(frozen=True, kw_only=True)
class Asked:
    """DNS questions that the client pod must have put on the wire for its target.

    `name` was asked and answered with `answer` (None: any answer). With `only`, no other name was tried.
    """

    name: Symbol
    answer: Symbol | None = None
    only: bool = False

    def __str__(self) -> str:
        tail = f" and answered with {self.answer}" if self.answer else ""
        return f"{'only ' if self.only else ''}{self.name} asked of the cluster DNS{tail}"


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What a test expects of its case.

    `answered_by` is the peer whose identity the answer must carry, or None when the client must be told that nobody
    listens (`refused`). `seen_as` is the address that the server must have seen the client come from. The lists are
    held against the captures of that point; `on_wire` against the node NICs on both sides of the underlay (on the
    client's alone when the server is outside).
    """

    answered_by: Peer | None = None
    refused: bool = False
    answers_from: Symbol | None = None
    seen_as: Symbol | OneOf | object | None = None
    at_dns: tuple[Asked, ...] = ()
    at_client: tuple[Pattern, ...] = ()
    on_wire: tuple[Pattern, ...] = ()
    at_server: tuple[Pattern, ...] = ()
    at_client_node: tuple[Pattern, ...] = ()
    at_server_node: tuple[Pattern, ...] = ()

    def sentences(self) -> Iterator[str]:
        """Each part of the expectation as a line for a person."""
        if self.answered_by is not None:
            yield f"answered by the {self.answered_by.role}, {self.answered_by}"
        if self.refused:
            yield "the client is told that nobody listens"
        if self.answers_from is not None:
            yield f"the answer comes from {self.answers_from}"
        if self.seen_as is not None:
            yield f"the server sees the client as {self.seen_as}"
        yield from (f"DNS: {asked}" for asked in self.at_dns)
        places = {
            "client": self.at_client,
            "client's node": self.at_client_node,
            "wire": self.on_wire,
            "server's node": self.at_server_node,
            "server": self.at_server,
        }
        for place, patterns in places.items():
            yield from (f"at the {place}: {pattern}" for pattern in patterns)

    def at_points(self, case: Case) -> Iterator[tuple[Point, tuple[Pattern, ...]]]:
        """The patterns by the capture point that they are held against."""
        if self.at_client:
            yield pod_point(case.flow.client), self.at_client
        if self.at_client_node:
            yield "client-node", self.at_client_node
        if self.on_wire:
            yield from ((point, self.on_wire) for point in wire_points(case))
        if self.at_server_node:
            yield "server-node", self.at_server_node
        if self.at_server:
            yield pod_point(case.flow.server), self.at_server


@dataclass(frozen=True, kw_only=True)
class Slot:
    """Which probe plays a role: the n-th usable node of that OS, and which of its probes (`a`, `b`, `host`)."""

    os: str
    node: str
    probe: Literal["a", "b", "host", "outside"]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One case of the plan. `id` is `<area>/<requirement>[<words>]` and depends on catalogue and facts alone."""

    id: str
    area: str
    requirement: str
    test: str
    flow: Flow
    client: Slot
    server: Slot
    points: tuple[Point, ...]
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
    """The capture points on the underlay that see this flow."""
    if case.flow.server.kind == "outside" or case.flow.placement == "same-node":
        return ("client-node",)
    return ("client-node", "server-node")


def pod_point(peer: Peer) -> Point:
    """Where a peer's own packets are seen: at its pod's port, or at the node's NIC for a host."""
    if peer.kind == "pod":
        return "client-pod" if peer.role == "client" else "server-pod"
    return "client-node" if peer.role == "client" else "server-node"
