"""ICMP and the world: what Windows translates and what it does not. Every miss has a TCP control to the same host."""

from podwire import ANY_OS, WINDOWS, answered_by, at_client, error, flows, on_wire, refused, reply, request, requirement


@requirement("ICMP-EXTERNAL")
@flows(client=ANY_OS, server_kind="outside", via="external-ip", protocol="icmp", controls="outside-tcp")
def test_an_outside_host_answers_the_ping_of_a_pod(flow, case):
    case.expect(
        answered_by(flow.server),
        at_client(request(dst=flow.server.ip), reply(src=flow.server.ip)),
        on_wire(request(src=flow.client.outside_ip)),
    )


@requirement("ICMP-TCPUDP-OK")
@flows(client=WINDOWS, server_kind="outside", via="external-ip", protocol=("tcp", "udp"))
def test_a_windows_node_translates_tcp_and_udp_to_the_outside(flow, case):
    case.expect(
        answered_by(flow.server),
        at_client(request(src=flow.client.ip), reply(dst=flow.client.ip)),
        on_wire(request(src=flow.client.node.ip), reply(dst=flow.client.node.ip)),
    )


@requirement("ICMP-CURL-SUBST")
@flows(client=WINDOWS, server_kind="outside", via=("external-ip", "external-name"), protocol="http")
def test_an_http_request_shows_that_a_windows_pod_reaches_the_outside(flow, case):
    case.expect(answered_by(flow.server), at_client(request(dst=flow.server.ip), reply(src=flow.server.ip)))


@requirement("ICMP-ERRORS")
@flows(
    client=ANY_OS, server_kind="outside", via="external-ip", protocol="udp", closed_port=True, controls="outside-tcp"
)
def test_an_icmp_error_for_a_translated_flow_comes_back_to_the_pod(flow, case):
    case.expect(
        refused(),
        at_client(error(protocol=flow.icmp, dst=flow.client.ip)),
        on_wire(error(protocol=flow.icmp, dst=flow.client.outside_ip)),
    )
