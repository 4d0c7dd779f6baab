"""The oracle: whether policies allow a connection, and the sentence that decides. Pure.

It is written from the documents that its sentences name (`sentences`), and from no engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from podwire.policies.cluster_policy import ClusterPeer, ClusterRule, Tier
from podwire.policies.matching import in_network, other_end, peer_matches, port_matches
from podwire.policies.network_policy import DIRECTIONS, Direction, NetworkPolicy, Rule
from podwire.policies.sentences import SENTENCES
from podwire.policies.world import Connection, End, Machine, Pod, World

Outcome = Literal["allowed", "denied", "undefined"]


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What the documents say of a connection: the outcome, the sentences that decide, and what they were held against.

    `undefined` is what no document promises: no case may be made of it.
    """

    outcome: Outcome
    sentences: tuple[str, ...]
    """The names of the sentences, the deciding one first."""
    by: str = ""
    """The policy and the rule that decide, in words; '' where none does."""
    direction: Direction | Literal[""] = ""

    @property
    def rule(self) -> str:
        """The deciding sentence, and by what."""
        says = SENTENCES[self.sentences[0]].says
        return f"{says} ({self.by})" if self.by else says


def decide(world: World, connection: Connection) -> Decision:
    """What becomes of a connection."""
    at_once = _before_policies(connection)
    if at_once:
        return at_once
    decisions = [_one_way(world, connection, direction) for direction in DIRECTIONS]
    for outcome in ("denied", "undefined"):
        for decision in decisions:
            if decision.outcome == outcome:
                return _both_ends(decision, decisions)
    # An end whose rule allows it says more than one that no policy selects.
    return min(decisions, key=lambda decision: not decision.by)


def _both_ends(decision: Decision, decisions: list[Decision]) -> Decision:
    """The one that denies, where the other end's own rule allows."""
    other = next(each for each in decisions if each is not decision)
    if other.outcome != "allowed" or not other.by:
        return decision
    return Decision(
        outcome=decision.outcome,
        sentences=(*decision.sentences, "both-ends"),
        by=decision.by,
        direction=decision.direction,
    )


def _before_policies(connection: Connection) -> Decision | None:
    """What is decided without any policy."""
    source, target = connection.source, connection.target
    if connection.protocol not in ("TCP", "UDP", "SCTP"):
        return Decision(outcome="undefined", sentences=("protocols",))
    if connection.answers:
        return Decision(outcome="allowed", sentences=("answer",))
    if source == target:
        return Decision(outcome="allowed", sentences=("itself",))
    if any(isinstance(end, Pod) and end.on_node_network for end in (source, target)):
        return Decision(outcome="undefined", sentences=("node-network",))
    for pod, machine in ((target, source), (source, target)):
        if isinstance(pod, Pod) and isinstance(machine, Machine) and machine.name and machine.name == pod.node:
            return Decision(outcome="allowed", sentences=("own-node",))
    return None


def _one_way(world: World, connection: Connection, direction: Direction) -> Decision:
    """What the policies of one end say: those of the source for egress, of the target for ingress."""
    pod = connection.source if direction == "egress" else connection.target
    if not isinstance(pod, Pod):
        return Decision(outcome="allowed", sentences=("not-isolated",), direction=direction)
    by_admin = _by_tier("Admin", world, pod, connection, direction)
    if by_admin:
        return by_admin
    selecting = [
        policy
        for policy in world.policies
        if policy.namespace == pod.namespace and direction in policy.directions and policy.pods.selects(pod.labels)
    ]
    if not selecting:
        by_baseline = _by_tier("Baseline", world, pod, connection, direction)
        return by_baseline or Decision(outcome="allowed", sentences=("not-isolated",), direction=direction)
    return _isolated(selecting, world, pod, connection, direction)


def _isolated(
    selecting: list[NetworkPolicy], world: World, pod: Pod, connection: Connection, direction: Direction
) -> Decision:
    for policy in selecting:
        for number, rule in enumerate(policy.rules(direction)):
            matched = _matched(rule, policy, world, connection, direction)
            if not matched:
                continue
            more = ("add-up",) if len(selecting) > 1 else ()
            by = f"{direction} rule {number + 1} of {policy.name}"
            if pod.starting:
                return Decision(outcome="undefined", sentences=("starting", *matched), by=by, direction=direction)
            return Decision(outcome="allowed", sentences=(*matched, *more), by=by, direction=direction)
    names = ", ".join(policy.name for policy in selecting)
    return Decision(outcome="denied", sentences=("isolated",), by=f"{direction}: {names}", direction=direction)


def _matched(
    rule: Rule, policy: NetworkPolicy, world: World, connection: Connection, direction: Direction
) -> tuple[str, ...]:
    """The sentences by which a rule matches, that of the peer first; () where it does not."""
    end, address = other_end(connection, direction)
    peers = [peer_matches(peer, policy.namespace, end, address, world) for peer in rule.peers]
    by_peer = next(filter(None, peers), "") if rule.peers else "any-peer"
    ports = (port_matches(port, connection) for port in rule.ports)
    by_port = next(filter(None, ports), "") if rule.ports else "any-port"
    if not by_peer or not by_port:
        return ()
    return (by_peer, by_port, *(("one-peer",) if len(rule.peers) > 1 else ()))


def _by_tier(tier: Tier, world: World, pod: Pod, connection: Connection, direction: Direction) -> Decision | None:
    """What the cluster policies of a tier decide, or None where they pass or say nothing."""
    policies = sorted(
        (
            policy
            for policy in world.cluster_policies
            if policy.tier == tier and policy.subject.selects(world.labels_of(pod.namespace), pod.labels)
        ),
        key=lambda policy: policy.priority,
    )
    for _, same in groupby(policies, key=lambda policy: policy.priority):
        found = [
            (policy.name, first)
            for policy in same
            if (first := next(_cluster_matches(policy.rules(direction), world, connection, direction), None))
        ]
        if not found:
            continue
        if len({action for _, (_, action, _) in found}) > 1:
            return Decision(outcome="undefined", sentences=("ambiguous",), direction=direction)
        name, (rule, action, known) = found[0]
        if action == "Pass":
            return None
        sentence = "unknown-peer" if not known else "admin" if tier == "Admin" else "baseline"
        return Decision(
            outcome="allowed" if action == "Accept" else "denied",
            sentences=(sentence,),
            by=f"{direction} rule {rule.name} of {name}",
            direction=direction,
        )
    return None


def _cluster_matches(
    rules: tuple[ClusterRule, ...], world: World, connection: Connection, direction: Direction
) -> Iterator[tuple[ClusterRule, str, bool]]:
    """The rules that match, in their order, each with what it does and whether its peers are of known kinds."""
    end, address = other_end(connection, direction)
    for rule in rules:
        known = all(peer.known for peer in rule.peers)
        if not known:
            if rule.action != "Accept":
                yield rule, "Deny", False
            continue
        if rule.ports and not any(port_matches(port, connection) for port in rule.ports):
            continue
        if any(_meant(peer, end, address, world) for peer in rule.peers):
            yield rule, rule.action, True


def _meant(peer: ClusterPeer, end: End, address: str, world: World) -> bool:
    """Whether a peer of a cluster policy selects an end. Networks select pods too, selectors no pod with its node's
    network."""
    if peer.subject is None:
        return any(in_network(address, network) for network in peer.networks)
    if not isinstance(end, Pod) or end.on_node_network:
        return False
    return peer.subject.selects(world.labels_of(end.namespace), end.labels)
