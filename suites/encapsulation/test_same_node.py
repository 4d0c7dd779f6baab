"""Pods of one node need no underlay."""

from podwire import ANY_OS, answered_by, at_server, flows, nothing, on_wire, request, requirement


@requirement("SAME-NODE-LOCAL")
@flows(client=ANY_OS, server=ANY_OS, placement="same-node", via=("pod-ip", "cluster-ip"), protocol=("tcp", "udp"))
@flows(client=ANY_OS, server=ANY_OS, placement="same-node", via="pod-ip", protocol="icmp")
def test_a_flow_between_pods_of_one_node_does_not_leave_the_node(flow, case):
    case.expect(answered_by(flow.server), on_wire(nothing()), at_server(request(dst=flow.server.ip)))
