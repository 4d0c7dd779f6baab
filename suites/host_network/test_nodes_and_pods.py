"""Nodes talk to pods, and pods to nodes."""

from podwire import (
    ANY_OS,
    answered_by,
    answers_from,
    at_client,
    at_client_node,
    at_server,
    flows,
    nothing,
    on_wire,
    one_of,
    reply,
    request,
    requirement,
    seen_as,
)


@requirement("FLOW-NODE-POD")
@flows(client=ANY_OS, client_kind="host", server=ANY_OS, placement="same-node", via="pod-ip", payload=(256, 1372))
@flows(
    client=ANY_OS,
    client_kind="host",
    server=ANY_OS,
    placement="same-node",
    via="pod-ip",
    protocol="udp",
    size="one-packet",
    aspect="one-packet",
)
def test_a_node_reaches_its_own_pod(flow, case):
    case.expect(
        answered_by(flow.server),
        answers_from(flow.server.ip),
        seen_as(flow.client.node.own_addresses),
        on_wire(nothing()),
        at_server(request(dst=flow.server.ip), reply(src=flow.server.ip)),
    )


@requirement("FLOW-NODE-POD")
@flows(client=ANY_OS, client_kind="host", server=ANY_OS, placement="cross-node", via="pod-ip", payload=(256, 1372))
@flows(
    client=ANY_OS,
    client_kind="host",
    server=ANY_OS,
    placement="cross-node",
    via="pod-ip",
    protocol="udp",
    size="one-packet",
    aspect="one-packet",
)
def test_a_node_reaches_a_pod_of_another_node(flow, case):
    case.expect(
        answered_by(flow.server),
        answers_from(flow.server.ip),
        seen_as(flow.client.node.own_addresses),
        at_client_node(request(frame_src=flow.client.node.mac)),
        at_server(request(dst=flow.server.ip), reply(src=flow.server.ip)),
    )


@requirement("FLOW-POD-NODE")
@flows(client=ANY_OS, server=ANY_OS, server_kind="host", placement="same-node", via="node-ip", payload=(256, 1372))
@flows(
    client=ANY_OS,
    server=ANY_OS,
    server_kind="host",
    placement="same-node",
    via="node-ip",
    protocol="udp",
    size="one-packet",
    aspect="one-packet",
)
def test_a_pod_reaches_its_own_node(flow, case):
    case.expect(
        answered_by(flow.server),
        answers_from(flow.server.ip),
        seen_as(one_of(flow.client.ip, flow.client.node.ip)),
        at_client(request(src=flow.client.ip, dst=flow.server.ip), reply(src=flow.server.ip)),
        on_wire(nothing()),
    )


@requirement("FLOW-POD-NODE")
@flows(client=ANY_OS, server=ANY_OS, server_kind="host", placement="cross-node", via="node-ip", payload=(256, 1372))
@flows(
    client=ANY_OS,
    server=ANY_OS,
    server_kind="host",
    placement="cross-node",
    via="node-ip",
    protocol="udp",
    size="one-packet",
    aspect="one-packet",
)
def test_a_pod_reaches_another_node(flow, case):
    case.expect(
        answered_by(flow.server),
        answers_from(flow.server.ip),
        seen_as(one_of(flow.client.ip, flow.client.node.ip)),
        at_client(request(src=flow.client.ip, dst=flow.server.ip), reply(src=flow.server.ip)),
        on_wire(request(dst=flow.server.ip), reply(src=flow.server.ip)),
    )
