"""What the network policies of a run say of its flows, by the oracle, and who has to enforce it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from podwire.model.facts import NO_ENGINE, OS, UNKNOWN, ClusterFacts
from podwire.model.flows import Flow, Peer, Ruling
from podwire.policies import cast
from podwire.policies.network_policy import Protocol, policy_of
from podwire.policies.oracle import decide
from podwire.policies.world import Connection, End, Machine, World

_NODE = ("192.0.2.101", "2001:db8::101")
_PROTOCOLS: Mapping[str, Protocol] = {"tcp": "TCP", "http": "TCP", "udp": "UDP", "sctp": "SCTP"}
_ABOUT: Mapping[str, str] = {
    **{"block": "pod-blocks", "out-block": "pod-blocks", "except": "except", "out-except": "except"},
    **{"named": "named-ports", "out-named": "named-ports"},
    **{f"{way}range-{place}": "end-port" for way in ("", "out-") for place in ("first", "last", "beyond")},
}
"""What an engine must support for the rule of a port."""
_WORDS = {
    "pod-blocks": "IP blocks that select pods",
    "except": "exceptions of IP blocks",
    "named-ports": "named ports",
    "end-port": "ranges of ports",
    "ipv6": "IPv6",
}


class Rulings:
    """The rulings of the policies in `manifests/policies/`, by their names."""

    def __init__(self, policies: Mapping[str, Mapping[str, Any]]) -> None:
        self._worlds = {
            scene: World(
                namespaces=cast.namespaces(),
                policies=tuple(policy_of(policies[name]) for name in names if name in policies),
            )
            for scene, names in cast.SCENES.items()
        }

    def of(self, flow: Flow) -> Ruling | None:
        """What is said of a flow once the change that it follows is made; None where no document promises anything."""
        scene = flow.change.after
        decision = decide(self._worlds[scene], connection_of(flow, scene))
        if decision.outcome == "undefined":
            return None
        return Ruling(decision=decision.outcome, because=decision.rule)

    def unenforced(self, flow: Flow, facts: ClusterFacts) -> str | None:
        """Why the nodes of both ends are not known to enforce policies, or not those of its rule; None if they are."""
        if not flow.change.after:
            return None
        for peer in (flow.client, flow.server):
            os: OS = "windows" if peer.os == "windows" else "linux"
            engine, nodes = facts.policies.engine(os), {"linux": "Linux", "windows": "Windows"}[os]
            if engine.name == NO_ENGINE:
                return f"nothing enforces network policies on {nodes} nodes, so they have no effect there"
            if engine.name == UNKNOWN:
                return (
                    f"nothing tells what enforces network policies on {nodes} nodes; if you know it, state"
                    f" `{os}_policies` in --facts, or `none`"
                )
            about = _ABOUT.get(flow.way.port, "")
            wanted = [about, *(["ipv6"] if flow.family == "ipv6" else [])]
            for lacking in wanted:
                if lacking in engine.lacks and lacking not in engine.skips:
                    return f"{engine.name} does not support {_WORDS[lacking]} on {nodes} nodes"
        return None


def connection_of(flow: Flow, scene: str) -> Connection:
    """A flow as policies see it. A Service leads to the pod's first port."""
    client = _end(flow.client, "client", flow, scene)
    server = client if flow.placement == "itself" else _end(flow.server, "server", flow, scene)
    family = 1 if flow.family == "ipv6" else 0
    return Connection(
        source=client,
        target=server,
        source_ip=client.addresses[family],
        target_ip=server.addresses[family],
        protocol=_PROTOCOLS.get(flow.protocol, "ICMP"),
        port=cast.PORTS.get(flow.way.port, cast.ECHO),
    )


def _end(peer: Peer, role: str, flow: Flow, scene: str) -> End:
    node = "node" if flow.placement in ("same-node", "itself") else f"node of the {role}"
    if peer.kind != "pod":
        return Machine(name=node, addresses=_NODE)
    return cast.pod(peer.pod or "a", name=f"{peer.pod or 'a'} ({role})", node=node, scene=scene)
