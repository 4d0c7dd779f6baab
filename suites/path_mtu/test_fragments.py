"""Fragments that a pod sends one by one: the order in which they leave is the plan's, and no kernel's."""

from podwire import (
    ANY_OS,
    LINUX,
    answered_by,
    at_client,
    flows,
    fragment,
    requirement,
    silent,
)
from podwire.crafting import IP, UDP, IPv6, fragments, question

BETWEEN_NODES = {
    "client": LINUX,
    "server": ANY_OS,
    "placement": "cross-node",
    "via": "pod-ip",
    "protocol": "udp",
    "size": "three-fragments",
}
V4 = {**BETWEEN_NODES, "family": "ipv4"}
V6 = {**BETWEEN_NODES, "family": "ipv6"}
# Azure's network discards fragments that come out of order (Microsoft: TCP/IP performance tuning for Azure VMs).
DISORDERED_V4 = {**V4, "unless_cni": "azure-cni"}
DISORDERED_V6 = {**V6, "unless_cni": "azure-cni"}


def over_ipv4(flow):
    return IP(dst=flow.server.ip) / UDP(dport=flow.server.port) / question(flow.size_in_bytes)


def over_ipv6(flow):
    return IPv6(dst=flow.server.ip) / UDP(dport=flow.server.port) / question(flow.size_in_bytes)


@requirement("MTU-FRAGMENT-ORDER")
# As a kernel sends them.
@flows(**V4, aspect="in-order", sends=lambda flow: fragments(over_ipv4(flow), flow.path_mtu, order=(1, 2, 3)))
@flows(**V6, aspect="in-order", sends=lambda flow: fragments(over_ipv6(flow), flow.path_mtu, order=(1, 2, 3)))
# Two neighbours swapped, as two queues on the way do it.
@flows(**DISORDERED_V4, aspect="swapped", sends=lambda flow: fragments(over_ipv4(flow), flow.path_mtu, order=(1, 3, 2)))
@flows(**DISORDERED_V6, aspect="swapped", sends=lambda flow: fragments(over_ipv6(flow), flow.path_mtu, order=(1, 3, 2)))
# The only fragment with ports comes last: who looks for ports has to wait for it.
@flows(
    **DISORDERED_V4,
    aspect="first-one-last",
    sends=lambda flow: fragments(over_ipv4(flow), flow.path_mtu, order=(2, 3, 1)),
)
@flows(
    **DISORDERED_V6,
    aspect="first-one-last",
    sends=lambda flow: fragments(over_ipv6(flow), flow.path_mtu, order=(2, 3, 1)),
)
def test_fragments_of_a_datagram_arrive_in_any_order(flow, case):
    case.expect(
        answered_by(flow.server),
        at_client(fragment(src=flow.client.ip, offset=0, more=True), fragment(src=flow.client.ip, more=False)),
    )


@requirement("MTU-FRAGMENT-ORDER")
# The server has to wait for the rest, and must not take what it has for the whole.
@flows(**V4, aspect="only-the-first", sends=lambda flow: fragments(over_ipv4(flow), flow.path_mtu, order=(1,)))
@flows(**V6, aspect="only-the-first", sends=lambda flow: fragments(over_ipv6(flow), flow.path_mtu, order=(1,)))
def test_a_datagram_whose_later_fragments_never_come_is_not_answered(flow, case):
    case.expect(silent(), at_client(fragment(src=flow.client.ip, offset=0, more=True)))
