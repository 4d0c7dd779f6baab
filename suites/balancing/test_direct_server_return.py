"""Direct Server Return on Windows nodes: what backends see of a client, and which way their answers take."""

from podwire import (
    ANY_OS,
    ANYWHERE,
    WINDOWS,
    answered_by,
    at_client,
    at_least,
    at_server,
    each_windows_node_runs,
    flows,
    hns,
    known,
    nothing,
    on_wire,
    reply,
    request,
    requirement,
    seen_as,
)


@requirement("DSR-SOURCEIP")
@flows(client=WINDOWS, server=ANY_OS, placement=ANYWHERE, via="cluster-ip")
def test_with_dsr_a_backend_sees_the_address_and_port_of_the_client_pod(flow, case):
    case.expect(
        answered_by(flow.server),
        seen_as(flow.client.ip),
        at_server(request(src=flow.client.ip, sport=flow.client.port, dst=flow.server.ip, dport=flow.server.port)),
    )


@requirement("DSR-RETURN")
@flows(client=WINDOWS, server=ANY_OS, placement="cross-node", via="cluster-ip")
def test_with_dsr_the_backend_answers_the_client_pod_directly(flow, case):
    # The port of the client pod puts the Service's address back; on the wire the answer is the backend's own.
    case.expect(
        answered_by(flow.server),
        at_client(reply(src=flow.service.cluster_ip, sport=flow.service.port)),
        on_wire(
            request(src=flow.client.ip, sport=flow.client.port, dst=flow.server.ip),
            reply(src=flow.server.ip, dst=flow.client.ip, dport=flow.client.port),
            nothing(src=flow.service.cluster_ip),
        ),
    )


@requirement("DSR-OFF-SOURCEIP")
@flows(client=WINDOWS, server=ANY_OS, placement="cross-node", via="cluster-ip")
def test_without_dsr_a_backend_sees_the_clients_node_or_its_source_vip(flow, case):
    # The client's node puts a source of its own on the request, so that the answer comes back through it.
    source = flow.client.node.own_addresses
    case.expect(
        answered_by(flow.server),
        seen_as(source),
        on_wire(request(src=source), nothing(src=flow.client.ip)),
        at_server(request(src=source), nothing(src=flow.client.ip)),
    )


@requirement("DSR-ENABLE")
@flows(client=WINDOWS, server=ANY_OS, placement="cross-node", via="cluster-ip", protocol="tcp", given_dsr=True)
def test_dsr_is_used_when_kube_proxy_enables_it(flow, case):
    case.expect(answered_by(flow.server), seen_as(flow.client.ip), known(flow.dsr, True), known(flow.win_dsr, True))


@requirement("DSR-ENABLE")
@flows(client=WINDOWS, server=ANY_OS, placement="cross-node", via="cluster-ip", protocol="tcp", given_dsr=False)
def test_dsr_is_not_used_when_kube_proxy_does_not_enable_it(flow, case):
    case.expect(answered_by(flow.server), known(flow.dsr, False), at_server(request(), nothing(src=flow.client.ip)))


@requirement("DSR-ENABLE")
@each_windows_node_runs("hns-load-balancers", given_dsr=True)
def test_hns_load_balancers_use_dsr_when_kube_proxy_enables_it(flow, case):
    case.expect(hns.balances(flow.dns_ip, dsr=True))


@requirement("DSR-ENABLE")
@each_windows_node_runs("hns-load-balancers", given_dsr=False)
def test_hns_load_balancers_do_not_use_dsr_unless_kube_proxy_enables_it(flow, case):
    case.expect(hns.balances(flow.dns_ip, dsr=False))


@requirement("DSR-MINOS")
@flows(client=WINDOWS, server=WINDOWS, placement="cross-node", via="cluster-ip", protocol="tcp")
def test_dsr_is_used_on_windows_builds_that_support_it(flow, case):
    case.expect(
        answered_by(flow.server), seen_as(flow.client.ip), known(flow.client.node.build, at_least((17763, 1554)))
    )
