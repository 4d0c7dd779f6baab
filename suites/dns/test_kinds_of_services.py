"""Services without a cluster IP: what their names lead to, and where a connection by such a name goes."""

from podwire import (
    ANY_OS,
    LINUX,
    answered_by,
    answers_from,
    asked,
    at_client,
    at_dns,
    flows,
    not_found,
    only_asked,
    request,
    requirement,
    resolves_to,
    seen,
    seen_as,
)


@requirement("DNS-HEADLESS")
@flows(client=ANY_OS, server_kind="dns", service="by-headless-name", via="fqdn", protocol="dns", aspect="addresses")
def test_a_headless_service_resolves_to_its_ready_pods(flow, case):
    case.expect(resolves_to(flow.service.backends), at_dns(asked(flow.fqdn, answer=flow.service.backends)))


@requirement("DNS-HEADLESS")
@flows(client=ANY_OS, client_pod="b", server_kind="backends", service="headless", via="short-name")
def test_a_connection_by_the_name_of_a_headless_service_goes_to_a_pod(flow, case):
    case.expect(answered_by(flow.server), seen_as(flow.client.ip), at_client(request(dst=flow.service.backends)))


NOT_READY = {
    "client": ANY_OS,
    "server": LINUX,
    "server_pod": "never-ready",
    "placement": "cross-node",
    "via": "absolute-name",
    "protocol": "dns",
}


@requirement("DNS-NOT-READY")
@flows(service="not-ready-published", aspect="published", **NOT_READY)
def test_a_service_that_publishes_pods_before_they_are_ready_resolves_to_them(flow, case):
    case.expect(resolves_to(flow.server.ip), at_dns(only_asked(flow.fqdn, answer=flow.server.ip)))


@requirement("DNS-NOT-READY")
@flows(service="not-ready-hidden", aspect="hidden", controls="pod-ip", **NOT_READY)
def test_a_headless_service_does_not_resolve_to_a_pod_that_is_not_ready(flow, case):
    case.expect(not_found(), at_dns(only_asked(flow.fqdn)))


@requirement("DNS-EXTERNALNAME")
@flows(client=ANY_OS, server_kind="outside", service="alias", via="fqdn", protocol="dns")
def test_the_name_of_an_external_name_service_is_an_alias(flow, case):
    case.expect(resolves_to(flow.server.ip), at_dns(asked(flow.fqdn, answer=flow.server.ip, alias=flow.server.name)))


@requirement("SVC-EXTERNALNAME")
@flows(client=ANY_OS, server_kind="outside", service="alias", via="short-name")
def test_an_external_name_service_leads_to_the_outside_host(flow, case):
    case.expect(answered_by(flow.server), answers_from(flow.server.ip), at_client(request(dst=flow.server.ip)))


@requirement("DNS-TCP")
@flows(client=ANY_OS, server_kind="dns", service="crowd-headless", via="fqdn", protocol="dns", family="ipv4")
def test_a_dns_answer_that_is_too_long_for_udp_comes_over_tcp(flow, case):
    case.expect(
        resolves_to(flow.service.backends),
        at_dns(
            asked(flow.fqdn, over="udp"), asked(flow.fqdn, answer=flow.service.backends, of=flow.dns_ip, over="tcp")
        ),
        at_client(seen(protocol="tcp", dst=flow.dns_ip, dport=53)),
    )
