"""Node ports in special places: of the client's own address, of an equal number, and where the others do not work."""

from podwire import (
    ANY_OS,
    LINUX,
    WINDOWS,
    answered_by,
    answers_from,
    at_entry_node,
    at_server,
    flows,
    request,
    requirement,
    seen,
)


@requirement("SVC-NODEPORT-LOCAL-FROM-NODE")
@flows(
    client_kind="host",
    client=ANY_OS,
    server=ANY_OS,
    service="node-port",
    via="node-port",
    enters="client-node",
)
def test_a_node_reaches_a_service_by_a_node_port_of_its_own_address(flow, case):
    case.expect(answered_by(flow.server), at_server(request(dst=flow.server.ip, dport=flow.server.port)))


@requirement("SVC-NODEPORT-EQ-PORT")
@flows(client=ANY_OS, server_kind="backends", service="equal-ports", via="cluster-ip", aspect="inside")
@flows(client=ANY_OS, server_kind="backends", service="equal-ports", via="node-port", enters="client-node")
@flows(
    client_kind="outside",
    server_kind="backends",
    service="equal-ports",
    via="node-port",
    enters="other-node",
    entry_os=ANY_OS,
)
def test_a_node_port_may_have_the_number_of_the_service_port(flow, case):
    case.expect(answered_by(flow.server), answers_from(flow.target_ip))


@requirement("KI-204-ETPLOCAL-WORKAROUND")
@flows(client_kind="outside", server=WINDOWS, service="node-port-local", via="node-port", enters="server-node")
@flows(
    client=LINUX,
    server=WINDOWS,
    placement="cross-node",
    service="node-port-local",
    via="node-port",
    enters="server-node",
)
def test_with_the_local_external_policy_a_node_port_leads_to_a_windows_pod_of_its_node(flow, case):
    case.expect(
        answered_by(flow.server),
        answers_from(flow.entry.ip),
        at_entry_node(seen(dst=flow.entry.ip, dport=flow.service.node_port)),
        at_server(request(dst=flow.server.ip, dport=flow.server.port)),
    )
