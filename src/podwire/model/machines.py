"""What a test may ask of a node: symbols, and the values that hold where a run knows several."""

from __future__ import annotations

from dataclasses import dataclass

from podwire.model.addressing.port_ranges import USUAL_OF_WINDOWS
from podwire.model.patterns import InNetwork, OneOf
from podwire.model.symbols import Symbol

NODE_PORT = "node-port"
"""What stands in the place of an address in the frontend of a load balancer that serves a port of the node."""
ANY_FRONTEND = "any other (podwire may not read all Services)"
"""One of the frontends that load balancers may serve: every other one may be there too."""


@dataclass(frozen=True)
class Machine:
    """A node as symbols: that of a peer, or the one that a flow enters the cluster by (`entry`).

    `build` is `(build, revision)` of a Windows node.
    """

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

    @property
    def own_addresses(self) -> OneOf:
        """Those that the node itself has: of its interfaces, the gateway and the tunnel among them, and, on Windows,
        of HNS: gateways, and endpoints of no pod, such as the source VIP of kube-proxy."""
        usual = OneOf((self.ip, InNetwork(self.pod_network)))
        interfaces = Symbol(f"{self.role}.node.addresses", before=usual)
        return OneOf((interfaces, Symbol(f"{self.role}.node.hns_addresses", before=())))

    @property
    def ports(self) -> Symbol:
        """The ranges of its dynamic ports, of the flow's protocol and family."""
        return Symbol(f"{self.role}.node.ports", before=USUAL_OF_WINDOWS)

    @property
    def pods(self) -> Symbol:
        """The IPv4 addresses of its pods that are ready from the start of the run to its end."""
        return Symbol(f"{self.role}.node.pods")

    @property
    def other_pods(self) -> Symbol:
        """The addresses of running pods of other namespaces; those of other nodes are among them."""
        return Symbol(f"{self.role}.node.other_pods")

    @property
    def frontends(self) -> Symbol:
        """The addresses and ports that load balancers of a Windows node must serve: `10.96.0.10 udp 53`."""
        return Symbol(f"{self.role}.node.frontends")

    @property
    def possible_frontends(self) -> Symbol:
        """Those that its load balancers may serve beside them."""
        return Symbol(f"{self.role}.node.possible_frontends")

    @property
    def build(self) -> Symbol:
        return Symbol(f"{self.role}.node.build")

    @property
    def provider(self) -> Symbol:
        """The cloud that the machine is of."""
        return Symbol(f"{self.role}.node.provider")

    @property
    def reserved(self) -> Symbol:
        """The first three addresses of its part of the pod network: network, gateway, and what HNS takes."""
        return Symbol(f"{self.role}.node.reserved")

    @property
    def vpc_addresses(self) -> Symbol:
        """How many addresses of the VPC it offers to pods."""
        return Symbol(f"{self.role}.node.vpc_addresses")

    @property
    def wanted_addresses(self) -> Symbol:
        """How many its network card must have for pods, by what the controller of the VPC is told to keep ready."""
        return Symbol(f"{self.role}.node.wanted_addresses")

    @property
    def addresses_in_use(self) -> Symbol:
        """How many addresses of the pod network its pods have, once the run has filled it with pods."""
        return Symbol(f"{self.role}.node.addresses_in_use")

    @property
    def pods_without_address(self) -> Symbol:
        """How many of the pods that filled it got no address, and were told why."""
        return Symbol(f"{self.role}.node.pods_without_address")

    @property
    def rest_of_an_address(self) -> Symbol:
        """For how many seconds an address that a pod gave back was nobody's, before another pod got it."""
        return Symbol(f"{self.role}.node.rest_of_an_address")

    @property
    def wait_for_a_free_address(self) -> Symbol:
        """How many seconds a pod waited at most for an address that was free."""
        return Symbol(f"{self.role}.node.wait_for_a_free_address")

    @property
    def card_addresses(self) -> Symbol:
        """How many addresses its network card can have besides its own, by its instance type."""
        return Symbol(f"{self.role}.node.card_addresses")

    @property
    def card_prefix_addresses(self) -> Symbol:
        """The same with a prefix of 16 addresses in the place of each."""
        return Symbol(f"{self.role}.node.card_prefix_addresses")


@dataclass(frozen=True, kw_only=True)
class Pools:
    """The pools that the nodes of a flow are of, where the user told pools apart; an empty name leaves them to the
    plan."""

    client_pool: str = ""
    server_pool: str = ""
    entry_pool: str = ""
    """That of the node that the flow is sent to, where it is neither end's."""

    @property
    def words(self) -> str:
        """What a case id says of them at its end: `-from-old-to-new`."""
        entry = self.entry_pool if self.entry_pool not in (self.client_pool, self.server_pool) else ""
        named = (("from", self.client_pool), ("to", self.server_pool), ("by", entry))
        return "".join(f"-{word}-{name}" for word, name in named if name)
