"""A port of a node that leads to one pod there (hostPort of a container)."""

from podwire import (
    ANY_OS,
    answered_by,
    answers_from,
    at_client,
    at_entry_node,
    at_server,
    flows,
    reply,
    request,
    requirement,
    seen,
)


@requirement("SVC-HOSTPORT")
@flows(
    client=ANY_OS,
    server=ANY_OS,
    server_pod="host-port",
    placement="cross-node",
    via="host-port",
    enters="server-node",
)
@flows(
    client_kind="host",
    client=ANY_OS,
    server=ANY_OS,
    server_pod="host-port",
    placement="cross-node",
    via="host-port",
    enters="server-node",
    protocol="tcp",
    aspect="from-a-node",
)
def test_a_host_port_leads_to_its_pod_from_other_nodes(flow, case):
    case.expect(
        answered_by(flow.server),
        answers_from(flow.entry.ip),
        at_client(request(dst=flow.entry.ip), reply(src=flow.entry.ip)),
        at_server(request(dst=flow.server.ip, dport=flow.server.port)),
    )


@requirement("SVC-HOSTPORT")
@flows(client_kind="outside", server=ANY_OS, server_pod="host-port", via="host-port", enters="server-node")
def test_a_host_port_leads_to_its_pod_from_the_outside(flow, case):
    case.expect(
        answered_by(flow.server),
        answers_from(flow.entry.ip),
        at_entry_node(seen(src=flow.client.ip, dst=flow.entry.ip)),
        at_server(request(dst=flow.server.ip, dport=flow.server.port)),
    )
