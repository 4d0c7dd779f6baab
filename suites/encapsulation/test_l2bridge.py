"""l2bridge: pod addresses on the underlay, the node's MAC, no tunnel, and the node's address towards the outside."""

from podwire import (
    ANY_OS,
    WINDOWS,
    answered_by,
    at_client,
    at_client_node,
    at_server,
    at_server_node,
    each_windows_node_runs,
    flows,
    in_ranges,
    nothing,
    on_wire,
    reply,
    request,
    requirement,
    windows,
)


@requirement("L2B-MAC-EGRESS")
@flows(client=WINDOWS, server=ANY_OS, placement="cross-node", via="pod-ip")
def test_on_l2bridge_frames_of_a_pod_leave_with_the_mac_of_the_node(flow, case):
    case.expect(
        answered_by(flow.server),
        at_client(request(frame_src=flow.client.mac)),
        at_client_node(request(frame_src=flow.client.node.mac), nothing(frame_src=flow.client.mac)),
        at_server_node(request(), reply(), nothing(frame_src=flow.client.mac), nothing(frame_src=flow.server.mac)),
    )


@requirement("L2B-MAC-INGRESS")
@flows(client=ANY_OS, server=WINDOWS, placement="cross-node", via="pod-ip")
def test_on_l2bridge_frames_for_a_pod_arrive_at_the_mac_of_the_node(flow, case):
    # The node readdresses them: the pod sees its own MAC address.
    case.expect(
        answered_by(flow.server),
        at_server_node(request(frame_dst=flow.server.node.mac), nothing(frame_dst=flow.server.mac)),
        at_server(request(frame_dst=flow.server.mac)),
    )


@requirement("L2B-IP-TRANSPARENT")
@flows(client=ANY_OS, server=ANY_OS, placement="cross-node", via="pod-ip", protocol=("tcp", "udp"))
def test_on_l2bridge_tcp_and_udp_keep_pod_addresses_on_the_underlay(flow, case):
    case.expect(
        answered_by(flow.server),
        on_wire(
            request(encapsulated=False, src=flow.client.ip, dst=flow.server.ip, sport=flow.client.port),
            reply(encapsulated=False, src=flow.server.ip, dst=flow.client.ip),
        ),
    )


@requirement("L2B-IP-TRANSPARENT")
@flows(client=ANY_OS, server=ANY_OS, placement="cross-node", via="pod-ip", protocol="icmp")
def test_on_l2bridge_a_ping_keeps_pod_addresses_on_the_underlay(flow, case):
    case.expect(
        answered_by(flow.server),
        on_wire(
            request(encapsulated=False, src=flow.client.ip, dst=flow.server.ip),
            reply(encapsulated=False, src=flow.server.ip, dst=flow.client.ip),
        ),
    )


@requirement("L2B-OUTNAT")
@flows(client=WINDOWS, server_kind="outside", via="external-ip")
def test_on_l2bridge_an_outside_host_sees_the_address_of_the_node(flow, case):
    case.expect(
        answered_by(flow.server),
        at_client(request(src=flow.client.ip), reply(dst=flow.client.ip)),
        on_wire(
            request(src=flow.client.node.ip, sport=in_ranges(flow.client.node.ports)), reply(dst=flow.client.node.ip)
        ),
    )


@requirement("L2B-UDR")
@flows(client=ANY_OS, server=ANY_OS, placement="cross-node", via="pod-ip")
def test_on_l2bridge_routes_lead_packets_to_the_node_of_the_pod(flow, case):
    case.expect(
        answered_by(flow.server),
        at_client_node(request(dst=flow.server.ip)),
        at_server_node(request(frame_dst=flow.server.node.mac, dst=flow.server.ip)),
    )


@requirement("L2B-EXTVSWITCH")
@each_windows_node_runs("vmswitch-ports")
def test_on_l2bridge_a_pod_is_on_a_virtual_switch_of_the_nodes_network_card(flow, case):
    case.expect(windows.external_switch_for(flow.server))
