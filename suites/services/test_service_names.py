"""A ClusterIP Service, by its names."""

from podwire import (
    ANY_OS,
    ANYWHERE,
    WINDOWS,
    answered_by,
    answers_from,
    asked,
    at_client,
    at_dns,
    flows,
    only_asked,
    request,
    requirement,
)


@requirement("FLOW-POD-SVC-SHORT-NAME")
@flows(client=ANY_OS, server=ANY_OS, placement=ANYWHERE, via="short-name", protocol=("tcp", "udp"))
def test_a_service_is_reached_by_its_short_name(flow, case):
    case.expect(
        answered_by(flow.server),
        answers_from(flow.service.cluster_ip),
        at_dns(asked(flow.fqdn, answer=flow.service.cluster_ip)),
        at_client(request(dst=flow.service.cluster_ip)),
    )


@requirement("FLOW-POD-SVC-FQDN")
@flows(client=ANY_OS, server=ANY_OS, placement=ANYWHERE, via="fqdn", protocol=("tcp", "udp"))
def test_a_service_is_reached_by_its_full_name(flow, case):
    case.expect(
        answered_by(flow.server),
        answers_from(flow.service.cluster_ip),
        at_dns(asked(flow.fqdn, answer=flow.service.cluster_ip)),
        at_client(request(dst=flow.service.cluster_ip)),
    )


@requirement("FLOW-POD-SVC-FQDN")
@flows(client=WINDOWS, server=ANY_OS, placement="cross-node", via="fqdn", protocol=("tcp", "udp"), aspect="as-it-is")
def test_windows_reaches_a_service_by_its_full_name_without_a_search_suffix(flow, case):
    case.expect(answered_by(flow.server), at_dns(only_asked(flow.fqdn, answer=flow.service.cluster_ip)))
