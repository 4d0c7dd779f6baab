"""What becomes of connections to a Service when it, or another one with the same backends, is deleted or made anew."""

from podwire import ANY_OS, answered_by, at_client, flows, request, requirement, spread, unanswered


@requirement("SVC-SHARED-ENDPOINTS")
@flows(
    client=ANY_OS,
    server=ANY_OS,
    placement="cross-node",
    service="twin-second",
    via=("cluster-ip", "pod-ip"),
    after="first-twin-deleted",
)
def test_a_service_stays_reachable_when_another_service_with_its_backends_is_deleted(flow, case):
    case.expect(answered_by(flow.server))


@requirement("SVC-SHARED-ENDPOINTS")
@flows(
    client=ANY_OS,
    server=ANY_OS,
    placement="cross-node",
    service="twin-first",
    via="former-cluster-ip",
    after="first-twin-deleted",
    settles="unanswered",
    controls="pod-ip",
    aspect="deleted",
)
def test_a_deleted_service_does_not_answer_at_its_former_address(flow, case):
    case.expect(unanswered(), at_client(request(dst=flow.target_ip)))


@requirement("SVC-RECREATE")
@flows(
    client=ANY_OS,
    server=ANY_OS,
    placement="cross-node",
    service="recreated",
    via="cluster-ip",
    after="service-recreated",
)
def test_a_recreated_service_is_reached_by_its_new_address(flow, case):
    case.expect(answered_by(flow.server), at_client(request(dst=flow.service.cluster_ip, dport=flow.service.port)))


@requirement("SVC-RECREATE")
@flows(
    client_kind="outside",
    server=ANY_OS,
    service="recreated",
    via="node-port",
    enters="server-node",
    after="service-recreated",
    aspect="outside",
)
def test_a_recreated_service_has_the_node_port_of_its_new_type(flow, case):
    case.expect(answered_by(flow.server))


@requirement("SVC-RECREATE")
@flows(
    client=ANY_OS,
    server=ANY_OS,
    placement="cross-node",
    service="recreated",
    via="former-cluster-ip",
    after="service-recreated",
    settles="unanswered",
    controls="pod-ip",
    aspect="former",
)
def test_a_recreated_service_does_not_answer_at_its_former_address(flow, case):
    case.expect(unanswered(), at_client(request(dst=flow.target_ip)))


@requirement("SVC-UDP-BACKEND-GONE")
@flows(
    client=ANY_OS,
    server_kind="backends",
    service="outlived",
    via="cluster-ip",
    protocol="udp",
    connections=20,
    after="backend-gone",
    repeated=True,
    same_ports=True,
)
def test_a_udp_socket_whose_backend_is_gone_gets_answers_from_another_one(flow, case):
    # Before the change both backends answer, so some of the sockets have lost theirs.
    case.expect(answered_by(flow.server), spread.to_every_backend())
