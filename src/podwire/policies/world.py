"""The world that policies are read in: pods, nodes, namespaces, and the connections between them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from podwire.policies.cluster_policy import ClusterPolicy
from podwire.policies.labels import Labels
from podwire.policies.network_policy import NetworkPolicy, Protocol

METADATA_NAME = "kubernetes.io/metadata.name"
"""The label that the API server gives every namespace (kubernetes.io: Labels, Annotations and Taints)."""


@dataclass(frozen=True, kw_only=True)
class NamedPort:
    """A port of a pod's container that has a name."""

    name: str
    protocol: Protocol
    number: int


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A pod: where it is, its labels, the addresses that its status lists, the named ports of its containers."""

    name: str
    namespace: str
    node: str
    labels: Labels = field(default_factory=dict)
    addresses: tuple[str, ...] = ()
    ports: tuple[NamedPort, ...] = ()
    on_node_network: bool = False
    """Whether it has its node's network (`hostNetwork`)."""
    starting: bool = False
    """Whether it has just been created, so that rules that allow may not be in force yet."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A node itself, or, without a name, a host outside of the cluster."""

    name: str = ""
    addresses: tuple[str, ...] = ()


End = Pod | Machine


@dataclass(frozen=True, kw_only=True)
class Connection:
    """A connection as policies see it: from whom, to whom, and the port where it arrives.

    A connection to a Service is one to the pod behind it, with the pod's address and port: where a rule is held
    against addresses before they are rewritten, the API promises nothing.
    """

    source: End
    target: End
    source_ip: str
    target_ip: str
    protocol: Protocol | Literal["ICMP"]
    port: int = 0
    answers: bool = False
    """Whether the packet in question is an answer on a connection that is allowed."""


@dataclass(frozen=True, kw_only=True)
class World:
    """What a decision depends on: the labels of namespaces by name, and the policies in force."""

    namespaces: Mapping[str, Labels] = field(default_factory=dict)
    policies: tuple[NetworkPolicy, ...] = ()
    cluster_policies: tuple[ClusterPolicy, ...] = ()

    def labels_of(self, namespace: str) -> Labels:
        """The labels of a namespace, with its name as the API server adds it."""
        return {METADATA_NAME: namespace, **self.namespaces.get(namespace, {})}
