"""Cluster IPs between unusual ends: a pod and itself, a node as client or as backend, an echo request."""

from podwire import (
    ANY_OS,
    LINUX,
    WINDOWS,
    answered_by,
    answers_from,
    at_client,
    flows,
    nothing,
    on_wire,
    request,
    requirement,
)


@requirement("SVC-HAIRPIN")
@flows(client=ANY_OS, server=ANY_OS, placement="itself", via="cluster-ip")
def test_a_pod_reaches_itself_through_its_service(flow, case):
    case.expect(
        answered_by(flow.server),
        answers_from(flow.service.cluster_ip),
        on_wire(nothing(dst=flow.service.cluster_ip), nothing(dst=flow.server.ip)),
    )


@requirement("SVC-HOSTNET-BACKEND-SAMENODE")
@flows(client=WINDOWS, server=ANY_OS, server_kind="host", placement="cross-node", service="host", via="cluster-ip")
@flows(
    client=LINUX,
    server=ANY_OS,
    server_kind="host",
    placement=("same-node", "cross-node"),
    service="host",
    via="cluster-ip",
)
@flows(
    client=WINDOWS,
    server=WINDOWS,
    server_kind="host",
    placement="same-node",
    service="host",
    via="cluster-ip",
    controls="another-service",
)
def test_a_node_can_be_a_backend_of_a_service(flow, case):
    case.expect(answered_by(flow.server), answers_from(flow.service.cluster_ip))


@requirement("SVC-VIP-ICMP")
@flows(client=WINDOWS, server=ANY_OS, placement="cross-node", via="cluster-ip", protocol="icmp", controls="cluster-ip")
def test_an_echo_request_to_a_cluster_ip_is_answered(flow, case):
    # The load balancers of a Windows node are for TCP and UDP: LIM-SVC-VIP-ICMP.
    case.expect(answered_by(flow.server), at_client(request(dst=flow.service.cluster_ip)))


@requirement("SVC-NODE-VIP")
@flows(client=ANY_OS, client_kind="host", server=ANY_OS, placement="cross-node", via="cluster-ip")
def test_a_node_reaches_a_service_by_its_cluster_ip(flow, case):
    case.expect(answered_by(flow.server), answers_from(flow.service.cluster_ip))
