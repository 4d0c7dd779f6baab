"""The network of a node: pods that ask for it, and HostProcess pods, which are the way to it on Windows."""

from podwire import (
    ANY_OS,
    WINDOWS,
    answered_by,
    at_server_node,
    flows,
    known,
    one_of,
    reply,
    request,
    requirement,
    seen_as,
)


@requirement("HOSTNETWORK")
@flows(
    client=ANY_OS,
    server=ANY_OS,
    server_pod="host-network",
    placement="cross-node",
    via="pod-ip",
    family="ipv4",
    controls="server-host",
)
def test_a_host_network_pod_is_reached_at_the_address_of_its_node(flow, case):
    case.expect(
        answered_by(flow.server),
        known(flow.server.ip, flow.server.node.ip),
        at_server_node(request(dst=flow.server.node.ip), reply(src=flow.server.node.ip)),
    )


@requirement("HOSTPROCESS-NET")
@flows(client=ANY_OS, client_kind="host", server=WINDOWS, server_kind="host", placement="cross-node", via="node-ip")
def test_a_host_process_pod_is_reached_at_the_address_of_its_node(flow, case):
    case.expect(
        answered_by(flow.server),
        seen_as(one_of(flow.client.ip, flow.client.node.ip)),
        known(flow.server.ip, flow.server.node.ip),
        at_server_node(request(dst=flow.server.node.ip), reply(src=flow.server.node.ip)),
    )
