"""The values of what a node tells of itself: its own addresses, and the ports that it translates to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import Any

from podwire.agent.node.interfaces import is_loopback
from podwire.cluster.deployment.workloads import Deployment
from podwire.model.facts import ClusterFacts
from podwire.model.flows import Flow
from podwire.model.observations import Value
from podwire.model.symbols import PROXY_MODE, UNKNOWN
from podwire.probing.node_states import NodeState

Hello = Mapping[str, Any]
"""What an agent says of itself."""
SERVICE_DEVICE = "kube-ipvs0"
"""Where kube-proxy with IPVS puts the addresses of all Services: no address of the node."""
PROTOCOLS = {"http": "tcp", "dns": "udp"}
HOW_TO_STATE = "state them with `windows_ports: [49152-65535]` in --facts FILE"


def of_the_nodes_themselves(
    nodes: Mapping[str, str],
    flow: Flow,
    deployment: Deployment,
    facts: ClusterFacts,
    hellos: Mapping[str, Hello],
    states: Mapping[str, NodeState],
) -> dict[str, Value]:
    """`addresses`, `hns_addresses` and `ports` of nodes, by role: each has a value, or the reason why there is none."""
    values: dict[str, Value] = {}
    for role, node in nodes.items():
        values |= _of_one(role, node, flow, deployment, facts, hellos, states)
    return values


def _of_one(
    role: str,
    node: str,
    flow: Flow,
    deployment: Deployment,
    facts: ClusterFacts,
    hellos: Mapping[str, Hello],
    states: Mapping[str, NodeState],
) -> dict[str, Value]:
    host, state = deployment.on(node, "host"), states.get(node)
    bindings: dict[str, Value] = {}

    def bound(name: str, values: tuple[str, ...], problem: str) -> None:
        key = f"{role}.node.{name}"
        bindings[f"{key}{UNKNOWN}" if problem else key] = problem or values

    hello = hellos.get(host.pod) if host else None
    no_probe = f"node {node} has no host probe that reports them"
    bound("addresses", tuple(_of_interfaces(hello)), "" if hello else no_probe)
    if state is None:
        for name in ("hns_addresses", "ports"):
            bound(name, (), no_probe)
        return bindings
    if state.proxy:
        bindings[f"{role}.node.{PROXY_MODE}"] = state.proxy
    taken = {address for probe in deployment.probes if probe.kind == "pod" for address in probe.addresses.values()}
    taken |= deployment.addresses_of_others
    of_hns = tuple(address for address in dict.fromkeys(state.windows.endpoints) if address not in taken)
    bound(
        "hns_addresses", (*of_hns, *state.windows.gateways), f"{node}: {state.no_windows}" if state.no_windows else ""
    )
    protocol = PROTOCOLS.get(flow.protocol, flow.protocol)
    ports = state.ports.get(f"{protocol} {flow.family}", ()) or _stated(node, facts)
    why = state.no_ports or f"it reports no ports for {protocol} over {flow.family}"
    bound("ports", ports, "" if ports else f"{node}: {why}; {HOW_TO_STATE}")
    return bindings


def _stated(node: str, facts: ClusterFacts) -> tuple[str, ...]:
    on_windows = any(known_node.name == node and known_node.os == "windows" for known_node in facts.nodes)
    return facts.network.windows_ports if on_windows else ()


def _of_interfaces(hello: Hello | None) -> Iterator[str]:
    for interface in (hello or {}).get("interfaces", ()):
        if interface["name"] != SERVICE_DEVICE:
            yield from (address for address in interface.get("addresses", ()) if not is_loopback(address))


def mac_of(address: str, hello: Hello | None) -> str | None:
    """The MAC of the interface that carries an address, as the agent there says."""
    for interface in (hello or {}).get("interfaces", ()):
        if address in interface.get("addresses", ()):
            mac = interface.get("mac")
            return str(mac).lower() if mac else None
    return None


def interface_of(address: str, hello: Hello | None) -> str | None:
    """The name of the interface that carries an address."""
    for interface in (hello or {}).get("interfaces", ()):
        if address in interface.get("addresses", ()):
            return str(interface["name"])
    return None


def mtu_of(addresses: Set[str], hello: Hello | None) -> int | None:
    """The MTU in bytes of the interface that carries one of these addresses; None where the agent does not tell it."""
    for interface in (hello or {}).get("interfaces", ()):
        mtu = interface.get("mtu")
        if addresses & set(interface.get("addresses", ())) and isinstance(mtu, int):
            return mtu
    return None
