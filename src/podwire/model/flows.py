"""Flows as a test speaks of them: who talks to whom, by which way, over what. Addresses stay symbols until a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from podwire.files.rows import Grouped
from podwire.model.facts import OS, Family
from podwire.model.machines import Machine, Pools
from podwire.model.streams.load import StreamKind
from podwire.model.symbols import ServiceSymbols, Symbol
from podwire.model.ways import Via

PeerKind = Literal["pod", "host", "outside", "backends", "dns"]
Placement = Literal["same-node", "cross-node", "itself", "anywhere", "outside"]
ProbeProtocol = Literal["tcp", "udp", "icmp", "http", "sctp", "dns", "tool"]
Asks = Literal[
    "",
    "srv",
    "srv-and-targets",
    "ptr",
    "both-families",
    "missing-names",
    "capitals",
    "edns",
    "each-pod",
    "each-pod-by-tcp",
]
Size = Literal["", "one-packet", "carried", "one-byte-more", "three-fragments"]
Enters = Literal["", "client-node", "server-node", "other-node"]
MANY = 20
"""So many exchanges of one case would take the time of those that are in flight with them."""

LINUX: tuple[OS, ...] = ("linux",)
WINDOWS: tuple[OS, ...] = ("windows",)
ANY_OS: tuple[OS, ...] = ("linux", "windows")
ANYWHERE: tuple[Placement, ...] = ("same-node", "cross-node")
ON_NODE_NETWORK = "host-network"
"""The special kind of probe pod that asks for the network of its node."""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One end of a flow.

    `os` is `outside` for a host that is not of the cluster. `pod` names a special kind of probe pod, a file in
    `manifests/variants`; empty for the usual ones. A server of kind `backends` is whichever backend of the Service
    answers, one of kind `dns` the cluster's DNS.
    """

    role: Literal["client", "server"]
    kind: PeerKind
    os: str
    pod: str = ""

    @property
    def ip(self) -> Symbol:
        return Symbol(f"{self.role}.ip")

    @property
    def outside_ip(self) -> Symbol:
        """The address that its packets to a host outside leave its node with: the node's own, or its own where the
        node does not translate them; both where nobody tells it."""
        return Symbol(f"{self.role}.outside_ip", before=Symbol(f"{self.role}.node.ip"))

    @property
    def port(self) -> Symbol:
        return Symbol(f"{self.role}.port")

    @property
    def mac(self) -> Symbol:
        return Symbol(f"{self.role}.mac")

    @property
    def mss(self) -> Symbol:
        """The most data of a TCP segment that the MTU of its interface admits, in bytes."""
        return Symbol(f"{self.role}.mss")

    @property
    def identity(self) -> Symbol:
        """The name that the probe behind it answers with."""
        return Symbol(f"{self.role}.identity")

    @property
    def identities(self) -> Symbol:
        """The names of all probes that may answer for it: of a Service, those of its backends."""
        return Symbol(f"{self.role}.identities")

    @property
    def families(self) -> Symbol:
        """The IP families of its addresses, IPv4 first."""
        return Symbol(f"{self.role}.families")

    @property
    def has_own_address(self) -> Symbol:
        """Whether no other pod on the nodes that take part, as far as they may be read, has an address of its."""
        return Symbol(f"{self.role}.has_own_address")

    @property
    def vpc_address(self) -> Symbol:
        """The address that the VPC resource controller noted on the pod."""
        return Symbol(f"{self.role}.vpc_address")

    @property
    def vpc_subnet(self) -> Symbol:
        """The subnet of the VPC that this address is of."""
        return Symbol(f"{self.role}.vpc_subnet")

    @property
    def has_branch(self) -> Symbol:
        """Whether it has a network interface of its own in the VPC, to which security groups apply."""
        return Symbol(f"{self.role}.has_branch")

    @property
    def name(self) -> Symbol:
        """The name of a host outside."""
        return Symbol(f"{self.role}.name")

    @property
    def node(self) -> Machine:
        return Machine(self.role)

    @property
    def on_node_network(self) -> bool:
        """Whether its network is to be that of its node."""
        return self.kind == "host" or self.pod == ON_NODE_NETWORK

    def __str__(self) -> str:
        named = {"outside": "a host outside the cluster", "backends": "any backend", "dns": "the cluster's DNS"}
        if self.kind in named:
            return named[self.kind]
        name = {"linux": "Linux", "windows": "Windows"}.get(self.os, self.os)
        return f"a {name} {'node' if self.kind == 'host' else 'pod'}{f' ({self.pod})' if self.pod else ''}"


