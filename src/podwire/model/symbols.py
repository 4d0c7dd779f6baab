"""Values that only a run knows, by their names: what a test speaks of before there are addresses."""

from __future__ import annotations

from dataclasses import dataclass

UNKNOWN = ".unknown"
"""After the name of a symbol: the name of the reason why a run has no value for it, where that is known."""

ASSUMED_DOMAIN = "cluster.assumed_domain"
"""The value of a run for cases whose names end in a domain that nobody told."""

DNS_CACHE = "dns.cache"
"""Whether the DNS server that a client asks is a cache on its own node."""


@dataclass(frozen=True)
class Symbol:
    """A value that only a run knows, by its name in an observation's bindings: `client.ip`, `service.cluster_ip`."""

    name: str

    def __str__(self) -> str:
        return self.name


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


@dataclass(frozen=True)
class ServiceSymbols:
    """The Service of a flow. `kind` is a file in `manifests/services`: which Service, and which pods are behind it."""

    kind: str = "echo"

    @property
    def cluster_ip(self) -> Symbol:
        return Symbol("service.cluster_ip")

    @property
    def port(self) -> Symbol:
        return Symbol("service.port")

    @property
    def node_port(self) -> Symbol:
        return Symbol("service.node_port")

    @property
    def target_port(self) -> Symbol:
        return Symbol("service.target_port")

    def port_named(self, name: str) -> Symbol:
        """The number of its port of that name."""
        return Symbol(f"service.port.{name}")

    @property
    def families(self) -> Symbol:
        """The IP families of its cluster addresses, IPv4 first."""
        return Symbol("service.families")

    @property
    def backends(self) -> Symbol:
        """The addresses of all its ready endpoints."""
        return Symbol("service.backends")
