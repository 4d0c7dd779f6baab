"""Addresses of Services that are not of the cluster: a load balancer's, and external IPs."""

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
    silent,
    unanswered,
)


@requirement("SVC-LOADBALANCER")
@flows(client_kind="outside", server=ANY_OS, service="load-balancer", via="load-balancer", after="load-balancers-made")
def test_the_outside_reaches_a_service_by_its_load_balancer(flow, case):
    case.expect(
        answered_by(flow.server),
        answers_from(flow.target_ip),
        at_server(request(dst=flow.server.ip, dport=flow.server.port)),
    )


@requirement("SVC-LOADBALANCER")
@flows(
    client=ANY_OS,
    server=ANY_OS,
    placement=ANYWHERE,
    service="load-balancer",
    via="load-balancer",
    after="load-balancers-made",
)
def test_the_address_of_a_load_balancer_is_served_on_the_clients_own_node(flow, case):
    case.expect(
        answered_by(flow.server),
        answers_from(flow.target_ip),
        at_client(request(dst=flow.target_ip, dport=flow.service.port), reply(src=flow.target_ip)),
        on_wire(nothing(dst=flow.target_ip), nothing(src=flow.target_ip)),
        at_server(request(dst=flow.server.ip, dport=flow.server.port)),
    )


@requirement("SVC-EXTERNALIPS")
@flows(client=ANY_OS, server=ANY_OS, placement=ANYWHERE, service="external-ip", via="service-external-ip")
def test_a_pod_reaches_a_service_by_its_external_ip(flow, case):
    case.expect(
        answered_by(flow.server),
        answers_from(flow.target_ip),
        at_client(request(dst=flow.target_ip, dport=flow.service.port), reply(src=flow.target_ip)),
        on_wire(nothing(dst=flow.target_ip)),
        at_server(request(dst=flow.server.ip, dport=flow.server.port)),
    )


@requirement("SVC-HAIRPIN-EXTERNAL")
@flows(client=ANY_OS, server=ANY_OS, placement="itself", service="load-balancer", via="load-balancer")
@flows(
    client=ANY_OS,
    server=ANY_OS,
    placement="itself",
    service="node-port",
    via="node-port",
    enters=("client-node", "other-node"),
    entry_os=ANY_OS,
    protocol="tcp",
    aspect="node-port",
)
def test_a_pod_reaches_itself_by_an_external_address_of_its_service(flow, case):
    case.expect(
        answered_by(flow.server),
        answers_from(flow.target_ip),
        at_client(nothing(src=flow.client.ip, dst=flow.client.ip)),
    )


@requirement("SVC-SRCRANGES")
@flows(
    client=LINUX,
    server=ANY_OS,
    placement="cross-node",
    service="source-ranges",
    via="load-balancer",
    controls="cluster-ip",
)
def test_a_linux_node_drops_clients_outside_the_source_ranges_of_a_service(flow, case):
    case.expect(silent(), at_client(request(dst=flow.target_ip)), at_server(nothing()))


@requirement("SVC-SRCRANGES")
@flows(
    client=WINDOWS,
    server=ANY_OS,
    placement="cross-node",
    service="source-ranges",
    via="load-balancer",
    controls="cluster-ip",
)
def test_a_windows_node_admits_no_clients_outside_the_source_ranges_of_a_service(flow, case):
    case.expect(unanswered(), at_client(request(dst=flow.target_ip)), at_server(nothing()))
