"""Values that only a run knows, by their names: what a test speaks of before there are addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

UNKNOWN = ".unknown"
"""After the name of a symbol: the name of the reason why a run has no value for it, where that is known."""

ASSUMED_DOMAIN = "cluster.assumed_domain"
"""The value of a run for cases whose names end in a domain that nobody told."""

CONVERGES_WITHIN = "cluster.converges_within"
"""How many seconds a change of the cluster may take to show to the client of a case that follows one (a text)."""

RUNNER_WAITED = "runner.waited"
"""In how many seconds of that time a process of the runner's machine waited for a processor (a text)."""

DNS_CACHE = "dns.cache"
"""Whether the DNS server that a client asks is a cache on its own node."""

DNS_PLACEMENT = "dns.placement"
"""Where the DNS server that a client asks is, seen from the client's node: a placement of flows."""

STAYING = "server.staying_identities"
"""The identities of the endpoints that a Service had when a stream to it began, and still has when it ends."""

PROXY_MODE = "proxy_mode"
"""After `client.node.` and the like: the mode of the node's kube-proxy, where the node told it."""


@dataclass(frozen=True)
class Symbol:
    """A value that only a run knows, by its name in an observation's bindings: `client.ip`, `service.cluster_ip`.

    `before` is what holds in its place for observations of podwire before 0.3, which did not look for it: they have
    neither the name nor the reason why it has no value.
    """

    name: str
    before: Any = None

    def __str__(self) -> str:
        return self.name


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
