"""Requirements, limitations and where they are written. Pure values: `podwire.catalogue` reads them from the suites."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from podwire.model.facts import DENIED_PORT, FAMILIES, UNKNOWN, ClusterFacts, NodeFacts
from podwire.model.flows import Flow
from podwire.model.instance_types import addresses_of

Level = Literal["MUST", "SHOULD", "MAY"]
ANY = "any"
LEVELS: tuple[Level, ...] = ("MUST", "SHOULD", "MAY")


@dataclass(frozen=True, kw_only=True)
class Citation:
    """Where a rule is written: the document, the part of it, and its address if it has one."""

    document: str
    part: str = ""
    url: str = ""

    def __str__(self) -> str:
        return f"{self.document}, {self.part}" if self.part else self.document


@dataclass(frozen=True, kw_only=True)
class Condition:
    """On which cluster and for which flows something applies. Each field lists what is admitted; empty admits all.

    `unless_cni` names CNIs that it does not apply to. With `known_instances` the instance types of all Windows
    nodes must be in the table `instance_types`; with `denied_port` the network must be known to deny pods a
    port; with `pod_security_group` a security group that lets nobody in must be stated; with `custom_networking` pods
    of Linux nodes must have a subnet of the VPC for themselves, with `dual_stack` addresses of both families. `dsr`
    is compared with the proxy's setting as discovered. `entry` is the OS of the node that a flow enters by. `builds`
    is an inclusive range of Windows builds (`"17763.0"`, `"17763.378"`) which the node of the client, of the server
    or of the entry must lie in; `all_builds` asks it of every Windows node of the cluster.
    """

    mode: tuple[str, ...] = ()
    cni: tuple[str, ...] = ()
    unless_cni: tuple[str, ...] = ()
    ipam: tuple[str, ...] = ()
    known_instances: tuple[bool, ...] = ()
    denied_port: tuple[bool, ...] = ()
    pod_security_group: tuple[bool, ...] = ()
    custom_networking: tuple[bool, ...] = ()
    dual_stack: tuple[bool, ...] = ()
    dsr: tuple[bool, ...] = ()
    client: tuple[str, ...] = ()
    server: tuple[str, ...] = ()
    protocol: tuple[str, ...] = ()
    family: tuple[str, ...] = ()
    entry: tuple[str, ...] = ()
    placement: tuple[str, ...] = ()
    builds: tuple[str, str] | None = None
    all_builds: tuple[str, str] | None = None

    def unmet_by_cluster(self, facts: ClusterFacts) -> str | None:
        """Why the cluster as a whole is not meant, or None."""
        if self.mode and facts.mode not in self.mode:
            return f"needs network mode {' or '.join(self.mode)}; {_has('mode', facts.mode)}"
        if self.cni and facts.cni not in self.cni:
            return f"needs the CNI {' or '.join(self.cni)}; {_has('cni', facts.cni)}"
        if facts.cni in self.unless_cni:
            return f"does not apply to the CNI {facts.cni}"
        if self.ipam and facts.ipam not in self.ipam:
            return f"needs the IPAM {' or '.join(self.ipam)}; {_has('ipam', facts.ipam)}"
        if self.known_instances:
            unknown = [node for node in facts.usable("windows") if addresses_of(node.instance_type) is None]
            if unknown:
                kind = unknown[0].instance_type or "unknown"
                return f"podwire knows no address limit for the instance type of node {unknown[0].name}: {kind}"
        unmet = self._unmet_by_network(facts)
        if unmet:
            return unmet
        if self.all_builds:
            first, last = self.all_builds
            windows = facts.usable("windows")
            if not windows or not all(_within(node, self.all_builds) for node in windows):
                return f"needs a Windows build from {first} to {last} on every Windows node"
        if self.dsr and facts.dsr not in self.dsr:
            wanted = "on" if True in self.dsr else "off"
            known = {True: "on", False: "off", None: UNKNOWN}[facts.dsr]
            return f"needs Direct Server Return {wanted}; {_has('dsr', known)}"
        return None

    def _unmet_by_network(self, facts: ClusterFacts) -> str | None:
        """Why it is not what the network of the cluster has or is known to have, or None."""
        if self.denied_port and not facts.denied_port:
            rule = f"needs a network rule that blocks TCP {DENIED_PORT} between pods"
            if facts.denied_port is None:
                return f"{rule}; if your network has one, state `denied_port: true` in --facts"
            return f"{rule}; --facts states that there is none"
        if self.pod_security_group and not facts.pod_security_group:
            group = "needs a security group without inbound rules"
            return f"{group}; if your VPC has one, state `pod_security_group: sg-...` in --facts"
        if self.custom_networking and not facts.custom_networking:
            return "needs custom networking of Linux nodes: an ENIConfig, and an aws-node that uses it"
        if self.dual_stack and set(facts.families) != set(FAMILIES):
            have = "IPv6" if "ipv6" in facts.families else "IPv4"
            return f"needs a dual-stack cluster; pods of Linux nodes have {have} only"
        return None

    def admits(self, flow: Flow, facts: ClusterFacts, nodes: Sequence[NodeFacts], entry: str = "") -> bool:
        """Whether this flow, between these nodes and by the node of that name, is meant."""
        asked = (
            (self.client, flow.client.os),
            (self.server, flow.server.os),
            (self.protocol, flow.protocol),
            (self.family, flow.family),
            (self.placement, flow.placement),
            (self.entry, next((node.os for node in nodes if node.name == entry), "")),
        )
        if self.unmet_by_cluster(facts) or any(wanted and value not in wanted for wanted, value in asked):
            return False
        return self.builds is None or any(_within(node, self.builds) for node in nodes)


def _has(field: str, value: str) -> str:
    """What the cluster has instead, and for an unknown fact how the user can tell it."""
    if value == UNKNOWN:
        return f"this cluster's is unknown (if you know it, state `{field}` in --facts)"
    return f"this cluster has {value}" if field != "dsr" else f"on this cluster it is {value}"


def _within(node: NodeFacts, builds: tuple[str, str]) -> bool:
    low, high = (tuple(int(part) for part in text.split(".")) for text in builds)
    return node.known_build is not None and low <= node.known_build <= high


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One rule that must hold. `rows` are the rows of the domain catalogue that it stands for."""

    id: str
    area: str
    level: Level
    statement: str
    sources: tuple[Citation, ...]
    rows: tuple[str, ...] = ()
    when: Condition = field(default_factory=Condition)


