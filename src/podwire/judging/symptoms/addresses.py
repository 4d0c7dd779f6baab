"""How documented limits of pod addresses show: Calico's block, custom networking and security groups of EKS."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from podwire.model.cases import Case
from podwire.model.observations import Observation
from podwire.model.verdicts import Finding

CALICO_ADDRESSES = 60
"""For pods, in a block of 64 on a Windows node (Tigera: Calico for Windows, limitations)."""


def block_used_up(case: Case, observation: Observation) -> Iterator[Finding]:
    """Pods use all 60 addresses of a Calico block, and the next pod waits, for a node without a free address."""
    bindings = observation.bindings
    in_use, waiting = bindings.get("client.node.addresses_in_use"), bindings.get("client.node.pods_without_address")
    text = f"{CALICO_ADDRESSES} addresses in use and 1 pod without one"
    actual = f"{in_use} in use, {waiting} without"
    met = (in_use, waiting) == (CALICO_ADDRESSES, 1)
    yield Finding(expected=text, actual=actual, where="cluster", met=met)
    yield _answered(observation)


def in_the_subnet_of_its_node(case: Case, observation: Observation) -> Iterator[Finding]:
    """The Windows pod and its node have addresses of one subnet, and the Linux pod has one of another subnet: otherwise
    custom networking would be off for both."""
    subnet = observation.bindings.get("client.vpc_subnet")
    for role, wanted in (("client", True), ("client.node", True), ("server", False)):
        address = observation.bindings.get(f"{role}.ip")
        expected = f"{role}.ip {'in' if wanted else 'outside of'} {subnet}, the pod's subnet"
        met = _is_in(address, subnet) is wanted
        yield Finding(expected=expected, actual=f"it is {address}", where="cluster", met=met)
    node = observation.captures["client-node"]
    sources = sorted({seen.packet.ip.src for seen in node.packets if seen.direction == "request"})
    own = observation.bindings.get("client.ip")
    text = "requests leave the node with the pod's own address"
    yield Finding(expected=text, actual=", ".join(sources) or "none seen", where=node.where, met=sources == [own])
    yield _answered(observation)


def not_grouped(case: Case, observation: Observation) -> Iterator[Finding]:
    """The pod has no interface for security groups, and answers as without a policy."""
    branch = observation.bindings.get("server.has_branch")
    text = "the pod has no branch interface"
    actual = "it has one" if branch else "it has none"
    yield Finding(expected=text, actual=actual, where="cluster", met=branch is False)
    yield _answered(observation)


def _answered(observation: Observation) -> Finding:
    wanted = observation.bindings.get("server.identity")
    names = sorted({attempt.reply.identity if attempt.reply else "no answer" for attempt in observation.attempts})
    text = f"every attempt is answered by {wanted}"
    return Finding(expected=text, actual=", ".join(names) or "no attempt", where="client", met=names == [wanted])


def _is_in(address: object, network: object) -> bool | None:
    """Whether an address is in a network; None where one of them is missing."""
    if not isinstance(address, str) or not isinstance(network, str):
        return None
    return ipaddress.ip_address(address) in ipaddress.ip_network(network)
