"""Services over UDP, with several ports, and with a named port that is another number in each pod."""

from podwire import (
    ANY_OS,
    ANYWHERE,
    LINUX,
    WINDOWS,
    answered_by,
    answers_from,
    at_client,
    at_server,
    flows,
    nothing,
    on_wire,
    reply,
    request,
    requirement,
    seen,
    spread,
)


@requirement("SVC-UDP")
@flows(client=ANY_OS, server_kind="backends", service="spread", via="cluster-ip", protocol="udp", miss_risk=1e-6)
def test_datagrams_reach_every_backend_and_are_answered_by_the_service(flow, case):
    case.expect(
        answered_by(flow.server),
        answers_from(flow.service.cluster_ip),
        spread.to_every_backend(),
        at_client(
            seen(dst=flow.service.cluster_ip, dport=flow.service.port),
            seen(src=flow.service.cluster_ip, sport=flow.service.port),
        ),
        on_wire(nothing(dst=flow.service.cluster_ip), nothing(src=flow.service.cluster_ip)),
    )


@requirement("SVC-MULTIPORT")
@flows(
    client=ANY_OS,
    server=ANY_OS,
    server_pod="two-ports",
    placement=ANYWHERE,
    service="two-ports",
    port=("first", "second"),
    via="cluster-ip",
)
def test_each_port_of_a_service_leads_to_its_own_target(flow, case):
    case.expect(
        answered_by(flow.server),
        at_client(request(dport=flow.service.port), reply(sport=flow.service.port)),
        at_server(request(dport=flow.service.target_port)),
    )


@requirement("SVC-HETERO-TARGETPORT")
@flows(client=LINUX, server_kind="backends", service="mixed-ports", via="cluster-ip", miss_risk=1e-6)
@flows(client=WINDOWS, server_kind="backends", service="mixed-ports", via="cluster-ip", protocol="tcp", miss_risk=1e-6)
def test_a_named_port_leads_to_the_number_that_it_has_in_each_pod(flow, case):
    case.expect(answered_by(flow.server), spread.to_every_backend())
