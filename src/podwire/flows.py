"""Flows as a test speaks of them: who talks to whom, by which way, over what. Addresses stay symbols until a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from podwire.facts import FAMILIES, OS, Family

PeerKind = Literal["pod", "host", "outside"]
Placement = Literal["same-node", "cross-node", "outside"]
ProbeProtocol = Literal["tcp", "udp", "icmp", "http"]
Via = Literal[
    "pod-ip", "pod-name", "cluster-ip", "short-name", "fqdn", "dotted-name", "node-ip", "external-ip", "external-name"
]
BY_NAME: tuple[Via, ...] = ("pod-name", "short-name", "fqdn", "dotted-name", "external-name")
BY_SERVICE: tuple[Via, ...] = ("cluster-ip", "short-name", "fqdn", "dotted-name")

LINUX: tuple[OS, ...] = ("linux",)
WINDOWS: tuple[OS, ...] = ("windows",)
ANY_OS: tuple[OS, ...] = ("linux", "windows")
ANYWHERE: tuple[Placement, ...] = ("same-node", "cross-node")


@dataclass(frozen=True)
class Symbol:
    """A value that only a run knows, by its name in an observation's bindings: `client.ip`, `service.cluster_ip`."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Machine:
    """The node of a peer, as symbols. `gateways` are its own addresses towards its pods (bridge, VTEP, source VIP)."""

    role: str

    @property
    def ip(self) -> Symbol:
        return Symbol(f"{self.role}.node.ip")

    @property
    def mac(self) -> Symbol:
        return Symbol(f"{self.role}.node.mac")

    @property
    def pod_network(self) -> Symbol:
        return Symbol(f"{self.role}.node.pod_network")


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One end of a flow. `os` is `outside` for a host that is not of the cluster."""

    role: Literal["client", "server"]
    kind: PeerKind
    os: str

    @property
    def ip(self) -> Symbol:
        return Symbol(f"{self.role}.ip")

    @property
    def port(self) -> Symbol:
        return Symbol(f"{self.role}.port")

    @property
    def mac(self) -> Symbol:
        return Symbol(f"{self.role}.mac")

    @property
    def node(self) -> Machine:
        return Machine(self.role)

    def __str__(self) -> str:
        if self.kind == "outside":
            return "a host outside the cluster"
        name = {"linux": "Linux", "windows": "Windows"}[self.os]
        return f"a {name} {'node' if self.kind == 'host' else 'pod'}"


@dataclass(frozen=True)
class ServiceSymbols:
    """The Service of a flow: one ClusterIP Service whose only backend is the server."""

    @property
    def cluster_ip(self) -> Symbol:
        return Symbol("service.cluster_ip")

    @property
    def port(self) -> Symbol:
        return Symbol("service.port")


@dataclass(frozen=True, kw_only=True)
class Flow:
    """What one case sends. `payload` is bytes of a request, `connections` how many exchanges run at once; with
    `closed_port` it is sent to a port where nobody listens."""

    client: Peer
    server: Peer
    via: Via
    protocol: ProbeProtocol
    family: Family
    placement: Placement
    closed_port: bool = False
    payload: int = 256
    connections: int = 1
    service: ServiceSymbols = field(default_factory=ServiceSymbols)

    @property
    def name(self) -> Symbol:
        """The name that the client looks up, as it gives it to the resolver."""
        return Symbol("target.name")

    @property
    def fqdn(self) -> Symbol:
        """The full name that stands behind it, without the trailing dot."""
        return Symbol("target.fqdn")

    @property
    def icmp(self) -> str:
        """The control protocol of the flow's family: `icmp` or `icmpv6`."""
        return "icmpv6" if self.family == "ipv6" else "icmp"

    @property
    def target_ip(self) -> Symbol:
        """The address that the client sends to: of the pod, the Service, the node or the outside host."""
        return Symbol("target.ip")

    def __str__(self) -> str:
        place = {"same-node": " on its own node", "cross-node": " on another node", "outside": ""}[self.placement]
        way = self.via.replace("-", " ").replace("ip", "IP").replace("fqdn", "FQDN")
        version = "IPv6" if self.family == "ipv6" else "IPv4"
        return f"{self.client} to {self.server}{place} by {way}, {self.protocol.upper()} over {version}"


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """The flows of one test before the facts are known: the product of its axes.

    `given_dsr` restricts the whole matrix to clusters with Direct Server Return on or off on Windows nodes.
    `aspect` is a word that sets apart the cases of two tests of one requirement.
    `controls` names what must work just before and just after from the same client: `outside-tcp`, `outside-http`.
    """

    client: tuple[OS, ...]
    server: tuple[OS, ...] = ()
    via: tuple[Via, ...]
    protocol: tuple[ProbeProtocol, ...] = ("tcp", "udp")
    family: tuple[Family, ...] = FAMILIES
    placement: tuple[Placement, ...] = ANYWHERE
    payload: tuple[int, ...] = (256,)
    client_kind: Literal["pod", "host"] = "pod"
    server_kind: PeerKind = "pod"
    connections: int = 1
    closed_port: bool = False
    given_dsr: bool | None = None
    controls: tuple[str, ...] = ()
    aspect: str = ""
