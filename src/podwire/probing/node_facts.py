"""The facts of a cluster with what its nodes told of themselves in a run."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from podwire.cluster.deployment.workloads import Deployment, Probe
from podwire.model.facts import ClusterFacts, NodeFacts, NodeNetwork
from podwire.probing.bindings.nodes import Hello, mtu_of
from podwire.probing.node_states import NodeState


def with_states(
    facts: ClusterFacts, states: Mapping[str, NodeState], deployment: Deployment, hellos: Mapping[str, Hello]
) -> ClusterFacts:
    """The same facts; of each node that has a state or an agent it is known what that told, and a signal names
    the author of a mode of kube-proxy."""
    nodes = tuple(
        replace(node, told=_told(node, states.get(node.name) or NodeState(), deployment, hellos))
        for node in facts.nodes
    )
    modes = (f"kube-proxy of {name}: mode {state.proxy}" for name, state in states.items() if state.proxy)
    fresh = [signal for signal in modes if signal not in facts.origin.signals]
    return replace(facts, nodes=nodes).with_signals(*fresh)


def _told(node: NodeFacts, state: NodeState, deployment: Deployment, hellos: Mapping[str, Hello]) -> NodeNetwork:
    return NodeNetwork(
        ports=tuple(f"{name} {', '.join(ranges)}" for name, ranges in sorted(state.ports.items())),
        mtu=_mtu(deployment.on(node.name, "host"), hellos),
        pod_mtu=_mtu(deployment.on(node.name, "a"), hellos),
        proxy_mode=state.proxy,
        hns=state.windows.hns,
        overrides=(*state.windows.overrides, *state.windows.switches),
        translation=state.windows.translation,
    )


def _mtu(probe: Probe | None, hellos: Mapping[str, Hello]) -> int | None:
    """Of the interface with the probe's address; None where its agent does not tell it."""
    return mtu_of(set(probe.addresses.values()), hellos.get(probe.pod)) if probe else None
