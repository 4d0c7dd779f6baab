"""On which cluster and for which flows a requirement or a limitation applies: what `when` in the suites says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from podwire.files.rows import Grouped
from podwire.model.addressing.instance_types import addresses_of
from podwire.model.facts import DENIED_PORT, FAMILIES, UNKNOWN, ClusterFacts, NodeFacts
from podwire.model.flows import Flow


@dataclass(frozen=True, kw_only=True)
class ClusterCondition:
    """Which clusters are meant. Each field lists what is admitted; empty admits all.

    `unless_cni` names CNIs that it does not apply to. With `known_instances` the instance types of all Windows
    nodes must be in the table `instance_types`; with `denied_port` the network must be known to deny pods a
    port; with `pod_security_group` a security group that lets nobody in must be stated; with `custom_networking` pods
    of Linux nodes must have a subnet of the VPC for themselves, with `dual_stack` addresses of both families.
    `dns_cache` tells whether Linux nodes have a DNS cache that their pods ask. `windows_skips` is what the policy
    engine of Windows nodes is documented to skip. `dsr` is compared with the proxy's setting as discovered.
    `kubernetes` is the first version (`"1.36"`) of Kubernetes that is meant. `all_builds` is an inclusive range of
    Windows builds (`"17763.0"`, `"17763.378"`) which every Windows node must lie in.
    """

    mode: tuple[str, ...] = ()
    cni: tuple[str, ...] = ()
    unless_cni: tuple[str, ...] = ()
    ipam: tuple[str, ...] = ()
    dsr: tuple[bool, ...] = ()
    known_instances: tuple[bool, ...] = ()
    denied_port: tuple[bool, ...] = ()
    pod_security_group: tuple[bool, ...] = ()
    custom_networking: tuple[bool, ...] = ()
    dual_stack: tuple[bool, ...] = ()
    dns_cache: tuple[bool, ...] = ()
    windows_skips: tuple[str, ...] = ()
    kubernetes: tuple[str, ...] = ()
    all_builds: tuple[str, str] | None = None

    def unmet(self, facts: ClusterFacts) -> str | None:
        """Why the cluster as a whole is not meant, or None."""
        if self.mode and facts.network.mode not in self.mode:
            return f"needs network mode {' or '.join(self.mode)}; {_has('mode', facts.network.mode)}"
        if self.cni and facts.network.cni not in self.cni:
            return f"needs the CNI {' or '.join(self.cni)}; {_has('cni', facts.network.cni)}"
        if facts.network.cni in self.unless_cni:
            return f"does not apply to the CNI {facts.network.cni}"
        if self.ipam and facts.network.ipam not in self.ipam:
            return f"needs the IPAM {' or '.join(self.ipam)}; {_has('ipam', facts.network.ipam)}"
        if self.kubernetes and _minor(facts.version) < _minor(self.kubernetes[0]):
            return f"needs Kubernetes {self.kubernetes[0]} or later; this cluster's is {facts.version or UNKNOWN}"
        if self.known_instances:
            unknown = [node for node in facts.usable("windows") if addresses_of(node.machine.instance_type) is None]
            if unknown:
                kind = unknown[0].machine.instance_type or "unknown"
                return f"podwire knows no address limit for the instance type of node {unknown[0].name}: {kind}"
        unmet = self._unmet_by_network(facts)
        if unmet:
            return unmet
        if self.all_builds:
            first, last = self.all_builds
            windows = facts.usable("windows")
            if not windows or not all(_within(node, self.all_builds) for node in windows):
                return f"needs a Windows build from {first} to {last} on every Windows node"
        if self.dsr and facts.proxy.dsr not in self.dsr:
            setting = "on" if True in self.dsr else "off"
            discovered = {True: "on", False: "off", None: UNKNOWN}[facts.proxy.dsr]
            return f"needs Direct Server Return {setting}; {_has('dsr', discovered)}"
        return None

    def _unmet_by_network(self, facts: ClusterFacts) -> str | None:
        """Why it is not what the network of the cluster has or is known to have, or None."""
        if self.denied_port and not facts.security.denied_port:
            rule = f"needs a network rule that blocks TCP {DENIED_PORT} between pods"
            if facts.security.denied_port is None:
                return f"{rule}; if your network has one, state `denied_port: true` in --facts"
            return f"{rule}; --facts states that there is none"
        if self.pod_security_group and not facts.security.pod_security_group:
            group = "needs a security group without inbound rules"
            return f"{group}; if your VPC has one, state `pod_security_group: sg-...` in --facts"
        if self.custom_networking and not facts.network.custom_networking:
            return "needs custom networking of Linux nodes: an ENIConfig, and an aws-node that uses it"
        if self.dual_stack and set(facts.network.families) != set(FAMILIES):
            have = "IPv6" if "ipv6" in facts.network.families else "IPv4"
            return f"needs a dual-stack cluster; pods of Linux nodes have {have} only"
        missing = [word for word in self.windows_skips if word not in facts.policies.windows.skips]
        if missing:
            name = facts.policies.windows.name
            return f"needs a policy engine of Windows nodes that skips {missing[0]}; on this cluster it is {name}"
        if self.dns_cache and bool(facts.dns.caches) not in self.dns_cache:
            if facts.dns.caches:
                return f"pods of Linux nodes ask a DNS cache on their node ({', '.join(facts.dns.caches)})"
            return (
                "needs DNS caches on Linux nodes; if yours have some, state their addresses as `dns_caches` in --facts"
            )
        return None


@dataclass(frozen=True, kw_only=True)
class FlowCondition:
    """Which flows are meant. Each field lists what is admitted; empty admits all.

    `entry` is the OS of the node that a flow enters by, `server_pod` the special kind of pod that the server is, and
    `decision` what the network policies in force say of the flow. `builds` is an inclusive range of Windows builds
    which the node of the client, of the server or of the entry must lie in.
    """

    client: tuple[str, ...] = ()
    server: tuple[str, ...] = ()
    protocol: tuple[str, ...] = ()
    family: tuple[str, ...] = ()
    placement: tuple[str, ...] = ()
    service: tuple[str, ...] = ()
    entry: tuple[str, ...] = ()
    server_pod: tuple[str, ...] = ()
    decision: tuple[str, ...] = ()
    builds: tuple[str, str] | None = None

    def admits(self, flow: Flow, nodes: Sequence[NodeFacts], entry: str = "") -> bool:
        """Whether this flow, between these nodes and by the node of that name, is meant."""
        checks = (
            (self.client, flow.client.os),
            (self.server, flow.server.os),
            (self.protocol, flow.protocol),
            (self.family, flow.family),
            (self.placement, flow.placement),
            (self.service, flow.service.kind),
            (self.server_pod, flow.server.pod),
            (self.decision, flow.ruling.decision),
            (self.entry, next((node.os for node in nodes if node.name == entry), "")),
        )
        if any(admitted and value not in admitted for admitted, value in checks):
            return False
        return self.builds is None or any(_within(node, self.builds) for node in nodes)


@dataclass(frozen=True, kw_only=True)
class Condition:
    """On which cluster and for which flows something applies."""

    cluster: ClusterCondition = field(default_factory=ClusterCondition)
    flow: FlowCondition = field(default_factory=FlowCondition)

    @classmethod
    def of(cls, **keys: Any) -> Condition:
        """A condition by the keys of `when`, all in one row: `mode=`, `client=`, ..."""
        return CONDITION_ROW.value(keys)

    def admits(self, flow: Flow, facts: ClusterFacts, nodes: Sequence[NodeFacts], entry: str = "") -> bool:
        """Whether this flow on this cluster, between these nodes and by the node of that name, is meant."""
        return not self.cluster.unmet(facts) and self.flow.admits(flow, nodes, entry)


CONDITION_ROW = Grouped(Condition, cluster=ClusterCondition, flow=FlowCondition)


def _has(field: str, value: str) -> str:
    """What the cluster has instead, and for an unknown fact how the user can tell it."""
    if value == UNKNOWN:
        return f"this cluster's is unknown (if you know it, state `{field}` in --facts)"
    return f"this cluster has {value}" if field != "dsr" else f"on this cluster it is {value}"


def _minor(version: str) -> tuple[int, ...]:
    """`(1, 36)` for `1.36.2-eks-1`; () for what is no version."""
    match = re.match(r"v?(\d+)\.(\d+)", version)
    return tuple(int(part) for part in match.groups()) if match else ()


def _within(node: NodeFacts, builds: tuple[str, str]) -> bool:
    low, high = (tuple(int(part) for part in text.split(".")) for text in builds)
    return node.known_build is not None and low <= node.known_build <= high