@dataclass(frozen=True, kw_only=True)
class Limitation:
    """Where requirements are known not to hold. It excuses a failure only if the failure shows its `symptom`.

    `requirements` are their ids, or `ANY` for a bug that no flow of some kind is safe from.

    `kind` is `documented` (promised not to work) or `bug` (a known issue of some builds). `symptom` names a predicate
    in `podwire.judging.symptoms`.
    """

    id: str
    requirements: tuple[str, ...]
    kind: Literal["documented", "bug"]
    statement: str
    symptom: str
    sources: tuple[Citation, ...]
    rows: tuple[str, ...] = ()
    when: Condition = field(default_factory=Condition)


@dataclass(frozen=True, kw_only=True)
class StatedFact:
    """A sentence of the documents that no packet can decide, and the reason why it is stated and not tested."""

    id: str
    area: str
    statement: str
    reason: str
    sources: tuple[Citation, ...]
    rows: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """All that the suites require, by id."""

    areas: Mapping[str, str] = field(default_factory=dict)
    requirements: Mapping[str, Requirement] = field(default_factory=dict)
    limitations: tuple[Limitation, ...] = ()
    facts: tuple[StatedFact, ...] = ()

    def limitation_of(
        self, requirement: str, flow: Flow, facts: ClusterFacts, nodes: Sequence[NodeFacts], entry: str = ""
    ) -> Limitation | None:
        """The first limitation of that requirement which applies to this flow, else the first of any requirement."""
        applying = [
            one
            for one in self.limitations
            if {requirement, ANY} & set(one.requirements) and one.when.admits(flow, facts, nodes, entry)
        ]
        return min(applying, key=lambda one: ANY in one.requirements, default=None)
