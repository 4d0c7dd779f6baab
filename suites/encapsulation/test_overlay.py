"""Overlay: what is on the underlay is VXLAN between nodes, and nothing else of the pods."""

from podwire import (
    ANY_OS,
    LINUX,
    WINDOWS,
    answered_by,
    at_client,
    at_client_node,
    at_least,
    at_server,
    each_windows_node_runs,
    flows,
    given_at_server_node,
    hns,
    inside,
    known,
    nothing,
    on_wire,
    other_than,
    reply,
    request,
    requirement,
    silent,
)


def vxlan(flow):
    return {"outer_dport": flow.tunnel_port, "vni": at_least(4096), "vxlan_flags": 0x08}


def there(flow):
    return {**vxlan(flow), "outer_src": flow.client.node.ip, "outer_dst": flow.server.node.ip}


def back(flow):
    return {**vxlan(flow), "outer_src": flow.server.node.ip, "outer_dst": flow.client.node.ip}


POD_TO_POD = {
    "placement": "cross-node",
    "via": "pod-ip",
    "protocol": ("tcp", "udp", "icmp"),
    "family": "ipv4",
}
POD_TO_SERVICE = {"placement": "cross-node", "via": "cluster-ip", "family": "ipv4", "aspect": "service"}
FROM_A_NODE = {"client": LINUX, "client_kind": "host", "server": ANY_OS, "placement": "cross-node", "protocol": "udp"}
REACHED_OTHERWISE = ("own-vni", "server-host")
HYBRID = "ovn-kubernetes"  # whose Linux nodes have another tunnel among themselves


@requirement("OVL-VXLAN")
@flows(client=ANY_OS, server=WINDOWS, **POD_TO_POD)
@flows(client=WINDOWS, server=LINUX, **POD_TO_POD)
@flows(client=LINUX, server=LINUX, unless_cni=HYBRID, **POD_TO_POD)
def test_on_overlay_pods_of_two_nodes_talk_through_a_vxlan_tunnel(flow, case):
    case.expect(
        answered_by(flow.server),
        on_wire(
            request(**there(flow), src=flow.client.ip, dst=flow.server.ip),
            reply(**back(flow), src=flow.server.ip, dst=flow.client.ip),
        ),
    )


@requirement("OVL-VXLAN")
@flows(client=ANY_OS, server=WINDOWS, **POD_TO_SERVICE)
@flows(client=WINDOWS, server=LINUX, **POD_TO_SERVICE)
@flows(client=LINUX, server=LINUX, unless_cni=HYBRID, **POD_TO_SERVICE)
def test_on_overlay_a_service_leads_to_another_node_through_a_vxlan_tunnel(flow, case):
    case.expect(
        answered_by(flow.server),
        on_wire(
            request(**there(flow), src=inside(flow.client.node.pod_network), dst=flow.server.ip),
            reply(**back(flow), src=flow.server.ip, dst=inside(flow.client.node.pod_network)),
        ),
    )


@requirement("OVL-OWN-SUBNET")
@flows(client=ANY_OS, server=ANY_OS, placement="cross-node", via="pod-ip")
def test_on_overlay_pods_send_from_the_subnet_of_their_node(flow, case):
    case.expect(
        answered_by(flow.server),
        known(flow.server.ip, other_than(inside(flow.client.node.pod_network))),
        at_client(reply(src=inside(flow.server.node.pod_network))),
        at_server(request(src=inside(flow.client.node.pod_network), dst=inside(flow.server.node.pod_network))),
    )


@requirement("OVL-OWN-SUBNET")
@each_windows_node_runs("hns-networks")
def test_on_overlay_hns_lists_the_subnet_of_a_pods_address(flow, case):
    case.expect(hns.subnet_of(flow.server.ip))


@requirement("OVL-ISOLATION")
@flows(client=ANY_OS, server=ANY_OS, placement="cross-node", via="pod-ip")
def test_on_overlay_pod_addresses_show_only_inside_the_tunnel(flow, case):
    case.expect(
        answered_by(flow.server),
        on_wire(request(encapsulated=True), reply(encapsulated=True), nothing(encapsulated=False)),
    )


@requirement("OVL-ISOLATION")
@flows(client=ANY_OS, server_kind="outside", via="external-ip")
def test_on_overlay_no_pod_address_leaves_for_the_outside(flow, case):
    case.expect(
        answered_by(flow.server),
        on_wire(request(src=flow.client.outside_ip), reply(dst=flow.client.outside_ip)),
    )


@requirement("OVL-ISOLATION")
@flows(**{**FROM_A_NODE, "server": WINDOWS}, via="no-vni", aspect="bare", family="ipv4", controls=REACHED_OTHERWISE)
def test_on_overlay_a_packet_without_a_tunnel_reaches_no_pod(flow, case):
    bare = request(encapsulated=False, dst=flow.server.ip)
    case.expect(silent(), given_at_server_node(bare), at_client_node(bare), at_server(nothing()))


@requirement("OVL-OTHER-VNI")
@flows(via="own-vni", aspect="own-vni", family="ipv4", controls=("pod-ip",), **FROM_A_NODE)
def test_a_tunnel_packet_with_the_vni_of_the_pods_reaches_a_pod(flow, case):
    case.expect(answered_by(flow.server), on_wire(request(encapsulated=True, dst=flow.server.ip)))


@requirement("OVL-OTHER-VNI")
@flows(via="other-vni", aspect="other-vni", family="ipv4", controls=("own-vni",), **FROM_A_NODE)
def test_a_tunnel_packet_with_another_vni_does_not_reach_a_pod(flow, case):
    case.expect(silent(), on_wire(request(encapsulated=True, dst=flow.server.ip)), at_server(nothing()))
