"""What becomes of connections to a Service when it, or another one with the same backends, is deleted or made anew."""

from podwire import ANY_OS, answered_by, at_client, flows, request, requirement, unanswered


@requirement("SVC-SHARED-ENDPOINTS")
@flows(
    client=ANY_OS,
    server=ANY_OS,
    placement="cross-node",
    service="twin-second",
    via=("cluster-ip", "pod-ip"),
    after="first-twin-deleted",
)
def test_a_service_stays_when_another_one_with_its_backends_goes(flow, case):
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
def test_the_one_that_was_deleted_is_gone(flow, case):
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
def test_a_service_made_anew_is_reached_by_its_new_address(flow, case):
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
def test_a_service_made_anew_has_the_ports_of_its_new_type(flow, case):
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
def test_nothing_answers_at_its_former_address(flow, case):
    case.expect(unanswered(), at_client(request(dst=flow.target_ip)))
