"""flannel's VXLAN backend once Windows nodes take part: one number, one port, and no way around the tunnel."""

from podwire import ANY_OS, answered_by, flows, nothing, on_wire, reply, request, requirement

BETWEEN_NODES = {"client": ANY_OS, "server": ANY_OS, "placement": "cross-node", "via": "pod-ip", "family": "ipv4"}


@requirement("FLANNEL-VNI")
@flows(**BETWEEN_NODES)
def test_all_nodes_of_a_flannel_vxlan_network_use_vni_4096(flow, case):
    case.expect(answered_by(flow.server), on_wire(request(vni=4096), reply(vni=4096)))


@requirement("FLANNEL-PORT")
@flows(**BETWEEN_NODES)
def test_all_nodes_of_a_flannel_vxlan_network_use_udp_port_4789(flow, case):
    case.expect(answered_by(flow.server), on_wire(request(outer_dport=4789), reply(outer_dport=4789)))


@requirement("FLANNEL-NODIRECT")
@flows(**BETWEEN_NODES)
def test_no_pod_packet_of_a_flannel_vxlan_network_bypasses_the_tunnel(flow, case):
    case.expect(answered_by(flow.server), on_wire(request(encapsulated=True), nothing(encapsulated=False)))
