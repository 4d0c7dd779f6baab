"""Overlay: the headers that a node puts around a packet of a pod, bit by bit.

Linux nodes are judged. No document says what Windows sends here; `podwire evidence` shows its packets.
"""

from podwire import (
    ANY_OS,
    LINUX,
    answered_by,
    at_server_node,
    flows,
    nothing,
    on_wire,
    reply,
    request,
    requirement,
    tunnel,
)

HYBRID = "ovn-kubernetes"  # whose Linux nodes have another tunnel among themselves
LINUX_TO_LINUX = {
    "client": LINUX,
    "server": LINUX,
    "placement": "cross-node",
    "via": "pod-ip",
    "family": "ipv4",
    "unless_cni": HYBRID,
}
TO_LINUX = {"client": ANY_OS, "server": LINUX, "placement": "cross-node", "via": "pod-ip", "family": "ipv4"}


@requirement("OVL-RESERVED")
@flows(protocol=("tcp", "udp", "icmp"), **LINUX_TO_LINUX)
def test_linux_nodes_send_the_reserved_bits_of_vxlan_as_zero(flow, case):
    case.expect(
        answered_by(flow.server),
        on_wire(request(vxlan_flags=0x08, vxlan_reserved=0), reply(vxlan_flags=0x08, vxlan_reserved=0)),
    )


@requirement("OVL-CHECKSUM")
@flows(protocol=("tcp", "udp"), **TO_LINUX)
def test_the_outer_checksum_of_an_arriving_tunnel_packet_is_zero_or_right(flow, case):
    case.expect(
        at_server_node(
            request(encapsulated=True), nothing(outer_checksum="wrong"), nothing(wrong_checksum="UDP checksum")
        ),
    )


@requirement("OVL-SOURCE-PORT")
@flows(protocol=("tcp", "http"), **LINUX_TO_LINUX)
def test_linux_nodes_send_a_connection_from_one_outer_source_port(flow, case):
    case.expect(answered_by(flow.server), tunnel.keeps_source_port())


@requirement("OVL-ECN")
@flows(protocol=("tcp", "udp", "icmp"), **LINUX_TO_LINUX)
def test_linux_nodes_copy_the_ecn_of_a_packet_into_its_tunnel_header(flow, case):
    case.expect(answered_by(flow.server), tunnel.copies_ecn())
