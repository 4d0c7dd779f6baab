"""Pods talk to the world: by address and by name, with the address of their node where it translates them."""

from podwire import (
    ANY_OS,
    WINDOWS,
    answered_by,
    answers_from,
    asked,
    at_client,
    at_dns,
    flows,
    in_ranges,
    on_wire,
    reply,
    request,
    requirement,
)


@requirement("FLOW-POD-EXT-IP")
@flows(client=ANY_OS, server_kind="outside", via="external-ip", protocol="tcp", payload=(256, 65536))
@flows(client=ANY_OS, server_kind="outside", via="external-ip", protocol="udp", payload=(256, 1372))
def test_a_pod_reaches_an_outside_host_by_address(flow, case):
    case.expect(
        answered_by(flow.server),
        answers_from(flow.server.ip),
        at_client(request(src=flow.client.ip, dst=flow.server.ip), reply(dst=flow.client.ip)),
        on_wire(
            request(src=flow.client.outside_ip, encapsulated=False),
            reply(dst=flow.client.outside_ip, encapsulated=False),
        ),
    )


@requirement("FLOW-POD-EXT-DNS")
@flows(client=ANY_OS, server_kind="outside", via="external-name", protocol=("tcp", "udp"))
def test_a_pod_reaches_an_outside_host_by_name(flow, case):
    case.expect(
        answered_by(flow.server),
        answers_from(flow.server.ip),
        at_dns(asked(flow.fqdn, answer=flow.server.ip)),
        on_wire(request(src=flow.client.outside_ip, dst=flow.server.ip)),
    )


@requirement("PORT-RANGE")
@flows(client=WINDOWS, server_kind="outside", via="external-ip", protocol=("tcp", "udp"))
def test_flows_that_a_windows_node_translates_use_the_dynamic_port_range(flow, case):
    case.expect(
        answered_by(flow.server), on_wire(request(src=flow.client.node.ip, sport=in_ranges(flow.client.node.ports)))
    )
