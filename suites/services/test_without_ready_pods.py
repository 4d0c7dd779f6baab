"""Services without a ready pod: with none at all, with pods that are not ready, with pods that are about to go."""

from podwire import (
    ANY_OS,
    LINUX,
    WINDOWS,
    answered_by,
    at_client,
    at_entry_node,
    flows,
    refused,
    request,
    requirement,
    unanswered,
)

# The node port of a Windows node with kube-proxy, where it is known whether that uses Direct Server Return.
ONCE_READY = {
    "client_kind": "outside",
    "server": ANY_OS,
    "service": "no-longer-ready-balanced",
    "via": "node-port",
    "protocol": "tcp",
    "enters": "other-node",
    "entry_os": WINDOWS,
    "after": "all-endpoints-not-ready",
    "settles": "unanswered",
    "aspect": "once-ready-outside",
}


@requirement("SVC-NO-ENDPOINTS")
@flows(client=LINUX, server_kind="backends", service="empty", via="cluster-ip", controls="another-service")
@flows(
    client_kind="outside",
    server_kind="backends",
    service="empty",
    via="node-port",
    enters="other-node",
    entry_os=LINUX,
    aspect="outside",
)
def test_a_linux_node_refuses_connections_to_a_service_without_backends(flow, case):
    case.expect(refused())


@requirement("SVC-NO-ENDPOINTS")
@flows(client=WINDOWS, server_kind="backends", service="empty", via="cluster-ip", controls="another-service")
def test_a_windows_node_does_not_answer_for_a_cluster_ip_without_backends(flow, case):
    # It has no load balancer for such a Service up to 1.36; a refusal, as by a Linux node, would be as right.
    case.expect(unanswered(), at_client(request(dst=flow.service.cluster_ip)))


@requirement("SVC-NO-ENDPOINTS")
@flows(
    client_kind="outside",
    server_kind="backends",
    service="empty",
    via="node-port",
    enters="other-node",
    entry_os=WINDOWS,
    aspect="outside",
)
def test_a_windows_node_does_not_answer_for_a_node_port_without_backends(flow, case):
    case.expect(unanswered(), at_entry_node(request(dst=flow.entry.ip, dport=flow.service.node_port)))


@requirement("SVC-LB-ALL-NOTREADY")
@flows(
    client=LINUX,
    server=ANY_OS,
    server_pod="never-ready",
    placement="cross-node",
    service="never-ready",
    via="cluster-ip",
    controls="pod-ip",
)
def test_a_linux_node_refuses_connections_to_a_service_without_ready_pods(flow, case):
    case.expect(refused())


@requirement("SVC-LB-ALL-NOTREADY")
@flows(
    client=WINDOWS,
    server=ANY_OS,
    server_pod="never-ready",
    placement="cross-node",
    service="never-ready",
    via="cluster-ip",
    controls="pod-ip",
)
def test_a_windows_node_does_not_lead_a_cluster_ip_to_a_pod_that_is_not_ready(flow, case):
    case.expect(unanswered(), at_client(request(dst=flow.service.cluster_ip)))


@requirement("SVC-LB-ALL-NOTREADY")
@flows(
    client_kind="outside",
    server=ANY_OS,
    server_pod="never-ready",
    service="never-ready",
    via="node-port",
    enters="other-node",
    entry_os=WINDOWS,
    aspect="outside",
)
def test_a_node_port_of_a_windows_node_does_not_lead_to_a_pod_that_is_not_ready(flow, case):
    case.expect(unanswered(), at_entry_node(request(dst=flow.entry.ip, dport=flow.service.node_port)))


@requirement("SVC-LB-ALL-NOTREADY")
@flows(
    client=LINUX,
    server=ANY_OS,
    placement="cross-node",
    service="no-longer-ready-balanced",
    via="cluster-ip",
    protocol="tcp",
    after="all-endpoints-not-ready",
    settles="unanswered",
    controls="pod-ip",
    aspect="once-ready",
)
@flows(
    client_kind="outside",
    server=ANY_OS,
    service="no-longer-ready-balanced",
    via="node-port",
    protocol="tcp",
    enters="other-node",
    entry_os=LINUX,
    after="all-endpoints-not-ready",
    settles="unanswered",
    aspect="once-ready-outside",
)
def test_a_linux_node_refuses_connections_to_a_service_whose_pods_stopped_being_ready(flow, case):
    case.expect(refused())


@requirement("SVC-LB-ALL-NOTREADY")
@flows(**ONCE_READY, given_dsr=True)
@flows(**ONCE_READY, given_dsr=False)
def test_a_node_port_of_a_windows_node_does_not_lead_to_pods_that_stopped_being_ready(flow, case):
    case.expect(unanswered(), at_entry_node(request(dst=flow.entry.ip, dport=flow.service.node_port)))


@requirement("SVC-LB-ALL-NOTREADY")
@flows(
    client_kind="outside",
    server=ANY_OS,
    service="no-longer-ready",
    via="node-port",
    protocol="tcp",
    enters="other-node",
    entry_os=WINDOWS,
    after="all-endpoints-not-ready",
    settles="unanswered",
    aspect="once-ready-unbalanced",
)
def test_a_node_port_of_a_windows_node_ends_with_the_readiness_of_all_pods_without_a_load_balancer(flow, case):
    case.expect(unanswered(), at_entry_node(request(dst=flow.entry.ip, dport=flow.service.node_port)))


@requirement("SVC-TERMINATING-CIP")
@flows(
    client=LINUX,
    server=ANY_OS,
    server_pod="leaving",
    placement="cross-node",
    service=("leaving", "leaving-load-balancer"),
    via="cluster-ip",
    after="pods-leaving",
    controls="pod-ip",
)
@flows(
    client=WINDOWS,
    server=ANY_OS,
    server_pod="leaving",
    placement="cross-node",
    service="leaving-load-balancer",
    via="cluster-ip",
    after="pods-leaving",
    controls="pod-ip",
    aspect="balanced",
)
@flows(
    client=WINDOWS,
    server=ANY_OS,
    server_pod="leaving",
    placement="cross-node",
    service="leaving",
    via="cluster-ip",
    after="pods-leaving",
    settles="unanswered",
    controls="pod-ip",
)
def test_the_last_pod_of_a_service_is_reached_while_it_terminates(flow, case):
    case.expect(answered_by(flow.server))
