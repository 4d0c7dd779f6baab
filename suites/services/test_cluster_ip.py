"""A ClusterIP Service, by its address: the client talks to the Service, the backend to the client."""

from podwire import (
    ANY_OS,
    ANYWHERE,
    LINUX,
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
    seen_as,
)


@requirement("FLOW-POD-SVC-CLUSTER-IP")
@flows(
    client=ANY_OS,
    server=ANY_OS,
    placement=ANYWHERE,
    via="cluster-ip",
    protocol="tcp",
    payload=(256, 65536),
    covers_nodes=True,
)
@flows(client=ANY_OS, server=ANY_OS, placement=ANYWHERE, via="cluster-ip", protocol="udp", payload=(256, 1372))
@flows(
    client=ANY_OS,
    server=ANY_OS,
    placement=ANYWHERE,
    via="cluster-ip",
    protocol="udp",
    size="one-packet",
    aspect="one-packet",
)
def test_a_cluster_ip_leads_to_a_ready_backend(flow, case):
    case.expect(
        answered_by(flow.server),
        answers_from(flow.service.cluster_ip),
        at_client(request(dst=flow.service.cluster_ip, dport=flow.service.port), reply(src=flow.service.cluster_ip)),
        on_wire(nothing(dst=flow.service.cluster_ip), nothing(src=flow.service.cluster_ip)),
        at_server(request(dst=flow.server.ip, dport=flow.server.port)),
    )


@requirement("FLOW-POD-SVC-CLUSTER-IP")
@flows(client=LINUX, server=ANY_OS, placement=ANYWHERE, via="cluster-ip", aspect="source")
def test_the_backend_of_a_cluster_ip_sees_the_address_of_a_linux_pod(flow, case):
    case.expect(
        answered_by(flow.server),
        seen_as(flow.client.ip),
        at_server(request(src=flow.client.ip, sport=flow.client.port)),
    )