@dataclass(frozen=True, kw_only=True)
class Way:
    """By which way a flow is sent."""

    via: Via
    service: ServiceSymbols = field(default_factory=ServiceSymbols)
    port: str = ""
    """A port of the Service by the beginning of its name; empty: the first of the protocol."""
    each_port: bool = False
    """Every exchange goes to the next port after that of the one before."""
    closed_port: bool = False
    denied_port: bool = False
    """A port where nobody listens; one that the network denies to pods, where nobody listens either."""
    enters: Enters = ""
    entry_os: str = ""
    """The node that the flow is sent to, and its OS when it is neither end's."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """What is sent."""

    protocol: ProbeProtocol
    family: Family
    payload: int = 256
    """The bytes of a request; 0 where `size` tells them."""
    answer: int = 0
    """The bytes of an answer; 0: as many as its facts need."""
    size: Size = ""
    """The length of the request and of the answer by its relation to the path's MTU (`model.sizes`); a run knows the
    bytes."""
    half_close: bool = False
    """The client ends its side of the connection before the server answers."""
    connections: int = 1
    """How many exchanges there are."""
    whole_path: bool = False
    """It is judged together with all other flows of its path."""
    tool: str = ""
    """The program that a flow of the protocol `tool` runs."""
    asks: Asks = ""
    """What the agent's own DNS client asks (`model.asking`); empty: the system's resolver is asked."""
    stream: StreamKind = ""
    """A stream, which is opened before all other flows and used until after them; empty: an exchange."""
    sends: str = ""
    """The packets that the client sends as they are, without a socket of their protocol (`model.recipes`)."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """The change of the cluster that a flow follows, if it follows one."""

    after: str = ""
    """Its name in `model.changes.table`."""
    settles: Literal["answered", "unanswered", "unasked"] = "answered"
    """What the client must see before the change counts as carried out."""
    repeated: bool = False
    """The flow is sent before the change too, and both times together are judged."""
    same_ports: bool = False
    """The second time each exchange has its source port of the first, and an error that comes back does not end it."""
    each_act: bool = False
    """It is sent at the start and at the end of each act, and all times together are judged."""
    once: bool = False
    """An end remembers it for minutes, so a run of several rounds sends it in the last one only."""


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """What the network policies that are in force say of a flow, by the oracle of `podwire.policies`."""

    decision: Literal["", "allowed", "denied"] = ""
    """Empty: the flow is no matter of network policies."""
    because: str = ""
    """The sentence that decides, with the policy and the rule."""


@dataclass(frozen=True, kw_only=True)
class Flow:
    """What one case sends: who, to whom, by which way, what, and after which change."""

    client: Peer
    server: Peer
    placement: Placement
    way: Way
    load: Load
    change: Change = field(default_factory=Change)
    unaddressed: bool = False
    """It is sent though pods like its client have no address of the family."""
    turn: int = 0
    """The number of the client's node among those of its OS (and of its pool), from 1; 0 leaves it to the plan."""
    server_turn: int = 0
    """The number of the server's node likewise."""
    pools: Pools = field(default_factory=Pools)
    ruling: Ruling = field(default_factory=Ruling)

    @classmethod
    def of(cls, **parts: Any) -> Flow:
        """A flow by the names of its fields and of those of its groups, all in one row: `via=`, `protocol=`, ..."""
        return FLOW_ROW.value(parts)

    def but(self, **parts: Any) -> Flow:
        """The same flow with some of its parts changed, named as in `of`."""
        return FLOW_ROW.changed(self, parts)

    def row(self) -> dict[str, Any]:
        """All parts of it by name, those of its groups beside its own; `of` makes the flow again."""
        return FLOW_ROW.row(self)

    @property
    def via(self) -> Via:
        return self.way.via

    @property
    def service(self) -> ServiceSymbols:
        return self.way.service

    @property
    def protocol(self) -> ProbeProtocol:
        return self.load.protocol

    @property
    def family(self) -> Family:
        return self.load.family

    @property
    def many(self) -> bool:
        """Whether it has so many exchanges that others should not be in flight with it."""
        return self.load.connections >= MANY

    @property
    def entry(self) -> Machine:
        """The node that the flow enters the cluster by."""
        return Machine("entry")

    @property
    def name(self) -> Symbol:
        """The name that the client looks up, as it gives it to the resolver."""
        return Symbol("target.name")

    @property
    def fqdn(self) -> Symbol:
        """The full name that stands behind it, without the trailing dot."""
        return Symbol("target.fqdn")

    def with_suffix(self, number: int) -> Symbol:
        """The name with the suffix of that place (1 is the first) in the client pod's search list."""
        return Symbol(f"target.suffix.{number}")

    def question(self, number: int) -> Symbol:
        """The name of the question of that place (1 is the first) that the agent's own DNS client asks."""
        return Symbol(f"question.{number}")

    @property
    def path_mtu(self) -> Symbol:
        """The MTU of the flow's path in bytes, of a flow with a `size`."""
        return Symbol("path.mtu")

    @property
    def size_in_bytes(self) -> Symbol:
        """The bytes of its requests and of its answers, of a flow with a `size`."""
        return Symbol("flow.size")

    @property
    def namespace(self) -> Symbol:
        """The name that the names of all Services of the run are below."""
        return Symbol("run.namespace")

    @property
    def dns_ip(self) -> Symbol:
        """The address of the DNS server that the client must ask."""
        return Symbol("dns.ip")

    @property
    def dns_pods(self) -> Symbol:
        """The addresses of all ready pods of the cluster's DNS."""
        return Symbol("dns.pods")

    @property
    def dns_nobody(self) -> Symbol:
        """The DNS server that no host is, in the resolver file of the pod two-containers."""
        return Symbol("dns.nobody", before="198.18.0.53")

    @property
    def dsr(self) -> Symbol:
        """Whether kube-proxy on Windows nodes is told to use Direct Server Return."""
        return Symbol("cluster.dsr")

    @property
    def mode(self) -> Symbol:
        """The network mode of the cluster's Windows nodes."""
        return Symbol("cluster.mode")

    @property
    def tunnel_port(self) -> Symbol:
        """The UDP port that tunnels between nodes use: 4789 for VXLAN, where nobody states another."""
        return Symbol("cluster.tunnel_port")

    @property
    def kube_proxy(self) -> Symbol:
        """Whether there is a kube-proxy for Windows nodes."""
        return Symbol("cluster.kube_proxy")

    @property
    def win_dsr(self) -> Symbol:
        """Whether its feature gate WinDSR is on."""
        return Symbol("cluster.win_dsr")

    @property
    def icmp(self) -> str:
        """The control protocol of the flow's family: `icmp` or `icmpv6`."""
        return "icmpv6" if self.family == "ipv6" else "icmp"

    @property
    def target_ip(self) -> Symbol:
        """The address that the client sends to: of the pod, the Service, the node or the outside host."""
        return Symbol("target.ip")

    @property
    def target_port(self) -> Symbol:
        """The port that the client sends to; of a flow to a closed port, the port where nobody listens."""
        return Symbol("target.port")

    @property
    def syn_acknowledged(self) -> Symbol:
        """The number that acknowledges the SYN of a flow whose packets the suite writes, and no data."""
        return Symbol("syn.acknowledged")

    def __str__(self) -> str:
        places = {"same-node": " on its own node", "cross-node": " on another node", "itself": " that it is itself"}
        place = places.get(self.placement, "")
        way = self.via.replace("-", " ").replace("ip", "IP").replace("fqdn", "FQDN").replace("vni", "VNI")
        version = "IPv6" if self.family == "ipv6" else "IPv4"
        return f"{self.client} to {self.server}{place} by {way}, {self.protocol.upper()} over {version}"


FLOW_ROW = Grouped(Flow, way=Way, load=Load, change=Change, pools=Pools, ruling=Ruling)
