"""How packets of pods look in a VPC: no tunnel, one network card, and translation for what lies beyond."""

from podwire import (
    ANY_OS,
    LINUX,
    WINDOWS,
    answered_by,
    at_client,
    at_client_node,
    card,
    each_windows_node_runs,
    flows,
    in_ranges,
    nothing,
    on_wire,
    reply,
    request,
    requirement,
    seen_as,
)

ACROSS = {"placement": "cross-node", "via": "pod-ip", "family": "ipv4"}


@requirement("EKS-CNI")
@flows(client=ANY_OS, server=ANY_OS, **ACROSS)
def test_pods_of_a_vpc_talk_with_their_own_addresses_and_without_a_tunnel(flow, case):
    case.expect(
        answered_by(flow.server),
        on_wire(
            request(encapsulated=False, src=flow.client.ip, dst=flow.server.ip),
            reply(encapsulated=False, src=flow.server.ip, dst=flow.client.ip),
        ),
    )


@requirement("EKS-ONE-CARD")
@flows(client=WINDOWS, server=ANY_OS, **ACROSS)
def test_frames_of_windows_pods_leave_with_the_mac_of_the_nodes_network_card(flow, case):
    case.expect(
        answered_by(flow.server),
        at_client(request(frame_src=flow.client.mac)),
        at_client_node(request(frame_src=flow.client.node.mac)),
    )


@requirement("EKS-ONE-CARD")
@each_windows_node_runs("ec2-card")
def test_a_windows_node_of_a_vpc_has_one_network_card(flow, case):
    case.expect(card.has_address(flow.server.ip), card.count(1))


@requirement("EKS-NAT")
@flows(client=WINDOWS, server=LINUX, server_kind="host", placement="cross-node", via="node-ip", family="ipv4")
def test_machines_of_the_vpc_see_the_address_of_a_windows_pod(flow, case):
    case.expect(answered_by(flow.server), seen_as(flow.client.ip), on_wire(request(src=flow.client.ip)))


@requirement("EKS-NAT")
@flows(client=WINDOWS, server_kind="outside", via="external-ip", family="ipv4", aspect="outside")
def test_the_outside_of_a_vpc_sees_the_address_of_the_windows_node(flow, case):
    """What the outside itself sees may be the address of a NAT gateway: nodes of private subnets have one."""
    case.expect(
        answered_by(flow.server),
        on_wire(request(src=flow.client.node.ip, sport=in_ranges(flow.client.node.ports)), nothing(src=flow.client.ip)),
    )
