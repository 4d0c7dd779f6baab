"""A port of every node that leads to a Service, wherever its backend runs."""

from podwire import (
    ANY_OS,
    answered_by,
    answers_from,
    at_client,
    at_client_node,
    at_entry_node,
    at_server,
    flows,
    nothing,
    on_wire,
    one_of,
    reply,
    request,
    requirement,
    seen,
)


@requirement("SVC-NODEPORT-REMOTE")
@flows(client_kind="outside", server=ANY_OS, service="node-port", via="node-port", enters="server-node")
def test_the_outside_reaches_a_service_by_a_node_port(flow, case):
    case.expect(
        answered_by(flow.server),
        answers_from(flow.entry.ip),
        at_entry_node(
            seen(src=flow.client.ip, dst=flow.entry.ip, dport=flow.service.node_port),
            seen(src=flow.entry.ip, sport=flow.service.node_port, dst=flow.client.ip),
        ),
        at_server(request(dst=flow.server.ip, dport=flow.server.port)),
    )


@requirement("SVC-NODEPORT-REMOTE")
@flows(
    client_kind="host",
    client=ANY_OS,
    server=ANY_OS,
    placement="cross-node",
    service="node-port",
    via="node-port",
    enters="server-node",
    aspect="from-a-node",
)
def test_a_node_reaches_a_service_by_a_node_port_of_another_node(flow, case):
    case.expect(
        answered_by(flow.server),
        answers_from(flow.entry.ip),
        at_client(
            request(dst=flow.entry.ip, dport=flow.service.node_port),
            reply(src=flow.entry.ip, sport=flow.service.node_port),
        ),
        at_server(request(dst=flow.server.ip, dport=flow.server.port)),
    )


@requirement("SVC-NODEPORT-LINUXNODE")
@flows(client_kind="outside", server=ANY_OS, service="node-port", via="node-port", enters="other-node", entry_os=ANY_OS)
def test_a_node_port_leads_on_to_a_backend_of_another_node(flow, case):
    case.expect(
        answered_by(flow.server),
        answers_from(flow.entry.ip),
        at_entry_node(seen(src=flow.client.ip, dst=flow.entry.ip, dport=flow.service.node_port)),
        at_server(request(dst=flow.server.ip, dport=flow.server.port)),
    )


@requirement("SVC-NODEPORT-FROMPOD")
@flows(client=ANY_OS, server=ANY_OS, placement="cross-node", service="node-port", via="node-port", enters="server-node")
def test_a_pod_reaches_a_service_by_a_node_port_of_another_node(flow, case):
    case.expect(
        answered_by(flow.server),
        answers_from(flow.entry.ip),
        at_client(request(dst=flow.entry.ip, dport=flow.service.node_port), reply(src=flow.entry.ip)),
        at_client_node(
            seen(src=one_of(flow.client.ip, flow.client.node.ip), dst=flow.entry.ip, dport=flow.service.node_port)
        ),
        at_server(request(dst=flow.server.ip, dport=flow.server.port)),
    )


@requirement("SVC-NODEPORT-FROMPOD")
@flows(
    client=ANY_OS,
    server=ANY_OS,
    service="node-port",
    via="node-port",
    enters="client-node",
    protocol="tcp",
    aspect="at-home",
)
def test_a_pods_own_node_translates_its_node_port_before_packets_leave_the_node(flow, case):
    # The backend may be on another node: what leaves is sent to its port, never to the node port.
    case.expect(
        answered_by(flow.server),
        answers_from(flow.entry.ip),
        at_client(request(dst=flow.entry.ip, dport=flow.service.node_port), reply(src=flow.entry.ip)),
        on_wire(nothing(dport=flow.service.node_port)),
        at_server(request(dst=flow.server.ip, dport=flow.server.port)),
    )
