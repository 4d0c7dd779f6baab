"""A port of every node that leads to a Service, wherever its backend runs."""

from podwire import ANY_OS, flows, nothing, reply, request, requirement, seen


@requirement("SVC-NODE-PORT")
@flows(
    client=ANY_OS,
    server=ANY_OS,
    placement="cross-node",
    service="node-port",
    via="node-port",
    enters=("client-node", "server-node"),
)
def test_a_pod_reaches_a_service_by_a_port_of_a_node(flow, case):
    case.expect(
        answered_by=flow.server,
        answers_from=flow.entry.ip,
        at_client=[request(dst=flow.entry.ip, dport=flow.service.node_port), reply(src=flow.entry.ip)],
        at_server=[request(dst=flow.server.ip, dport=flow.server.port)],
    )


@requirement("SVC-NODE-PORT")
@flows(
    client_kind="outside",
    server=ANY_OS,
    service="node-port",
    via="node-port",
    enters=("server-node", "other-node"),
    entry_os=ANY_OS,
)
def test_the_outside_reaches_a_service_by_a_port_of_a_node(flow, case):
    case.expect(
        answered_by=flow.server,
        answers_from=flow.entry.ip,
        at_entry_node=[seen(src=flow.client.ip, dst=flow.entry.ip, dport=flow.service.node_port)],
        at_server=[request(dst=flow.server.ip), nothing(dst=flow.entry.ip)],
    )
