"""Whom a backend sees: the client itself with externalTrafficPolicy Local, and else the node that was entered."""

from podwire import (
    ANY_OS,
    WINDOWS,
    answered_by,
    answers_from,
    at_entry_node,
    at_server,
    flows,
    nothing,
    request,
    requirement,
    seen,
    seen_as,
    status,
    unanswered,
)


@requirement("CLIENTIP-ETPLOCAL")
@flows(client_kind="outside", server=ANY_OS, service="node-port-local", via="node-port", enters="server-node")
@flows(
    client_kind="outside",
    server=ANY_OS,
    service="load-balancer-local",
    via="load-balancer",
    enters="server-node",
    after="load-balancers-made",
    aspect="load-balancer",
)
@flows(
    client_kind="host",
    client=ANY_OS,
    server=ANY_OS,
    placement="cross-node",
    service="node-port-local",
    via="node-port",
    enters="server-node",
    aspect="from-a-node",
)
def test_with_the_local_external_policy_a_backend_sees_the_address_of_the_client(flow, case):
    case.expect(
        answered_by(flow.server),
        answers_from(flow.target_ip),
        seen_as(flow.client.ip),
        at_server(request(src=flow.client.ip, sport=flow.client.port)),
    )


@requirement("CLIENTIP-NOFWD")
@flows(
    client_kind="outside",
    server=ANY_OS,
    service="node-port-local",
    via="node-port",
    enters="other-node",
    entry_os=ANY_OS,
    controls="by-the-server-node",
)
def test_with_the_local_external_policy_a_node_without_a_backend_forwards_nothing(flow, case):
    case.expect(
        unanswered(),
        at_entry_node(seen(src=flow.client.ip, dst=flow.entry.ip, dport=flow.service.node_port)),
        at_server(nothing()),
    )


@requirement("HEALTHNODEPORT")
@flows(
    client_kind="outside",
    server=ANY_OS,
    service="load-balancer-local",
    via="health-port",
    protocol="http",
    enters="server-node",
)
def test_the_health_port_of_a_node_with_a_backend_answers_200(flow, case):
    case.expect(status(200))


@requirement("HEALTHNODEPORT")
@flows(
    client_kind="outside",
    server=ANY_OS,
    service="load-balancer-local",
    via="health-port",
    protocol="http",
    enters="other-node",
    entry_os=ANY_OS,
)
def test_the_health_port_of_a_node_without_a_backend_answers_503(flow, case):
    case.expect(status(503))


@requirement("DSR-NODEPORT-NOT")
@flows(client_kind="outside", server=WINDOWS, service="node-port", via="node-port", enters="server-node")
@flows(
    client_kind="outside", server=ANY_OS, service="node-port", via="node-port", enters="other-node", entry_os=WINDOWS
)
def test_a_windows_node_hides_the_clients_of_its_node_ports(flow, case):
    # With Direct Server Return too: for node ports a Windows node always puts its own source on the request.
    case.expect(
        answered_by(flow.server),
        seen_as(flow.entry.own_addresses),
        at_server(nothing(src=flow.client.ip)),
    )


@requirement("DSR-NODEPORT-NOT")
@flows(
    client=WINDOWS,
    server=ANY_OS,
    placement="cross-node",
    service="load-balancer",
    via="load-balancer",
    aspect="load-balancer",
)
@flows(
    client=WINDOWS,
    server=ANY_OS,
    placement="cross-node",
    service="external-ip",
    via="service-external-ip",
    aspect="external-ip",
)
def test_a_windows_node_hides_a_pod_that_uses_an_external_address_of_a_service(flow, case):
    case.expect(
        answered_by(flow.server),
        seen_as(flow.client.node.own_addresses),
        at_server(nothing(src=flow.client.ip)),
    )
