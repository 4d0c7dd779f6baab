"""A case: one requirement on one flow. An expectation: what must be seen of it, and where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from podwire.model.flows import Flow, Peer
from podwire.model.observations import Point
from podwire.model.patterns import OneOf, Pattern
from podwire.model.spread import Spread
from podwire.model.symbols import Symbol


@dataclass(frozen=True, kw_only=True)
class Asked:
    """DNS questions that the client pod must have put on the wire for its target.

    `name` was asked and answered with `answer` (None: any answer), which may stand for several addresses: then all of
    them and no others. With `only`, no other name was tried; with `first`, none before it. `of` is the server that it
    was asked of, `over` the transport that brought the answer, `alias` the target of the CNAME in it.
    """

    name: Symbol
    answer: Symbol | None = None
    only: bool = False
    first: bool = False
    of: Symbol | None = None
    over: Literal["udp", "tcp"] | None = None
    alias: Symbol | None = None

    def __str__(self) -> str:
        lead = "only " if self.only else "first " if self.first else ""
        over = f" over {self.over.upper()}" if self.over else ""
        tail = f", an alias of {self.alias}" if self.alias else ""
        tail += f" and answered with {self.answer}" if self.answer else ""
        return f"{lead}{self.name} asked of {self.of or 'the cluster DNS'}{over}{tail}"


@dataclass(frozen=True, kw_only=True)
class AskedInOrder:
    """These names were asked in this order, each after a negative answer to the one before it."""

    names: tuple[Symbol, ...]

    def __str__(self) -> str:
        return "asked one after the other: " + ", ".join(str(name) for name in self.names)


@dataclass(frozen=True, kw_only=True)
class NotAsked:
    """No question for the name, in whatever spelling, was on the wire."""

    name: Symbol

    def __str__(self) -> str:
        return f"no question for {self.name}"


@dataclass(frozen=True, kw_only=True)
class Known:
    """A fact of the cluster, by its symbol, and the value that it must have."""

    symbol: Symbol
    value: Any

    def __str__(self) -> str:
        return f"{self.symbol} is {self.value}"


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What a test expects of its case.

    What becomes of the exchange is one of: `answered_by`, the peer whose identity the answer must carry (any backend's,
    for a server of that kind); `refused`, the client is told that nobody listens; `silent`, nobody answers at all;
    `unanswered`, either of these, where no document tells which; `resolves_to`, the addresses of a name, all of them
    and no others; `not_found`, the name does not exist.

    `seen_as` is the address that the server must have seen the client come from, `spread` how several connections are
    shared out, `status` the code of an HTTP answer, `known` facts of the cluster, `output` what a tool must have
    printed and `exit_code` how it must have ended. Of HNS' networks, as the tool that lists them has printed,
    `hns_subnet_of` is an address that must be of a subnet, and `hns_mode` the network mode that they must have; of its
    endpoints one, and no more, must be that of the peer `hns_endpoint_of`, on a network of `hns_mode` if that is given
    too; for `no_windows_nat_of` Windows itself translates nothing. HNS must have `hns_load_balancers` in all, and those
    of the address `hns_balances` must use Direct Server Return if `hns_dsr`, and not otherwise. The port of
    `external_switch_of` is on a switch of a network card. `on_card` is an address that the network card of the client's
    node must have, `card_has` how many it must have for pods, and `cards` how many cards the node has, as EC2 tells all
    of it. The lists are held against the captures of that point; `on_wire` against the NICs of all nodes that the flow
    passes. Without a packet of `given_at_server_node` there the case tells nothing.
    """

    answered_by: Peer | None = None
    refused: bool = False
    silent: bool = False
    unanswered: bool = False
    resolves_to: Symbol | None = None
    not_found: bool = False
    answers_from: Symbol | None = None
    seen_as: Symbol | OneOf | object | None = None
    spread: Spread | None = None
    status: int | None = None
    output: Symbol | str | None = None
    exit_code: Any = None
    hns_subnet_of: Symbol | None = None
    hns_mode: Symbol | None = None
    hns_endpoint_of: Peer | None = None
    no_windows_nat_of: Peer | None = None
    hns_load_balancers: int | None = None
    hns_balances: Symbol | None = None
    hns_dsr: bool = False
    external_switch_of: Peer | None = None
    on_card: Symbol | None = None
    card_has: Symbol | None = None
    cards: int | None = None
    known: tuple[Known, ...] = ()
    at_dns: tuple[Asked | AskedInOrder | NotAsked, ...] = ()
    at_client: tuple[Pattern, ...] = ()
    on_wire: tuple[Pattern, ...] = ()
    at_server: tuple[Pattern, ...] = ()
    at_client_node: tuple[Pattern, ...] = ()
    at_entry_node: tuple[Pattern, ...] = ()
    at_server_node: tuple[Pattern, ...] = ()
    given_at_server_node: Pattern | None = None

    @property
    def negative(self) -> bool:
        """Whether it is met by something that does not come: that counts with working controls only."""
        return self.silent or self.refused or self.unanswered or self.not_found

    def sentences(self) -> Iterator[str]:
        """Each part of the expectation as a line for a person."""
        peer = self.answered_by
        said: tuple[tuple[object, str], ...] = (
            (peer, f"answered by the {peer.role}, {peer}" if peer else ""),
            (self.refused or None, "the client is told that nobody listens"),
            (self.silent or None, "nobody answers"),
            (self.unanswered or None, "nobody answers, or the client is told that nobody listens"),
            (self.resolves_to, f"the name leads to {self.resolves_to}"),
            (self.not_found or None, "the name is not found"),
            (self.answers_from, f"the answer comes from {self.answers_from}"),
            (self.seen_as, f"the server sees the client as {self.seen_as}"),
            (self.spread, str(self.spread)),
            (self.status, f"the HTTP status is {self.status}"),
            (self.output, f"it prints {self.output}"),
            (self.exit_code, f"its exit code is {self.exit_code}"),
            (self.hns_subnet_of, f"{self.hns_subnet_of} is of a subnet that HNS lists"),
            (self.hns_mode, f"the networks that HNS lists are of {self.hns_mode}"),
            (self.hns_endpoint_of, f"HNS has one endpoint for {self.hns_endpoint_of}"),
            (self.hns_load_balancers, f"HNS has {self.hns_load_balancers} load balancers"),
            (self.hns_balances, f"HNS balances {self.hns_balances} {'with' if self.hns_dsr else 'without'} DSR"),
            (
                self.no_windows_nat_of,
                f"neither NAT of Windows nor an OutBoundNAT policy of HNS for {self.no_windows_nat_of}",
            ),
            (self.external_switch_of, f"the port of {self.external_switch_of} is on an external virtual switch"),
            (self.on_card, f"the network card has the address {self.on_card}"),
            (self.card_has, f"the network card has {self.card_has} addresses for pods, or more"),
            (self.cards, f"the number of network cards is {self.cards}"),
        )
        yield from (words for part, words in said if part is not None)
        if self.given_at_server_node:
            yield f"given that at the server's node there is: {self.given_at_server_node}"
        yield from (str(known) for known in self.known)
        yield from (f"DNS: {asked}" for asked in self.at_dns)
        places = {
            "client": self.at_client,
            "client's node": self.at_client_node,
            "entered node": self.at_entry_node,
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
        if self.at_entry_node:
            yield "entry-node", self.at_entry_node
        if self.on_wire:
            yield from ((point, self.on_wire) for point in wire_points(case))
        if self.at_server_node:
            yield "server-node", self.at_server_node
        if self.at_server:
            yield pod_point(case.flow.server), self.at_server


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
