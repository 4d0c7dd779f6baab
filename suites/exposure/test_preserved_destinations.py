"""The annotation preserve-destination of a Service: its load balancer's address reaches Windows pods as it is."""

from podwire import (
    ANY_OS,
    LINUX,
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
    unanswered,
)


@requirement("PRESERVE-DEST")
@flows(
    client_kind="outside",
    server=WINDOWS,
    service="preserve-destination",
    via="load-balancer",
    enters="server-node",
    after="load-balancers-made",
    settles="unasked",
)
def test_with_preserve_destination_a_pod_receives_packets_for_the_load_balancers_address(flow, case):
    # Whether the pod answers is not asked: it must have that address on an adapter of its own to do so.
    case.expect(at_server(request(src=flow.client.ip, dst=flow.target_ip, dport=flow.service.port)))


@requirement("PRESERVE-DEST")
@flows(
    client=ANY_OS,
    server=WINDOWS,
    placement="cross-node",
    service="preserve-destination",
    via="cluster-ip",
    aspect="cluster-ip",
)
def test_the_cluster_ip_of_a_preserve_destination_service_is_rewritten_to_the_pod(flow, case):
    case.expect(
        answered_by(flow.server),
        answers_from(flow.service.cluster_ip),
        at_server(request(dst=flow.server.ip, dport=flow.server.port)),
    )


@requirement("PRESERVE-DEST-NOFWD")
@flows(
    client_kind="outside",
    server=LINUX,
    service="preserve-destination",
    via="node-port",
    enters="other-node",
    entry_os=WINDOWS,
    controls="by-the-server-node",
)
def test_with_preserve_destination_a_windows_node_without_a_backend_forwards_nothing(flow, case):
    case.expect(
        unanswered(),
        at_entry_node(seen(src=flow.client.ip, dst=flow.entry.ip, dport=flow.service.node_port)),
        at_server(nothing()),
    )
